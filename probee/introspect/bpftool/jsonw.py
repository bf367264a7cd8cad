"""JSON as bpftool writes it, on one line or indented by four.

In: brackets, names and values, in the order in which they stand. Out: pieces of text.

The places of line ends are bpftool's own: one stands before each name and, where anything stands
inside, before each closing bracket, but none before an element of an array. Unlike there, every
string is valid JSON: control bytes are escaped, and a byte that is not UTF-8 becomes a lone
surrogate, as in probee's own JSON.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
INDENT = "    "


def quoted(text: str) -> str:
    """A JSON string, quotes included. Text that can be read stays as it is."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    code = ord(char)
    if code in _SHORT:
        return _SHORT[code]
    if char.isprintable():
        return char
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


class JsonWriter:
    """Gives the pieces of a document to `write` as they come."""

    __slots__ = ("_ends", "_separator", "pretty", "write")

    def __init__(self, write: Callable[[str], object], *, pretty: bool = False) -> None:
        self.write = write
        self.pretty = pretty
        self._ends: list[str] = []
        self._separator = ""

    @property
    def depth(self) -> int:
        """How many brackets are open."""
        return len(self._ends)

    def begin_object(self) -> None:
        """`{`."""
        self._begin("{", "}")

    def begin_array(self) -> None:
        """`[`."""
        self._begin("[", "]")

    def _begin(self, begin: str, end: str) -> None:
        self.write(self._separator + begin)
        self._ends.append(end)
        self._separator = ""

    def end(self) -> None:
        """Closes the innermost bracket."""
        end = self._ends.pop()
        if self._separator and self.pretty:
            end = f"\n{INDENT * len(self._ends)}{end}"
        self.write(end)
        self._separator = ","

    def name(self, name: str) -> None:
        """The name of what comes next."""
        line, space = (f"\n{INDENT * len(self._ends)}", " ") if self.pretty else ("", "")
        self.write(f"{self._separator}{line}{quoted(name)}:{space}")
        self._separator = ""

    def raw(self, text: str) -> None:
        """A value that is JSON already."""
        self.write(self._separator + text)
        self._separator = ","

    def string(self, text: str) -> None:
        """A string."""
        self.raw(quoted(text))

    def field(self, name: str, value: int | str | bool | None) -> None:
        """A name with its number, string, truth or null."""
        self.name(name)
        self.raw(
            quoted(value) if isinstance(value, str)
            else str(value) if not isinstance(value, bool) and value is not None
            else {True: "true", False: "false", None: "null"}[value]
        )  # fmt: skip

    def restart(self) -> None:
        """The next value begins a document of its own: no comma before it."""
        self._separator = ""

    def close(self, depth: int = 0) -> None:
        """Closes brackets until no more than `depth` are open."""
        while len(self._ends) > depth:
            self.end()
