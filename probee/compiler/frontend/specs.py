"""Format specifications of integers: Python's `{x:08x}` in the kernel's words, or not at all.

In: a specification, and the least and the greatest number that is to be shown. Out: a `Conversion`,
which the kernel's printf writes exactly as Python's format() does, for every such number.
bpf_bprintf_prepare() (kernel/bpf/helpers.c) takes the flags 0, +, - and blank, a width, and the
letters d, i, u, x and X.
"""

from __future__ import annotations

import re

from probee.frozen import Frozen

WIDEST = 512
_SPEC = re.compile(
    r"(?:(?P<fill>.)?(?P<align>[<>=^]))?(?P<sign>[-+ ])?(?P<z>z)?(?P<alt>\#)?(?P<zero>0)?"
    r"(?P<width>\d+)?(?P<group>[,_])?(?P<precision>\.\d+)?(?P<letter>[a-zA-Z%])?",
    re.DOTALL,
)
_S64_MAX = (1 << 63) - 1


class Unprintable(Exception):
    """Why the kernel cannot write what Python would; `fix` says what can be written."""

    def __init__(self, why: str, fix: str = "") -> None:
        super().__init__(why)
        self.why, self.fix = why, fix


class Conversion(Frozen):
    """`prefix` as it is, then `%`, the flags, the width, and `ll` before the letter."""

    prefix: str
    flags: str
    width: int
    letter: str

    @property
    def text(self) -> str:
        """What stands in the kernel's format for the number."""
        return f"%{self.flags}{self.width or ''}ll{self.letter}"

    @property
    def plain(self) -> bool:
        """Whether Linux 5.10 can write it, which knows no flags, no width, and no X."""
        return not self.flags and not self.width and self.letter != "X"

    @property
    def longest(self) -> int:
        """The most characters that it writes, with the prefix."""
        return len(self.prefix) + max(self.width, 20)


def conversion(spec: str, low: int, high: int) -> Conversion:
    """Raises Unprintable where some number from `low` to `high` would come out otherwise."""
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise Unprintable("Python would raise ValueError", "write it as Python takes it")
    part = match.groupdict()
    width = int(part["width"] or 0)
    letter = part["letter"] or "d"
    if letter not in "dxX" or part["precision"] or part["z"] or part["group"]:
        raise Unprintable("the kernel writes integers as d, x or X", "format it on the user side")
    if width > WIDEST:
        raise Unprintable(f"the kernel's width is up to {WIDEST} here", "print less")
    zero = part["zero"] is not None or (part["fill"], part["align"]) == ("0", "=")
    left = part["align"] == "<"
    odd_fill = part["fill"] not in (None, " ") and not (zero and part["align"] == "=")
    if odd_fill or part["align"] == "^" or (part["align"] is not None and zero and _both(part)):
        raise Unprintable("the kernel fills with blanks, or with zeroes behind the sign", "")
    if part["align"] == "=" and not zero:
        raise Unprintable("the kernel puts blanks before the sign", "write > in place of =")
    sign = part["sign"] if part["sign"] in ("+", " ") else ""
    flags = sign + ("-" if left else "") + ("0" if zero and width else "")
    if letter == "d":
        if high > _S64_MAX and sign:
            raise Unprintable("the kernel writes no sign before a u64", "leave the sign out")
        return Conversion("", flags, width, "d" if high <= _S64_MAX else "u")
    if low < 0:
        raise Unprintable(
            "Python writes the minus of a negative number, and the kernel its two's complement",
            "convert it first: u32(x), u64(x)",
        )
    return _hexadecimal(letter, flags, width, zero, sign, prefixed=part["alt"] is not None)


def _both(part: dict[str, str | None]) -> bool:
    """Whether an alignment and the flag 0 are given: Python then fills with zeroes at that side."""
    return part["zero"] is not None and part["align"] != "="


def _hexadecimal(
    letter: str, flags: str, width: int, zero: bool, sign: str, *, prefixed: bool
) -> Conversion:
    if sign:
        raise Unprintable("the kernel writes no sign before x", "leave the sign out")
    if not prefixed:
        return Conversion("", flags, width, letter)
    if width and not zero:
        raise Unprintable(
            "the kernel knows no 0x", "leave the width out, or fill with zeroes: #010x"
        )
    return Conversion(f"0{letter}", flags if width > 2 else "", max(width - 2, 0), letter)
