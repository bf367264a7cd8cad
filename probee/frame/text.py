r"""Bytes from the kernel as text that is safe to show and loses nothing.

In: the raw bytes of a `CharArray` field, or a name's bytes. Out: text for a terminal, a JSON
string, a CSV cell.

File and task names may hold every byte but NUL. A terminal obeys control bytes and escape
sequences in them, and bidirectional overrides reorder what a person reads (the gadget project
treats that as a vulnerability: CVE-2026-25996). So whatever is not printable is escaped, and the
backslash too, which keeps the escape reversible:

    newline, tab, return    \n \t \r        backslash                  \\
    other control, DEL      \x1b             C1, bidi, format, ...      \u202e \U000e0001
    bytes that are not UTF-8   \xff

JSON keeps valid text as it is in meaning; a byte 0xNN that is not UTF-8 becomes the lone surrogate
`\udcNN`, which Python's `os.fsencode(json.loads(line)["path"])` turns back into that byte.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PLAIN = bytes(b for b in range(0x20, 0x7F) if b != 0x5C)  # the bytes that `escape` leaves alone
PLAIN_QUOTED = PLAIN.replace(b'"', b"")  # and those that JSON leaves alone

_SHORT = {0x0A: "\\n", 0x09: "\\t", 0x0D: "\\r", 0x5C: "\\\\"}
_JSON_SHORT = {
    0x0A: "\\n",
    0x09: "\\t",
    0x0D: "\\r",
    0x5C: "\\\\",
    0x22: '\\"',
    8: "\\b",
    12: "\\f",
}


def text_of(raw: bytes) -> bytes:
    """The string in a buffer: up to its first NUL; what stands behind that means nothing.

    A buffer without a NUL holds a string that was cut: its last byte is the mark, and the one
    before is given up, so that N bytes never show more than N - 2 (lang.types.chars).
    """
    end = raw.find(0)
    return raw[:end] if end >= 0 else raw[:-2]


def is_cut(raw: bytes) -> bool:
    """Whether the string did not fit its buffer."""
    return 0 not in raw


def escape(text: bytes) -> str:
    """For a terminal or a CSV cell: printable, one line, reversible."""
    if not text.translate(None, PLAIN):
        return text.decode("ascii")
    return "".join(map(_escaped, text.decode("utf-8", "surrogateescape")))


def _escaped(char: str) -> str:
    if char.isprintable() and char != "\\":
        return char
    code = ord(char)
    if code in _SHORT:
        return _SHORT[code]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable(text: str) -> str:
    """A message of lines: as `escape`, but ends of lines, tabs and backslashes are its own."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else _escaped(c) for c in text)


def one_line(text: str) -> str:
    """As `printable`, for what is to stay in its line: a name, a line of source."""
    return printable(text).replace("\n", "\\n")


def json_string(text: bytes) -> str:
    """A JSON string in ASCII, quotes included."""
    if not text.translate(None, PLAIN_QUOTED):
        return f'"{text.decode("ascii")}"'
    return '"' + "".join(map(_json_escaped, text.decode("utf-8", "surrogateescape"))) + '"'


def _json_escaped(char: str) -> str:
    code = ord(char)
    if code in _JSON_SHORT:
        return _JSON_SHORT[code]
    if 0x20 <= code < 0x7F:
        return char
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def csv_cell(text: str) -> str:
    """A field of RFC 4180: between quotes where it holds a comma or a quote."""
    if '"' in text or "," in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def shown_width(text: str) -> int:
    """How many cells of a terminal `text` takes. `text` is printable."""
    if text.isascii():
        return len(text)
    # A C module of half a megabyte: only for names that need it.
    from unicodedata import category, east_asian_width

    # Marks take no room of their own; many of them are of combining class 0.
    return sum(
        0 if category(char) in ("Mn", "Me") else 2 if east_asian_width(char) in ("W", "F") else 1
        for char in text
    )


def names_of(raws: Iterable[bytes]) -> list[bytes]:
    """The strings in many buffers. Raises ValueError if one of them is cut."""
    return [raw[: raw.index(0)] for raw in raws]
