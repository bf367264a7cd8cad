"""Numbers as the C library reads them: `0x1f`, `017`, `-1`, with what is left of the text."""

from __future__ import annotations

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MAX = (1 << 64) - 1


def strtoul(text: str, base: int) -> tuple[int, str]:
    """The number that `text` begins with, of 64 bits, and the rest; (0, text) for none.

    `base` 0 takes it from the number: 0x for 16, 0 for 8.
    """
    left = text.lstrip(" \t\n\v\f\r")
    negative = left[:1] == "-"
    if left[:1] in ("+", "-"):
        left = left[1:]
    if base in (0, 16) and left[:2].lower() == "0x" and _digit(left[2:3]) < 16:
        left, base = left[2:], 16
    elif base == 0:
        base = 8 if left[:1] == "0" else 10
    length = 0
    while length < len(left) and _digit(left[length]) < base:
        length += 1
    if not length:
        return 0, text
    number = int(left[:length], base)
    if number > _MAX:
        return _MAX, left[length:]
    return -number & _MAX if negative else number, left[length:]


def _digit(char: str) -> int:
    at = _DIGITS.find(char.lower()) if char else -1
    return at if at >= 0 else 99
