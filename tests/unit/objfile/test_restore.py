"""Reading gives back what was written: the compiler's spec, to the last field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probee.btf.reader import Btf
from probee.btf.types import DeclTag
from probee.btf.writer import BtfBuilder
from probee.compiler.pipeline import compile_programs
from probee.errors import CompileError, FormatError
from probee.frozen import replace
from probee.objfile.metadata import PREFIX
from probee.objfile.read import read
from probee.objfile.restore import restore
from probee.objfile.words import Structs, Table, quoted, unquoted
from probee.objfile.write import write
from probee.spec.programs import CollectionSpec
from probee.spec.target import Target
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, layout
from tests.frontend_cases import Facts, captured, names_of
from tests.meaning import simulated
from tests.meaning.expressions import ARGUMENTS
from tests.meaning.machine import load_module
from tests.meaning.programs import Maker

if TYPE_CHECKING:
    from pathlib import Path

# What each program brings into the spec that C would not know.
SOURCES = {
    "types": """
from probee import (
    Chars, Const, Context, Global, Hash, RingBuf, Struct, UserPtr, UserStr, chars, tracepoint,
)

class Inner(Struct):
    yes: bool
    where: UserPtr

class Event(Struct):
    inner: Inner
    text: Chars = chars(16)
    path: UserStr

events = RingBuf(Event, size="64K")
by_name = Hash(Inner, Event)
flag = Const(bool, True)
name = Const(chars(16), "abc")
loud = Global(bool, False)

@tracepoint("syscalls:sys_enter_openat")
def opening(ctx: Context) -> None:
    event = events.reserve()
    if event is not None:
        event.inner.yes = flag
        event.path = ctx.filename
        event.text = name
        event.submit()
    if loud.value:
        by_name.pop(Inner(yes=True), None)
""",
    "counters": """
from probee import Context, Hash, tracepoint, u32, u64

counts = Hash(u32, u64)

@tracepoint("syscalls:sys_enter_openat")
def opening(ctx: Context) -> None:
    counts[u32(ctx.dfd)] = 1  # a comment: with "quotes", \\\\ and  two blanks
    counts[3] += counts[7]
    print(f"{ctx.dfd} opened")
""",
    "each cpu": """
from probee import Context, PerCpuArray, PerCpuGlobal, tracepoint, u8, u64

first = PerCpuGlobal(u64, 5)
second = PerCpuGlobal(u8, 0)
table = PerCpuArray(u64, max_entries=4)

@tracepoint("syscalls:sys_enter_openat")
def opening(ctx: Context) -> None:
    first.value += 1
    second.value = u8(first.value)
    table[2] += 1
""",
    "maps": """
from probee import (
    Array, Context, Hist, LpmTrie, LruHash, PerfEventArray, Queue, Stack, StackTrace, Struct,
    tracepoint, u32, u64,
)

class Row(Struct):
    number: u64

class Prefix(Struct):
    prefixlen: u32
    address: u32

routes = LpmTrie(Prefix, u32, max_entries=16)
perf = PerfEventArray(Row, size="64K")
stacks = StackTrace(max_entries=64)
queue = Queue(Row, max_entries=8)
pile = Stack(u32, max_entries=8)
recent = LruHash(u64, Row, max_entries=16)
table = Array(Row, max_entries=4)
sizes = Hist(u32)

@tracepoint("syscalls:sys_enter_openat")
def opening(ctx: Context) -> None:
    row = Row(number=ctx.mode)
    perf.output(row)
    queue.push(row)
    pile.push(u32(stacks.kernel() or 0))
    recent[1] = row
    table[1].number = 4
    sizes[3].add(u64(ctx.flags))
    routes[Prefix(prefixlen=8, address=10)] = 1
""",
    "kernel": """
from probee import (
    Chars, Context, Global, KernelStruct, Ptr, chars, current, has_field, tracepoint, s32, u32, u64,
)
from probee.lang.kernel import cast

class Ids(KernelStruct, name="pid"):
    level: u32

class Task(KernelStruct, name="task_struct___mine"):
    tgid: s32
    comm: Chars = chars(16)
    real_parent: Ptr["Task"]
    thread_pid: Ptr[Ids]

last = Global(u64, 0)

@tracepoint("syscalls:sys_enter_openat")
def opening(ctx: Context) -> None:
    task = cast(Task, current.task)
    last.value += u64(task.real_parent.tgid)
    if task.comm == "cat" and has_field(Task, "thread_pid"):
        last.value = task.thread_pid.level
""",
    "hooks": """
from probee import Context, Global, raw_tracepoint, tp_btf, tracepoint, u64

total = Global(u64, 0)

@tracepoint("syscalls:sys_exit_openat", "syscalls:sys_enter_openat")
def both(ctx: Context) -> None:
    total.value += 1

@raw_tracepoint("sys_enter")
def raw(ctx: Context) -> None:
    total.value += u64(ctx.id)

@tp_btf("sys_enter")
def typed(ctx: Context) -> None:
    total.value += u64(ctx.id)

@tracepoint("syscalls:sys_exit_openat")
def again(ctx: Context) -> None:
    total.value += u64(ctx.ret)
""",
}


def spec_of(source: str, endian: str = "little") -> CollectionSpec:
    world = captured(names_of(source))
    return compile_programs(world, target=Target(endian=endian), facts=Facts(), frozen={})


@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize("name", SOURCES)
def test_what_was_written_is_read(name: str, endian: str) -> None:
    spec = spec_of(SOURCES[name], endian)
    again = read(write(spec))
    for field in CollectionSpec.__match_args__:
        assert getattr(again, field) == getattr(spec, field)
    assert again == spec


def test_the_sources_have_what_they_are_for() -> None:
    """A test that a spec is whole says nothing of what no spec has."""
    specs = {name: spec_of(source) for name, source in SOURCES.items()}
    assert {c.kind for s in specs.values() for c in s.counters} >= {
        "ring_full", "perf_full", "map_update", "print", "trap", "stack",
    }  # fmt: skip
    kernel = [c for p in specs["kernel"].programs for c in p.core]
    assert {"byte_off", "field_exists", "target_type_id"} <= {c.kind for c in kernel}
    assert any(r.kind == "kfunc" for p in specs["kernel"].programs for r in p.relocs)
    assert any(map_.contents for map_ in specs["each cpu"].maps if map_.name == ".percpu")
    assert len({map_.type for s in specs.values() for map_ in s.maps}) >= 10
    assert max(len(p.attach) for p in specs["hooks"].programs) == 2


@pytest.mark.parametrize("seed", range(60))
def test_so_it_is_of_random_programs(seed: int, tmp_path: Path) -> None:
    names = load_module(tmp_path / "program.py", Maker(seed).source())
    consts = {"limit": 3} if "limit" in names else {}
    try:
        spec = simulated.compiled(names, ARGUMENTS, consts, isa=3, kept=simulated.SECTION)
    except CompileError:
        return
    assert read(write(spec)) == spec


def test_nothing_is_said_of_others() -> None:
    """Without metadata, or with more in the object than it tells of, all stays as it was read."""
    spec = spec_of(SOURCES["hooks"])
    assert restore(replace(spec, btf=BtfBuilder().build())).programs == spec.programs
    object_ = read_plainly(spec)
    more = replace(object_, maps=(*object_.maps, replace(object_.maps[0], name="other")))
    assert restore(more) == more


def read_plainly(spec: CollectionSpec) -> CollectionSpec:
    """The object of a spec as if it said nothing of itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("probee.objfile.read.restore", lambda found: found)
        return read(write(spec))


def with_tag(spec: CollectionSpec, old: str, new: str) -> CollectionSpec:
    """The object of `spec` as it is read, with one tag changed."""
    plain = read_plainly(spec)
    table = Btf(plain.btf)
    builder = BtfBuilder()
    builder._strings = bytearray(table.sections.strings)
    changed = 0
    for _, type_ in table.types():
        one = type_
        if isinstance(type_, DeclTag) and type_.value.startswith(PREFIX + old):
            changed += 1
            one = replace(type_, value=PREFIX + new)
        builder.define(builder.reserve(), one)
    assert changed
    return replace(plain, btf=builder.build())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("map ", "map u32"),
        ("map ", "map u32 u16 0"),
        ("map ", "map u32 what 0"),
        ("map ", "map u32 #99 0"),
        ("map ", "map u32 u64 x"),
        ("counter 0", "counter 0 trap"),
        ("counter 0", "counter nought map_update counts - - 0 -"),
        ("program 0", "program 0 nowhere"),
        ("program 0", "program 0 tracepoint:\\x"),
        ("context ", "context dfd 16 8"),
        ("context ", "context dfd 16 99999999999999999999999 0"),
    ],
)
def test_damaged_metadata_is_told(old: str, new: str) -> None:
    with pytest.raises(FormatError, match="metadata"):
        restore(with_tag(spec_of(SOURCES["counters"]), old, new))


def test_another_program_under_its_name_is_told() -> None:
    spec = spec_of(SOURCES["hooks"])
    with pytest.raises(FormatError, match="not the same program"):
        restore(with_tag(spec, "also both", "also raw"))


@pytest.mark.parametrize("text", ["", " ", "a b", "\\", "\\\\ ", "a:b\n", "\\_", "ü", "\\0", "0"])
def test_any_text_is_a_word(text: str) -> None:
    word = quoted(text)
    assert word
    assert not set(word) & set(" :\n")
    assert unquoted(word) == text


@pytest.mark.parametrize("word", ["\\", "a\\x", "\\\\\\"])
def test_words_that_end_nowhere(word: str) -> None:
    with pytest.raises(FormatError, match="ends nowhere"):
        unquoted(word)


def test_types_are_words() -> None:
    inner = layout("Inner", (("a", Int("u8", 1, False)), ("p", Pointer("user", "char"))))
    types = (
        Int("s64", 8, True), Int("bool", 1, False, True), Int("odd name", 4, True), CharArray(7),
        ArrayOf(ArrayOf(Int("u32", 4, False), 8), 2), Pointer("kernel"), inner,
        ArrayOf(inner, 3), layout("Outer", (("i", inner), ("j", ArrayOf(inner, 2)))), None,
    )  # fmt: skip
    structs, table = Structs(), Table()
    words = [structs.word(type_) for type_ in types]
    for row in structs.rows:
        table.add(row.split(" "))
    assert tuple(table.type(word) for word in words) == types


@pytest.mark.parametrize(
    "rows",
    [
        ["1 A 4 4 x u32 0"],  # not the next number
        ["0 A 4 4 x u32"],
        ["0 A 4 4 x u64 0"],  # does not fit
        ["0 A 8 4 x u32 0 y u32 2"],  # overlaps
        ["0 A 4 4 x #0 0"],  # itself
        ["0 A 4 4 x - 0"],
        ["0 A 4 4 x u32[2 0"],
    ],
)
def test_structs_that_cannot_be(rows: list[str]) -> None:
    table = Table()
    with pytest.raises(FormatError, match="metadata"):
        add_all(table, rows)


def add_all(table: Table, rows: list[str]) -> None:
    for row in rows:
        table.add(row.split(" "))


def test_structs_do_not_grow_beyond_measure() -> None:
    """Each twice as wide as the one before: a small text for what would take all memory."""
    table = Table()
    rows = [f"{n} A 0 1 x #{n - 1} 0 y #{n - 1} 0" if n else "0 A 0 1 x u8[0] 0" for n in range(64)]
    with pytest.raises(FormatError, match="cannot be"):
        add_all(table, rows)
