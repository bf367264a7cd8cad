"""What an object of MIPS says of the ABI: its section .MIPS.abiflags.

In: an image whose sections have been read. Out: lines.

Elf_External_ABIFlags_v0 and its values: the MIPS O32 FPXX ABI and binutils' include/elf/mips.h; a
test compares with readelf.
"""

from __future__ import annotations

from struct import unpack

from probee.introspect.readelf.image import NotShown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

SIZE = 24
REGISTERS = (0, 32, 64, 128)  # AFL_REG_*
FLOATS = (
    "Hard or soft float", "Hard float (double precision)", "Hard float (single precision)",
    "Soft float", "Hard float (MIPS32r2 64-bit FPU 12 callee-saved)",
    "Hard float (32-bit CPU, Any FPU)", "Hard float (32-bit CPU, 64-bit FPU)",
    "Hard float compat (32-bit CPU, 64-bit FPU)", "NaN 2008 compatibility",
)  # fmt: skip
# AFL_EXT_*; '' has no name
EXTENSIONS = (
    "None", "RMI XLR", "Cavium Networks Octeon2", "Cavium Networks OcteonP", "",
    "Cavium Networks Octeon", "Toshiba R5900", "MIPS R4650", "LSI R4010", "NEC VR4100",
    "Toshiba R3900", "MIPS R10000", "Broadcom SB-1", "NEC VR4111/VR4181", "NEC VR4120",
    "NEC VR5400", "NEC VR5500", "ST Microelectronics Loongson 2E",
    "ST Microelectronics Loongson 2F", "Cavium Networks Octeon3", "Imagination interAptiv MR2",
)  # fmt: skip
# AFL_ASE_*: bits, in readelf's order
ASES = (
    (0, "DSP ASE"), (1, "DSP R2 ASE"), (13, "DSP R3 ASE"), (2, "Enhanced VA Scheme"),
    (3, "MCU (MicroController) ASE"), (4, "MDMX ASE"), (5, "MIPS-3D ASE"), (6, "MT ASE"),
    (7, "SmartMIPS ASE"), (8, "VZ ASE"), (9, "MSA ASE"), (10, "MIPS16 ASE"), (11, "MICROMIPS ASE"),
    (12, "XPA ASE"), (14, "MIPS16e2 ASE"), (15, "CRC ASE"), (17, "GINV ASE"),
    (18, "Loongson MMI ASE"), (19, "Loongson CAM ASE"), (20, "Loongson EXT ASE"),
    (21, "Loongson EXT2 ASE"),
)  # fmt: skip


def show_mips(image: Image) -> bool:
    """Whether all was well."""
    section, well = image.find(b".MIPS.abiflags"), True
    if section is not None and section.size != SIZE:
        image.out.error("Corrupt MIPS ABI Flags section.\n")
        well = False
    elif section is not None:
        data = image.read(section.offset, SIZE, "MIPS ABI Flags section")
        if data is not None:
            image.out.put(_text(data, "big" if image.big_endian else "little"))
    if image.find(b".got") is not None:
        raise NotShown("the GOT of MIPS is not shown here")
    return well


def _text(data: bytes, order: str) -> str:
    values = unpack(("<" if order == "little" else ">") + "H6BIIII", data)
    version, level, revision, *sizes, floats, extension, ases, flags_1, flags_2 = values
    release = f"r{revision}" if revision > 1 else ""
    lines = [f"\nMIPS ABI Flags Version: {version}\n", f"ISA: MIPS{level}{release}"]
    for name, size in zip(("GPR", "CPR1", "CPR2"), sizes, strict=True):
        lines.append(f"{name} size: {REGISTERS[size] if size < len(REGISTERS) else -1}")
    lines.append(f"FP ABI: {FLOATS[floats] if floats < len(FLOATS) else f'??? ({floats})'}")
    known = EXTENSIONS[extension] if extension < len(EXTENSIONS) else ""
    signed = extension - (1 << 32) if extension >> 31 else extension
    lines += [f"ISA Extension: {known or f'Unknown ({signed})'}", "ASEs:"]
    lines += [f"\t{name}" for bit, name in ASES if ases >> bit & 1]
    unknown = ases & ~sum(1 << bit for bit, _ in ASES)
    if not ases or unknown:
        lines.append(f"\tUnknown ({unknown:x})" if ases else "\tNone")
    lines += [f"FLAGS 1: {flags_1:08x}", f"FLAGS 2: {flags_2:08x}"]
    return "\n".join(lines) + "\n"
