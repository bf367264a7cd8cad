"""A CO-RE record in words: `<byte_off> [7] struct task_struct::comm[5] (0:4:5)`.

In: the types beside it, and a `CoreRelo`. Out: text as llvm-objdump -r has it (symbolize in LLVM
19's BTFParser.cpp), also where the record makes no sense.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.types import Array, Enum, Enum64, Fwd, Struct, Union
from probee.errors import FormatError
from probee.tables.core_records import BY_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.ext import CoreRelo
    from probee.btf.table import TypeTable
    from probee.btf.types import Type

_QUALIFIERS = {kinds.CONST: " const", kinds.VOLATILE: " volatile", kinds.RESTRICT: " restrict"}
_WORDS = {
    kinds.TYPEDEF: " typedef", kinds.STRUCT: " struct", kinds.UNION: " union",
    kinds.ENUM: " enum", kinds.ENUM64: " enum",
}  # fmt: skip
_LONGEST = 32


class _Senseless(Exception):
    """Why the record cannot be said in words."""


def core_text(table: TypeTable, relo: CoreRelo) -> str:
    """One line. Raises FormatError only where the types themselves are not well-formed."""
    kind = BY_NUMBER.get(relo.relo_kind)
    name, about = (kind.name, kind.about) if kind else (f"reloc kind #{relo.relo_kind}", "")
    access = table.string(relo.access)
    try:
        return f"<{name}>{_described(table, relo, about, access)}"
    except _Senseless as why:
        return f"<{name}> [{relo.type}] '{access}' <{why}>"


def _described(table: TypeTable, relo: CoreRelo, about: str, access: str) -> str:
    spec = _numbers(access)
    if relo.type > len(table):
        raise _Senseless(f"unknown type id: {relo.type}")
    id, text = relo.type, f" [{relo.type}]"
    for _ in range(_LONGEST + 1):
        kind = table.kind(id)
        if kind in _QUALIFIERS:
            text += _QUALIFIERS[kind]
        elif kind == kinds.TYPE_TAG:
            text += f' type_tag("{table.name(id)}")'
        else:
            break
        id = _target(table, id)
    else:
        raise _Senseless("modifiers chain is too long")
    text += _name(table, id)
    if about == "type":
        if spec != [0]:
            raise _Senseless("unexpected type-based relocation spec: should be '0'")
        return text
    if about == "value":
        return f"{text}::{_value(table, id, spec)}"
    if about == "field":
        return f"{text}::{_path(table, id, spec)} ({access})"
    raise _Senseless(f"unknown relocation kind: {relo.relo_kind}")


def _numbers(access: str) -> list[int]:
    numbers = []
    rest = access
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        if not digits:
            raise _Senseless("spec string is not a number")
        numbers.append(int(rest[:digits]))
        rest = rest[digits:]
        if rest and rest[0] != ":":
            raise _Senseless(f"unexpected spec string delimiter: '{rest[0]}'")
        rest = rest[1:]
    return numbers


def _target(table: TypeTable, id: int) -> int:
    target: int = table.type(id).type  # type: ignore[union-attr]
    if target > len(table):
        raise _Senseless(f"unknown type id: {target} in modifiers chain")
    return target


def _name(table: TypeTable, id: int) -> str:
    if not id:
        return " void"
    type_ = table.type(id)
    word = _WORDS.get(type_.kind, "")
    if isinstance(type_, Fwd):
        word = " fwd union" if type_.union else " fwd struct"
    return f"{word} {table.name(id) or f'<anon {id}>'}"


def _bare(table: TypeTable, id: int) -> Type:
    """What typedefs and qualifiers lead to."""
    for _ in range(_LONGEST + 1):
        if table.kind(id) not in kinds.MODIFIERS:
            return table.type(id)
        id = _target(table, id)
    raise _Senseless("modifiers chain is too long")


def _value(table: TypeTable, id: int, spec: list[int]) -> str:
    type_ = _bare(table, id)
    if len(spec) != 1:
        raise _Senseless("unexpected enumval relocation spec size")
    if not isinstance(type_, Enum | Enum64):
        raise _Senseless(f"unexpected type kind for enum relocation: {type_.kind}")
    if spec[0] >= len(type_.values):
        raise _Senseless(f"bad value index: {spec[0]}")
    row = type_.values[spec[0]]
    value = row.value
    if isinstance(type_, Enum) and value >> 31 == 1:
        value |= 0xFFFFFFFF << 32  # LLVM widens it as if it had a sign
    return f"{row.name or f'<anon {spec[0]}>'} = {value}"


def _path(table: TypeTable, id: int, spec: list[int]) -> str:
    if not spec:
        raise _Senseless("field spec too short")
    text = f"[{spec[0]}]" if spec[0] else ""
    for place, index in enumerate(spec[1:], 1):
        type_ = _bare(table, id)
        if isinstance(type_, Struct | Union):
            if index >= len(type_.members):
                raise _Senseless(
                    f"member index {index} for spec sub-string {place} is out of range"
                )
            member = type_.members[index]
            text += f"{'.' if text else ''}{member.name or f'<anon {index}>'}"
            id = member.type
        elif isinstance(type_, Array):
            text += f"[{index}]"
            id = type_.type
        else:
            raise _Senseless(f"unexpected type kind {type_.kind} for spec sub-string {place}")
        if id > len(table):
            raise FormatError(f"BTF has no type {id}: its ids go from 1 to {len(table)}")
    return text
