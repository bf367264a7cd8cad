"""The kernel version in which each helper first appeared.

In: bcc's docs/kernel-versions.md, which a community keeps by hand, and libbpf's git history, whose
copy of linux/bpf.h carries the author's date of every change since 2018.
Out: helper -> [version, author's date or ""].

The two disagree in a dozen places. Numbers are given out in the order of merging, so versions
cannot fall as ids rise; with that and the dates the list's errors were found, and stand below.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ROW = re.compile(r"^`BPF_FUNC_(\w+)\(\)` \| ([\d.]+)", re.MULTILINE)
NAMES = re.compile(r"^\s+FN\((\w+)[,)]", re.MULTILINE)
HEADER = "include/uapi/linux/bpf.h"

# helper -> version, where the list is wrong or silent. Commits are torvalds/linux's.
CORRECTIONS = {
    "tcp_gen_syncookie": "5.4",  # 70d66244317e, July 29 2019, after the merge window of 5.3
    "tcp_send_ack": "5.6",  # 206057fe020a, January 8 2020
    "send_signal_thread": "5.6",  # 8482941f0906, January 14 2020
    "jiffies64": "5.6",  # 5576b991e9c1, January 22 2020
    "read_branch_records": "5.7",  # fff7b64355ea, February 17 2020
    "xdp_output": "5.7",  # d831ee84bfc9, March 6 2020
    "get_current_ancestor_cgroup_id": "5.7",  # March 27 2020, between two helpers of 5.7
    "sk_assign": "5.7",  # cf7fbe660f2d, March 29 2020, id between helpers of 5.7
    "seq_printf": "5.8",  # 492e639f0c22, May 9 2020
    "seq_write": "5.8",  # 492e639f0c22
    "sk_cgroup_id": "5.8",  # f307fa2cb4c9, May 14 2020
    "sk_ancestor_cgroup_id": "5.8",  # f307fa2cb4c9
    "csum_level": "5.8",  # 7cdec54f9713, June 2 2020, in the merge window
    "skc_to_mptcp_sock": "5.19",  # 3bc253c2e652, misspelt in the list
}


def first_dates(repository: Path) -> dict[str, str]:
    """Helper -> author's date of the first version of the header that has it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(repository), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    dates: dict[str, str] = {}
    log = git("log", "--reverse", "--format=%H %as", "--", HEADER)
    for number, line in enumerate(log.splitlines()):
        commit, date = line.split()
        for name in NAMES.findall(git("show", f"{commit}:{HEADER}")):
            dates.setdefault(name, date if number else "")  # the first version has all older ones
    return dates


def since(names: list[str], table: str, repository: Path) -> dict[str, list[str]]:
    """Helper -> [version, date] for `names`, in their order, which must be that of their ids."""
    versions = {**dict(ROW.findall(table)), **CORRECTIONS}
    missing = [name for name in names if name not in versions]
    if missing:
        raise SystemExit(f"no version known of {', '.join(missing)}")
    order = [tuple(map(int, versions[name].split("."))) for name in names]
    for before, after, name in zip(order, order[1:], names[1:], strict=False):
        if after < before:
            raise SystemExit(f"{name}: {versions[name]} is older than the helper before it")
    dates = first_dates(repository)
    return {name: [versions[name], dates[name]] for name in names}
