"""What programs print is what Python's print would write, read from a trace buffer of our own."""

from __future__ import annotations

import io
import os
import signal
import struct
from contextlib import closing, redirect_stdout
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from probee import Const, Context, Session, TracePipe, current, read_str, tracepoint, u32
from probee.errors import NotSupportedError
from probee.host import bpf
from probee.host.probes import probe_helper
from probee.host.tracefs import Tracefs
from probee.runtime.decode import text
from probee.uapi.bpf import BPF_PROG_TYPE_RAW_TRACEPOINT
from probee.uapi.bpf_func import BPF_FUNC_trace_vprintk
from tests.meaning.machine import load_module
from tests.older import has_helper

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel

HEAD = """\
from probee import Chars, Const, Context, Global, Hash, Struct, chars, current, raw_tracepoint
from probee import s8, s16, s32, s64, u8, u16, u32, u64

class Row(Struct):
    n: u16
    name: Chars = chars(13)
    long: Chars = chars(100)

rows = Hash(u32, Row)
u = Global(u32, 0)
w = Global(u64, 0)
s = Global(s64, 0)
b = Global(s8, 0)
y = Global(bool, False)
title = Global(chars(16), "")
word = Const(chars(16), "a const")
NUMBER, NAME, RAW = 77, "näme", b"\\xff'"

def twice(n: u32) -> u32:
    return n * 2

@raw_tracepoint("sys_enter")
def program(ctx: Context) -> None:
    row = rows.get(0)
    if row is None:
        return
"""
OLD = """\
print()
print("plain")
print("a", u.value, s.value)
print(w.value, b.value, u.value)
print(f"{title.value}: {u.value:d} {w.value:x}")
print(row.name, u.value, s.value, sep="")
print(y.value, None, True)
print("two\\nlines", u.value, word)
print(f"{u.value=} {u.value + 1 = }")
"""
NEW = """\
print()
print("plain")
print("100 % and %d and %s", u.value)
print("a", u.value, s.value)
print(w.value, b.value, y.value)
print(y.value, not y.value, True, None, sep="/")
print(u.value, s.value, sep="")
print(u.value, s.value, sep=" – ")
print(f"{u.value:08x} {u.value:#x} {w.value:#018X} {u.value:>12} {u.value:<12}|")
print(f"{s.value:+} {s.value: d} {s.value:6} {b.value:<5}| {b.value:05d}")
print(f"{y.value:3d} {y.value} {y.value!r} {s.value!s}")
print(f"{u.value=} {u.value + 1 = }")
print(f"{{{u.value}}}", "ünïcödé", "tab\\tand", "\\x01\\x7f")
print("two\\nlines", u.value)
print(NUMBER, NAME, f"{NUMBER:>8}{NAME:^10}|", f"{NUMBER!r:>5}")
print(title.value, row.name, word)
print(b"bytes", RAW, f"{RAW}{b'a'!s:>6}")
print(row.long)
print(f"{row.name}behind {row.name}{u.value}{row.name}x{y.value}y{y.value}1é2", sep="z")
print(f"[{row.name}] [{title.value!s}] {row.n}")
print(u.value, w.value, s.value, b.value, y.value, row.n, title.value, 1, 2, 3, twice(u.value))
print(u.value // 3, s.value & 15, -s.value, u.value if y.value else b.value)
print(1, 3, end="\\n", sep=None)
"""
ROUNDS = [
    {"u": 0, "w": 0, "s": 0, "b": 0, "y": False, "title": "", "row": (0, b"", b"")},
    {
        "u": 0xDEADBEEF, "w": (1 << 64) - 1, "s": -(1 << 63), "b": -128, "y": True,
        "title": "ends here", "row": (65535, b"twelve byte", b"x" * 98),
    },
    {
        "u": 1, "w": 1 << 63, "s": (1 << 63) - 1, "b": 127, "y": True,
        "title": "fifteen bytes..", "row": (7, b"abcdefghijklm"[:12] + b"\1", b"y" * 99 + b"\1"),
    },
    {
        "u": 5, "w": 255, "s": -1, "b": -1, "y": False,
        "title": "ümläut", "row": (1, b"%s %d \xff", b"line\nline"),
    },
]  # fmt: skip
_ROW = struct.Struct("=H13s100sx")


def in_python(given: dict[str, Any], body: str, names: dict[str, Any]) -> str:
    """What CPython prints."""
    number, name, long = given["row"]
    name, long = name.ljust(13, b"\0"), long.ljust(100, b"\0")
    row = SimpleNamespace(n=number, name=text(name), long=text(long))
    wrapped = {key: SimpleNamespace(value=value) for key, value in given.items() if key != "row"}
    known = {name: names[name] for name in ("NUMBER", "NAME", "RAW")}
    known |= {"row": row, "word": "a const", "twice": lambda n: n * 2 & 0xFFFFFFFF}
    with redirect_stdout(io.StringIO()) as shown:
        exec(body, {**wrapped, **known})
    return shown.getvalue()


def wrapping(given: dict[str, Any]) -> bool:
    """Whether Python's unbounded integers give another number than the statements' types."""
    return bool(given["s"] == -(1 << 63))


@cache
def has_vprintk() -> bool:
    """Whether the kernel has bpf_trace_vprintk (5.16)."""
    return bool(probe_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_trace_vprintk))


@pytest.mark.parametrize("given", ROUNDS, ids=[str(number) for number in range(len(ROUNDS))])
@pytest.mark.parametrize("which", ["old", "new"])
def test_it_prints_what_python_prints(given: dict[str, Any], which: str, tmp_path: Path) -> None:
    if which == "new" and not has_vprintk():
        pytest.skip("no bpf_trace_vprintk before Linux 5.16")
    body = OLD if which == "old" else NEW
    if wrapping(given):
        body = body.replace("-s.value", "s.value")
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    names = load_module(tmp_path / "printing.py", HEAD + indented)
    session = Session(names["program"], cache=False)
    with TracePipe() as pipe, closing(session.load()):
        for key, value in given.items():
            if key != "row":
                session[names[key]].value = value
        number, name, long = given["row"]
        fd = session[names["rows"]].fileno()
        bpf.map_update(fd, bytes(4), _ROW.pack(number, name, long))
        list(pipe.drain())
        session[names["program"]].test_run(context=bytes(16))
        found = [line for line in pipe.drain() if line.pid == os.getpid()]
        assert session.losses() == []
        assert pipe.lost == 0
    helpers = session.spec.programs[0].helpers
    assert ("trace_vprintk" in helpers) == (which == "new")
    shown = "".join(f"{line}\n" for line in found)
    assert shown.splitlines() == in_python(given, body, names).splitlines()
    assert len(found) == len(body.splitlines())


only = Const(u32, 0)


@tracepoint("task:task_rename")
def renamed(ctx: Context) -> None:
    if current.pid == only:
        print(f"{ctx.oldcomm} -> {ctx.newcomm}", current.comm, ctx.pid)


@tracepoint("task:task_rename")
def told(ctx: Context) -> None:
    if current.pid == only:
        print("renamed to", ctx.newcomm, ctx.pid)


def test_text_of_the_context() -> None:
    with open("/proc/self/comm", encoding="ascii") as file:
        before = file.read().strip()
    if not has_helper("tracepoint", "trace_vprintk"):  # before Linux 5.16: three values a line
        with pytest.raises(NotSupportedError, match=r"test_print\.py:\d+: .*bpf_trace_vprintk"):
            Session(renamed, consts={only: os.getpid()}).load()
        return
    with TracePipe() as pipe, Session(renamed, consts={only: os.getpid()}) as session:
        try:
            with open("/proc/self/comm", "w", encoding="ascii") as file:
                file.write("fifteen bytes..")
        finally:
            with open("/proc/self/comm", "w", encoding="ascii") as file:
                file.write(before)
        session.detach()
        assert pipe.wait(5)
        lines = [str(line) for line in pipe.drain() if line.pid == os.getpid()]
    pid = os.getpid()
    assert lines == [
        f"{before} -> fifteen bytes.. {before} {pid}",
        f"fifteen bytes.. -> {before} fifteen bytes.. {pid}",
    ]


@tracepoint("syscalls:sys_enter_openat")
def opened(ctx: Context) -> None:
    if current.pid == only:
        print("open", read_str(ctx.filename, 32, default="?"), f"{ctx.flags:d}")


def test_text_from_the_process_is_cut_as_it_is_everywhere(tmp_path: Path) -> None:
    short, long = b"/dev/null", os.fsencode(tmp_path / ("x" * 60))
    with TracePipe() as pipe, Session(opened, consts={only: os.getpid()}) as session:
        os.close(os.open(short, os.O_RDONLY))
        with pytest.raises(FileNotFoundError):
            os.open(long, os.O_RDONLY)
        session.detach()
        lines = [str(line) for line in pipe.drain() if line.pid == os.getpid()]
    flags = os.O_RDONLY | os.O_CLOEXEC
    assert f"open /dev/null {flags}" in lines
    assert f"open {long[:30].decode()} {flags}" in lines


@pytest.mark.usefixtures("no_new_descriptors")
def test_pipes_beside_one_another_and_nothing_left() -> None:
    with TracePipe() as one, TracePipe() as two, Session(told, consts={only: os.getpid()}):
        with open("/proc/self/comm", "r+", encoding="ascii") as file:
            file.write(file.read().strip())
        assert one.wait(5)
        first, second = list(one.drain()), list(two.drain())
        assert [line for line in first if line.pid == os.getpid()]
        assert [str(line) for line in first] == [str(line) for line in second]
        assert not one.wait(0)
    assert not [name for name in _instances() if name.startswith(f"probee_{os.getpid()}_")]


def test_lines_that_a_loop_left_are_there_for_the_next() -> None:
    with TracePipe() as pipe, Session(told, consts={only: os.getpid()}):
        with open("/proc/self/comm", "r+", encoding="ascii") as file:
            name = file.read().strip()
            for _ in range(3):
                file.seek(0)
                file.write(name)
                file.flush()
        first = next(iter(pipe.drain()))
        assert pipe.wait(0)
        lines = [first, *pipe.drain()]
        assert not pipe.wait(0)
    assert len([line for line in lines if line.pid == os.getpid()]) == 3


def test_what_a_killed_process_left_is_taken_away() -> None:
    child = os.fork()
    if not child:
        pipe = TracePipe()
        os.kill(os.getpid(), signal.SIGKILL)
        pipe.close()
    os.waitpid(child, 0)
    assert [name for name in _instances() if name.startswith(f"probee_{child}_")]
    TracePipe().close()
    assert not [name for name in _instances() if name.startswith(f"probee_{child}_")]


def test_a_child_leaves_its_parents_pipe_alone() -> None:
    with TracePipe() as pipe, Session(told, consts={only: os.getpid()}):
        child = os.fork()
        if not child:
            pipe.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        with open("/proc/self/comm", "r+", encoding="ascii") as file:
            file.write(file.read().strip())
        assert pipe.wait(5)


def _instances() -> list[str]:
    with Tracefs() as tracefs:
        folder = os.open("instances", os.O_RDONLY, dir_fd=tracefs.fileno())
        try:
            return os.listdir(folder)
        finally:
            os.close(folder)
