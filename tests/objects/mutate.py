"""Damaged files out of sound ones, the same for the same seed.

In: bytes, a random number generator. Out: bytes with a bit, a number or a piece changed, or cut. A
table's row is more often hit where it hurts: numbers are written at multiples of their size, and
are those at the ends of ranges, or others of the same file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_EDGES = (0, 1, 2, 3, 4, 7, 8, 15, 16, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, -1, -2, -8)
_WIDTHS = (1, 2, 4, 4, 4, 8, 8)


def mutated(data: bytes, random: Random) -> bytes:
    """`data` with one to four changes."""
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        random.choice(_WAYS)(out, random)
    return bytes(out)


def _bit(out: bytearray, random: Random) -> None:
    if out:
        out[random.randrange(len(out))] ^= 1 << random.randrange(8)


def _number(out: bytearray, random: Random) -> None:
    width = random.choice(_WIDTHS)
    if len(out) < width:
        return
    at = random.randrange(len(out) - width + 1) // width * width
    value = random.choice((*_EDGES, len(out), random.randrange(len(out) + 1)))
    written = (value % (1 << 8 * width)).to_bytes(width, "little")
    out[at : at + width] = written if random.random() < 0.5 else written[::-1]


def _near(out: bytearray, random: Random) -> None:
    """A number one more or less."""
    if out:
        at = random.randrange(len(out))
        out[at] = (out[at] + random.choice((-8, -1, 1, 8))) % 256


def _copy(out: bytearray, random: Random) -> None:
    """A piece of the file over another: a row in place of another row, say."""
    width = random.choice((1, 4, 8, 12, 16, 24, 64))
    if len(out) <= width:
        return
    one, other = (random.randrange(len(out) - width) // 4 * 4 for _ in range(2))
    out[one : one + width] = out[other : other + width]


def _cut(out: bytearray, random: Random) -> None:
    del out[random.randrange(len(out) + 1) :]


def _clear(out: bytearray, random: Random) -> None:
    width = random.choice((4, 8, 16, 64))
    at = random.randrange(len(out) + 1) // 4 * 4
    end = min(at + width, len(out))
    out[at:end] = bytes(end - at)


_WAYS = (_bit, _bit, _number, _number, _number, _number, _near, _near, _copy, _copy, _clear, _cut)
