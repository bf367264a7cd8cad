"""What is a machine's own, of machines of which objects alone are shown: flags, types, st_other.

In: numbers of an object of MIPS, 64-bit PowerPC, S/390, SPARC V9, RISC-V or LoongArch. Out: what
readelf 2.44 calls them.

Names and numbers: binutils' include/elf for each machine, after its psABI; tests compare with
readelf.
"""

from __future__ import annotations

from probee.introspect.readelf.machines import LOONGARCH, MIPS, PPC64, RISCV, S390, SPARCV9

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Flags: TypeAlias = tuple[tuple[int, dict[int | None, str]], ...]


def _bits(*rows: tuple[int, str]) -> Flags:
    """A word for a bit that is set."""
    return tuple((1 << bit, {1 << bit: word}) for bit, word in rows)


# e_flags by machine, in readelf's order: a mask, and for values under it a word. What stands at
# None is said of all others.
FLAGS: dict[int, Flags] = {
    MIPS: (
        *_bits(
            (0, "noreorder"), (1, "pic"), (2, "cpic"), (4, "ugen_reserved"), (5, "abi2"),
            (7, "odk first"), (8, "32bitmode"), (10, "nan2008"), (9, "fp64"),
        ),
        (0xFF0000, {
            0x810000: "3900", 0x820000: "4010", 0x830000: "4100", 0x880000: "4111",
            0x870000: "4120", 0x850000: "4650", 0x910000: "5400", 0x980000: "5500",
            0x920000: "5900", 0x8A0000: "sb1", 0x990000: "9000", 0xA00000: "loongson-2e",
            0xA10000: "loongson-2f", 0xA20000: "gs464", 0xA30000: "gs464e", 0xA40000: "gs264e",
            0x8B0000: "octeon", 0x8D0000: "octeon2", 0x8E0000: "octeon3", 0x8C0000: "xlr",
            0x930000: "interaptiv-mr2", 0x840000: "allegrex", 0: "", None: "unknown CPU",
        }),
        (0xF000, {
            0x1000: "o32", 0x2000: "o64", 0x3000: "eabi32", 0x4000: "eabi64", 0: "",
            None: "unknown ABI",
        }),
        *_bits((27, "mdmx"), (26, "mips16"), (25, "micromips")),
        (0xF0000000, {
            **{at << 28: f"mips{isa}" for at, isa in enumerate((
                "1", "2", "3", "4", "5", "32", "64", "32r2", "64r2", "32r6", "64r6",
            ))},
            None: "unknown ISA",
        }),
    ),
    PPC64: ((3, {1: "abiv1", 2: "abiv2", 3: "abiv3"}),),
    S390: _bits((0, "highgprs")),
    SPARCV9: (
        *_bits(
            (8, "v8+"), (9, "ultrasparcI"), (11, "ultrasparcIII"), (10, "halr1"), (23, "ledata"),
        ),
        (3, {0: "tso", 1: "pso", 2: "rmo"}),
    ),
    RISCV: (
        *_bits((0, "RVC"), (3, "RVE"), (4, "TSO")),
        (6, {0: "soft-float ABI", 2: "single-float ABI", 4: "double-float ABI",
             6: "quad-float ABI"}),
    ),
    LOONGARCH: (
        (7, {1: "SOFT-FLOAT", 2: "SINGLE-FLOAT", 3: "DOUBLE-FLOAT"}),
        (0xC0, {0: "OBJ-v0", 0x40: "OBJ-v1"}),
    ),
}  # fmt: skip
# From SHT_LOPROC on; - is none.
_MIPS_SECTIONS = """
    LIBLIST MSYM CONFLICT GPTAB UCODE DEBUG REGINFO PACKAGE PACKSYM RELD - IFACE CONTENT OPTIONS - -
    SHDR FDESC EXTSYM DENSE PDESC LOCSYM AUXSYM OPTSYM LOCSTR LINE RFDESC DELTASYM DELTAINST
    DELTACLASS DWARF DELTADECL SYMBOL_LIB EVENTS TRANSLATE PIXIE XLATE XLATE_DEBUG WHIRL EH_REGION
    XLATE_OLD PDR_EXCEPTION ABIFLAGS XHASH
"""
RISCV_ATTRIBUTES, ORDERED = 0x70000003, 0x7FFFFFFF
SECTION_TYPES = {
    MIPS: {
        0x70000000 + at: f"MIPS_{name}"
        for at, name in enumerate(_MIPS_SECTIONS.split()) if name != "-"
    },
    PPC64: {ORDERED: "ORDERED"},
    RISCV: {RISCV_ATTRIBUTES: "RISCV_ATTRIBUTES"},
}  # fmt: skip
MIPS_OTHER = {
    0x04: "OPTIONAL", 0x08: "MIPS PLT", 0x20: "MIPS PIC", 0x80: "MICROMIPS",
    0xA0: "MICROMIPS, MIPS PIC", 0xF0: "MIPS16",
}  # fmt: skip
VARIANT_CC = 0x80  # STO_RISCV_VARIANT_CC
LOCAL_ENTRY = 5  # STO_PPC64_LOCAL_BIT
LOCAL_ENTRIES = (0, 1, 4, 8, 16, 32, 64)
# Section numbers of symbols, with their upper half set.
INDEXES = {MIPS: {0xFFFFFF03: "SCOMMON", 0xFFFFFF04: "SUNDEF"}}


def flag_words(machine: int, flags: int) -> str:
    """What stands behind e_flags; nothing where they are 0."""
    words = []
    for mask, names in FLAGS[machine] if flags else ():
        words.append(names.get(flags & mask, names.get(None, "")))
    return "".join(f", {word}" for word in words if word)


def section_type(machine: int, number: int) -> str | None:
    """A type from SHT_LOPROC to SHT_HIPROC; None where the machine has no name for it.

    Of 64-bit PowerPC readelf prints no number then, but what C makes of no text.
    """
    name = SECTION_TYPES.get(machine, {}).get(number)
    return "(null)" if name is None and machine == PPC64 else name


def symbol_other(machine: int, other: int) -> str:
    """The bits of st_other above the visibility; '' where they have no name."""
    entry = other >> LOCAL_ENTRY
    if machine == MIPS:
        return MIPS_OTHER.get(other, "")
    if machine == PPC64 and not other & (1 << LOCAL_ENTRY) - 1 and entry < len(LOCAL_ENTRIES):
        return f"<localentry>: {LOCAL_ENTRIES[entry]}"
    if machine == RISCV:
        return f"{other & ~VARIANT_CC:x}" if other & ~VARIANT_CC else "VARIANT_CC"
    return ""
