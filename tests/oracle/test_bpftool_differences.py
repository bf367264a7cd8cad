"""Where probee differs from bpftool 7.5, each with bpftool's fault: docs/bpftool.md lists them."""

from __future__ import annotations

import json
import os
import re
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from probee.btf import types as t
from probee.btf.writer import BtfBuilder
from probee.host import bpf
from probee.uapi import bpf as uapi
from tests.oracle.bpftool_lab import ROOT, Lab, id_of, probee, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support import Spawn

pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5")]

# A child that holds what it inherits under a name of its own, until its standard input ends.
HOLD = """
import sys
with open("/proc/self/comm", "wb", buffering=0) as file:
    file.write(bytes.fromhex(sys.argv[1]))
print(flush=True)
sys.stdin.read()
"""
HOSTILE = b"a\x1b[31m\n\xff\\"


@pytest.fixture
def lab(oracle: Callable[[str], str], tmp_path: Path) -> Iterator[Lab]:
    with Lab(oracle("bpftool-7.5"), tmp_path) as lab:
        yield lab


def test_the_list_is_short() -> None:
    page = (ROOT / "docs" / "bpftool.md").read_text(encoding="utf-8")
    rows = page.rpartition("|---|---|---|\n")[2].splitlines()
    assert 0 < len(rows) <= 10
    assert all(row.count(" | ") == 2 for row in rows)


def integer() -> bytes:
    builder = BtfBuilder()
    builder.add(t.Int("u32", 4, 32))
    return builder.build()


def holder(spawn: Spawn, name: bytes, *fds: int) -> int:
    """A process called `name` that holds copies of descriptors; its id."""
    command = (sys.executable, "-IS", "-c", HOLD, name.hex())
    child = spawn(*command, pass_fds=fds)
    assert child.stdout
    child.stdout.readline()
    return child.pid


def test_who_holds_an_object(lab: Lab, spawn: Spawn) -> None:
    program = lab.program(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, name="held")
    fds = {
        "prog": program,
        "map": lab.map(uapi.BPF_MAP_TYPE_ARRAY, 4, 4, 1, "held"),
        "link": lab.keep(bpf.raw_tracepoint_open(program, "sys_enter")),
        "btf": lab.keep(bpf.btf_load(integer())),
    }
    pids = sorted(holder(spawn, name, *fds.values()) for name in (b"one", b"two"))
    names = {pid: Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() for pid in pids}
    for command, fd in fds.items():
        words = (command, "show", "id", id_of(fd))
        assert "pids" not in run(lab.bpftool, *words).out
        wanted = ", ".join(f"{names[pid]}({pid})" for pid in [*pids])
        got = probee(*words).out
        assert re.search(rf"\n\tpids (\S+\({os.getpid()}\), )?{re.escape(wanted)}", got)
        held = json.loads(probee("-j", *words).out)["pids"]
        assert [row for row in held if row["pid"] != os.getpid()] == [
            {"pid": pid, "comm": names[pid]} for pid in pids
        ]


def test_names_that_a_terminal_would_obey(lab: Lab, spawn: Spawn) -> None:
    """A process's name, and the path of a pin; bpftool writes the latter as it is."""
    fd = lab.map(uapi.BPF_MAP_TYPE_ARRAY, 4, 4, 1, "held")
    pid = holder(spawn, HOSTILE, fd)
    path = f"{lab.pins}/".encode() + b"p\x1b[2J\n"
    bpf.obj_pin(fd, os.fsdecode(path))
    words = ("map", "show", "id", id_of(fd))
    got = probee("-f", *words).out
    assert f"a\\x1b[31m\\n\\xff\\\\({pid})" in got or f"a\\x1b[31m\\n\\xff\\({pid})" in got
    assert "p\\x1b[2J\\n" in got
    assert all(line.replace("\t", "").isprintable() for line in got.split("\n"))
    row = json.loads(probee("-jf", *words).out)
    assert os.fsencode(next(one["comm"] for one in row["pids"] if one["pid"] == pid)) == HOSTILE
    assert os.fsencode(path) in [os.fsencode(one) for one in row["pinned"]]
    assert "\x1b[2J" in run(lab.bpftool, "-f", *words).out
    with pytest.raises(json.JSONDecodeError):
        json.loads(run(lab.bpftool, "-jf", *words).out)


def test_errors_are_told_with_json_too(lab: Lab) -> None:
    words = ("-j", "map", "show", "pinned", '/nothing/"there"')
    theirs, ours = run(lab.bpftool, *words), probee(*words)
    assert theirs.err == ""
    with pytest.raises(json.JSONDecodeError):
        json.loads(theirs.out)
    message = json.loads(ours.out)["error"]
    assert ours.err.startswith(f"probee map: {message}\n")


@pytest.mark.parametrize(
    "words",
    [
        ("prog", "show", "name", "nobody_is_called_so"), ("map", "dump", "name", "nobody"),
        ("prog", "show", "tag", "0123456789abcdef"), ("map", "show", "name", "nobody"),
    ],
)  # fmt: skip
def test_a_selector_that_matches_nothing(lab: Lab, words: tuple[str, ...]) -> None:
    theirs = run(lab.bpftool, *words)
    assert (theirs.out, theirs.err) == ("", "")
    assert theirs.status
    ours = probee(*words)
    assert (ours.out, ours.status) == ("", 1)
    assert f"{words[-2]} '{words[-1]}'" in ours.err


def test_a_link_that_is_there_is_no_failure(lab: Lab) -> None:
    program = lab.program(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT)
    fd = lab.keep(bpf.raw_tracepoint_open(program, "sys_enter"))
    words = ("link", "show", "id", id_of(fd))
    assert run(lab.bpftool, *words).status == 255
    assert probee(*words).status == 0


def test_maps_that_cannot_be_walked(lab: Lab) -> None:
    fd = lab.map(uapi.BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, "ring")
    words = ("map", "dump", "id", id_of(fd))
    theirs, ours = run(lab.bpftool, *words), probee(*words)
    assert ours.out == theirs.out == "Found 0 elements\n"
    assert (theirs.err, theirs.status > 0) == ("", True)
    assert (ours.status, "a ringbuf, cannot be walked" in ours.err) == (1, True)


def test_maps_behind_one_with_btf(lab: Lab) -> None:
    """Linux 6.18 leaves what it does not set; bpftool asks with what it got for the last map."""
    builder = BtfBuilder()
    u32 = builder.add(t.Int("u32", 4, 32))
    btf = lab.keep(bpf.btf_load(builder.build()))
    fd = -1
    for _ in range(20):  # ids are given in turn: some two will stand behind one another
        lab.map(uapi.BPF_MAP_TYPE_ARRAY, 4, 4, 1, "typed", btf_fd=btf, key_btf=u32, value_btf=u32)
        fd = lab.map(uapi.BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, "untyped")
    wrong = re.compile(r"ringbuf  name untyped.*\n\t.*\n\tbtf_id")
    assert not wrong.search(probee("map", "show").out)
    assert "btf_id" not in run(lab.bpftool, "map", "show", "id", id_of(fd)).out
    if not wrong.search(run(lab.bpftool, "map", "show").out):
        pytest.skip("this kernel clears what it does not set")


def test_types_younger_than_bpftool(lab: Lab) -> None:
    """Those it prints as numbers. What probee makes of them: tests/unit/introspect."""
    for group, name in ("map_types", "insn_array"), ("link_types", "tracing_multi"):
        assert name not in run(lab.bpftool, "feature", "list_builtins", group).out.split()


def test_floating_point_numbers(lab: Lab) -> None:
    b = BtfBuilder()
    u32, f, d = b.add(t.Int("u32", 4, 32)), b.float_("float", 4), b.float_("double", 8)
    members = (t.Member("f", f, 0), t.Member("after", u32, 32), t.Member("d", d, 64))
    value = b.add(t.Struct("value", 16, members))
    btf = lab.keep(bpf.btf_load(b.build()))
    fd = lab.map(
        uapi.BPF_MAP_TYPE_ARRAY, 4, 16, 1, "floats", btf_fd=btf, key_btf=u32, value_btf=value
    )
    bpf.map_update(fd, bytes(4), struct.pack("<fId", 0.1, 7, -2.5e300))
    words = ("-j", "map", "lookup", "id", id_of(fd), "key", "0", "0", "0", "0")
    with pytest.raises(json.JSONDecodeError):
        json.loads(run(lab.bpftool, *words).out)
    shown = json.loads(probee(*words).out)["formatted"]["value"]
    assert shown == {"f": 0.1, "after": 7, "d": -2.5e300}
