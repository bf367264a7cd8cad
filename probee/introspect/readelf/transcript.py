"""What is said of a file: text for standard output, messages for standard error, in one order.

In: pieces of text (one character a byte). Out: bytes, given in order to a function that writes
them, in large pieces: a dump of a large section is never held whole.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

OUTPUT, MESSAGES = 1, 2
ENOUGH = 1 << 16  # characters


class Transcript:
    """`write(OUTPUT or MESSAGES, bytes)` is called at every message, when much has gathered, and
    by `flush`. `put(text)` appends; messages are complete lines, or as incomplete as readelf's.
    """

    __slots__ = ("_pieces", "_size", "_write")

    def __init__(self, write: Callable[[int, bytes], None]) -> None:
        self._write = write
        self._pieces: list[str] = []
        self._size = 0

    def put(self, text: str) -> None:
        """Text for standard output."""
        self._pieces.append(text)
        self._size += len(text)
        if self._size > ENOUGH:
            self.flush()

    def error(self, text: str) -> None:
        """`readelf: Error: ` and text."""
        self._say("Error", text)

    def warn(self, text: str) -> None:
        """`readelf: Warning: ` and text."""
        self._say("Warning", text)

    def inform(self, text: str) -> None:
        """`readelf: Info: ` and text."""
        self._say("Info", text)

    def message(self, text: str) -> None:
        """Text for standard error as it is."""
        self.flush()
        self._write(MESSAGES, text.encode("latin-1"))

    def flush(self) -> None:
        """Writes what has gathered."""
        if self._pieces:
            text = "".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            self._write(OUTPUT, text.encode("latin-1"))

    def _say(self, kind: str, text: str) -> None:
        self.message(f"readelf: {kind}: {text}")
