"""Values by their BTF type, as bpftool prints them in maps: `btf_dumper.c` of 7.5.

In: types, and bytes. Out: JSON, or what bpftool calls plain text: JSON in which pointers and
bit-fields are hexadecimal without quotes.

A type is looked at once: `form` makes a function of it, which then takes bytes and an offset. The
depth in brackets is part of it, since line ends and indentation depend on it. Unlike bpftool, this
prints floating-point numbers, and goes on behind a member that has no value.
"""

from __future__ import annotations

from struct import Struct as Packing

from probee.btf import types as btf
from probee.introspect.bpftool.jsonw import INDENT, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from probee.btf.table import TypeTable

    Form: TypeAlias = Callable[[bytes, int], str]

_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}
_MODIFIERS = (btf.Const, btf.Volatile, btf.Restrict, btf.TypeTag)
_SIGNED, _CHAR, _BOOL = 1, 2, 4  # linux/btf.h, BTF_INT_*


class Values:
    """Forms of the types of one BTF object.

    `plain`: for text. `pretty`: with line ends. `function`: what is printed in place of a pointer
    to a function, given its type and value, or None for the pointer itself.
    """

    __slots__ = ("_forms", "_function", "_plain", "_pretty", "types")

    def __init__(
        self,
        types: TypeTable,
        *,
        plain: bool,
        pretty: bool,
        function: Callable[[int, int], str | None] | None = None,
    ) -> None:
        self.types = types
        self._plain, self._pretty, self._function = plain, pretty, function
        self._forms: dict[tuple[int, int, int], Form] = {}

    def form(self, id: int, depth: int, bit: int = 0) -> Form:
        """How values of type `id` look within `depth` brackets. `bit`: where it begins, 0 to 7."""
        key = (id, depth, bit)
        if key not in self._forms:
            self._forms[key] = self._made(id, depth, bit)
        return self._forms[key]

    def _made(self, id: int, depth: int, bit: int) -> Form:
        type_ = self.types.type(id)
        match type_:
            case btf.Int():
                return self._int(type_, bit)
            case btf.Struct() | btf.Union():
                return self._struct(type_, depth)
            case btf.Array():
                return self._array(type_, depth)
            case btf.Enum():
                return _enum(type_.size, [(v.name, v.value) for v in type_.values])
            case btf.Enum64():
                return _enum64([(v.name, v.value) for v in type_.values])
            case btf.Ptr():
                return self._pointer(type_)
            case btf.Var():
                return self._object([(type_.name, self.form(type_.type, depth + 1, bit), 0)], depth)
            case btf.Datasec():
                rows = [(self.form(row.type, depth + 2), row.offset) for row in type_.vars]
                return self._object([(type_.name, self._list(rows, depth + 1), 0)], depth)
            case btf.Float():
                return _float(type_.size)
            case btf.Void():
                return _constant("(unknown)")
            case btf.Typedef() | btf.Const() | btf.Volatile() | btf.Restrict() | btf.TypeTag():
                return self.form(self.types.resolve(id), depth, bit)
            case _:
                return _constant("(fwd-kind-invalid)")

    # ------------------------------------------------------------------------------- containers

    def _object(self, rows: list[tuple[str, Form, int]], depth: int) -> Form:
        """`rows`: name, form, offset in bytes of each member."""
        space = " " if self._pretty else ""
        line = f"\n{INDENT * (depth + 1)}" if self._pretty else ""
        names = [f"{line}{quoted(name)}:{space}" for name, _, _ in rows]
        members = [(name, form, at) for name, (_, form, at) in zip(names, rows, strict=True)]
        end = f"\n{INDENT * depth}}}" if self._pretty and rows else "}"

        def form(data: bytes, at: int) -> str:
            inside = [name + member(data, at + offset) for name, member, offset in members]
            return "{" + ",".join(inside) + end

        return form

    def _list(self, rows: list[tuple[Form, int]], depth: int) -> Form:
        end = f"\n{INDENT * depth}]" if self._pretty and rows else "]"

        def form(data: bytes, at: int) -> str:
            return "[" + ",".join([row(data, at + offset) for row, offset in rows]) + end

        return form

    def _struct(self, type_: btf.Struct | btf.Union, depth: int) -> Form:
        rows = []
        for member in type_.members:
            at, bit = divmod(member.bit_offset, 8)
            form = (
                self._bits(member.bits, bit)
                if member.bits
                else self.form(member.type, depth + 1, bit)
            )
            rows.append((member.name, form, at))
        return self._object(rows, depth)

    def _array(self, type_: btf.Array, depth: int) -> Form:
        step = self.types.size_of(type_.type) if type_.count else 0
        count, element = type_.count, self.form(type_.type, depth + 1)
        offsets = [number * step for number in range(count)]
        end = f"\n{INDENT * depth}]" if self._pretty and count else "]"

        def form(data: bytes, at: int) -> str:
            return "[" + ",".join([element(data, at + offset) for offset in offsets]) + end

        if not count or not self._is_char(type_.type):
            return form if count else _constant("[]")

        def text(data: bytes, at: int) -> str:
            string, nul, _ = data[at : at + count].partition(b"\0")
            if nul and (not string or string.isascii()):
                shown = string.decode("ascii")
                if shown.isprintable():
                    return quoted(shown)
            return form(data, at)

        return text

    def _is_char(self, id: int) -> bool:
        """Whether an array of it may be a string: char itself, not a typedef of it."""
        type_ = self.types.type(id)
        while isinstance(type_, _MODIFIERS):
            type_ = self.types.type(type_.type)
        return (
            isinstance(type_, btf.Int)
            and type_.size == 1
            and (type_.encoding == _CHAR or type_.name == "char")
        )

    # ---------------------------------------------------------------------------------- scalars

    def _pointer(self, type_: btf.Ptr) -> Form:
        unpack = Packing("=Q").unpack_from
        function, plain = self._function, self._plain
        target = self.types.resolve(type_.type)
        calls = function is not None and isinstance(self.types.type(target), btf.FuncProto)

        def form(data: bytes, at: int) -> str:
            (value,) = unpack(data, at)
            if calls and function is not None and value < 1 << 32:
                shown = function(target, value)
                if shown is not None:
                    return quoted(shown)
            if plain:
                return f'"{value:#x}"' if value else '"(nil)"'
            return str(value)

        return form

    def _int(self, type_: btf.Int, bit: int) -> Form:
        if bit or type_.offset or type_.bits & 7:
            at, rest = divmod(bit + type_.offset, 8)
            form = self._bits(type_.bits, rest)
            return (lambda data, start: form(data, start + at)) if at else form
        if type_.bits == 128 or type_.bits // 8 not in _CODES:
            return self._bits(type_.bits, 0)
        if type_.encoding == _CHAR:
            return self._char
        if type_.encoding == _BOOL:
            return lambda data, at: "true" if data[at] else "false"
        code = _CODES[type_.bits // 8]
        return _number(code if type_.encoding == _SIGNED else code.upper())

    def _char(self, data: bytes, at: int) -> str:
        char = data[at]
        if 0x20 <= char < 0x7F:
            return quoted(chr(char))
        return f"{char:#x}" if self._plain else f'"\\u00{char:02x}"'

    def _bits(self, width: int, bit: int) -> Form:
        """An unsigned number of `width` bits, from bit 0 to 7 of the first byte on."""
        size, mask = (bit + width + 7) // 8, (1 << width) - 1
        mark = "" if self._plain else '"'

        def form(data: bytes, at: int) -> str:
            value = int.from_bytes(data[at : at + size], "little") >> bit & mask
            return f"{mark}{value:#x}{mark}"

        return form


def _number(code: str) -> Form:
    unpack = Packing(f"={code}").unpack_from
    return lambda data, at: str(unpack(data, at)[0])


def _float(size: int) -> Form:
    code = {2: "e", 4: "f", 8: "d"}.get(size)
    if code is None:
        return _constant("null")
    packing = Packing(f"={code}")

    def form(data: bytes, at: int) -> str:
        """The shortest text that is this number; JSON has none for infinities."""
        (value,) = packing.unpack_from(data, at)
        if value - value != 0:
            return "null"
        near = (float(f"{value:.{digits}g}") for digits in range(1, 18))
        return repr(next(one for one in near if packing.pack(one) == packing.pack(value)))

    return form


def _constant(text: str) -> Form:
    return lambda *_: text


def _enum(size: int, values: list[tuple[str, int]]) -> Form:
    """The first name of the value, which counts as signed; a number without one."""
    names: dict[int, str] = {}
    for name, value in values:
        names.setdefault((value & 0xFFFF_FFFF ^ 1 << 31) - (1 << 31), quoted(name))
    unpack = Packing(f"={_CODES[size]}").unpack_from

    def form(data: bytes, at: int) -> str:
        (value,) = unpack(data, at)
        return names.get(value) or str(value)

    return form


def _enum64(values: list[tuple[str, int]]) -> Form:
    names: dict[int, str] = {}
    for name, value in values:
        names.setdefault(value & (1 << 64) - 1, quoted(name))
    unpack = Packing("=Q").unpack_from

    def form(data: bytes, at: int) -> str:
        (value,) = unpack(data, at)
        return names.get(value) or str((value ^ 1 << 63) - (1 << 63))

    return form
