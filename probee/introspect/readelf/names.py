"""Numbers of ELF files and what readelf calls them: types, bindings, OS/ABIs.

In: a number and the image it is from. Out: text, also for numbers that have no name.
"""

from __future__ import annotations

from probee.introspect.readelf import release_2_40
from probee.introspect.readelf.image import FREEBSD, GNU, alternate
from probee.introspect.readelf.machines import OBJECTS, SPARCV9
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

CLASSES = {0: "none", 1: "ELF32", 2: "ELF64"}
ENCODINGS = {0: "none", 1: "2's complement, little endian", 2: "2's complement, big endian"}
OSABIS = {
    0: "UNIX - System V", 1: "UNIX - HP-UX", 2: "UNIX - NetBSD", 3: "UNIX - GNU",
    6: "UNIX - Solaris", 7: "UNIX - AIX", 8: "UNIX - IRIX", 9: "UNIX - FreeBSD",
    10: "UNIX - TRU64", 11: "Novell - Modesto", 12: "UNIX - OpenBSD", 13: "VMS - OpenVMS",
    14: "HP - Non-Stop Kernel", 15: "AROS", 16: "FenixOS", 17: "Nuxi CloudABI",
    18: "Stratus Technologies OpenVOS", 51: "CUDA",
}  # fmt: skip
FILE_TYPES = {
    uapi.ET_NONE: "NONE (None)",
    uapi.ET_REL: "REL (Relocatable file)",
    uapi.ET_EXEC: "EXEC (Executable file)",
    uapi.ET_CORE: "CORE (Core file)",
}
SECTION_TYPES = {
    uapi.SHT_NULL: "NULL",
    uapi.SHT_PROGBITS: "PROGBITS",
    uapi.SHT_SYMTAB: "SYMTAB",
    uapi.SHT_STRTAB: "STRTAB",
    uapi.SHT_RELA: "RELA",
    uapi.SHT_HASH: "HASH",
    uapi.SHT_DYNAMIC: "DYNAMIC",
    uapi.SHT_NOTE: "NOTE",
    uapi.SHT_NOBITS: "NOBITS",
    uapi.SHT_REL: "REL",
    uapi.SHT_SHLIB: "SHLIB",
    uapi.SHT_DYNSYM: "DYNSYM",
    uapi.SHT_INIT_ARRAY: "INIT_ARRAY",
    uapi.SHT_FINI_ARRAY: "FINI_ARRAY",
    uapi.SHT_PREINIT_ARRAY: "PREINIT_ARRAY",
    uapi.SHT_GROUP: "GROUP",
    uapi.SHT_SYMTAB_SHNDX: "SYMTAB SECTION INDICES",
    uapi.SHT_RELR: "RELR",
    # of operating systems and tool chains
    0x60000001: "ANDROID_REL",
    0x60000002: "ANDROID_RELA",
    0x6FFF4700: "GNU_INCREMENTAL_INPUTS",
    0x6FFF4C00: "LLVM_ODRTAB",
    0x6FFF4C01: "LLVM_LINKER_OPTIONS",
    0x6FFF4C03: "LLVM_ADDRSIG",
    0x6FFF4C04: "LLVM_DEPENDENT_LIBRARIES",
    0x6FFF4C05: "LLVM_SYMPART",
    0x6FFF4C06: "LLVM_PART_EHDR",
    0x6FFF4C07: "LLVM_PART_PHDR",
    0x6FFF4C08: "LLVM_BB_ADDR_MAP_V0",
    0x6FFF4C09: "LLVM_CALL_GRAPH_PROFILE",
    0x6FFF4C0A: "LLVM_BB_ADDR_MAP",
    0x6FFF4C0B: "LLVM_OFFLOADING",
    0x6FFF4C0C: "LLVM_LTO",
    0x6FFFFF00: "ANDROID_RELR",
    0x6FFFFFF0: "VERSYM",
    uapi.SHT_GNU_ATTRIBUTES: "GNU_ATTRIBUTES",
    uapi.SHT_GNU_HASH: "GNU_HASH",
    uapi.SHT_GNU_LIBLIST: "GNU_LIBLIST",
    uapi.SHT_CHECKSUM: "CHECKSUM",
    0x6FFFFFF9: "GNU_OBJECT_ONLY",
    0x6FFFFFFA: "SUNW_MOVE",
    0x6FFFFFFB: "SUNW_COMDAT",
    0x6FFFFFFC: "SUNW_SYMINFO",
    uapi.SHT_GNU_verdef: "VERDEF",
    uapi.SHT_GNU_verneed: "VERNEED",
    uapi.SHT_GNU_versym: "VERSYM",
    0x7FFFFFFD: "AUXILIARY",
    0x7FFFFFFF: "FILTER",
}
# of a machine's own; those above ATTRIBUTES are not in 2.40
X86_UNWIND = 0x70000001
AARCH64_ATTRIBUTES = 0x70000003
AARCH64_SECTION_TYPES = {
    AARCH64_ATTRIBUTES: "AARCH64_ATTRIBUTES",
    0x70000004: "AARCH64_AUTH_RELR",
    0x70000007: "AARCH64_MEMTAG_GLOBALS_STATIC",
    0x70000008: "AARCH64_MEMTAG_GLOBALS_DYNAMIC",
}
SYMBOL_TYPES = {
    uapi.STT_NOTYPE: "NOTYPE",
    uapi.STT_OBJECT: "OBJECT",
    uapi.STT_FUNC: "FUNC",
    uapi.STT_SECTION: "SECTION",
    uapi.STT_FILE: "FILE",
    uapi.STT_COMMON: "COMMON",
    uapi.STT_TLS: "TLS",
    8: "RELC",
    9: "SRELC",
}
BINDINGS = {uapi.STB_LOCAL: "LOCAL", uapi.STB_GLOBAL: "GLOBAL", uapi.STB_WEAK: "WEAK"}
STT_REGISTER = 13  # of SPARC V9
VARIANT_PCS = 0x80  # STO_AARCH64_VARIANT_PCS
VISIBILITIES = ("DEFAULT", "INTERNAL", "HIDDEN", "PROTECTED")


def osabi_name(osabi: int, *, old: bool = False) -> str:
    """EI_OSABI. `old`: as 2.40 has it."""
    if old and osabi in release_2_40.OSABIS_SINCE:
        return f"<unknown: {osabi:x}>"
    return OSABIS.get(osabi) or f"<unknown: {osabi:x}>"


def file_type(image: Image) -> str:
    """e_type; a shared object may turn out to be an executable."""
    number = image.header.type
    if number == uapi.ET_DYN:
        from probee.introspect.readelf.dynamic import is_pie

        what = "Position-Independent Executable" if is_pie(image) else "Shared object"
        return f"DYN ({what} file)"
    if name := FILE_TYPES.get(number):
        return name
    if number >= uapi.ET_LOPROC:
        return f"Processor Specific: ({number:x})"
    if uapi.ET_LOOS <= number <= uapi.ET_HIOS:
        return f"OS Specific: ({number:x})"
    return f"<unknown>: {number:x}"


def section_type(image: Image, number: int) -> str:
    """sh_type."""
    if number == X86_UNWIND and image.machine == uapi.EM_X86_64:
        return "X86_64_UNWIND"
    newer = number != AARCH64_ATTRIBUTES and image.shown.old
    own = AARCH64_SECTION_TYPES if image.machine == uapi.EM_AARCH64 and not newer else {}
    if name := own.get(number):
        return name
    if image.machine in OBJECTS and uapi.SHT_LOPROC <= number <= uapi.SHT_HIPROC:
        from probee.introspect.readelf.others import section_type as of_machine

        if name := of_machine(image.machine, number):
            return name
    names = SECTION_TYPES
    if image.shown.old and uapi.SHT_LOOS <= number <= uapi.SHT_HIOS:
        names = release_2_40.SECTION_TYPES
    if name := names.get(number):
        return name
    if uapi.SHT_LOPROC <= number <= uapi.SHT_HIPROC:
        return f"LOPROC+{alternate(number - uapi.SHT_LOPROC)}"
    if uapi.SHT_LOOS <= number <= uapi.SHT_HIOS:
        return f"LOOS+{alternate(number - uapi.SHT_LOOS)}"
    if number >= uapi.SHT_LOUSER:
        return f"LOUSER+{alternate(number - uapi.SHT_LOUSER)}"
    return f"{number:08x}: <unknown>"


def symbol_other(image: Image, other: int) -> str:
    """The bits of st_other above the visibility."""
    if image.machine in OBJECTS:
        from probee.introspect.readelf.others import symbol_other as other_of

        if name := other_of(image.machine, other):
            return name
    rest = other & ~VARIANT_PCS
    if image.machine != uapi.EM_AARCH64 or rest == other:
        return f"<other>: {other:x}"
    return f"VARIANT_PCS | {rest:x}" if rest else "VARIANT_PCS"


def symbol_type(image: Image, number: int) -> str:
    """STT_*."""
    if name := SYMBOL_TYPES.get(number):
        return name
    if number >= uapi.STT_LOPROC:
        if number == STT_REGISTER and image.machine == SPARCV9:
            return "REGISTER"
        return f"<processor specific>: {number}"
    if number >= uapi.STT_LOOS:
        if number == uapi.STT_GNU_IFUNC and image.osabi in (GNU, FREEBSD):
            return "IFUNC"
        return f"<OS specific>: {number}"
    return f"<unknown>: {number}"


def binding(image: Image, number: int) -> str:
    """STB_*."""
    if name := BINDINGS.get(number):
        return name
    if number >= uapi.STB_LOPROC:
        return f"<processor specific>: {number}"
    if number >= uapi.STB_LOOS:
        if number == uapi.STB_GNU_UNIQUE and image.osabi == GNU:
            return "UNIQUE"
        return f"<OS specific>: {number}"
    return f"<unknown>: {number}"


def plural(number: int, one: str, many: str) -> str:
    """`one` for exactly one."""
    return one if number == 1 else many
