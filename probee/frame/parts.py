"""Lines for many rows at a time, put together of parts.

In: what each part of a line is, left to right: constants, cells made of values, strings; batches of
tuples as the ring gives them. Out: `Line.rows`: the bytes of all lines of a batch.

A batch is turned into columns, each column into cells, and the cells are joined: every loop over
rows is one of the interpreter's own, which is what makes a row cost well under 2 µs. Cells of
values that repeat are remembered; those that stand side by side and are made of the same values are
remembered as one, and take the constants beside them in. Long strings are found, and checked for
bytes that need escaping, all at once.
"""

from __future__ import annotations

from itertools import chain, repeat

from probee.frame.text import is_cut, names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TypeAlias

    Columns: TypeAlias = list[tuple[Any, ...]]
    Names: TypeAlias = dict[int, list[bytes] | None]
    Part: TypeAlias = Callable[[Columns, Names], Iterable[bytes]]

REMEMBERED = 4096


class Memo(dict):  # type: ignore[type-arg]
    """Raw value -> cell. Starts afresh when it has grown large: the values come from outside."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[Any], bytes]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, raw: Any) -> bytes:
        cell = self.make(raw)
        if len(self) >= REMEMBERED:
            self.clear()
        self[raw] = cell
        return cell


class _Cells:
    """Cells side by side that are made of the values at `places`, with what stands around them."""

    __slots__ = ("head", "makes", "memo", "places", "tail")

    def __init__(
        self, head: bytes, places: tuple[int, ...], make: Callable[[Any], bytes], memo: bool
    ) -> None:
        self.head, self.tail, self.places, self.memo = head, b"", places, memo
        self.makes = [make]

    def make(self, raw: Any) -> bytes:
        """All of them for one row."""
        return self.head + b"".join([make(raw) for make in self.makes]) + self.tail

    def part(self) -> Part:
        """The loop over a batch."""
        alone = len(self.makes) == 1 and not self.head and not self.tail
        make = self.makes[0] if alone else self.make
        get: Callable[[Any], bytes] = Memo(make).__getitem__ if self.memo else make
        places = self.places
        if len(places) == 1:
            (place,) = places
            return lambda columns, _: map(get, columns[place])
        return lambda columns, _: map(get, zip(*[columns[i] for i in places], strict=True))


class Line:
    """What all lines of a format are made of."""

    def __init__(self) -> None:
        self.built: list[bytes | _Cells | Part] = []
        self._texts: set[int] = set()
        self._parts: list[Part] = []

    def constant(self, text: bytes) -> None:
        """The same bytes in every line."""
        last = self.built[-1] if self.built else None
        if isinstance(last, bytes):
            self.built[-1] = last + text
        elif isinstance(last, _Cells) and last.memo:
            last.tail += text
        else:
            self.built.append(text)

    def cells(self, places: tuple[int, ...], make: Callable[[Any], bytes], *, memo: bool) -> None:
        """Cells made one by one of the value at a place, or of a tuple; `memo`: the values repeat.

        What is made of the same values beside each other is made, and remembered, together.
        """
        last = self.built[-1] if self.built else None
        if (
            isinstance(last, _Cells)
            and last.places == places
            and last.memo == memo
            and not last.tail
        ):
            last.makes.append(make)
            return
        head = b""
        if isinstance(last, bytes) and memo:
            head = last
            self.built.pop()
        self.built.append(_Cells(head, places, make, memo))

    def texts(
        self, place: int, make: Callable[[Sequence[Any]], list[str]], head: str, tail: str
    ) -> None:
        """Cells made for a batch at once, of ASCII without newlines, and what is around them."""
        between = f"{tail}\n{head}"

        def texts(columns: Columns, _: Names) -> Iterable[bytes]:
            joined = between.join(make(columns[place]))
            return f"{head}{joined}{tail}".encode("ascii").split(b"\n")

        self.built.append(texts)

    def strings(self, place: int, plain: bytes, make: Callable[[bytes], bytes]) -> None:
        """Strings from buffers: as they are if no byte of the batch is outside `plain`."""

        def strings(columns: Columns, texts: Names) -> Iterable[bytes]:
            names = texts[place]
            if names is None or b"".join(names).translate(None, plain):
                return map(make, columns[place])
            return names

        self._texts.add(place)
        self.built.append(strings)

    def flag(self, place: int, no: bytes, yes: bytes) -> None:
        """Whether the string in a buffer was cut."""

        def flags(columns: Columns, texts: Names) -> Iterable[bytes]:
            values = columns[place]
            if texts[place] is not None:
                return repeat(no, len(values))
            return [yes if is_cut(raw) else no for raw in values]

        self._texts.add(place)
        self.built.append(flags)

    def rows(self, columns: Columns) -> bytes:
        """The lines of a batch, of which these are the columns."""
        if not self._parts:
            self._parts = [_part(part) for part in self.built]
        texts = {place: _names(columns[place]) for place in self._texts}
        parts = [part(columns, texts) for part in self._parts]
        return b"".join(chain.from_iterable(zip(*parts)))  # noqa: B905 - repeat() never ends


def _part(built: bytes | _Cells | Part) -> Part:
    if isinstance(built, _Cells):
        return built.part()
    if isinstance(built, bytes):
        constant = repeat(built)
        return lambda _, __: constant
    return built


def _names(values: Sequence[bytes]) -> list[bytes] | None:
    """The strings in many buffers; None if one of them was cut."""
    try:
        return names_of(values)
    except ValueError:
        return None
