"""Elements of maps as `bpftool map dump`, `lookup` and `getnext` print them.

In: a map's row, keys and values as bytes. Out: text, or JSON of a known depth, so that a million
elements are formed without a writer between.
"""

from __future__ import annotations

from os import strerror

from probee.introspect.bpftool.jsonw import INDENT, quoted
from probee.introspect.loaded.elements import cpu_step
from probee.uapi.bpf import (
    BPF_MAP_TYPE_ARRAY_OF_MAPS,
    BPF_MAP_TYPE_HASH_OF_MAPS,
    BPF_MAP_TYPE_PROG_ARRAY,
    BPF_MAP_TYPE_REUSEPORT_SOCKARRAY,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.bpftool.values import Values
    from probee.introspect.loaded.maps import Map

_OF_MAPS = (BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS)
_EMPTY_AT_ENOENT = (*_OF_MAPS, BPF_MAP_TYPE_PROG_ARRAY)
_ENOENT, _ENOSPC = 2, 28
_HEX = [f'"0x{byte:02x}"' for byte in range(256)]
_SHORT = 16  # bytes that stand on the line of their name
_LINE = 24  # bytes of key and value together that stand on one line


def hexadecimal(data: bytes) -> str:
    """`01 02 03 04 05 06 07 08  09 ...`, sixteen on a line."""
    if len(data) <= 8:
        return data.hex(" ")
    lines = (data[at : at + 16] for at in range(0, len(data), 16))
    return "\n".join(f"{line[:8].hex(' ')}  {line[8:].hex(' ')}" if len(line) > 8
                     else line.hex(" ") for line in lines)  # fmt: skip


def hex_array(data: bytes, depth: int, *, pretty: bool) -> str:
    """`["0x01","0x02"]` within `depth` brackets."""
    end = f"\n{INDENT * depth}]" if pretty and data else "]"
    return "[" + ",".join(map(_HEX.__getitem__, data)) + end


def little(data: bytes) -> int:
    """The u32 that a value begins with."""
    return int.from_bytes(data[:4], "little")


# -------------------------------------------------------------------------------------- plain text


def entry_text(row: Map, key: bytes, value: bytes) -> str:
    """One element without BTF."""
    if row.per_cpu:
        return _cpus_text(row, key, value)
    broken = row.key_size > _SHORT or row.value_size > _SHORT
    end = "\n" if broken else " "
    single = row.key_size + row.value_size <= _LINE and not broken
    out = ""
    if row.key_size:
        out += f"key:{end}{hexadecimal(key)}{'  ' if single else chr(10)}"
    if row.value_size:
        if row.type in _OF_MAPS:
            out += f"inner_map_id:{end}{little(value)} "
        else:
            out += f"value:{end}{hexadecimal(value)}"
    return f"{out}\n"


def _cpus_text(row: Map, key: bytes, value: bytes) -> str:
    out = f"key:\n{hexadecimal(key)}\n" if row.key_size else ""
    end = "\n" if row.value_size > _SHORT else " "
    for cpu, at in enumerate(range(0, len(value), cpu_step(row))):
        out += f"value (CPU {cpu:02d}):{end}{hexadecimal(value[at : at + row.value_size])}\n"
    return out


def error_text(row: Map, key: bytes, errno: int) -> str:
    """An element whose value cannot be read."""
    if row.type in _EMPTY_AT_ENOENT and errno == _ENOENT:
        return ""
    message = strerror(errno)
    if errno == _ENOENT:
        message = "<no entry>"
    elif errno == _ENOSPC and row.type == BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
        message = "<cannot read>"
    broken = row.key_size > _SHORT or len(message) > _SHORT
    end = "\n" if broken else " "
    single = row.key_size + len(message) <= _LINE and not broken
    return f"key:{end}{hexadecimal(key)}{'  ' if single else chr(10)}value:{end}{message}\n"


# -------------------------------------------------------------------------------------------- JSON


class Entries:
    """Elements of one map as JSON objects within `depth` brackets.

    `values`: forms of its BTF, None without. `formatted`: they stand beside the bytes, as with -j;
    else alone, as in text.
    """

    __slots__ = ("_depth", "_form", "_pretty", "_row", "bare")

    def __init__(
        self, row: Map, values: Values | None, depth: int, *, pretty: bool, formatted: bool
    ) -> None:
        self._row, self._depth, self._pretty = row, depth, pretty
        self.bare = values is None or formatted
        self._form: Form2 | None = None
        if values is not None:
            self._form = self._typed(values, depth + 1 if formatted else depth)

    def entry(self, key: bytes, value: bytes) -> str:
        """One element."""
        if not self.bare:
            assert self._form is not None
            return self._form(key, value)
        row, depth = self._row, self._depth + 1
        fields = [("key", hex_array(key, depth, pretty=self._pretty))]
        if row.per_cpu:
            fields.append(("values", self._cpus(value, depth)))
        else:
            fields.append(("value", hex_array(value, depth, pretty=self._pretty)))
            if row.type in _OF_MAPS:
                fields.append(("inner_map_id", str(little(value))))
        if self._form is not None:
            fields.append(("formatted", self._form(key, value)))
        return self._object(fields, self._depth)

    def error(self, key: bytes, errno: int) -> str:
        """An element whose value cannot be read; "" for one that is only empty."""
        if self._row.type in _EMPTY_AT_ENOENT and errno == _ENOENT:
            return ""
        depth = self._depth + 1
        why = self._object([("error", quoted(strerror(errno)))], depth)
        shown = hex_array(key, depth, pretty=self._pretty)
        return self._object([("key", shown), ("value", why)], self._depth)

    def _cpus(self, value: bytes, depth: int) -> str:
        size, step = self._row.value_size, cpu_step(self._row)
        return self._array(
            [
                self._object(
                    [("cpu", str(cpu)),
                     ("value", hex_array(value[at : at + size], depth + 2, pretty=self._pretty))],
                    depth + 1,
                )
                for cpu, at in enumerate(range(0, len(value), step))
            ],
            depth,
        )  # fmt: skip

    def _typed(self, values: Values, depth: int) -> Form2:
        """An object of key and value, or values, in their types."""
        row = self._row
        key_form = values.form(row.key_type, depth + 1) if row.key_type else None
        id = row.kernel_type or row.value_type
        if not row.per_cpu:
            value_form = values.form(id, depth + 1)

            def single(key: bytes, value: bytes) -> str:
                fields = [("key", key_form(key, 0))] if key_form else []
                return self._object([*fields, ("value", value_form(value, 0))], depth)

            return single
        cpu_form, step = values.form(id, depth + 3), cpu_step(row)

        def several(key: bytes, value: bytes) -> str:
            fields = [("key", key_form(key, 0))] if key_form else []
            cpus = [
                self._object([("cpu", str(cpu)), ("value", cpu_form(value, at))], depth + 2)
                for cpu, at in enumerate(range(0, len(value), step))
            ]
            return self._object([*fields, ("values", self._array(cpus, depth + 1))], depth)

        return several

    def _object(self, fields: list[tuple[str, str]], depth: int) -> str:
        if not self._pretty:
            return "{" + ",".join([f'"{name}":{value}' for name, value in fields]) + "}"
        line = f"\n{INDENT * (depth + 1)}"
        inside = ",".join([f'{line}"{name}": {value}' for name, value in fields])
        return f"{{{inside}\n{INDENT * depth}}}"

    def _array(self, items: list[str], depth: int) -> str:
        end = f"\n{INDENT * depth}]" if self._pretty and items else "]"
        return "[" + ",".join(items) + end


if TYPE_CHECKING:
    from collections.abc import Callable

    Form2 = Callable[[bytes, bytes], str]
