"""Names from a file as they may be printed: control characters and foreign bytes made harmless.

In: names as bytes. Out: text of one character a byte.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.shown import Shown

LONGEST = 256  # of a printable name
WIDE = 1 << 31
MOST_BYTES = 8  # of a character, and more than there are in any


def c_string(table: bytes, at: int) -> bytes:
    """The bytes from `at` up to a zero byte or the end of the table."""
    end = table.find(b"\0", at)
    return table[at:] if end < 0 else table[at:end]


def name_at(shown: Shown, table: bytes, at: int, width: int) -> bytes:
    """The same, or of a name that will be cut at `width` only as much as is needed for that."""
    enough = at + MOST_BYTES * (width + 1)
    end = table.find(b"\0", at, enough)
    if end >= 0:
        return table[at:end]
    if shown.wide or shown.extra or shown.unicode not in ("default", "locale"):
        return c_string(table, at)
    return table[at:enough]


def _is_plain(name: bytes) -> bool:
    return name.isascii() and name.decode("ascii").isprintable()


def printable(name: bytes, longest: int = 0) -> str:
    """Control characters as ^A, bytes above 127 as <FF>; cut where 256 characters are full.

    `longest`: how many bytes of the name are looked at, unless it is 0.
    """
    if longest:
        name = name[:longest]
    if len(name) <= LONGEST and _is_plain(name):
        return name.decode("ascii")
    pieces: list[str] = []
    left = LONGEST
    for byte in name:
        if byte < 0x20 or byte == 0x7F:
            piece = f"^{chr((byte + 0x40) & 0xFF)}"
        elif byte < 0x7F:
            piece = chr(byte)
        else:
            piece = f"<{byte:02X}>"
        if left < len(piece):
            break
        pieces.append(piece)
        left -= len(piece)
        if not left:
            break
    return "".join(pieces)


def symbol_name(shown: Shown, width: int, name: bytes) -> tuple[str, int]:
    """A name for a column of `width`, and how many characters readelf counts that it has.

    A negative width pads. A name that is too long ends in [...], unless the output is wide.
    """
    padding, width = width < 0, abs(width)
    if not width:
        return "", 0
    left, dots = width, False
    if shown.wide or shown.extra:
        left = WIDE
    elif not shown.silent and len(name) > width:
        left, dots = max(width - 5, 0), True
    if _is_plain(name):
        text = name[:left].decode("ascii")
        count = len(text)
    else:
        from probee.introspect.readelf.foreign import escaped

        text, count = escaped(shown, left, name)
    if dots:
        text, count = f"{text}[...]", count + 5
    if padding and count < width:
        text, count = text + " " * (width - count), width
    return text, count
