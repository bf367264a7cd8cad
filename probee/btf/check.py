"""Whether a whole blob is well-formed, beyond what each record says of itself.

In: a `TypeTable`. Out: nothing, or a FormatError that names the first type that is wrong. The
rules are those by which the kernel refuses a blob (btf_check_all_types in kernel/bpf/btf.c, Linux
6.18) as far as ids and kinds go; what it demands of names is the writer's care.

Nothing recurses: chains of values within values are followed by a worklist with three colours.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.types import (
    Array,
    Datasec,
    DeclTag,
    Func,
    FuncProto,
    Struct,
    Union,
    Var,
    label,
    references,
)
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable
    from probee.btf.types import Type

_NOT_A_VALUE = frozenset({kinds.FUNC, kinds.VAR, kinds.DATASEC, kinds.DECL_TAG})
_TAGGED = frozenset({kinds.STRUCT, kinds.UNION, kinds.FUNC, kinds.VAR, kinds.TYPEDEF})


def check(table: TypeTable) -> None:
    """Decode every type and follow every reference. Time is linear in the size of the blob."""
    inner: list[tuple[int, ...]] = [()]
    for id in range(1, len(table) + 1):
        type_ = table.type(id)
        for reference in references(type_):
            if reference > len(table):
                raise FormatError(
                    f"BTF type {id}, {label(type_)}, refers to type {reference}, and there are "
                    f"{len(table)}"
                )
        _check_kinds(table, id, type_)
        inner.append(_contained(type_))
    _check_cycles(inner)


def _check_kinds(table: TypeTable, id: int, type_: Type) -> None:
    """What each kind may refer to."""
    match type_:
        case Func():
            allowed = table.kind(type_.type) == kinds.FUNC_PROTO
        case Datasec():
            allowed = all(table.kind(var.type) in {kinds.VAR, kinds.FUNC} for var in type_.vars)
        case DeclTag():
            allowed = table.kind(type_.type) in _TAGGED and _has_component(table, type_)
        case _:
            allowed = not any(table.kind(ref) in _NOT_A_VALUE for ref in references(type_))
    if not allowed:
        found = ", ".join(kinds.kind_name(table.kind(ref)) for ref in references(type_)[:8])
        raise FormatError(f"BTF type {id}, {label(type_)}, cannot refer to {found}")


def _has_component(table: TypeTable, tag: DeclTag) -> bool:
    if tag.component < 0:
        return True
    target = table.type(tag.type)
    match target:
        case Struct() | Union():
            return tag.component < len(target.members)
        case Func():
            proto = table.type(target.type)
            return isinstance(proto, FuncProto) and tag.component < len(proto.params)
        case _:
            return False


def _contained(type_: Type) -> tuple[int, ...]:
    """The types whose values lie within a value of this one: a cycle of these has no size."""
    if isinstance(type_, Array | Struct | Union | Var) or type_.kind in kinds.MODIFIERS:
        return references(type_)[:1] if isinstance(type_, Array) else references(type_)
    return ()


def _check_cycles(inner: list[tuple[int, ...]]) -> None:
    done = bytearray(len(inner))  # 0: not seen, 1: on the way, 2: free of cycles
    for first in range(1, len(inner)):
        path = [(first, iter(inner[first]))] if not done[first] else []
        while path:
            id, rest = path[-1]
            done[id] = 1
            following = next(rest, None)
            if following is None:
                done[id] = 2
                path.pop()
            elif done[following] == 1:
                raise FormatError(f"BTF type {following} contains itself")
            elif not done[following]:
                path.append((following, iter(inner[following])))
