"""Types of relocations by machine, as GNU readelf 2.44 names them.

In: a machine and a number. Out: a name, or None: readelf has none either.

Observed: `readelf -r` over all numbers; a test compares. The x86-64 psABI and
Documentation/bpf/llvm_reloc.rst say what they mean. Binutils 2.40 had other names for BPF.
"""

from __future__ import annotations

from probee.introspect.readelf.machines import OBJECTS
from probee.uapi import elf as uapi

BPF = {
    0: "R_BPF_NONE",
    1: "R_BPF_64_64",
    2: "R_BPF_64_ABS64",
    3: "R_BPF_64_ABS32",
    4: "R_BPF_64_NODYLD32",
    10: "R_BPF_64_32",
    256: "R_BPF_GNU_64_16",
}

BPF_2_40 = {
    0: "R_BPF_NONE",
    1: "R_BPF_INSN_64",
    2: "R_BPF_INSN_32",
    3: "R_BPF_INSN_16",
    4: "R_BPF_INSN_DISP16",
    5: "R_BPF_DATA_8_PCREL",
    6: "R_BPF_DATA_16_PCREL",
    7: "R_BPF_DATA_32_PCREL",
    8: "R_BPF_DATA_8",
    9: "R_BPF_DATA_16",
    10: "R_BPF_INSN_DISP32",
    11: "R_BPF_DATA_32",
    12: "R_BPF_DATA_64",
    13: "R_BPF_DATA_64_PCREL",
}

X86_64 = {
    0: "R_X86_64_NONE",
    1: "R_X86_64_64",
    2: "R_X86_64_PC32",
    3: "R_X86_64_GOT32",
    4: "R_X86_64_PLT32",
    5: "R_X86_64_COPY",
    6: "R_X86_64_GLOB_DAT",
    7: "R_X86_64_JUMP_SLOT",
    8: "R_X86_64_RELATIVE",
    9: "R_X86_64_GOTPCREL",
    10: "R_X86_64_32",
    11: "R_X86_64_32S",
    12: "R_X86_64_16",
    13: "R_X86_64_PC16",
    14: "R_X86_64_8",
    15: "R_X86_64_PC8",
    16: "R_X86_64_DTPMOD64",
    17: "R_X86_64_DTPOFF64",
    18: "R_X86_64_TPOFF64",
    19: "R_X86_64_TLSGD",
    20: "R_X86_64_TLSLD",
    21: "R_X86_64_DTPOFF32",
    22: "R_X86_64_GOTTPOFF",
    23: "R_X86_64_TPOFF32",
    24: "R_X86_64_PC64",
    25: "R_X86_64_GOTOFF64",
    26: "R_X86_64_GOTPC32",
    27: "R_X86_64_GOT64",
    28: "R_X86_64_GOTPCREL64",
    29: "R_X86_64_GOTPC64",
    30: "R_X86_64_GOTPLT64",
    31: "R_X86_64_PLTOFF64",
    32: "R_X86_64_SIZE32",
    33: "R_X86_64_SIZE64",
    34: "R_X86_64_GOTPC32_TLSDESC",
    35: "R_X86_64_TLSDESC_CALL",
    36: "R_X86_64_TLSDESC",
    37: "R_X86_64_IRELATIVE",
    38: "R_X86_64_RELATIVE64",
    39: "R_X86_64_PC32_BND",
    40: "R_X86_64_PLT32_BND",
    41: "R_X86_64_GOTPCRELX",
    42: "R_X86_64_REX_GOTPCRELX",
    43: "R_X86_64_CODE_4_GOTPCRELX",
    44: "R_X86_64_CODE_4_GOTTPOFF",
    45: "R_X86_64_CODE_4_GOTPC32_TLSDESC",
    46: "R_X86_64_CODE_5_GOTPCRELX",
    47: "R_X86_64_CODE_5_GOTTPOFF",
    48: "R_X86_64_CODE_5_GOTPC32_TLSDESC",
    49: "R_X86_64_CODE_6_GOTPCRELX",
    50: "R_X86_64_CODE_6_GOTTPOFF",
    51: "R_X86_64_CODE_6_GOTPC32_TLSDESC",
    250: "R_X86_64_GNU_VTINHERIT",
    251: "R_X86_64_GNU_VTENTRY",
}
X86_64_SINCE_2_44 = range(43, 52)


def reloc_name(machine: int, number: int, *, old: bool) -> str | None:
    """`old`: as 2.40 says it."""
    if machine == uapi.EM_BPF:
        return (BPF_2_40 if old else BPF).get(number)
    if machine == uapi.EM_X86_64 and not (old and number in X86_64_SINCE_2_44):
        return X86_64.get(number)
    if machine == uapi.EM_AARCH64:
        from probee.introspect.readelf.reloc_names_aarch64 import AARCH64

        return AARCH64.get(number)
    if machine in OBJECTS:
        from probee.introspect.readelf.reloc_names_others import other_name

        return other_name(machine, number)
    return None
