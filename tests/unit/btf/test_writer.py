"""What the builder makes is what the reader reads, and the same every time."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from probee.btf import kinds, types
from probee.btf.check import check
from probee.btf.mapdef import map_def
from probee.btf.reader import Btf
from probee.btf.writer import BtfBuilder
from probee.errors import UsageError
from tests.unit.btf.samples import every_kind, newest_kinds


def test_every_kind_is_there_and_comes_back() -> None:
    blob = newest_kinds().build()
    first = list(Btf(blob).types())
    assert {type_.kind for _, type_ in first} == set(range(1, 20))
    again = BtfBuilder()
    for _ in first:
        again.reserve()
    for id, type_ in first:
        again.define(id, type_)
    assert list(Btf(again.build()).types()) == first


def test_the_same_calls_give_the_same_bytes() -> None:
    assert every_kind().build() == every_kind().build()
    builder = every_kind()
    assert builder.build() == builder.build()


def test_both_byte_orders_hold_the_same_types() -> None:
    little, big = every_kind().build(), every_kind().build(big_endian=True)
    assert little[:2] == b"\x9f\xeb"
    assert big[:2] == b"\xeb\x9f"
    assert list(Btf(little).types()) == list(Btf(big).types())


def test_equal_types_and_strings_are_kept_once() -> None:
    b = BtfBuilder()
    assert b.int_("u32", 4) == b.int_("u32", 4) == 1
    assert b.int_("u32", 4, signed=True) == 2
    pair = b.struct("pair", 8, [("a", 1, 0), ("b", 1, 32)])
    assert b.struct("pair", 8, [("a", 1, 0), ("b", 1, 32)]) == pair
    assert b.struct("pair", 8, [("a", 1, 0), ("c", 1, 32)]) != pair
    assert b.string("pair") == b.string("pair")
    assert Btf(b.build()).string(b.string("pair")) == "pair"
    assert b.build().count(b"\0pair\0") == 1


def test_source_lines_keep_their_offsets() -> None:
    b = BtfBuilder()
    b.int_("int", 4)
    offsets = {
        text: b.string(text) for text in ("", "opens.py", "    e.path = read(“é”)", "\udcff")
    }
    b.struct("later", 0, [])
    btf = Btf(b.build())
    assert offsets[""] == 0
    assert {text: btf.string(at) for text, at in offsets.items()} == {t: t for t in offsets}


def test_a_struct_that_points_to_itself() -> None:
    b = BtfBuilder()
    task = b.reserve()
    b.define(task, types.Struct("task_struct", 8, (types.Member("parent", b.ptr(task), 0),)))
    btf = Btf(b.build())
    check(btf)
    assert btf.type(2) == types.Ptr(task)


def test_a_reserved_id_must_be_defined_once() -> None:
    b = BtfBuilder()
    id = b.reserve()
    with pytest.raises(UsageError, match="never defined"):
        b.build()
    b.define(id, types.Fwd("x"))
    for wrong in (id, 0, 2):
        with pytest.raises(UsageError, match="waits"):
            b.define(wrong, types.Fwd("x"))


WRONG = (
    types.Ptr(7),
    types.Ptr(-1),
    types.Struct("é", 4),
    types.Struct("a b", 4),
    types.Struct("1a", 4),
    types.Struct("a" * 128, 4),
    types.Struct("a.b", 4),
    types.Struct("a", 4, (types.Member("x y", 1, 0),)),
    types.Struct("a", 1 << 32),
    types.Struct("a", 4, (types.Member("x", 1, -1),)),
    types.Struct("a", 4, (types.Member("x", 1, 0, 256),)),
    types.Struct("a", 4, (types.Member("x", 1, 1 << 24, 3),)),
    types.Func("", 1),
    types.Func("f", 1, "weak"),
    types.Typedef("", 1),
    types.Fwd(""),
    types.Datasec("", 0),
    types.Var("x-y", 1),
    types.DeclTag("", 1),
    types.DeclTag("x", 1, -2),
    types.TypeTag("", 1),
    types.Enum("e", 4, (types.Enumerator("", 1),)),
    types.Enum("e", 4, (types.Enumerator("A", -1),)),
    types.Enum("e", 4, (types.Enumerator("A", 1 << 31),), signed=True),
    types.Enum64("e", 8, (types.Enumerator("A", 1 << 64),)),
    types.Int("i", 4, 256),
    types.Void(),
    types.FuncProto(0, (types.Param("a\0b", 1),)),
    types.DeclTag("a\0b", 1),
    types.DeclTag("\ud800", 1),
    types.Enum("e", 4, tuple(types.Enumerator(f"A{n}", n) for n in range(0x10000))),
)


@pytest.mark.parametrize(
    "type_", WRONG, ids=[f"{n}-{type(type_).__name__}" for n, type_ in enumerate(WRONG)]
)
def test_what_the_format_or_the_kernel_cannot_take(type_: types.Type) -> None:
    b = BtfBuilder()
    b.int_("int", 4)
    with pytest.raises(UsageError):
        b.add(type_)


def test_map_definition() -> None:
    b = BtfBuilder()
    u32 = b.int_("u32", 4)
    inner = map_def(b, "", 2, max_entries=1, key=u32, value=u32)
    assert inner.var == 0
    opens = map_def(b, "opens", 1, max_entries=64, key=u32, value=u32, map_flags=1, numa_node=0)
    outer = map_def(b, "outer", 12, max_entries=4, key_size=4, values=inner.struct)
    ring = map_def(b, "ring", 27, max_entries=1 << 21)
    b.datasec(".maps", 100, [(opens.var, 0, opens.size), (outer.var, 48, outer.size)])
    btf = Btf(b.build())
    check(btf)
    assert btf.type(opens.var) == types.Var("opens", opens.struct, "global")
    assert opens.size == btf.size_of(opens.struct) == 48
    assert numbers(btf, opens.struct) == {
        "type": 1, "max_entries": 64, "map_flags": 1, "numa_node": 0,
    }  # fmt: skip
    assert numbers(btf, ring.struct) == {"type": 27, "max_entries": 1 << 21}
    key = btf.member(opens.struct, "key")
    assert key is not None
    assert btf.type(key.type) == types.Ptr(u32)
    values = btf.member(outer.struct, "values")
    assert values is not None
    array = btf.type(values.type)
    assert isinstance(array, types.Array)
    assert btf.type(array.type) == types.Ptr(inner.struct)
    assert values.offset == outer.size == btf.size_of(outer.struct)


def numbers(btf: Btf, struct: int) -> dict[str, int]:
    found = {}
    type_ = btf.type(struct)
    assert isinstance(type_, types.Struct)
    for member in type_.members:
        pointer = btf.type(member.type)
        assert isinstance(pointer, types.Ptr)
        array = btf.type(pointer.type)
        if isinstance(array, types.Array):
            found[member.name] = array.count
    return found


@given(st.data())
def test_random_structs_round_trip(data: st.DataObject) -> None:
    b = BtfBuilder()
    ids = [b.int_("u8", 1), b.int_("s64", 8, signed=True), b.ptr(0)]
    name = st.text("abc_", min_size=1, max_size=3)
    for _ in range(data.draw(st.integers(0, 8))):
        bits = data.draw(st.booleans())
        rows = [
            (
                data.draw(name),
                data.draw(st.sampled_from(ids)),
                data.draw(st.integers(0, 63)),
                bits * 1,
            )
            for _ in range(data.draw(st.integers(0, 5)))
        ]
        ids.append(b.struct(data.draw(name), 8, rows))
        ids.append(b.array(data.draw(st.sampled_from(ids)), data.draw(st.integers(0, 0xFFFFFFFF))))
    big = data.draw(st.booleans())
    btf = Btf(b.build(big_endian=big))
    check(btf)
    again = BtfBuilder()
    for _, type_ in btf.types():
        again.add(type_)
    assert again.build(big_endian=big) == b.build(big_endian=big)


def test_the_kinds_are_those_of_the_header() -> None:
    names = [getattr(kinds, name) for name in kinds.NAMES[1:]]
    assert names == list(range(1, 20))
    classes = {
        cls.kind for cls in vars(types).values() if isinstance(getattr(cls, "kind", None), int)
    }
    assert classes == set(range(20))
