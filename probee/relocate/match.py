"""A member of a struct in the kernel's types, by name, held against what code takes it for.

In: the kernel's BTF, a `CoreReloc`. Out: the number that it stands for, or `Mismatch`, which says
what the kernel has instead. Matching is by names, as libbpf's (bpf_core_match_member in
relo_core.c), but stricter in what must agree: the size of an integer, the struct that a pointer
points to, that it is no bit field. What is found here libbpf finds too, at the same place. An
integer may have another sign: it is read as it is declared.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.errors import ProbeeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import Field, TypeTable
    from probee.spec.programs import CoreReloc

_STRUCTS = (kinds.STRUCT, kinds.UNION)
_ENUMS = (kinds.ENUM, kinds.ENUM64)


class Mismatch(ProbeeError):
    """The kernel has no such struct or member, or has it in another form."""


def value_of(btf: TypeTable, reloc: CoreReloc) -> int:
    """The relocation's number. Raises Mismatch; questions of existence are answered 0 or 1."""
    if reloc.kind == "byte_off":
        return offset_of(btf, reloc)
    if reloc.kind == "type_exists":
        return int(bool(_structs(btf, reloc.struct)))
    if reloc.kind in ("target_type_id", "type_size"):
        found = _structs(btf, reloc.struct)
        if len(found) != 1:
            number = f"{len(found)} structs" if found else "no struct"
            raise Mismatch(f"this kernel has {number} {_plain(reloc.struct)}")
        return found[0] if reloc.kind == "target_type_id" else btf.size_of(found[0])
    try:
        offset_of(btf, reloc)
    except Mismatch:
        return 0
    return 1


def offset_of(btf: TypeTable, reloc: CoreReloc) -> int:
    """Where the member starts, in bytes. Raises Mismatch."""
    name = _plain(reloc.struct)
    candidates = _structs(btf, name)
    if not candidates:
        raise Mismatch(f"this kernel has no struct {name}")
    offsets: set[int] = set()
    first: Mismatch | None = None
    for id in candidates:
        try:
            offsets.add(_walk(btf, id, reloc))
        except Mismatch as error:
            first = first or error
    if len(offsets) > 1:
        raise Mismatch(f"this kernel has {len(candidates)} structs {name} that differ")
    if not offsets and first is not None:
        raise first
    return offsets.pop()


def _plain(name: str) -> str:
    """A name without its flavour."""
    return name.partition("___")[0]


def _structs(btf: TypeTable, name: str) -> list[int]:
    return [id for kind in _STRUCTS for id in btf.by_name(kind, _plain(name))]


def _walk(btf: TypeTable, id: int, reloc: CoreReloc) -> int:
    """The offset of the path in one struct, its last member being what is wanted."""
    bits, done = 0, _plain(reloc.struct)
    names = reloc.path.split(".")
    for number, step in enumerate(names, 1):
        name, _, index = step.partition("[")  # of a char array: its elements are bytes
        field = btf.member(id, name)
        if field is None:
            raise Mismatch(f"struct {done} has no member {name} in this kernel")
        done = f"{done}.{name}"
        bits += field.bit_offset + 8 * int(index.rstrip("]") or 0)
        if field.bits:
            raise Mismatch(f"{done} is a bit field of {field.bits} bits in this kernel")
        id = btf.resolve(field.type)
        wants = reloc.wants if number == len(names) else "struct"
        if not _is(btf, id, wants, field):
            raise Mismatch(f"{done} is {_words(btf, id, field)} in this kernel, not {_said(wants)}")
    return bits // 8


def _is(btf: TypeTable, id: int, wants: str, field: Field) -> bool:
    """Whether a member of type `id` is what the code takes it for."""
    kind, _, detail = wants.partition(" ")
    found = btf.kind(id)
    match kind:
        case "int":
            return _is_integer(btf, id, int(detail))
        case "enum":
            return found in _ENUMS and field.size == int(detail)
        case "ptr":
            return found == kinds.PTR and (not detail or _leads_to(btf, _pointed(btf, id), detail))
        case "ptrs":
            inner = _pointed(btf, id) if found == kinds.PTR else id
            one = btf.kind(inner) == kinds.PTR if inner else False
            return one and _leads_to(btf, _pointed(btf, inner), detail)
        case "struct":
            return found in _STRUCTS and (not detail or btf.name(id) in ("", _plain(detail)))
        case "items":
            return found == kinds.ARRAY and _is_item(btf, _item(btf, id), detail)
        case _:
            return (
                found == kinds.ARRAY
                and field.size == int(detail)
                and _is_item(btf, _item(btf, id), "int 1")
            )


def _is_item(btf: TypeTable, id: int, wants: str) -> bool:
    """Whether an array's elements, of type `id`, are what the code takes them for."""
    kind, _, detail = wants.partition(" ")
    if kind == "int":
        return _is_integer(btf, id, int(detail))
    return btf.kind(id) in _STRUCTS and btf.name(id) == _plain(detail)


def _is_integer(btf: TypeTable, id: int, size: int) -> bool:
    """Whether type `id` is a number of `size` bytes and all their bits."""
    from probee.btf.types import Int

    type_ = btf.type(id)
    return isinstance(type_, Int) and type_.size == size and type_.bits == 8 * size


def _pointed(btf: TypeTable, id: int) -> int:
    """The type that pointer `id` points to, 0 for void."""
    from probee.btf.types import Ptr

    pointer = btf.type(id)
    assert isinstance(pointer, Ptr)
    return btf.resolve(pointer.type)


def _leads_to(btf: TypeTable, target: int, name: str) -> bool:
    """Whether `target` is struct `name`, one without a name, or void, of which C knows no more."""
    if not target:
        return True
    return btf.kind(target) in (*_STRUCTS, kinds.FWD) and btf.name(target) in ("", _plain(name))


def _behind(btf: TypeTable, target: int) -> str:
    """What a pointer points to, for a message; "" for void."""
    if not target:
        return ""
    kind = btf.kind(target)
    if kind == kinds.PTR:
        inner = _behind(btf, _pointed(btf, target))
        return f"pointers to {inner}" if inner else "pointers"
    if kind in (*_STRUCTS, kinds.FWD):
        word = "union" if kind == kinds.UNION else "struct"
        return f"{word} {btf.name(target)}".rstrip()
    return btf.name(target) or kinds.kind_name(kind)


def _item(btf: TypeTable, id: int) -> int:
    """The type of an array's elements."""
    from probee.btf.types import Array

    array = btf.type(id)
    assert isinstance(array, Array)
    return btf.resolve(array.type)


def _words(btf: TypeTable, id: int, field: Field) -> str:
    """What the kernel has, for a message."""
    kind = btf.kind(id)
    if kind in _ENUMS:
        return f"an enum of {field.size} bytes"
    if kind == kinds.INT:
        return f"an integer of {field.size} bytes"
    if kind == kinds.PTR:
        target = _behind(btf, _pointed(btf, id))
        return f"a pointer to {target}" if target else "a pointer"
    if kind in _STRUCTS:
        return f"a {kinds.kind_name(kind).lower()} {btf.name(id)}".rstrip()
    return f"an array of {field.size} bytes" if kind == kinds.ARRAY else kinds.kind_name(kind)


def _said(wants: str) -> str:
    """What the code takes it for, for a message."""
    kind, _, detail = wants.partition(" ")
    match kind:
        case "int":
            return f"an integer of {detail} bytes"
        case "enum":
            return f"an enum of {detail} bytes"
        case "ptr":
            return f"a pointer to struct {detail}" if detail else "a pointer"
        case "ptrs":
            return f"a pointer to pointers to struct {detail}"
        case "struct":
            return f"a struct {detail}".rstrip()
        case "items":
            item = detail.removeprefix("struct ")
            return (
                f"an array of struct {item}" if item != detail else f"an array of {_said(detail)}"
            )
        case _:
            return f"a char array of {detail} bytes"
