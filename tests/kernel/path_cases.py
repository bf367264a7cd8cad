"""Cases of openers run under opensnoop -F, and its rows held against what the kernel says.

In: cases of path_files.py and path_mounts.py. Out: for each call its row and what was expected. A
worker for each case makes the calls and keeps what it opened; a call's row is the one behind that
of a name which nobody else opens.
"""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

from tests.kernel.opensnoop_support import ROOT, Snoop, Worker
from tests.kernel.path_openers import MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.support import Spawn

    Said = dict[str, Any]
    Row = dict[str, Any]

PREPARE = f"""
sys.path.insert(0, {ROOT!r})
from tests.kernel import path_files, path_mounts, path_openers
cases = {{case.__name__: case for case in (*path_files.CASES, *path_mounts.CASES)}}
"""


class Case:
    """A case that was run: `said` what the opener expects, `rows` what the tool showed of it."""

    def __init__(self, worker: Worker, name: str, base: str) -> None:
        self.worker, self.name = worker, name
        self.rows: list[Row] = []
        worker.do(f"cases[{name!r}]({base!r})")
        self.said: list[Said] = worker.do("answer = path_openers.said")

    def take(self, rows: Sequence[Row]) -> None:
        """Keeps the rows of this case's calls."""
        mine = [row for row in rows if row["pid"] == self.worker.pid]
        self.rows = [
            after
            for before, after in itertools.pairwise(mine)
            if (before["path"] or "").endswith(MARK.decode())
        ]


def run_cases(
    spawn: Spawn, cases: Sequence[Callable[[str], None]], tmp_path: Path, *words: str
) -> list[Case]:
    """Each case in a worker of its own, all under one opensnoop --json with these `words`."""
    workers = [Worker(spawn) for _ in cases]
    for worker in workers:
        worker.do(PREPARE)
    pids = ",".join(str(worker.pid) for worker in workers)
    snoop = Snoop(spawn, "-p", pids, "--json", *words)
    snoop.wait_for(workers[0])
    done = []
    for worker, case in zip(workers, cases, strict=True):
        base = tmp_path / case.__name__
        base.mkdir()
        done.append(Case(worker, case.__name__, str(base)))
    assert snoop.end() == 0
    assert snoop.error_text == "probee opensnoop: 0 events lost\n"
    rows = snoop.rows()
    for case_done in done:
        case_done.take(rows)
        assert len(case_done.rows) == len(case_done.said), case_done.name
    return done


def differences(case: Case) -> list[str]:
    """Where the rows are not what the openers expect."""
    found = []
    for said, row in zip(case.said, case.rows, strict=True):
        path = row["unread"] if row["path"] is None else row["path"]
        shown = (os.fsencode(path), row["deleted"], row["unreachable"])
        wanted = (said["path"], said["deleted"], said["unreachable"])
        if row["cut"] and "cut" in said:
            tail = b"/" + shown[0]
            if said["path"].endswith(tail) and len(tail) > 100:
                continue
        if shown != wanted or row["fd"] != max(said["fd"], -1) or row["cut"]:
            found.append(f"{case.name}: {shown} and not {wanted}")
        elif said.get("cut") == "must":
            found.append(f"{case.name}: {shown} is not cut")
    return found


def host_differences(case: Case) -> list[str]:
    """Where the path is none by which this process finds the same file or directory."""
    found = []
    for said, row in zip(case.said, case.rows, strict=True):
        path = os.fsencode(row["path"] or "")
        wanted = said.get("file")
        if not wanted or "moved" in said or row["deleted"] or row["cut"] or path[:1] != b"/":
            continue
        if said["fd"] < 0:
            path = path.removesuffix(said["name"].lstrip(b"/")).rstrip(b"/") or b"/"
        try:
            file = os.stat(path, follow_symlinks=False)
            same = (file.st_dev, file.st_ino) == wanted
        except OSError:
            same = False
        if same == row["unreachable"]:
            found.append(f"{case.name}: {path!r}, {row['unreachable']=}")
    return found
