"""What maps, variables and externs of an object can have wrong, with what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probee.objfile.read import read
from probee.uapi import elf as uapi
from tests.unit.objfile.samples import (
    CALL,
    CALLED,
    EXIT,
    Sample,
    one_reference,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable


MAPS: tuple[tuple[str, Callable[[Sample], list[tuple[str, int]]]], ...] = (
    ("'color' is no attribute of maps", lambda s: [("type", s.number(1)), ("color", s.number(1))]),
    ("it has no type", lambda s: [("max_entries", s.number(1))]),
    ("max_entries is no number", lambda s: [("type", s.number(1)), ("max_entries", s.int)]),
    ("max_entries is no number", lambda s: [("max_entries", s.types.ptr(s.int))]),
    ("map_extra -1 is out of range", lambda s: [
        ("type", s.number(1)), ("map_extra", s.types.enum("", [("e", -1)], signed=True))
    ]),
    ("max_entries is no number", lambda s: [
        ("max_entries", s.types.enum("", [("e", 1), ("f", 2)]))
    ]),
    ("max_entries 4294967296 is out of range", lambda s: [
        ("type", s.number(1)), ("max_entries", s.types.enum("", [("e", 1 << 32)], size=8))
    ]),
    ("key is no type", lambda s: [("type", s.number(1)), ("key", s.int)]),
    ("key_size is 8 and 4 at once", lambda s: [
        ("type", s.number(1)), ("key_size", s.number(8)), ("key", s.types.ptr(s.int))
    ]),
    ("has no size", lambda s: [("type", s.number(1)), ("key", s.types.ptr(0))]),
    ("more than any map can hold", lambda s: [
        ("type", s.number(1)), ("value", s.types.ptr(s.types.array(s.int, 1 << 31)))
    ]),
    ("pinning 2 is not known", lambda s: [("type", s.number(1)), ("pinning", s.number(2))]),
    ("`values` must be its last member", lambda s: [
        ("type", s.number(3)), ("values", s.int), ("max_entries", s.number(1))
    ]),
    ("`values` is no array", lambda s: [("type", s.number(3)), ("values", s.int)]),
    ("only maps of maps and program arrays", lambda s: [
        ("type", s.number(1)), ("values", s.types.array(s.types.ptr(s.int), 0))
    ]),
    ("`values` of a program array are pointers to functions", lambda s: [
        ("type", s.number(3)), ("values", s.types.array(s.types.ptr(s.int), 0))
    ]),
    ("map table.inner: expected a struct", lambda s: [
        ("type", s.number(12)), ("values", s.types.array(s.types.ptr(s.int), 0))
    ]),
    ("a map of maps within a map of maps", lambda s: [
        ("type", s.number(12)), ("values", s.types.array(s.types.ptr(
            s.types.struct("", 8, [("type", s.number(13), 0)])), 0))
    ]),
    ("map table.inner: pinning 1 is not known", lambda s: [
        ("type", s.number(12)), ("values", s.types.array(s.types.ptr(
            s.types.struct("", 16, [("type", s.number(1), 0), ("pinning", s.number(1), 64)])), 0))
    ]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "members"), MAPS, ids=[f"{n} {row[0]}" for n, row in enumerate(MAPS)]
)
def test_maps_that_are_none(said: str, members: Callable[[Sample], list[tuple[str, int]]]) -> None:
    sample = Sample()
    sample.map("table", members(sample))
    assert said in refusal(sample.build())


def test_maps_without_a_list_of_them() -> None:
    sample = Sample()
    sample.map("table", [("type", sample.number(1))], datasec=False)
    assert "no DATASEC .maps" in refusal(sample.build())
    sample = Sample()
    var = sample.types.var("table", sample.types.struct("", 0, []))
    sample.types.datasec(".maps", 8, [(var, 0, 0)])
    sample.object(sample.data(".maps"), "table", 0, 0)
    assert "it has no type" in refusal(sample.build())
    sample = Sample()
    sample.types.datasec(".maps", 4, [(sample.types.var("table", sample.int), 0, 4)])
    sample.data(".maps")
    assert "expected a struct of its attributes" in refusal(sample.build())


def test_maps_over_one_another() -> None:
    sample = Sample()
    struct = sample.types.struct("", 8, [("type", sample.number(1), 0)])
    one, other = sample.types.var("one", struct), sample.types.var("other", struct)
    sample.types.datasec(".maps", 16, [(one, 0, 8), (other, 8, 8)])
    maps = sample.data(".maps", bytes(16))
    sample.object(maps, "one", 0)
    sample.object(maps, "other", 4)
    assert "map other overlaps another map" in refusal(sample.build())


def test_two_maps_of_one_name() -> None:
    sample = Sample()
    struct = sample.types.struct("", 8, [("type", sample.number(1), 0)])
    sample.types.datasec(".maps", 16, [
        (sample.types.var("same", struct, "static"), 0, 8),
        (sample.types.var("same", struct, "global"), 8, 8),
    ])  # fmt: skip
    sample.object(sample.data(".maps", bytes(16)), "same", 8)
    assert "two maps are called same" in refusal(sample.build())


def test_values_of_maps_that_are_none() -> None:
    def values(kind: int, target: Callable[[Sample], int], offset: int = 8) -> str:
        sample = Sample()
        proto = sample.types.func_proto(sample.int, [])
        inner = proto if kind == 3 else sample.types.struct("", 8, [("type", sample.number(1), 0)])
        row = sample.types.array(sample.types.ptr(inner), 0)
        members = [("type", sample.number(kind)), ("values", row)]
        maps = sample.map("table", members if kind != 1 else members[:1])
        sample.elf.relocate(maps, [(offset, target(sample), uapi.R_BPF_64_ABS64)])
        return refusal(sample.build())

    def number(sample: Sample) -> int:
        return sample.object(sample.data(".data"), "number")

    assert "holds 'number', which is not a map" in values(12, number)
    assert "holds 'number', which is not a program" in values(3, number)
    for kind, offset in ((12, 0), (12, 12), (12, 16), (1, 0)):
        assert "no map's value" in values(kind, number, offset)


def test_lists_of_variables_that_are_none() -> None:
    sample = Sample()
    var = sample.types.var("number", sample.int)
    sample.types.datasec(".data", 8, [(var, 6, 4)])
    sample.data(".data")
    assert "variable number at 6 with 4 bytes is not within" in refusal(sample.build())
    sample = Sample()
    sample.types.datasec(".data", 8, [(sample.int, 0, 4)])
    assert "lists type 1, INT; expected variables" in refusal(sample.build())
    sample = Sample()
    for size in (8, 16):
        sample.types.datasec(".data", size, [])
    assert "a second DATASEC .data" in refusal(sample.build())


def test_externs_that_are_none() -> None:
    sample = Sample()
    sample.extern("elsewhere")
    assert "elsewhere is declared here and defined nowhere" in refusal(sample.build())
    sample = Sample()
    sample.blob = b""
    sample.extern("elsewhere")
    assert "no BTF" in refusal(sample.build())
    sample = Sample()
    func = sample.types.func("f", sample.types.func_proto(0, []), "extern")
    sample.types.datasec(".kconfig", 0, [(func, 0, 0)])
    sample.extern("f")
    assert "function f is in .kconfig" in refusal(sample.build())


@pytest.mark.parametrize(
    "type_",
    [
        lambda s: s.types.int_("bool", 2, boolean=True),
        lambda s: s.types.int_("__int128", 16),
        lambda s: s.types.enum("state", [("A", 1)]),
        lambda s: s.types.array(s.int, 4),
        lambda s: s.types.array(s.types.int_("char", 1), 0),
        lambda s: s.types.ptr(s.int),
        lambda s: s.types.float_("double", 8),
    ],
    ids=["wide bool", "int128", "enum", "ints", "no chars", "pointer", "float"],
)
def test_no_value_of_the_configuration(type_: Callable[[Sample], int]) -> None:
    sample = Sample()
    var = sample.types.var("CONFIG_X", type_(sample), "extern")
    sample.types.datasec(".kconfig", 0, [(var, 0, 0)])
    sample.extern("CONFIG_X")
    assert "CONFIG_X has a type that no value of the configuration has" in refusal(sample.build())


def test_too_much_configuration() -> None:
    sample = Sample()
    text = sample.types.array(sample.types.int_("char", 1), 1 << 21)
    var = sample.types.var("CONFIG_X", text, "extern")
    sample.types.datasec(".kconfig", 0, [(var, 0, 0)])
    sample.extern("CONFIG_X")
    assert "configuration take 2097152 bytes" in refusal(sample.build())


def test_a_call_of_a_variable_of_the_kernel() -> None:
    sample = Sample()
    var = sample.types.var("runqueues", sample.int, "extern")
    sample.types.datasec(".ksyms", 0, [(var, 0, 4)])
    one_reference(CALLED, CALL + EXIT)(sample, sample.extern("runqueues"))
    assert "calls runqueues, which is no function" in refusal(sample.build())


def struct_ops(
    *,
    section: str = "struct_ops/act",
    name: str = "ops",
    size: int = 16,
    offset: int = 8,
    listed: bool = True,
) -> bytes:
    """A table whose pointer to a function is at byte 8."""
    sample = Sample()
    act = sample.types.ptr(sample.types.func_proto(sample.int, []))
    struct = sample.types.struct(name, 16, [("flags", sample.int, 0), ("act", act, 64)])
    if listed:
        sample.types.datasec(".struct_ops", size, [(sample.types.var("table", struct), 0, size)])
    sample.code(section)
    table = sample.data(".struct_ops", bytes(size))
    sample.object(table, "table", 0, size)
    sample.elf.relocate(table, [(offset, 0, uapi.R_BPF_64_ABS64)])
    return sample.build()


def test_struct_ops_that_are_none() -> None:
    (found,) = read(struct_ops()).maps
    assert found.values == ((8, "program"),)
    assert "not in a section struct_ops" in refusal(struct_ops(section="socket"))
    assert "no struct with a name" in refusal(struct_ops(name=""))
    assert "table has 24 bytes, its struct 16" in refusal(struct_ops(size=24))
    for offset in (0, 4):
        assert "has no pointer to a function" in refusal(struct_ops(offset=offset))
    assert "expected a program in a table" in refusal(struct_ops(offset=16))
    assert "no DATASEC .struct_ops" in refusal(struct_ops(listed=False))


def test_a_hidden_name_of_neither_code_nor_data() -> None:
    sample = Sample()
    sample.code("socket")
    place = sample.data(".data")
    sample.elf.symbol("label", place, bind=uapi.STB_GLOBAL, visibility=uapi.STV_HIDDEN)
    plain = sample.types.build()
    assert read(sample.build()).btf == plain
