"""What a CO-RE record asks for, looked for in one type of a kernel.

In: a `Way` in an object's types, and a candidate in a kernel's. Out: the way in the kernel's
types, or `Mismatch`, which says at which step it ended. Names decide, and anonymous structs are
looked into; types must be of the same sort, no more. Sources: bpf_core_spec_match,
bpf_core_match_member and bpf_core_fields_are_compat in libbpf's relo_core.c.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.compare import compatible
from probee.btf.types import Array, Enum, Enum64, Float, Fwd, Int, Ptr, Struct, Union
from probee.errors import FormatError
from probee.relocate.match import Mismatch
from probee.relocate.record import MAX_STEPS, Step, Way, is_flexible
from probee.relocate.same import matches
from probee.relocate.view import ENUMS, essential_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.types import Type
    from probee.relocate.view import View
    from probee.tables.core_records import CoreKind

_SORTS = {
    kinds.PTR: "a pointer", kinds.ARRAY: "an array", kinds.INT: "an integer",
    kinds.ENUM: "an enum", kinds.ENUM64: "an enum", kinds.STRUCT: "a struct",
    kinds.UNION: "a union", kinds.FLOAT: "a floating-point number", kinds.FWD: "only declared",
    0: "void",
}  # fmt: skip


def find(local: View, way: Way, kind: CoreKind, target: View, candidate: int) -> Way:
    """The way in the kernel's types. Raises Mismatch."""
    match kind.about:
        case "type":
            return _find_type(local, way, kind, target, candidate)
        case "value":
            return _find_value(way, target, candidate)
        case _:
            return _Search(local, target, candidate).run(way)


def _find_type(local: View, way: Way, kind: CoreKind, target: View, candidate: int) -> Way:
    if kind.name == "type_matches":
        same = matches(local, way.root, target, candidate)
        words = "does not match the kernel's"
    else:
        same = compatible(local.btf, way.root, target.btf, candidate)
        words = "stands for another sort of type in this kernel"
    if not same:
        raise Mismatch(f"{local.name(way.root)} {words}")
    return Way(candidate, (), 0)


def _find_value(way: Way, target: View, candidate: int) -> Way:
    id, record = target.behind(candidate)
    name = essential_name(way.steps[0].name or "")
    if isinstance(record, Enum | Enum64):
        for index, value in enumerate(record.values):
            if essential_name(value.name) == name:
                return Way(candidate, (Step(id, index, value.name),), 0, (index,))
    raise Mismatch(f"enum {target.name(candidate)} has no {name} in this kernel")


class _Search:
    """The steps taken so far, and how deep they went."""

    def __init__(self, local: View, target: View, candidate: int) -> None:
        self.local, self.target, self.root = local, target, candidate
        self.steps: list[Step] = []
        self.indices: list[int] = []
        self.bits = 0

    def run(self, way: Way) -> Way:
        id = self.root
        for step in way.steps:
            id, record = self.target.behind(id)
            if step.name is not None:
                id = self._to_member(id, record, step)
            else:
                id = self._to_element(id, record, step)
        return Way(self.root, tuple(self.steps), self.bits, tuple(self.indices))

    def _so_far(self) -> str:
        path = Way(self.root, tuple(self.steps), 0).path
        name = self.target.name(self.root)
        return f"{name}.{path}" if path and not path.startswith("[") else f"{name}{path}"

    def _deeper(self, index: int) -> None:
        if len(self.indices) >= MAX_STEPS:
            raise FormatError(f"{self._so_far()} leads through more than {MAX_STEPS} types")
        self.indices.append(index)

    def _to_element(self, id: int, record: Type, step: Step) -> int:
        if self.steps:  # the first step is about what the pointer points to, no array
            if not isinstance(record, Array):
                raise Mismatch(f"{self._so_far()} is no array in this kernel")
            flexible = is_flexible(self.target, self.steps[-1], record)
            if step.index >= record.count and not flexible:
                raise Mismatch(f"{self._so_far()} has {record.count} elements in this kernel")
            id, _ = self.target.behind(record.type)
        self._deeper(step.index)
        self.steps.append(Step(id, step.index, None))
        self.bits += step.index * self.target.size(id) * 8
        return id

    def _to_member(self, id: int, record: Type, step: Step) -> int:
        assert step.name is not None
        if not isinstance(record, Struct | Union):
            raise Mismatch(f"{self._so_far()} is {_SORTS.get(record.kind, 'no struct')} here")
        found = self._member(id, step.name)
        if found is None:
            raise Mismatch(f"{self._so_far()} has no member {step.name} in this kernel")
        owner, index = found
        theirs = self.target.composite(owner).members[index].type
        ours = self.local.composite(step.type).members[step.index].type
        self.steps.append(Step(owner, index, step.name))
        if not fields_agree(self.local, ours, self.target, theirs):
            _, one = self.target.behind(theirs)
            _, other = self.local.behind(ours)
            raise Mismatch(
                f"{self._so_far()} is {_SORTS.get(one.kind, '?')} in this kernel,"
                f" not {_SORTS.get(other.kind, '?')}"
                + (" of that name" if one.kind == other.kind else "")
            )
        return theirs

    def _member(self, id: int, name: str) -> tuple[int, int] | None:
        """The struct that has the member, and its number there; anonymous ones are looked into."""
        for index, member in enumerate(self.target.composite(id).members):
            self._deeper(index)
            self.bits += member.bit_offset
            if member.name == name:
                return id, index
            if not member.name:
                inner, record = self.target.behind(member.type)
                if isinstance(record, Struct | Union):
                    found = self._member(inner, name)
                    if found is not None:
                        return found
            self.bits -= member.bit_offset
            self.indices.pop()
        return None


def fields_agree(local: View, ours: int, target: View, theirs: int) -> bool:
    """Whether a member of one type may stand for one of the other."""
    for _ in range(33):
        ours, first = local.behind(ours)
        theirs, second = target.behind(theirs)
        if isinstance(first, Struct | Union) and isinstance(second, Struct | Union):
            return True
        if first.kind != second.kind and not (first.kind in ENUMS and second.kind in ENUMS):
            return False
        match first, second:
            case (Array(), Array()):
                ours, theirs = first.type, second.type
            case (Ptr() | Float(), _):
                return True
            case (Int(), Int()):
                return not (first.offset or second.offset)
            case (Fwd() | Enum() | Enum64(), Fwd() | Enum() | Enum64()):
                names = essential_name(first.name), essential_name(second.name)
                return not all(names) or names[0] == names[1]
            case _:
                return False
    raise FormatError(f"BTF type {ours} lies within more than 32 arrays")
