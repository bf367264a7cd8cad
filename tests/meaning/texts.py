"""Text as CPython sees it, in fields and locals of stated size.

In: bytes. Out: strings that know their bytes and whether they were cut, as `probee.Chars` does.
Text that was read from memory is cut to N - 2 bytes where a buffer of N takes it and it is longer.
The compiler refuses all else that would not fit.
"""

from __future__ import annotations

from collections.abc import Mapping

COMM = "probee"
# what programs read, of lengths around those of their buffers
TEXTS = (
    b"", b"a", b"abc", b"abcdef", b"abcdefg", b"abcdefgh", b"abcdefzzzz", "é".encode(),
    "abcdeé".encode(), b"\xffab", b"abcde\xc3", b"bash", COMM.encode(),
)  # fmt: skip


class Text(str):
    """A string and its bytes. `whole`: it has not gone through a buffer yet that might cut it;
    `held`: what the buffer holds of it, of a text that was cut one byte more than it shows.
    """

    raw: bytes
    cut: bool
    whole: bool
    held: bytes

    def __new__(
        cls, raw: bytes = b"", *, cut: bool = False, whole: bool = False, held: bytes = b""
    ) -> Text:
        self = str.__new__(cls, raw, "utf-8", "surrogateescape")
        self.raw, self.cut, self.whole, self.held = raw, cut, whole, held or raw
        return self

    @classmethod
    def in_buffer(cls, held: bytes) -> Text:
        """What a whole buffer says: without a NUL it was cut."""
        end = held.find(0)
        return cls(held[:-2], cut=True, held=held) if end < 0 else cls(held[:end], held=held)


def text(value: str | bytes) -> Text:
    if isinstance(value, Text):
        return value
    return Text(value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value)


class Buffer:
    """`chars(N)`: a type, and how a field or local of it begins."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self) -> Text:
        return Text()

    def take(self, value: str) -> Text:
        found = text(value)
        if found.whole and len(found.raw) > self.size - 2:
            held = found.raw[: self.size - 1]
            return Text(held[:-1], cut=True, held=held)
        return Text(found.raw, cut=found.cut, held=found.held)


class Current:
    """`current`."""

    comm = Text(COMM.encode())


class Memory:
    """Text in memory: `read` is `read_str`."""

    def __init__(self, held: Mapping[int, bytes]) -> None:
        self.held = held

    def read(self, address: int, size: int = 0, *, default: str | None = None) -> Text | None:
        raw = self.held.get(address)
        if raw is None:
            return None if default is None else text(default)
        found = Text(raw.partition(b"\0")[0], whole=True)
        return Buffer(size).take(found) if size else found
