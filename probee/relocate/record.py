"""What a CO-RE record asks, in the types of the object that it stands in.

In: a record's kind, type id and access string such as `0:1:3`, and the object's own types.
Out: `Ask`: the steps from a type to a member or element, with their names, and how far they lead
there; or the enumerator. Source: bpf_core_parse_spec in libbpf's relo_core.c.
"""

from __future__ import annotations

from probee.btf.types import Array, Enum, Enum64, Struct, Union
from probee.errors import FormatError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.relocate.view import View
    from probee.tables.core_records import CoreKind

MAX_STEPS = 64  # BPF_CORE_SPEC_MAX_LEN


class Step(Frozen):
    """Into member `index` of the struct or union `type`, whose name is `name`; or, where `name`
    is None, to element `index` of an array of `type` (of the first step: of what a pointer to
    `type` points to).
    """

    type: int
    index: int
    name: str | None


class Way(Frozen):
    """`steps` from the type `root` to a place `bits` into it; `indices` are those of every level,
    anonymous structs included. About a type itself there are no steps.
    """

    root: int
    steps: tuple[Step, ...]
    bits: int
    indices: tuple[int, ...] = ()

    @property
    def path(self) -> str:
        """`real_parent.comm[5]`, `[2].x`, or '' for the type itself."""
        words = ""
        for number, step in enumerate(self.steps):
            if step.name is not None:
                words += f".{step.name}" if words else step.name
            elif number or step.index:
                words += f"[{step.index}]"
        return words


def way_of(local: View, kind: CoreKind, type_: int, access: str) -> Way:
    """The way that a record describes. FormatError where the types have none such."""
    if kind.about == "type":
        if access != "0":
            raise _wrong(type_, access, "a question about a type says 0")
        return Way(type_, (), 0)
    indices = _indices(type_, access)
    id, record = local.behind(type_)
    first = indices[0]
    if kind.about == "value":
        if not isinstance(record, Enum | Enum64) or len(indices) > 1:
            raise _wrong(type_, access, "expected an enum and one number")
        if first >= len(record.values):
            raise _wrong(type_, access, f"the enum has {len(record.values)} names")
        return Way(type_, (Step(id, first, record.values[first].name),), 0, indices)
    steps = [Step(id, first, None)]
    bits = first * local.size(id) * 8
    for index in indices[1:]:
        id, more = _follow(local, id, index, steps)
        bits += more
    return Way(type_, tuple(steps), bits, indices)


def _follow(local: View, id: int, index: int, steps: list[Step]) -> tuple[int, int]:
    """One number of an access string: the type that it leads to, and by how many bits."""
    id, record = local.behind(id)
    match record:
        case Struct() | Union():
            if index >= len(record.members):
                raise _wrong(id, str(index), f"it has {len(record.members)} members")
            member = record.members[index]
            if member.name:  # an anonymous one is passed through: another kernel may not have it
                steps.append(Step(id, index, member.name))
            return member.type, member.bit_offset
        case Array():
            element, _ = local.behind(record.type)
            if index >= record.count and not is_flexible(local, steps[-1], record):
                raise _wrong(id, str(index), f"the array has {record.count} elements")
            steps.append(Step(element, index, None))
            return element, index * local.size(element) * 8
        case _:
            raise _wrong(id, str(index), "it has neither members nor elements")


def is_flexible(view: View, before: Step, array: Array) -> bool:
    """Whether an array is a flexible one: of no elements, the last member of its struct."""
    if before.name is None or array.count:
        return False
    return before.index == len(view.composite(before.type).members) - 1


def _indices(type_: int, access: str) -> tuple[int, ...]:
    parts = access.split(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise _wrong(type_, access, "expected numbers between colons")
    if len(parts) > MAX_STEPS:
        raise _wrong(type_, access[:60], f"more than {MAX_STEPS} steps")
    return tuple(map(int, parts))


def _wrong(type_: int, access: str, message: str) -> FormatError:
    return FormatError(f"CO-RE record of type {type_}, access {access!r}: {message}")
