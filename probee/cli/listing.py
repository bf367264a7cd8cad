"""`show` of every kind of object: which are meant, who holds them, where they are pinned.

In: a call, what reads rows, and their two forms. Out: all of them written.
"""

from __future__ import annotations

from os import close

from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Generic, Protocol, TypeVar

    from probee.cli.grammar import Call
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.bpftool.shared import Multi
    from probee.introspect.loaded.owners import Owners

    Row = TypeVar("Row")
    Read_co = TypeVar("Read_co", covariant=True)

    class Reader(Protocol, Generic[Read_co]):
        """What gives rows."""

        def all(self) -> Iterator[Read_co]:
            """Every object's."""

        def row(self, fd: int) -> Read_co:
            """One object's."""


def show_all(
    call: Call,
    kind: str,
    reader: Reader[Row],
    text: Callable[[Row, Owners, Multi], str],
    json: Callable[[JsonWriter, Row, Owners, Multi], None],
) -> None:
    """The objects that the call's words select, or all; a JSON array unless it is one."""
    from probee.introspect.bpftool.shared import Multi
    from probee.introspect.loaded.owners import owners
    from probee.introspect.loaded.pinned import pins

    if len(call.words) not in (0, 2):
        raise UsageError(f"what is '{call.words[0]}'?")
    found = _selected(kind, call.words)
    try:
        pinned = Multi(pins(kind) if call.values.bpffs else ())
        held = owners(kind)
        writer = call.json
        array = writer is not None and (found is None or len(found) > 1)
        if writer is not None and array:
            writer.begin_array()
        for row in reader.all() if found is None else map(reader.row, found):
            if writer is None:
                call.write(text(row, held, pinned))
            else:
                json(writer, row, held, pinned)
        if writer is not None and array:
            writer.end()
    finally:
        for fd in found or ():
            close(fd)


def _selected(kind: str, words: list[str]) -> list[int] | None:
    if not words:
        return None
    from probee.introspect.loaded.select import several

    return several(kind, words)[0]
