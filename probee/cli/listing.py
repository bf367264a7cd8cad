"""`show` of every kind of object: which are meant, who holds them, where they are pinned.

In: a call, what reads rows, and their two forms. Out: all of them written.
"""

from __future__ import annotations

from os import close

from probee.errors import KernelError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
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
    rows: Iterable[Row]
    found, rows = _selected(kind, call.words, reader)
    try:
        pinned = Multi(pins(kind) if call.values.bpffs else ())
        held = owners(kind)
        write_rows(
            call,
            rows,
            lambda row: text(row, held, pinned),
            lambda writer, row: json(writer, row, held, pinned),
            array=not call.words or len(found) > 1,
        )
    finally:
        for fd in found:
            close(fd)


def write_rows(
    call: Call,
    rows: Iterable[Row],
    text: Callable[[Row], str],
    json: Callable[[JsonWriter, Row], None],
    *,
    array: bool = True,
) -> None:
    """Each row's text, or with -j its JSON; `array`: they are the elements of one."""
    writer = call.json
    if writer is None:
        for row in rows:
            call.write(text(row))
        return
    if array:
        writer.begin_array()
    for row in rows:
        json(writer, row)
    if array:
        writer.end()


def _selected(kind: str, words: list[str], reader: Reader[Row]) -> tuple[list[int], Iterable[Row]]:
    """Descriptors that are open while the rows are read, and the rows.

    Where no descriptor may be had, the rows are those of an iterator.
    """
    if not words:
        return [], reader.all()
    from probee.introspect.loaded.reach import EPERM
    from probee.introspect.loaded.select import meant, several

    try:
        found = several(kind, words)[0]
    except KernelError as error:
        fits = meant(words)
        if error.errno != EPERM or fits is None:
            raise
        rows = [row for row in reader.all() if fits(row)]
        if not rows:
            raise
        return [], rows
    return found, map(reader.row, found)
