"""Names of symbols that hold control characters or bytes above 127.

In: such a name and how option --unicode wants it. Out: text of one character a byte.

Characters that are not ASCII are printed as the locale has them by default: of a character of
several bytes only the first is written, for so does readelf.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.shown import Shown

LONGEST_CHARACTER = 6  # MB_CUR_MAX under UTF-8
# first byte from, to; how many bytes; the least number in so many
LEADS = (
    (0xC0, 0xDF, 2, 0x80), (0xE0, 0xEF, 3, 0x800), (0xF0, 0xF7, 4, 0x10000),
    (0xF8, 0xFB, 5, 0x200000), (0xFC, 0xFD, 6, 0x4000000),
)  # fmt: skip
ROOM = {1: 6, 2: 6, 3: 6, 4: 8}  # what an escape sequence takes, by bytes of the character


def escaped(shown: Shown, left: int, name: bytes) -> tuple[str, int]:
    """As much of the name as fits into `left` characters, and how many of them are counted."""
    out: list[str] = []
    count, at = 0, 0
    while left > 0 and at < len(name):
        byte = name[at]
        at += 1
        if 0x20 <= byte < 0x7F:
            piece, counted = chr(byte), 1
        elif byte < 0x20 or byte == 0x7F:
            if left < 2:
                break
            piece, counted = f"^{chr((byte + 0x40) & 0xFF)}", 2
        elif shown.unicode in ("default", "locale"):
            piece, counted = chr(byte), 1
            at += multibyte_length(shown, name[at - 1 : at - 1 + LONGEST_CHARACTER]) - 1
        else:
            # Neither counted nor taken from the room that is left.
            length, is_utf8 = _utf8_length(name, at - 1)
            sequence = _sequence(shown, left, name[at - 1 : at - 1 + length], is_utf8=is_utf8)
            if sequence is None:
                break
            out.append(sequence)
            at += length - 1
            continue
        out.append(piece)
        left -= counted
        count += counted
    return "".join(out), count


def _utf8_length(name: bytes, at: int) -> tuple[int, bool]:
    """How many bytes belong together, and whether they look like UTF-8."""
    first = name[at]
    if first < 0xC0:
        return 1, False
    wanted = 2 if not first & 0x20 else 3 if not first & 0x10 else 4
    rest = name[at + 1 : at + wanted]
    if len(rest) == wanted - 1 and all(byte & 0xC0 == 0x80 for byte in rest):
        return wanted, True
    return 1, False


def _sequence(shown: Shown, left: int, character: bytes, *, is_utf8: bool) -> str | None:
    """<0xc3a9>, {0xff} or a backslash and u00e9; None where there is no room for it."""
    if shown.unicode == "invalid":
        is_utf8 = False
    if shown.unicode == "hex" or not is_utf8:
        if left < 2 * len(character) + 2:
            return None
        before, after = "<>" if is_utf8 else "{}"
        return f"{before}0x{character.hex()}{after}"
    text = _escape(character) if left >= ROOM[len(character)] else ""
    if shown.unicode == "highlight" and shown.terminal:
        text = f"\x1b[31;47m{text}\x1b[0m"
    return text


def _escape(character: bytes) -> str:
    """A backslash, u and the number; of four bytes not the number, but what readelf prints."""
    first, *rest = character
    if len(rest) == 1:
        number = (first & 0x1F) << 6 | rest[0] & 0x3F
        return f"\\u{number:04x}"
    if len(rest) == 2:
        number = (first & 0x0F) << 12 | (rest[0] & 0x3F) << 6 | rest[1] & 0x3F
        return f"\\u{number:04x}"
    high = (first & 0x07) << 6 | (rest[0] & 0x3C) >> 2
    middle = (rest[0] & 0x03) << 6 | (rest[1] & 0x3C) >> 2
    return f"\\u{high:02x}{middle:02x}{(rest[1] & 0x03) << 6 | rest[2] & 0x3F:02x}"


def multibyte_length(shown: Shown, data: bytes) -> int:
    """How many bytes the first character has in the locale; 1 if they are none.

    The GNU C library's UTF-8 has characters of up to six bytes, no surrogates, and of each only the
    shortest form.
    """
    first = data[0]
    row = next((row for row in LEADS if row[0] <= first <= row[1]), None)
    if row is None or len(data) < row[2]:
        return 1
    if shown.utf8 is None:
        shown.utf8 = _utf8_locale()
    if not shown.utf8:
        return 1
    _, last, length, least = row
    code = first & (last - row[0])
    for byte in data[1:length]:
        if byte & 0xC0 != 0x80:
            return 1
        code = code << 6 | byte & 0x3F
    return 1 if code < least or 0xD800 <= code <= 0xDFFF else length


def _utf8_locale() -> bool:
    """Whether the person's locale is a UTF-8 one. Python may have replaced C by C.UTF-8 in its own
    environment (PEP 538), so the block that the process was started with is asked.
    """
    import _locale

    try:
        with open("/proc/self/environ", "rb") as file:
            block = file.read()
    except OSError:
        block = b"\0".join(f"{name}={value}".encode() for name, value in os.environ.items())
    environ = dict(row.split(b"=", 1) for row in block.split(b"\0") if b"=" in row)
    names = (b"LC_ALL", b"LC_CTYPE", b"LANG")
    name = next((environ[one] for one in names if environ.get(one)), b"C").decode("latin-1")
    before = _locale.setlocale(_locale.LC_CTYPE)
    try:
        _locale.setlocale(_locale.LC_CTYPE, name)
        return _locale.nl_langinfo(_locale.CODESET) == "UTF-8"
    except _locale.Error:  # type: ignore[attr-defined] # typeshed has it in locale only
        return False
    finally:
        _locale.setlocale(_locale.LC_CTYPE, before)
