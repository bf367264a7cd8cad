"""`probee map dump`, `lookup`, `getnext` and `peek`.

In: a call. Out: elements written as they are read, in pieces of bounded size.
"""

from __future__ import annotations

from os import close

from probee.errors import KernelError, ProbeeError, UsageError, errno_words
from probee.frame.guard import FAILED, OK
from probee.host.bpf import map_get_next_key
from probee.introspect.bpftool.element_forms import (
    Entries,
    entry_text,
    error_text,
    hex_array,
    hexadecimal,
)
from probee.introspect.bpftool.map_forms import header_json, header_text
from probee.introspect.loaded.elements import elements, look_up, value_bytes
from probee.introspect.loaded.key_words import key_bytes
from probee.introspect.loaded.maps import Maps
from probee.introspect.loaded.select import one, several

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.cli.grammar import Call
    from probee.introspect.bpftool.values import Values
    from probee.introspect.loaded.maps import Map

_ENOENT = 2


def dump(call: Call) -> int:
    """All elements of the maps that are meant."""
    if len(call.words) != 2:
        raise UsageError("one map is wanted: id ID, name NAME or pinned FILE")
    found, _ = several("MAP", call.words)
    try:
        rows = [Maps.row(fd) for fd in found]
        status = _Dump(call, rows).run(found)
    finally:
        for fd in found:
            close(fd)
    return status


class _Dump:
    """One `map dump`. In text, JSON is written where all maps have BTF, indented."""

    def __init__(self, call: Call, rows: list[Map]) -> None:
        from probee.introspect.bpftool.jsonw import JsonWriter

        self._call, self._rows, self._many = call, rows, len(rows) > 1
        self._writer = call.json
        self._typed_text = call.json is None and all(row.btf_id for row in rows)
        if self._typed_text:
            self._writer = JsonWriter(call.write, pretty=True)
        self._pretty = self._typed_text or call.values.pretty

    def run(self, descriptors: list[int]) -> int:
        """The exit status."""
        writer, status = self._writer, OK
        if writer is not None and self._many:
            writer.begin_array()
        for number, (fd, row) in enumerate(zip(descriptors, self._rows, strict=True)):
            why = self._json(fd, row) if writer is not None else self._text(fd, row)
            if why:
                self._call.complain(why)
                status = FAILED
                break
            if writer is None and number < len(descriptors) - 1:
                self._call.write("\n")
        if writer is not None and self._many:
            writer.end()
        if self._typed_text:
            self._call.write("\n")
        return status

    def _text(self, fd: int, row: Map) -> str:
        """Writes one map; why not all of it could be read."""
        call, count, why = self._call, 0, ""
        if self._many:
            call.write(header_text(row))
        try:
            for pairs in elements(fd, row):
                for key, value in pairs:
                    if isinstance(value, int):
                        call.write(error_text(row, key, value))
                    else:
                        call.write(entry_text(row, key, value))
                        count += 1
        except KernelError as error:
            why = _no_keys(row, error)
        call.write(f"Found {count} element{'s' * (count != 1)}\n")
        return why

    def _json(self, fd: int, row: Map) -> str:
        writer = self._writer
        assert writer is not None
        values = values_of(row, plain=self._typed_text, pretty=self._pretty)
        if self._many:
            writer.begin_object()
            header_json(writer, row)
            writer.name("elements")
        writer.begin_array()
        entries = Entries(
            row, values, writer.depth, pretty=self._pretty, formatted=not self._typed_text
        )
        why = ""
        try:
            for pairs in elements(fd, row):
                self._piece(row, entries, pairs)
        except KernelError as error:
            why = _no_keys(row, error)
        writer.end()
        if self._many:
            writer.end()
        return why

    def _piece(self, row: Map, entries: Entries, pairs: list[tuple[bytes, bytes | int]]) -> None:
        """Without types there are plain lines between the brackets, in text, as in bpftool."""
        writer = self._writer
        assert writer is not None
        for key, value in pairs:
            if isinstance(value, int):
                if self._typed_text:
                    self._call.write(error_text(row, key, value))
                elif shown := entries.error(key, value):
                    writer.raw(shown)
            elif self._typed_text and entries.bare:
                self._call.write(entry_text(row, key, value))
            else:
                writer.raw(entries.entry(key, value))


def _no_keys(row: Map, error: KernelError) -> str:
    return (
        f"elements of map {row.id}, a {row.type_name}, cannot be walked: {errno_words(error.errno)}"
    )


def values_of(row: Map, *, plain: bool, pretty: bool) -> Values | None:
    """Forms of a map's values, None where it has no types."""
    if not row.kernel_type and not row.value_type:
        return None
    from probee.introspect.bpftool.values import Values

    if row.kernel_type:
        from probee.host.btf import open_kernel_btf

        return Values(open_kernel_btf(), plain=plain, pretty=pretty)
    from probee.introspect.loaded.types import Types

    types = Types().of(row.btf_id)
    if types is None:
        raise ProbeeError("failed to get btf")
    return Values(types, plain=plain, pretty=pretty)


def lookup(call: Call) -> int:
    """`lookup` and `peek`: the value under a key; status 1 where there is none."""
    fd, row, words = _map(call)
    try:
        key = key_bytes(words, row.key_size) if words or row.key_size else b""
        value = look_up(fd, key, value_bytes(row))
    finally:
        close(fd)
    if value == _ENOENT:
        if call.json is not None:
            call.json.raw("null")
        else:
            call.write(f"key:\n{hexadecimal(key)}\n\nNot found\n")
        return FAILED
    if isinstance(value, int):
        raise ProbeeError(f"lookup failed: {errno_words(value)}")
    if call.json is None and not row.kernel_type and not row.value_type:
        call.write(entry_text(row, key, value))
        return OK
    text = call.json is None
    pretty = text or call.values.pretty
    depth = call.json.depth if call.json is not None else 0
    values = values_of(row, plain=text, pretty=pretty)
    shown = Entries(row, values, depth, pretty=pretty, formatted=not text).entry(key, value)
    if call.json is None:
        call.write(f"{shown}\n")
    else:
        call.json.raw(shown)
    return OK


def getnext(call: Call) -> None:
    """`getnext`: the key behind a key, or the first of all."""
    fd, row, words = _map(call)
    try:
        key = key_bytes(words, row.key_size) if words else None
        try:
            following = map_get_next_key(fd, key, row.key_size)
        except KernelError as error:
            raise ProbeeError(f"can't get next key: {errno_words(error.errno)}") from None
    finally:
        close(fd)
    if following is None:
        raise ProbeeError(f"can't get next key: {errno_words(_ENOENT)}")
    if call.json is None:
        call.write("key: None\n" if key is None else f"key:\n{hexadecimal(key)}\n")
        call.write(f"next key:\n{hexadecimal(following)}\n")
        return
    writer, pretty = call.json, call.values.pretty
    writer.begin_object()
    writer.name("key")
    writer.raw("null" if key is None else hex_array(key, writer.depth, pretty=pretty))
    writer.name("next_key")
    writer.raw(hex_array(following, writer.depth, pretty=pretty))
    writer.end()


def _map(call: Call) -> tuple[int, Map, list[str]]:
    """The one map that is meant, its row, and the words behind it."""
    if len(call.words) < 2:
        raise UsageError("a map is wanted: id ID, name NAME or pinned FILE")
    fd, words = one("MAP", call.words)
    try:
        return fd, Maps.row(fd), words
    except BaseException:
        close(fd)
        raise
