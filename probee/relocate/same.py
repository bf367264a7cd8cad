"""Whether a type matches a kernel's, in the sense of BPF_CORE_TYPE_MATCHES.

In: two views and a type in each, whose names were found alike. Out: yes or no. Every member of
ours must be there under its name with a matching type; behind a pointer, the struct's name is
enough. Source: __bpf_core_types_match in libbpf's relo_core.c.
"""

from __future__ import annotations

from probee.btf.types import Array, Enum, Enum64, FuncProto, Fwd, Int, Ptr, Struct, Union, Void
from probee.errors import FormatError
from probee.relocate.view import essential_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.types import Type
    from probee.relocate.view import View

_DEPTH = 32  # of structs and functions within one another, and of pointers and arrays in one


def matches(local: View, ours: int, target: View, theirs: int) -> bool:
    """Whether type `ours` matches `theirs`. FormatError for types that are nested too deep."""
    return _match(local, ours, target, theirs, pointed=False, level=_DEPTH)


def _match(local: View, ours: int, target: View, theirs: int, *, pointed: bool, level: int) -> bool:
    if level <= 0:
        raise FormatError(f"BTF type {ours} is nested too deep to be matched")
    for _ in range(_DEPTH):
        ours, first = local.behind(ours)
        theirs, second = target.behind(theirs)
        if not _names_match(getattr(first, "name", ""), getattr(second, "name", "")):
            return False
        match first, second:
            case (Ptr(), Ptr()):
                pointed = True
                ours, theirs = first.type, second.type
            case (Array(), Array()):
                if first.count != second.count:
                    return False
                ours, theirs = first.type, second.type
            case (FuncProto(), FuncProto()):
                if len(first.params) != len(second.params):
                    return False
                for one, other in zip(first.params, second.params, strict=True):
                    if not _match(
                        local, one.type, target, other.type, pointed=pointed, level=level - 1
                    ):
                        return False
                ours, theirs = first.type, second.type
            case (Struct() | Union(), Struct() | Union()) if not pointed:
                return first.kind == second.kind and _members_match(
                    local, first, target, second, level
                )
            case _:
                return _plain(first, second, pointed=pointed)
    raise FormatError(f"BTF type {ours} lies behind more than {_DEPTH} pointers")


def _plain(first: Type, second: Type, *, pointed: bool) -> bool:
    """Of types that are looked at no deeper."""
    match first, second:
        case (Void(), _):
            return isinstance(second, Void)
        case (Int(), Int()):
            return first.size == second.size and first.signed == second.signed
        case (Enum() | Enum64(), Enum() | Enum64()):
            theirs = {essential_name(value.name) for value in second.values}
            return (
                first.size == second.size
                and len(first.values) <= len(second.values)
                and all(essential_name(value.name) in theirs for value in first.values)
            )
        case (Fwd(), Fwd()):
            return first.union == second.union
        case (Struct() | Union(), Struct() | Union()):
            return first.kind == second.kind
        case (Fwd(), Struct() | Union()):
            return pointed and first.union == isinstance(second, Union)
        case (Struct() | Union(), Fwd()):
            return pointed and isinstance(first, Union) == second.union
        case _:
            return False


def _members_match(
    local: View, first: Struct | Union, target: View, second: Struct | Union, level: int
) -> bool:
    if len(first.members) > len(second.members):
        return False
    return all(
        any(
            _names_match(ours.name, theirs.name)
            and _match(local, ours.type, target, theirs.type, pointed=False, level=level - 1)
            for theirs in second.members
        )
        for ours in first.members
    )


def _names_match(ours: str, theirs: str) -> bool:
    return essential_name(ours) == essential_name(theirs)
