"""The eBPF instruction set: instructions, their bytes, their text.

In: constructor calls of the code generator, or the bytes of a program.
Out: bytes in either byte order, lists of `Insn`, lines in the kernel's or LLVM's dialect.

    opcodes.py  the literal tables: operations, sizes, atomics, pseudo sources
    forms.py    the same, spelled out: one `Form` for each thing an instruction can be
    insn.py     `Insn`              make.py    constructors: `mov64_reg(R1, R6)`, `exit_()`
    encode.py   Insn -> bytes       decode.py  bytes -> Insn, strictly
    isa.py      the level (v1 to v4) that an instruction needs
    disasm.py   Insn -> text            blocks.py  the basic blocks of a program

The sources are RFC 9669, Linux 6.18 (include/uapi/linux/bpf.h, kernel/bpf/disasm.c and the checks
of reserved fields in kernel/bpf/verifier.c) and LLVM 19 for its dialect.
"""
