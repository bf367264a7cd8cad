"""What a compilation says to the kernel beside the code: types, lines, sections, flags."""

from __future__ import annotations

from struct import unpack_from

import pytest

from probee.btf.ext import read_line_info
from probee.btf.reader import Btf
from probee.btf.types import Int, Struct, Typedef
from probee.errors import CompileError
from probee.spec.programs import CollectionSpec, MapSpec
from tests.frontend_cases import compiled, names_of

SOURCE = """\
from probee import Const, Context, Global, Hash, Struct, s16, s64, tracepoint, u8, u32, u64

class Point(Struct):
    x: u8
    y: s16
    z: u64

first = Const(u32, 7)
second = Const(u64, 9)
total = Global(s64, -5)
other = Global(u8, 3)
points = Hash(u32, Point)
numbers = Hash(s64, s16)

@tracepoint("syscalls:sys_enter_openat")
def program(ctx: Context) -> None:
    points[ctx.flags] = Point(x=1)
    numbers[total.value] = other.value
    if first == 7:
        total.value = s64(second)
    del points[3]
"""


def spec(source: str = SOURCE) -> CollectionSpec:
    """With consts that are set later, in a section of their own."""
    return compiled(names_of(source), frozen={})


def map_named(name: str) -> MapSpec:
    return next(one for one in spec().maps if one.name == name)


def test_structs_are_described_as_they_are_laid_out() -> None:
    btf = Btf(spec().btf)
    points = [t for _, t in btf.types() if isinstance(t, Struct) and t.name == "Point"]
    (point,) = points
    assert point.size == 16
    assert [(m.name, m.bit_offset) for m in point.members] == [("x", 0), ("y", 16), ("z", 64)]
    ints = {t.name: (t.size, t.signed) for _, t in btf.types() if isinstance(t, Int)}
    assert ints["short"] == (2, True)
    assert ints["long long"] == (8, True)
    assert ints["unsigned char"] == (1, False)
    named = {t.name: btf.name(t.type) for _, t in btf.types() if isinstance(t, Typedef)}
    assert named["__s16"] == "short"  # as linux/types.h has them
    assert named["__u8"] == "unsigned char"


def test_constants_are_frozen_and_globals_are_shared() -> None:
    rodata, data = map_named(".rodata"), map_named(".data")
    assert rodata.frozen
    assert not data.frozen
    assert (rodata.flags, data.flags) == (1 << 7, 1 << 10)  # BPF_F_RDONLY_PROG, BPF_F_MMAPABLE
    variables = {v.name: v for v in spec().variables}
    for name, value in (("first", 7), ("second", 9), ("total", -5), ("other", 3)):
        place = variables[name]
        contents = map_named(place.section).contents
        raw = contents[place.offset : place.offset + place.type.size]
        assert int.from_bytes(raw, "little", signed=value < 0) == value
        assert place.offset % place.type.size == 0


def test_maps_have_the_sizes_of_their_types() -> None:
    points, numbers = map_named("points"), map_named("numbers")
    assert (points.key_size, points.value_size) == (4, 16)
    assert (numbers.key_size, numbers.value_size) == (8, 2)


def test_lines_begin_where_their_code_does() -> None:
    """The instruction at which a line begins is one of its own: a call of its map's helper."""
    made = spec()
    (program,) = made.programs
    btf = Btf(made.btf)
    rows = read_line_info(program.line_info)
    assert [row.insn_off for row in rows] == sorted({row.insn_off for row in rows})
    assert rows[0].insn_off == 0
    texts = [btf.string(row.text) for row in rows]
    starts = {text: row.insn_off for text, row in zip(texts, rows, strict=True)}
    for reloc in program.relocs:
        line = max((row for row in rows if row.insn_off <= reloc.insn), key=lambda r: r.insn_off)
        text = btf.string(line.text)
        if reloc.symbol in ("points", "numbers"):
            assert reloc.symbol in text, (reloc, text)
    assert "del points[3]" in starts


LINES = """\
from probee import Context, Global, tracepoint, u64

a = Global(u64, 0)
b = Global(u64, 0)


def more(x: u64) -> u64:
    a.value = 1007

    return u64(x + 1)

@tracepoint("syscalls:sys_enter_openat")
def program(ctx: Context) -> None:
    a.value = 1014
    b.value = 1015
    if ctx.flags == 1016:
        b.value = 1017

    for i in range(100):
        a.value = (
            i + 1021
        )
    b.value = more(u64(ctx.mode))
    a.value = 1024
"""


def test_each_number_is_on_its_line() -> None:
    """Every instruction that holds a number of the source: its row names that very line."""
    made = compiled(names_of(LINES))
    (program,) = made.programs
    btf = Btf(made.btf)
    rows = read_line_info(program.line_info)
    source = LINES.splitlines()
    for row in rows:
        assert btf.string(row.text) == source[row.line - 1].strip(), row
    held = {}
    for at in range(len(program.code) // 8):
        (number,) = unpack_from("<i", program.code, 8 * at + 4)
        if 1000 < number < 1100:
            held[number] = max((r for r in rows if r.insn_off <= at), key=lambda r: r.insn_off)
    lines = {number: row.line for number, row in held.items()}
    wanted = {n: next(i for i, t in enumerate(source, 1) if str(n) in t) for n in range(1000, 1100)
              if str(n) in LINES}  # fmt: skip
    assert lines == wanted
    assert held[1014].column == 4
    assert held[1017].column == 8
    assert {btf.string(row.file) for row in rows} == {"program.py"}


def test_a_frame_that_is_too_big_is_refused() -> None:
    fields = "".join(f"    f{i}: u64\n" for i in range(33))
    source = SOURCE.replace("class Point", f"class Big(Struct):\n{fields}\nclass Point")
    source = source.replace("    del points[3]\n", "    a = Big(f0=1)\n    b = Big(f1=2)\n"
                            "    big[1] = a\n    big[2] = b\n    big[3] = a\n")  # fmt: skip
    source = source.replace("numbers = ", "big = Hash(u32, Big)\nnumbers = ")
    with pytest.raises(CompileError) as refusal:
        spec(source)
    assert [d.code for d in refusal.value.diagnostics] == ["stack"]
