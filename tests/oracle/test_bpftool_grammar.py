"""probee beside bpftool 7.5 on right and wrong command lines: what is said, where, and the status.

An error is `Error: WHY` there and `probee COMMAND: WHY` here; with -j it stands in the JSON of
both. Whatever else differs stands in a table of this file, and in docs/bpftool.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from probee.cli.main import main
from probee.host import bpf
from probee.uapi import bpf as uapi
from tests.oracle.bpftool_lab import Lab, Printed, id_of, probee, run, without_pids
from tests.oracle.bpftool_words import lines
from tests.oracle.test_bpftool_differences import integer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5")]

# Errors of which bpftool says something that is not so, or not why: how that begins, and what
# stands in probee's. Behind `got:` stands the same word in both.
UNTRUE = (
    ("bpf obj get (", ": directory not in bpf file system (bpffs)"),  # half of the path
    ("expected 'xlated' or 'jited', got: (null)", "expected 'xlated' or 'jited', got: ''"),
    ("expected 'id', 'name' or 'pinned', got: '(null)'?",
     "expected 'id', 'name' or 'pinned', got: ''?"),
    ("expected no more arguments, 'kernel', 'dev', 'macros' or 'prefix', got:",
     ("expected no more arguments, 'kernel', 'dev', 'full', 'unprivileged', 'macros' or 'prefix', "
     "got:")),
    ("'prefix' argument can only be use after", "'prefix' argument can only be used after"),
    ("can't query bpf programs attached to /tmp: Bad file descriptor",
     "'/tmp' is no cgroup of version 2"),
    ("can't open cgroup /no/such", "open cgroup '/no/such': ENOENT (No such file or directory)"),
    ("failed to load BTF from /etc: Input/output error",
     "failed to load BTF from /etc: Is a directory"),
    ("failed to parse base BTF at '/no/such': -2",
     "failed to parse base BTF at '/no/such': No such file or directory"),
    ("can't get BTF object by id (0): No such file or directory", "came without BTF"),
)  # fmt: skip
# Words too many, which bpftool takes as though they were not there.
TOO_MANY = ("perf show all", "perf list id 5", "feature list_builtins map_types helpers")


class Grammar:
    """Objects of each kind that wait for lines, and both tools."""

    def __init__(self, lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
        self._lab, self._capfd = lab, capfd
        program = lab.program(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, name="hunted")
        held = {
            "prog": program,
            "map": lab.map(uapi.BPF_MAP_TYPE_ARRAY, 4, 4, 2, "hunted"),
            "link": lab.keep(bpf.raw_tracepoint_open(program, "sys_enter")),
        }
        for name, fd in held.items():
            bpf.obj_pin(fd, f"{lab.pins}/{name}")
        held["btf"] = lab.keep(bpf.btf_load(integer()))
        self._places = {name: id_of(fd) for name, fd in held.items()}
        tag = run(lab.bpftool, "prog", "show", "id", id_of(program)).out.split("tag ")[1].split()[0]
        self._places |= {"tag": tag, "pins": lab.pins}

    def both(self, line: str) -> tuple[Printed, Printed]:
        """What bpftool and probee do with it."""
        words = line.format_map(self._places).split()
        theirs = run(self._lab.bpftool, *words)
        self._capfd.readouterr()
        status = main(words)
        out, err = self._capfd.readouterr()
        return theirs, Printed(without_pids(out), err, status)


def error(printed: Printed) -> str | None:
    """The first error that a run tells, without the name before it; None if it tells none."""
    text = printed.out.lstrip("[ \n") if '"error"' in printed.out else printed.err
    if text.startswith("{"):
        # strict: bpftool puts line feeds into its strings as they are
        message: str = json.JSONDecoder(strict=False).raw_decode(text)[0]["error"]
        return message.rstrip("\n")
    kind, colon, message = text.partition(": ")
    if not colon or kind not in {"Error", *(f"probee {c}" for c in COMMANDS)}:
        return None
    return message.partition("\n")[0]


def alone(out: str, message: str) -> bool:
    """Whether the JSON is that error, or an array of it alone."""
    try:
        found = json.loads(out)
    except json.JSONDecodeError:
        return False
    return found in ({"error": message}, [{"error": message}])


COMMANDS = ("prog", "map", "link", "btf", "cgroup", "perf", "net", "feature", "struct_ops", "batch")


def amiss(line: str, theirs: Printed, ours: Printed) -> str:
    """What differs though it must not; nothing if all is well."""
    wanted, said = error(theirs), error(ours)
    shown = "link" in line and wanted is None and theirs.out not in {"", "\n", "null\n"}
    failed = bool(theirs.status) and not shown  # `link show` of one that is there says 255
    if bool(ours.status) != failed or ours.status not in {0, 1, 2}:
        return "status"
    if not failed:
        return "output" if ours.out != theirs.out else "stderr" if ours.err != theirs.err else ""
    if "Not found" in theirs.out or theirs.out == ours.out == "null\n":
        return "output" if ours.out != theirs.out else "stderr" if ours.err or theirs.err else ""
    if said is None:
        return "no error is told"
    if line.startswith("-j") and not alone(ours.out, said):
        return "the error in the JSON"
    if wanted is None:
        told = theirs.out.strip() not in {"", "null", "[]"} or (
            theirs.err and not theirs.err.startswith("Usage:")
        )
        return "bpftool told something" if told else ""
    return "" if wanted == said or excused(wanted, said) else "error"


def excused(wanted: str, said: str) -> bool:
    """Whether a row of UNTRUE fits."""
    for theirs, ours in UNTRUE:
        if wanted.startswith(theirs):
            rest = wanted.removeprefix(theirs) if theirs.endswith("got:") else ""
            return f"{ours}{rest}" in said
    return False


def test_every_line(
    oracle: Callable[[str], str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = []
    with Lab(oracle("bpftool-7.5"), tmp_path) as lab:
        grammar = Grammar(lab, capfd)
        every = list(lines())
        for line in every:
            theirs, ours = grammar.both(line)
            if what := amiss(line, theirs, ours):
                found.append(f"{what}: {line}\n  {theirs}\n  {ours}")
    assert len(every) > 800
    assert not found, f"{len(found)} of {len(every)} lines:\n" + "\n".join(found)


@pytest.mark.parametrize("line", TOO_MANY)
def test_words_too_many(
    line: str, oracle: Callable[[str], str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Lab(oracle("bpftool-7.5"), tmp_path) as lab:
        theirs, ours = Grammar(lab, capfd).both(line)
        short = run(lab.bpftool, *line.split()[: 2 + line.startswith("feature")])
    assert theirs == short
    assert (ours.out, ours.status) == ("", 2)
    assert f"{line.split()[2 + line.startswith('feature')]!r} is one word too many" in ours.err


def test_a_word_behind_tracelog() -> None:
    """Bpftool reads on as without it. It is not run here: it would drain the machine's pipe."""
    assert probee("prog", "tracelog", "x").status == 2
