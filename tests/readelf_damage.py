"""Objects damaged at random, the same for the same seed: fields of tables, cut ends, bytes.

In: a whole object and a seed. Out: a broken one.
"""

from __future__ import annotations

import random
from typing import Literal

EDGES = (
    0, 1, 2, 3, 4, 8, 15, 16, 17, 23, 24, 25, 63, 64, 65, 127, 128, 255, 256, 0xFF00, 0xFF1F,
    0xFF20, 0xFFF1, 0xFFF2, 0xFFFF, 0x10000, 0x60000000, 0x6FFFFFF5, 0x6FFFFFFF, 0x70000001,
    0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
)  # fmt: skip
# Where a field is in its row, and how many bytes it has. The class stays: ELF32 is refused.
HEADER = (
    (5, 1), (6, 1), (7, 1), (8, 1), (16, 2), (18, 2), (20, 4), (24, 8), (32, 8), (40, 8), (48, 4),
    (52, 2), (54, 2), (56, 2), (58, 2), (60, 2), (62, 2),
)  # fmt: skip
SECTION = (
    (0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8),
)  # fmt: skip
SYMBOL = ((0, 4), (4, 1), (5, 1), (6, 2), (8, 8), (16, 8))
RELOCATION = ((0, 8), (8, 4), (12, 4), (16, 8))
WORD = ((0, 4),)
# type of section: the size of an entry, its fields
TABLES = {
    2: (24, SYMBOL),
    4: (24, RELOCATION),
    9: (16, RELOCATION[:3]),
    7: (4, WORD),
    17: (4, WORD),
}


class Damage:
    """An object under damage."""

    def __init__(self, data: bytes, seed: int) -> None:
        self.data, self.chance = bytearray(data), random.Random(seed)
        self.order: Literal["little", "big"] = "little" if data[5] == 1 else "big"
        start, count = self.number(40, 8), self.number(60, 2)
        self.rows = [start + 64 * at for at in range(count)]
        kinds = ((row, self.number(row + 4, 4)) for row in self.rows)
        self.tables = [row for row, kind in kinds if kind in TABLES]

    def number(self, at: int, size: int) -> int:
        """A field as it is."""
        return int.from_bytes(self.data[at : at + size], self.order)

    def spoil(self, at: int, size: int) -> None:
        """Another value for a field: an edge, a neighbour, a bit or anything."""
        chance, old = self.chance, self.number(at, size)
        if at + size > len(self.data):
            return
        value = chance.choice((
            chance.choice(EDGES), chance.choice(EDGES), old ^ 1 << chance.randrange(8 * size),
            old + chance.choice((-2, -1, 1, 2, 8, 16)), chance.getrandbits(8 * size),
        ))  # fmt: skip
        value &= (1 << 8 * size) - 1
        self.data[at : at + size] = value.to_bytes(size, self.order)

    def once(self) -> None:
        """One damage."""
        chance = self.chance
        kind = chance.random()
        if kind < 0.12:
            del self.data[chance.randrange(len(self.data)) :]
        elif kind < 0.3:
            self.spoil(*chance.choice(HEADER))
        elif kind < 0.6:
            at, size = chance.choice(SECTION)
            self.spoil(chance.choice(self.rows) + at, size)
        elif kind < 0.85 and self.tables:
            row = chance.choice(self.tables)
            step, fields = TABLES.get(self.number(row + 4, 4), (4, WORD))
            start, room = self.number(row + 24, 8), self.number(row + 32, 8)
            at, size = chance.choice(fields)
            self.spoil(
                start + step * chance.randrange(max(min(room, 1 << 20) // step, 1)) + at, size
            )
        elif self.data:
            for _ in range(chance.choice((1, 1, 3, 10))):
                at = chance.randrange(len(self.data))
                self.data[at] = chance.choice((0, 0xFF, 0x41, 0x0A, 0x80, chance.randrange(256)))


def damaged(data: bytes, seed: int) -> bytes:
    """The object with one to three damages."""
    damage = Damage(data, seed)
    for _ in range(damage.chance.choice((1, 1, 1, 2, 3))):
        if damage.data:
            damage.once()
    return bytes(damage.data)
