"""Equivalence holds across blobs whatever the ids; compatibility is CO-RE's looser question."""

from __future__ import annotations

from probee.btf import kinds, types
from probee.btf.compare import compatible, equivalent
from probee.btf.reader import Btf
from probee.btf.writer import BtfBuilder
from tests.unit.btf.samples import newest_kinds, raw


def test_the_same_types_under_other_ids() -> None:
    blob = newest_kinds().build()
    one = Btf(blob)
    offset = 1
    plain = Btf(renumbered(blob, offset))
    for id in range(1, len(one) + 1):
        assert equivalent(one, id, plain, id + offset)
        assert equivalent(one, id, one, id)
        assert compatible(one, id, plain, id + offset) == compatible(one, id, one, id)
    differing = sum(
        equivalent(one, id, plain, other + offset)
        for id in range(1, len(one) + 1)
        for other in range(1, len(one) + 1)
        if id != other
    )
    assert differing == 0


def renumbered(blob: bytes, offset: int) -> bytes:
    """The same types behind `offset` others."""
    one = Btf(blob)
    b = BtfBuilder()
    for number in range(offset):
        b.int_(f"filler{number}", 2)
    for _ in range(len(one)):
        b.reserve()
    for id, type_ in one.types():
        b.define(id + offset, moved(type_, offset))
    return b.build()


def moved(type_: types.Type, by: int) -> types.Type:
    def at(id: int) -> int:
        return id + by if id else 0

    match type_:
        case types.Struct() | types.Union():
            rows = tuple(
                types.Member(m.name, at(m.type), m.bit_offset, m.bits) for m in type_.members
            )
            return type(type_)(type_.name, type_.size, rows)
        case types.FuncProto():
            params = tuple(types.Param(p.name, at(p.type)) for p in type_.params)
            return types.FuncProto(at(type_.type), params)
        case types.Datasec():
            rows2 = tuple(types.SecVar(at(v.type), v.offset, v.size) for v in type_.vars)
            return types.Datasec(type_.name, type_.size, rows2)
        case types.Array():
            return types.Array(at(type_.type), at(type_.index), type_.count)
        case types.Ptr() | types.Const() | types.Volatile() | types.Restrict():
            return type(type_)(at(type_.type))
        case types.Func() | types.Var():
            return type(type_)(type_.name, at(type_.type), type_.linkage)
        case types.Typedef():
            return types.Typedef(type_.name, at(type_.type))
        case types.DeclTag():
            return types.DeclTag(type_.value, at(type_.type), type_.component, type_.attribute)
        case types.TypeTag():
            return types.TypeTag(type_.value, at(type_.type), type_.attribute)
        case _:
            return type_


def table() -> tuple[Btf, dict[str, int]]:
    b = BtfBuilder()
    ids = {
        "u32": b.int_("u32", 4),
        "u64": b.int_("u64", 8),
        "a": b.struct("a", 4, [("x", 1, 0)]),
        "b": b.struct("b", 4, [("y", 1, 0)]),
        "u": b.union("a", 4, [("x", 1)]),
        "e": b.enum("e", [("A", 1)]),
        "e64": b.enum("e64", [("A", 1)], size=8),
        "fwd": b.fwd("a"),
        "float": b.float_("float", 4),
    }
    ids["alias"] = b.typedef("alias", b.const(ids["a"]))
    ids["pa"], ids["pb"], ids["pu"] = b.ptr(ids["a"]), b.ptr(b.const(ids["b"])), b.ptr(ids["u"])
    ids["void*"] = b.ptr(0)
    ids["a3"], ids["b7"] = b.array(ids["a"], 3), b.array(ids["b"], 7)
    ids["f1"] = b.func_proto(0, [("x", ids["pa"])])
    ids["f2"] = b.func_proto(0, [("y", ids["pb"])])
    ids["f3"] = b.func_proto(0, [("y", ids["pb"]), ("z", 1)])
    ids["f4"] = b.func_proto(1, [("x", ids["pa"])])
    return Btf(b.build()), ids


def test_compatibility() -> None:
    btf, ids = table()
    alike = [
        ("u32", "u64"), ("a", "b"), ("a", "alias"), ("e", "e64"), ("pa", "pb"), ("a3", "b7"),
        ("f1", "f2"), ("void*", "void*"),
    ]  # fmt: skip
    different = [
        ("u32", "a"), ("a", "u"), ("pa", "pu"), ("pa", "void*"), ("f1", "f3"), ("f1", "f4"),
        ("a", "fwd"), ("u32", "e"), ("float", "float"),
    ]  # fmt: skip
    for expected, pairs in ((True, alike), (False, different)):
        for one, other in pairs:
            assert compatible(btf, ids[one], btf, ids[other]) == expected, (one, other)
            assert compatible(btf, ids[other], btf, ids[one]) == expected, (one, other)


def test_a_bitfield_of_old_is_compatible_with_nothing() -> None:
    shifted = Btf(raw([1, kinds.INT << 24, 4, 8 << 16 | 8]))
    btf, ids = table()
    assert not compatible(shifted, 1, btf, ids["u32"])


def test_cycles_end() -> None:
    words = [1, kinds.STRUCT << 24 | 1, 8, 1, 2, 0, 0, kinds.PTR << 24, 1]
    one, other = Btf(raw(words)), Btf(raw(words))
    assert equivalent(one, 1, other, 1)
    pointers = Btf(raw([0, kinds.PTR << 24, 1]))
    assert compatible(pointers, 1, Btf(raw([0, kinds.PTR << 24, 2, 0, kinds.PTR << 24, 1])), 1)
