"""The number that a CO-RE record stands for, on either side.

In: a `Way` in an object's types or in a kernel's, and the kind of question. Out: `Answer`: the
number, and what it says of a load that reads the member. Sources: bpf_core_calc_field_relo,
bpf_core_calc_type_relo and bpf_core_calc_enumval_relo in libbpf's relo_core.c.
"""

from __future__ import annotations

from probee.btf.types import Enum, Enum64, Int, Ptr
from probee.errors import FormatError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.types import Type
    from probee.relocate.record import Way
    from probee.relocate.view import View
    from probee.tables.core_records import CoreKind

U64 = (1 << 64) - 1
_U32 = (1 << 32) - 1  # what libbpf reckons shifts in, which are of no use where they wrap


class Answer(Frozen):
    """`value` from 0 to 2**64 - 1. `size`: bytes of the member that an offset leads to, of type
    `type`, or 0 where a load's size is none of it (a bit field, no offset). `certain`: the
    compiler wrote the same number, so the code must have it before it is patched.
    """

    value: int
    size: int = 0
    type: int = 0
    certain: bool = True


class Bits(Frozen):
    """A member of `width` bits at bit `bits`; a load of `size` bytes at `offset` reads it."""

    bits: int
    width: int
    offset: int
    size: int
    is_field: bool


def answer(view: View, way: Way, kind: CoreKind, *, big_endian: bool) -> Answer:
    """The number. FormatError where the types give none."""
    match kind.name:
        case "field_exists" | "enumval_exists":
            return Answer(1)
        case "type_exists" | "type_matches":
            return Answer(1)
        case "type_size":
            return Answer(view.size(way.root))
        case "local_type_id" | "target_type_id":
            return Answer(way.root, certain=False)  # linking may have renumbered the types
        case "enumval_value":
            return Answer(_enumerator(view, way))
    if way.steps[-1].name is None:
        return _of_element(view, way, kind)
    return _of_member(view, way, kind, big_endian=big_endian)


def absent(kind: CoreKind) -> Answer | None:
    """What the question is answered where nothing was found; None where code must not get there."""
    asks = kind.about == "type" or kind.name in ("field_exists", "enumval_exists")
    return Answer(0) if asks else None


def load_fits(local: View, ours: Answer, target: View, theirs: Answer) -> bool:
    """Whether a load may take the member in the kernel's size: pointers, and unsigned numbers."""
    if ours.size == theirs.size:
        return True
    first, second = local.type(ours.type), target.type(theirs.type)
    if isinstance(first, Ptr) and isinstance(second, Ptr):
        return True
    return isinstance(first, Int) and isinstance(second, Int) and not first.signed | second.signed


def _enumerator(view: View, way: Way) -> int:
    """Values of 32 bits count as signed here, whatever the enum says: so libbpf patches them."""
    step = way.steps[0]
    enum = view.enum(step.type)
    value = enum.values[step.index].value
    if isinstance(enum, Enum):
        value = ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000
    return value & U64


def _of_element(view: View, way: Way, kind: CoreKind) -> Answer:
    type_ = way.steps[-1].type
    size = view.size(type_)
    if kind.name == "byte_off":
        item = view.element(type_)
        return Answer(way.bits // 8, view.size(item), item)
    if kind.name == "byte_sz":
        return Answer(size)
    raise FormatError(f"CO-RE record {kind.name} is about an array's element: only members have it")


def _of_member(view: View, way: Way, kind: CoreKind, *, big_endian: bool) -> Answer:
    step = way.steps[-1]
    member = view.composite(step.type).members[step.index]
    type_, record = view.behind(member.type)
    place = _bits(view, way.bits, member.bits, type_)
    exact = not place.is_field  # of bit fields each compiler chooses its own loads
    match kind.name:
        case "byte_off" if exact:
            item = view.element(type_)  # loads read one element, however many there are
            return Answer(place.offset, view.size(item), item)
        case "byte_off":
            return Answer(place.offset, certain=False)
        case "byte_sz":
            return Answer(place.size, certain=exact)
        case "signed":
            return Answer(int(_is_signed(record)))
        case "lshift_u64":
            before = place.bits - place.offset * 8
            if big_endian:
                return Answer((8 - place.size) * 8 + before & _U32, certain=exact)
            return Answer(64 - (before + place.width) & _U32, certain=exact)
        case _:
            return Answer(64 - place.width & _U32)


def _is_signed(record: Type) -> bool:
    return isinstance(record, Int | Enum | Enum64) and record.signed


def _bits(view: View, bits: int, width: int, type_: int) -> Bits:
    """Where a member lies, and the least load of its own size or twice that which has all of it."""
    size = view.size(type_)
    if not width:
        return Bits(bits, size * 8, bits // 8, size, False)
    if size <= 0:
        raise FormatError(f"BTF type {type_} of a bit field has no bytes")
    offset = bits // 8 // size * size
    while bits + width - offset * 8 > size * 8:
        if size >= 8:
            raise FormatError(f"no load of 8 bytes reads a bit field of {width} bits at bit {bits}")
        size *= 2
        offset = bits // 8 // size * size
    return Bits(bits, width, offset, size, True)
