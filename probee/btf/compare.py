"""Equivalence and compatibility of two types, in the sense that `types` gives these words.

In: two tables and an id in each (the tables may be one). Out: yes or no. Cycles end because a
pair of ids is looked at once: while it is being compared it counts as equal.
"""

from __future__ import annotations

from probee.btf.types import (
    Array,
    Datasec,
    Enum,
    Enum64,
    Float,
    FuncProto,
    Fwd,
    Int,
    Member,
    Param,
    Ptr,
    SecVar,
    Struct,
    Union,
    Void,
    references,
)
from probee.frozen import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable
    from probee.btf.types import Type


def equivalent(left: TypeTable, left_id: int, right: TypeTable, right_id: int) -> bool:
    """Whether both are the same declaration, all the way down."""
    seen = {(left_id, right_id)}
    waiting = [(left_id, right_id)]
    while waiting:
        one, other = waiting.pop()
        if left is right and one == other:
            continue
        first, second = left.type(one), right.type(other)
        if _anonymised(first) != _anonymised(second):
            return False
        for pair in zip(references(first), references(second), strict=True):
            if pair not in seen:
                seen.add(pair)
                waiting.append(pair)
    return True


def _anonymised(type_: Type) -> Type:
    """The record with each id it refers to set to 0: what it says by itself."""
    match type_:
        case Void() | Int() | Enum() | Enum64() | Fwd() | Float():
            return type_
        case Array():
            return Array(0, 0, type_.count)
        case Struct() | Union():
            members = tuple(Member(m.name, 0, m.bit_offset, m.bits) for m in type_.members)
            return type(type_)(type_.name, type_.size, members)
        case FuncProto():
            return FuncProto(0, tuple(Param(param.name, 0) for param in type_.params))
        case Datasec():
            variables = tuple(SecVar(0, var.offset, var.size) for var in type_.vars)
            return Datasec(type_.name, type_.size, variables)
        case _:
            bare: Type = replace(type_, type=0)
            return bare


def compatible(left: TypeTable, left_id: int, right: TypeTable, right_id: int) -> bool:
    """CO-RE's question, as bpf_core_types_are_compat (libbpf's relo_core.c) asks it.

    It follows pointers, elements, results and parameters to any depth, where libbpf gives up with
    an error at 32.
    """
    seen = set()
    waiting = [(left_id, right_id)]
    while waiting:
        one, other = waiting.pop()
        pair = left.resolve(one), right.resolve(other)
        if pair in seen:
            continue
        seen.add(pair)
        match left.type(pair[0]), right.type(pair[1]):
            case (Enum() | Enum64(), Enum() | Enum64()):
                pass
            case (Int() as first, Int() as second):
                if first.offset or second.offset:
                    return False
            case (Ptr() as first, Ptr() as second):
                waiting.append((first.type, second.type))
            case (Array() as first, Array() as second):
                waiting.append((first.type, second.type))
            case (FuncProto() as first, FuncProto() as second):
                if len(first.params) != len(second.params):
                    return False
                waiting += zip(references(first), references(second), strict=True)
            case (Void() | Struct() | Union() | Fwd() as first, second):
                if first.kind != second.kind:
                    return False
            case _:
                return False
    return True
