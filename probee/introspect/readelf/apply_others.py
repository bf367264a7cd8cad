"""Relocations that readelf applies (option -R), of machines of which objects alone are shown.

In: a machine, a type. Out: how it changes the bytes; changed bytes. Debug sections of RISC-V and
LoongArch hold differences, as a pair of relocations that add to what stands there and take from it.

Numbers: the psABIs, see reloc_names_others.py; a test compares with readelf.
"""

from __future__ import annotations

from probee.introspect.readelf.machines import LOONGARCH, MIPS, PPC64, RISCV, S390, SPARCV9

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf import raw
    from probee.introspect.readelf.image import Image

SET, RELATIVE, ADD, SUBTRACT, SET_6, ADD_6, SUBTRACT_6 = range(7)
SIX = 0x3F
# machine: type: how many bytes, and what is done to them
KNOWN = {
    MIPS: {2: (4, SET), 18: (8, SET)},
    PPC64: {1: (4, SET), 26: (4, RELATIVE), 38: (8, SET), 44: (8, RELATIVE)},
    S390: {4: (4, SET), 5: (4, RELATIVE), 22: (8, SET), 23: (8, RELATIVE)},
    SPARCV9: {
        3: (4, SET), 6: (4, RELATIVE), 23: (4, SET), 32: (8, SET), 46: (8, RELATIVE), 54: (8, SET),
    },
    RISCV: {
        1: (4, SET), 2: (8, SET), 33: (1, ADD), 34: (2, ADD), 35: (4, ADD), 36: (8, ADD),
        37: (1, SUBTRACT), 38: (2, SUBTRACT), 39: (4, SUBTRACT), 40: (8, SUBTRACT),
        52: (1, SUBTRACT_6), 53: (1, SET_6), 54: (1, SET), 55: (2, SET), 57: (4, RELATIVE),
    },
    LOONGARCH: {
        1: (4, SET), 2: (8, SET), 47: (1, ADD), 48: (2, ADD), 50: (4, ADD), 51: (8, ADD),
        52: (1, SUBTRACT), 53: (2, SUBTRACT), 55: (4, SUBTRACT), 56: (8, SUBTRACT),
        99: (4, RELATIVE), 105: (1, ADD_6), 106: (1, SUBTRACT_6),
    },
}  # fmt: skip
ULEB128 = {107: "R_LARCH_ADD_ULEB128", 108: "R_LARCH_SUB_ULEB128"}


def changed(way: int, old: int, symbol: int, addend: int, *, addends: bool) -> int:
    """The number that stands there afterwards, of any width."""
    value = addend
    if not addends or way in (ADD, SUBTRACT, ADD_6, SUBTRACT_6):
        value += old & SIX if way == SUBTRACT_6 else old
    value += -symbol if way in (SUBTRACT, SUBTRACT_6) else symbol
    return value & SIX | old & ~SIX if way in (SET_6, ADD_6, SUBTRACT_6) else value


def apply_uleb128(
    image: Image, row: raw.RelocRow, symbols: list[raw.SymbolRow], data: bytearray
) -> bool:
    """LoongArch: adds to a number of variable length or takes from it, in the bytes that it has.

    False where the relocation is none of these.
    """
    name = ULEB128.get(row.type) if image.machine == LOONGARCH else None
    if name is None:
        return False
    field = data[row.offset : row.offset + 16]
    size = next((at + 1 for at, byte in enumerate(field) if not byte & 0x80), 0)
    value = sum((byte & 0x7F) << 7 * at for at, byte in enumerate(field[:size]))
    if not 0 < size <= 8:
        image.out.error(
            f"LoongArch ULEB128 field at {row.offset:#x} contains invalid ULEB128 value\n"
        )
    elif row.symbol >= len(symbols):
        image.out.error(f"{name} reloc contains invalid symbol index {row.symbol}\n")
    else:
        more = row.addend + symbols[row.symbol].value
        value += more if name == "R_LARCH_ADD_ULEB128" else -more
        for at in range(size):
            more = 0x80 if at < size - 1 else 0
            data[row.offset + at] = value >> 7 * at & 0x7F | more
    return True
