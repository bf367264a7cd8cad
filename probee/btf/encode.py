"""One frozen type to the words of its record: the inverse of `decode`.

In: a record of `types` and a function from text to string offset. Out: u32 words. Raises
UsageError for a number that its place in the format cannot hold.
"""

from __future__ import annotations

from array import array
from struct import pack
from sys import byteorder

from probee.btf import kinds
from probee.btf.raw import HEADER, MAGIC, MAX_STRINGS, VERSION
from probee.btf.types import (
    LINKAGES,
    Array,
    Const,
    Datasec,
    DeclTag,
    Enum,
    Enum64,
    Float,
    Func,
    FuncProto,
    Fwd,
    Int,
    Ptr,
    Restrict,
    Struct,
    Typedef,
    TypeTag,
    Union,
    Var,
    Void,
    Volatile,
    label,
)
from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.btf.types import Type

MAX_VLEN = 0xFFFF  # what kernels before 2026 take


def encode(type_: Type, string: Callable[[str], int]) -> list[int]:
    """The words of the record. `string` gives the offset of a text in the string section."""
    words = _words(type_, string)
    if kinds.vlen_of(words[1]) > MAX_VLEN:
        raise UsageError(f"BTF {label(type_)} has more than {MAX_VLEN} elements")
    if any(not 0 <= word <= 0xFFFFFFFF for word in words):
        raise UsageError(f"BTF {label(type_)} holds a number that is not 32 bits wide")
    return words


def _words(type_: Type, string: Callable[[str], int]) -> list[int]:
    match type_:
        case Int():
            return _int(type_, string)
        case Ptr() | Volatile() | Const() | Restrict():
            return [0, kinds.info_word(type_.kind), type_.type]
        case Typedef():
            return [string(type_.name), kinds.info_word(type_.kind), type_.type]
        case TypeTag():
            return [string(type_.value), _tag_info(type_), type_.type]
        case DeclTag():
            component = type_.component & 0xFFFFFFFF if type_.component >= -1 else -1
            return [string(type_.value), _tag_info(type_), type_.type, component]
        case Array():
            return [0, kinds.info_word(kinds.ARRAY), 0, type_.type, type_.index, type_.count]
        case Struct() | Union():
            return _struct(type_, string)
        case Enum() | Enum64():
            return _enum(type_, string)
        case Fwd():
            return [string(type_.name), kinds.info_word(kinds.FWD, flag=type_.union), 0]
        case Func():
            info = kinds.info_word(kinds.FUNC, _linkage(type_))
            return [string(type_.name), info, type_.type]
        case FuncProto():
            words = [0, kinds.info_word(kinds.FUNC_PROTO, len(type_.params)), type_.type]
            for param in type_.params:
                words += (string(param.name), param.type)
            return words
        case Var():
            return [
                string(type_.name), kinds.info_word(kinds.VAR), type_.type, _linkage(type_),
            ]  # fmt: skip
        case Datasec():
            info = kinds.info_word(kinds.DATASEC, len(type_.vars))
            words = [string(type_.name), info, type_.size]
            for var in type_.vars:
                words += (var.type, var.offset, var.size)
            return words
        case Float():
            return [string(type_.name), kinds.info_word(kinds.FLOAT), type_.size]
        case Void():
            raise UsageError("BTF void is type 0 and has no record")


def _int(type_: Int, string: Callable[[str], int]) -> list[int]:
    if not (0 < type_.bits <= 0xFF and 0 <= type_.offset <= 0xFF and 0 <= type_.encoding <= 0xF):
        raise UsageError(f"BTF {label(type_)} has bits, offset or encoding out of range")
    data = type_.encoding << 24 | type_.offset << 16 | type_.bits
    return [string(type_.name), kinds.info_word(kinds.INT), type_.size, data]


def _tag_info(type_: DeclTag | TypeTag) -> int:
    return kinds.info_word(type_.kind, flag=type_.attribute)


def _linkage(type_: Func | Var) -> int:
    if type_.linkage not in LINKAGES:
        raise UsageError(f"BTF linkage is one of {', '.join(LINKAGES)}, not {type_.linkage!r}")
    return LINKAGES.index(type_.linkage)


def _struct(type_: Struct | Union, string: Callable[[str], int]) -> list[int]:
    flag = any(member.bits for member in type_.members)
    info = kinds.info_word(type_.kind, len(type_.members), flag=flag)
    words = [string(type_.name), info, type_.size]
    for member in type_.members:
        place = member.bit_offset
        if flag:
            if place > 0xFFFFFF or not 0 <= member.bits <= 0xFF:
                raise UsageError(
                    f"BTF {label(type_)} has bitfields, and {member.name} lies beyond 2 MB"
                )
            place |= member.bits << 24
        words += (string(member.name), member.type, place)
    return words


def _enum(type_: Enum | Enum64, string: Callable[[str], int]) -> list[int]:
    wide = isinstance(type_, Enum64)
    bits = 64 if wide else 32
    low = -(1 << bits - 1) if type_.signed else 0
    high = (1 << bits - type_.signed) - 1
    info = kinds.info_word(type_.kind, len(type_.values), flag=type_.signed)
    words = [string(type_.name), info, type_.size]
    for item in type_.values:
        if not low <= item.value <= high:
            raise UsageError(f"BTF {label(type_)} cannot hold {item.name} = {item.value}")
        words += (string(item.name), item.value & 0xFFFFFFFF)
        if wide:
            words.append(item.value >> 32 & 0xFFFFFFFF)
    return words


def blob(words: array[int], strings: bytes, *, big_endian: bool = False) -> bytes:
    """Header, type section and string section; `words` is left as it was."""
    if len(strings) > MAX_STRINGS:
        raise UsageError(f"BTF strings take more than {MAX_STRINGS:#x} bytes")
    if big_endian != (byteorder == "big"):
        words = array("I", words)
        words.byteswap()
    types = words.tobytes()
    header = pack(
        (">" if big_endian else "<") + "HBB5I",
        MAGIC, VERSION, 0, HEADER, 0, len(types), len(types), len(strings),
    )  # fmt: skip
    return header + types + strings
