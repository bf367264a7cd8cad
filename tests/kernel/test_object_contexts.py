"""Programs compiled without a kernel, loaded on this one: every record that probee knows of.

Both loaders find each field by CO-RE; ours holds it against the format file as well.
"""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING, Any

import pytest

from probee.compiler.portable import PortableFacts
from probee.errors import RelocationError
from probee.frozen import replace
from probee.host.facts import RunningKernel
from probee.introspect.build import Source, compiled, object_bytes
from probee.lang.programs import Program
from probee.objfile.read import read
from probee.runtime.links import attach
from probee.runtime.loader import load
from probee.runtime.session import Session
from probee.spec.programs import UNPLACED
from probee.spec.target import Target
from probee.tables.contexts_data import ROWS
from tests.frontend_cases import names_of
from tests.objects import libbpf
from tests.objects.running import Loader

if TYPE_CHECKING:
    from pathlib import Path

    from probee.spec.target import TracepointFormat
    from tests.support import Spawn

pytestmark = pytest.mark.kernel
needs_libbpf = pytest.mark.skipif(libbpf.library() is None, reason="libbpf.so.1 is missing")
HERE = Target(endian=sys.byteorder)
HEAD = "from probee import *\ntotal = Global(u64, 0)\n"
CATEGORIES = sorted({row.partition(":")[0] for row in ROWS.values()} - {"syscalls"})


def source_of(text: str) -> Source:
    names = names_of(HEAD + text)
    return Source("object", tuple(v for v in names.values() if isinstance(v, Program)))


def as_here(kernel: RunningKernel, row: str) -> bool:
    """Whether this kernel has the event with all the fields that were recorded elsewhere."""
    hook, *fields = row.split(" ")
    category, _, name = hook.partition(":")
    there, recorded = kernel.tracepoint(category, name), PortableFacts().tracepoint(category, name)
    assert recorded is not None
    return there is not None and all(
        _same(there, field.partition(":")[0], recorded) for field in fields
    )


def _same(there: TracepointFormat, name: str, recorded: TracepointFormat) -> bool:
    found, wanted = there.field(name), recorded.field(name)
    assert wanted is not None
    return found is not None and (found.size, found.signed) == (wanted.size, wanted.signed)


def programs(category: str) -> str:
    """A program for each event of a category, which reads each field of its record."""
    lines = []
    with RunningKernel() as kernel:
        for name, row in ROWS.items():
            if not row.startswith(f"{category}:") or not as_here(kernel, row):
                continue
            hook, *fields = row.split(" ")
            lines += [f'@tracepoint("{hook}")', f"def on_{name}(ctx: Context) -> None:"]
            lines.append("    total.value += 1")
            for field in fields:
                word, _, type_ = field.partition(":")
                text = type_.startswith("chars(")
                lines.append(
                    f'    total.value += u64(ctx.{word} == "probee")' if text
                    else f"    total.value += u64(ctx.{word})"
                )  # fmt: skip
    return "\n".join(lines) + "\n"


@needs_libbpf
@pytest.mark.parametrize("category", CATEGORIES)
def test_every_field_is_found(category: str, spawn: Spawn, tmp_path: Path) -> None:
    text = programs(category)
    if "ctx" not in text:
        pytest.skip("this kernel has no event of it as it was recorded")
    spec = compiled(source_of(text), HERE)
    path = tmp_path / "object.bpf.o"
    path.write_bytes(object_bytes(spec))
    loader = Loader(spawn, path)
    theirs = dict(loader.tags)
    loader.do("end")
    with load(read(path.read_bytes())) as loaded:
        ours = {name: program.info().tag for name, program in loaded.programs.items()}
    assert ours == theirs
    assert all(f.offset == UNPLACED for program in spec.programs for f in program.context)


RENAMED = """
class Renamed(Struct):
    pid: s32
    old: Chars = chars(16)
    new: Chars = chars(16)
    score: s16

renames = RingBuf(Renamed, size="64K")

@tracepoint("task:task_rename")
def renamed(ctx: Context) -> None:
    event = renames.reserve()
    if event is not None:
        event.pid = ctx.pid
        event.old = ctx.oldcomm
        event.new = ctx.newcomm
        event.score = ctx.oom_score_adj
        event.submit()
"""
RENAMER = """
import ctypes, sys
libc = ctypes.CDLL(None)
sys.stdin.readline()
libc.prctl(15, b"probee-first", 0, 0, 0)
libc.prctl(15, b"second", 0, 0, 0)
print("done", flush=True)
sys.stdin.readline()
"""


@needs_libbpf
def test_what_is_found_is_what_happened(spawn: Spawn, tmp_path: Path) -> None:
    source = source_of(RENAMED)
    path = tmp_path / "object.bpf.o"
    path.write_bytes(object_bytes(compiled(source, HERE)))
    loader = Loader(spawn, path)
    loader.do("attach")
    loader.records("renames")
    own: list[Any] = []
    # the Session compiles against this kernel, the object was compiled against none
    with Session(*source.programs) as session:
        ring = session[source.programs[0].function.__globals__["renames"]]
        child = spawn.python(RENAMER)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"done\n"
        own += [(e.pid, e.old, e.new, e.score) for e in ring.drain() if e.pid == child.pid]
    loader.do("detach")
    theirs = []
    for record in loader.records("renames"):
        pid = int.from_bytes(record[:4], sys.byteorder)
        old, new = (record[at : at + 16].partition(b"\0")[0].decode() for at in (4, 20))
        score = int.from_bytes(record[36:38], sys.byteorder, signed=True)
        if pid == child.pid:
            theirs.append((pid, old, new, score))
    loader.do("end")
    assert [row[2] for row in own][-2:] == ["probee-first", "second"]
    assert theirs[-2:] == own[-2:]


HOOKS = """
@tracepoint("syscalls:sys_enter_getppid", "syscalls:sys_exit_getppid")
def both(ctx: Context) -> None:
    if current.pid == only:
        total.value += 1

@raw_tracepoint("sys_enter")
def raw(ctx: Context) -> None:
    if current.pid == only and ctx.id == NUMBER:
        total.value += 100

@tp_btf("sys_enter")
def typed(ctx: Context) -> None:
    if current.pid == only and ctx.id == NUMBER:
        total.value += 10_000

only = Const(u32, 0)
NUMBER = PPID
"""


def test_every_kind_of_hook_is_hit(spawn: Spawn, tmp_path: Path) -> None:
    """By our loader, of what was read from the object."""
    import os

    number = {"x86_64": 110, "aarch64": 173}[os.uname().machine]
    spec = compiled(source_of(HOOKS.replace("PPID", str(number))), HERE)
    again = read(object_bytes(spec))
    assert again == spec
    with load(again, {"only": os.getpid()}) as loaded, RunningKernel() as kernel:
        links = attach(loaded, kernel)
        for _ in range(3):
            ctypes.CDLL(None).syscall(number)
        links.close()
        place = next(v for v in spec.variables if v.name == "total")
        from probee.host import bpf

        value = bpf.map_lookup(loaded.maps[".data"].fd, bytes(4), spec.map(".data").value_size)
        assert value is not None
        raw = value[place.offset : place.offset + 8]
        assert int.from_bytes(raw, sys.byteorder) == 3 * (2 + 100 + 10_000)


def test_other_arguments_are_refused() -> None:
    """A kernel whose raw tracepoint has other arguments than those recorded."""
    spec = compiled(source_of(HOOKS.replace("PPID", "1")), HERE)
    changed = tuple(
        replace(p, context=tuple(replace(f, size=4) for f in p.context)) for p in spec.programs
    )
    with pytest.raises(RelocationError, match="raw reads id, argument 1 of raw tracepoint sys_en"):
        load(replace(spec, programs=changed))
