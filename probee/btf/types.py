"""The BTF types as frozen records, one class a kind. Source: include/uapi/linux/btf.h.

A record names other types by id within its blob; id 0 is void and has no record. Offsets are bits
in structs and unions, bytes in data sections. Names are str; bytes that are not UTF-8 survive as
surrogate escapes.

Three relations are used throughout, and they are different things:

  identity       the same id in the same blob. Records carry no id, so `==` on records is *not*
                 identity: two structs that refer to equal ids compare equal only within one blob.
  equivalence    the same declaration: kind, names, sizes, offsets, values, and equivalent types
                 wherever the records refer to one. Blobs may differ. Cycles are followed once.
                 `compare.equivalent`.
  compatibility  what CO-RE asks when it looks for a local type in a kernel: modifiers and names
                 aside, the same kind, with compatible targets for pointers, arrays and function
                 prototypes; structs, unions and enums of any content. Not symmetric in intent,
                 symmetric in result. `compare.compatible`.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.frozen import Frozen
from probee.uapi import btf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

# At most one is set.
SIGNED, CHAR, BOOL = uapi.BTF_INT_SIGNED, uapi.BTF_INT_CHAR, uapi.BTF_INT_BOOL

LINKAGES = ("static", "global", "extern")  # of FUNC and VAR, by number


class Void(Frozen):
    """Type id 0."""

    kind = 0


class Int(Frozen):
    """An integer of `size` bytes holding `bits` bits; `encoding` is 0, SIGNED, CHAR or BOOL.

    `offset` (bits) and `bits` below `size * 8` are how bitfields were written before kind_flag.
    """

    kind = kinds.INT

    name: str
    size: int
    bits: int
    encoding: int = 0
    offset: int = 0

    @property
    def signed(self) -> bool:
        """Whether its top bit is a sign."""
        return self.encoding == SIGNED


class Ptr(Frozen):
    """A pointer to `type`."""

    kind = kinds.PTR

    type: int


class Array(Frozen):
    """`count` elements of `type`; `index` is the type of its subscripts, which nobody reads."""

    kind = kinds.ARRAY

    type: int
    index: int
    count: int


class Member(Frozen):
    """A field at `bit_offset`. `bits` is the width of a bitfield, 0 for an ordinary field."""

    name: str
    type: int
    bit_offset: int
    bits: int = 0


class Struct(Frozen):
    """A struct of `size` bytes; an anonymous one has the name ''."""

    kind = kinds.STRUCT

    name: str
    size: int
    members: tuple[Member, ...] = ()


class Union(Frozen):
    """A union of `size` bytes; every member lies at bit 0."""

    kind = kinds.UNION

    name: str
    size: int
    members: tuple[Member, ...] = ()


class Enumerator(Frozen):
    """One name of an enum, and its value as C sees it."""

    name: str
    value: int


class Enum(Frozen):
    """An enum of `size` bytes with values of 32 bits."""

    kind = kinds.ENUM

    name: str
    size: int
    values: tuple[Enumerator, ...] = ()
    signed: bool = False


class Fwd(Frozen):
    """A struct, or with `union` a union, that is declared and not defined."""

    kind = kinds.FWD

    name: str
    union: bool = False


class Typedef(Frozen):
    """`name` for `type`."""

    kind = kinds.TYPEDEF

    name: str
    type: int


class Volatile(Frozen):
    """`type`, volatile."""

    kind = kinds.VOLATILE

    type: int


class Const(Frozen):
    """`type`, const."""

    kind = kinds.CONST

    type: int


class Restrict(Frozen):
    """`type`, restrict."""

    kind = kinds.RESTRICT

    type: int


class Func(Frozen):
    """A function, or a BPF subprogram, whose prototype is `type`."""

    kind = kinds.FUNC

    name: str
    type: int
    linkage: str = "static"


class Param(Frozen):
    """A parameter. Name '' and type 0 in the last place stand for `...`."""

    name: str
    type: int


class FuncProto(Frozen):
    """A prototype that returns `type`."""

    kind = kinds.FUNC_PROTO

    type: int
    params: tuple[Param, ...] = ()


class Var(Frozen):
    """A global variable of `type`."""

    kind = kinds.VAR

    name: str
    type: int
    linkage: str = "static"


class SecVar(Frozen):
    """The VAR or FUNC `type` at byte `offset` of its section, `size` bytes long."""

    type: int
    offset: int
    size: int


class Datasec(Frozen):
    """An ELF section of `size` bytes and what lies in it. clang leaves `size` 0 for the linker."""

    kind = kinds.DATASEC

    name: str
    size: int
    vars: tuple[SecVar, ...] = ()


class Float(Frozen):
    """A floating-point number of 2, 4, 8, 12 or 16 bytes."""

    kind = kinds.FLOAT

    name: str
    size: int


class DeclTag(Frozen):
    """`value` attached to `type`, or to its member or parameter number `component` (-1: itself).

    `attribute` (kernels since 6.15): the value is a whole `__attribute__`, not a btf_decl_tag.
    """

    kind = kinds.DECL_TAG

    value: str
    type: int
    component: int = -1
    attribute: bool = False


class TypeTag(Frozen):
    """`value` attached to `type`; `attribute` as in DeclTag."""

    kind = kinds.TYPE_TAG

    value: str
    type: int
    attribute: bool = False


class Enum64(Frozen):
    """An enum of `size` bytes with values of 64 bits."""

    kind = kinds.ENUM64

    name: str
    size: int
    values: tuple[Enumerator, ...] = ()
    signed: bool = False


if TYPE_CHECKING:
    Modifier: TypeAlias = Typedef | Volatile | Const | Restrict | TypeTag
    Type: TypeAlias = (
        Void | Int | Ptr | Array | Struct | Union | Enum | Fwd | Modifier | Func | FuncProto
        | Var | Datasec | Float | DeclTag | Enum64
    )  # fmt: skip


def references(type_: Type) -> tuple[int, ...]:
    """The ids that a record refers to, in the order of its fields."""
    match type_:
        case Void() | Int() | Enum() | Enum64() | Fwd() | Float():
            return ()
        case Array():
            return (type_.type, type_.index)
        case Struct() | Union():
            return tuple(member.type for member in type_.members)
        case FuncProto():
            return (type_.type, *(param.type for param in type_.params))
        case Datasec():
            return tuple(var.type for var in type_.vars)
        case _:
            return (type_.type,)


def label(type_: Type) -> str:
    """How messages name a type: `STRUCT task_struct`, `PTR`, `DECL_TAG bpf_kfunc`."""
    name = getattr(type_, "name", "") or getattr(type_, "value", "")
    return f"{kinds.kind_name(type_.kind)} {name}".rstrip()
