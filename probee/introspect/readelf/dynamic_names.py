"""Tags of dynamic sections, and the flags of those that hold flags.

In: a tag. Out: what readelf calls it, and how it shows its value. Observed: `readelf -d` over all
tags in the ranges that have names; a test compares.
"""

from __future__ import annotations

from probee.uapi import elf as uapi

HASH, STRTAB, SYMTAB, RELA, RELASZ, STRSZ, SYMENT = 4, 5, 6, 7, 8, 10, 11
REL, RELSZ, PLTREL, PLTRELSZ, JMPREL, FLAGS, RELRSZ, RELR = 17, 18, 20, 2, 23, 30, 35, 36
SYMINSZ, SYMINENT, SYMINFO, PRELINKED = 0x6FFFFDFE, 0x6FFFFDFF, 0x6FFFFEFF, 0x6FFFFDF5
GNU_HASH, VERSYM, VERDEF, VERNEED, VERNEEDNUM = (
    0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFE, 0x6FFFFFFF,
)  # fmt: skip
FLAGS_1, USED, BIND_NOW = 0x6FFFFFFB, 0x7FFFFFFE, 24
LOOS, HIOS, LOPROC, HIPROC = 0x6000000D, 0x6FFFF000, 0x70000000, 0x7FFFFFFF
PIE = 1 << 27  # in FLAGS_1
KEPT = (GNU_HASH, VERSYM, VERDEF, VERNEED)  # for what is shown later

# How a value is shown; ADDRESS and BYTES_KEPT are kept too.
ADDRESS, BYTES, BYTES_KEPT, COUNT, HEX = "address", "bytes", "bytes, kept", "count", "hex"
TAGS = {
    0: ("NULL", ADDRESS), 1: ("NEEDED", ADDRESS), 2: ("PLTRELSZ", BYTES_KEPT),
    3: ("PLTGOT", ADDRESS), 4: ("HASH", ADDRESS), 5: ("STRTAB", ADDRESS), 6: ("SYMTAB", ADDRESS),
    7: ("RELA", ADDRESS), 8: ("RELASZ", BYTES_KEPT), 9: ("RELAENT", BYTES_KEPT),
    10: ("STRSZ", BYTES_KEPT), 11: ("SYMENT", BYTES_KEPT), 12: ("INIT", ADDRESS),
    13: ("FINI", ADDRESS), 14: ("SONAME", ADDRESS), 15: ("RPATH", ADDRESS),
    16: ("SYMBOLIC", ADDRESS), 17: ("REL", ADDRESS), 18: ("RELSZ", BYTES_KEPT),
    19: ("RELENT", BYTES_KEPT), 20: ("PLTREL", "tag"), 21: ("DEBUG", ADDRESS),
    22: ("TEXTREL", ADDRESS), 23: ("JMPREL", ADDRESS), 24: ("BIND_NOW", ""),
    25: ("INIT_ARRAY", HEX), 26: ("FINI_ARRAY", HEX), 27: ("INIT_ARRAYSZ", BYTES),
    28: ("FINI_ARRAYSZ", BYTES), 29: ("RUNPATH", ADDRESS), 30: ("FLAGS", "flags"),
    32: ("PREINIT_ARRAY", HEX), 33: ("PREINIT_ARRAYSZ", BYTES), 34: ("SYMTAB_SHNDX", HEX),
    35: ("RELRSZ", BYTES_KEPT), 36: ("RELR", ADDRESS), 37: ("RELRENT", BYTES_KEPT),
    0x6FFFFDF4: ("GNU_FLAGS_1", "flags"), 0x6FFFFDF5: ("GNU_PRELINKED", "time"),
    0x6FFFFDF6: ("GNU_CONFLICTSZ", BYTES), 0x6FFFFDF7: ("GNU_LIBLISTSZ", BYTES),
    0x6FFFFDF8: ("CHECKSUM", HEX), 0x6FFFFDF9: ("PLTPADSZ", BYTES), 0x6FFFFDFA: ("MOVEENT", BYTES),
    0x6FFFFDFB: ("MOVESZ", BYTES), 0x6FFFFDFC: ("FEATURE", "flags"),
    0x6FFFFDFD: ("POSFLAG_1", "flags"), 0x6FFFFDFE: ("SYMINSZ", HEX), 0x6FFFFDFF: ("SYMINENT", HEX),
    0x6FFFFE00: ("ADDRRNGLO", HEX), 0x6FFFFEF5: ("GNU_HASH", HEX), 0x6FFFFEF6: ("TLSDESC_PLT", HEX),
    0x6FFFFEF7: ("TLSDESC_GOT", HEX), 0x6FFFFEF8: ("GNU_CONFLICT", HEX),
    0x6FFFFEF9: ("GNU_LIBLIST", HEX), 0x6FFFFEFA: ("CONFIG", "Configuration file"),
    0x6FFFFEFB: ("DEPAUDIT", "Dependency audit library"), 0x6FFFFEFC: ("AUDIT", "Audit library"),
    0x6FFFFEFD: ("PLTPAD", HEX), 0x6FFFFEFE: ("MOVETAB", HEX), 0x6FFFFEFF: ("SYMINFO", HEX),
    0x6FFFFFF0: ("VERSYM", HEX), 0x6FFFFFF9: ("RELACOUNT", COUNT), 0x6FFFFFFA: ("RELCOUNT", COUNT),
    0x6FFFFFFB: ("FLAGS_1", "flags"), 0x6FFFFFFC: ("VERDEF", HEX), 0x6FFFFFFD: ("VERDEFNUM", COUNT),
    0x6FFFFFFE: ("VERNEED", HEX), 0x6FFFFFFF: ("VERNEEDNUM", COUNT),
    0x7FFFFFFD: ("AUXILIARY", "Auxiliary library"), 0x7FFFFFFE: ("USED", HEX),
    0x7FFFFFFF: ("FILTER", "Filter library"),
}  # fmt: skip
X86_64 = {LOPROC: "DT_X86_64_PLT", LOPROC + 1: "DT_X86_64_PLTSZ", LOPROC + 3: "DT_X86_64_PLTENT"}
AARCH64 = {
    LOPROC + 1: "AARCH64_BTI_PLT", LOPROC + 3: "AARCH64_PAC_PLT", LOPROC + 5: "AARCH64_VARIANT_PCS",
}  # fmt: skip
VALUELESS = (LOPROC + 1, LOPROC + 3)  # of these
# What the address of a name is said to be.
NAMED = {
    1: "Shared library: [{}]", 14: "Library soname: [{}]", 15: "Library rpath: [{}]",
    29: "Library runpath: [{}]",
}  # fmt: skip
# Names of flags, from the lowest bit on.
BITS = {
    FLAGS: ("ORIGIN", "SYMBOLIC", "TEXTREL", "BIND_NOW", "STATIC_TLS"),
    0x6FFFFDF4: ("UNIQUE",),
    0x6FFFFDFC: ("PARINIT", "CONFEXP"),
    0x6FFFFDFD: ("LAZYLOAD", "GROUPPERM"),
    FLAGS_1: (
        "NOW", "GLOBAL", "GROUP", "NODELETE", "LOADFLTR", "INITFIRST", "NOOPEN", "ORIGIN", "DIRECT",
        "TRANS", "INTERPOSE", "NODEFLIB", "NODUMP", "CONFALT", "ENDFILTEE", "DISPRELDNE",
        "DISPRELPND", "NODIRECT", "IGNMULDEF", "NOKSYMS", "NOHDR", "EDITED", "NORELOC",
        "SYMINTPOSE", "GLOBAUDIT", "SINGLETON", "STUB", "PIE", "KMOD", "WEAKFILTER", "NOCOMMON",
    ),
}  # fmt: skip


def tag_name(machine: int, tag: int, *, old: bool) -> str:
    """`old`: as 2.40 has it."""
    if row := TAGS.get(tag):
        return row[0]
    if machine == uapi.EM_X86_64 and not old and (name := X86_64.get(tag)):
        return name
    if machine == uapi.EM_AARCH64 and (name := AARCH64.get(tag)):
        return name
    if LOPROC <= tag <= HIPROC:
        return f"Processor Specific: {tag:x}"
    if LOOS <= tag <= HIOS:
        return f"Operating System specific: {tag:x}"
    return f"<unknown>: {tag:x}"


def flag_names(tag: int, value: int) -> str:
    """The flags that are set, as they stand behind the name of the tag."""
    names = BITS[tag]
    if tag == FLAGS:
        set_ = [at for at in range(64) if value >> at & 1]
        return " ".join(names[at] if at < len(names) else "unknown" for at in set_)
    if not value:
        return "Flags: None"
    known = "".join(f" {name}" for at, name in enumerate(names) if value >> at & 1)
    rest = value >> len(names) << len(names)
    return f"Flags:{known}" + (f" {rest:x}" if rest else "")
