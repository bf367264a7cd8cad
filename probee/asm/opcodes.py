"""The instruction set as literal rows: what each operation is called, numbered and printed.

In: nothing. Out: numbers of the opcode byte, and rows of operations. `forms` has the other half:
the shapes of instruction that these operations come in.

The opcode byte of arithmetic and jumps, and of loads and stores (RFC 9669, section 3):

    +----------------+--------+-------------+      +-------------+----------+-------------+
    | operation (4)  | src(1) |  class (3)  |      |  mode (3)   | size (2) |  class (3)  |
    +----------------+--------+-------------+      +-------------+----------+-------------+

`level` is the ISA version (clang's -mcpu=v1 to v4) that brought an instruction; `since` is the
first Linux release that takes it. LLVM calls 32-bit arithmetic v3 although every kernel decodes it:
before 5.1 the verifier lost track of values that went through it.
"""

from __future__ import annotations

from probee.frozen import Frozen, replace

# Classes.
LD, LDX, ST, STX, ALU32, JMP, JMP32, ALU64 = range(8)

# The source of arithmetic and jumps: an immediate (K) or a register (X).
K, X = 0x00, 0x08

# Modes of loads and stores.
IMM, ABS, IND, MEM, MEMSX, ATOMIC = 0x00, 0x20, 0x40, 0x60, 0x80, 0xC0

# Operations that stand alone; the others are rows below.
NEG, MOV, END = 0x80, 0xB0, 0xD0
JA, CALL, EXIT, JCOND = 0x00, 0x80, 0x90, 0xE0

# ld_imm64 occupies two slots; this is the opcode byte of the first.
LD_IMM64 = LD | IMM | 0x18

# Registers: r0 result, r1 to r5 arguments, r6 to r9 kept across calls, r10 frame pointer.
R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 = range(11)
FRAME_POINTER = R10
LAST_REGISTER = 10
# What the verifier made of a program has registers of its own: the scratch register (BPF_REG_AX) is
# 11 on most kernels, and 12 on Linux 7.3. There 11 is the area of arguments beyond the fifth
# (commit 246ad6e5ee25, "bpf: Introduce bpf register BPF_REG_PARAMS").
LAST_REGISTER_XLATED = 12

SLOT_BYTES = 8


class Op(Frozen):
    """One operation within a shape.

    `code` is its share of the opcode byte; `off` and `imm` are what those fields hold where a
    shape lets the operation choose them; `sign` is what both dialects print. For `level` and
    `since` the later of shape and operation counts.
    """

    name: str
    code: int
    sign: str = ""
    off: int = 0
    imm: int = 0
    level: int = 1
    since: str = "3.18"


# Arithmetic, `dst op= src`. `off` tells the signed variants of division apart.
ALU_OPS = (
    Op("add", 0x00, "+="),
    Op("sub", 0x10, "-="),
    Op("mul", 0x20, "*="),
    Op("div", 0x30, "/="),
    Op("sdiv", 0x30, "s/=", off=1, level=4, since="6.6"),
    Op("or", 0x40, "|="),
    Op("and", 0x50, "&="),
    Op("lsh", 0x60, "<<="),
    Op("rsh", 0x70, ">>="),
    Op("mod", 0x90, "%="),
    Op("smod", 0x90, "s%=", off=1, level=4, since="6.6"),
    Op("xor", 0xA0, "^="),
    Op("mov", 0xB0, "="),
    Op("arsh", 0xC0, "s>>="),
)

# mov with sign extension: `off` is the width that it extends from.
MOVSX_OPS = (
    Op("8", 0xB0, "s8", off=8),
    Op("16", 0xB0, "s16", off=16),
    Op("32", 0xB0, "s32", off=32),
)

# Byte swaps: `imm` is the width.
SWAP_OPS = (
    Op("16", 0xD0, imm=16),
    Op("32", 0xD0, imm=32),
    Op("64", 0xD0, imm=64),
)

# `if dst op src goto`. The class says whether 64 or 32 bits are compared.
JUMP_OPS = (
    Op("jeq", 0x10, "=="),
    Op("jgt", 0x20, ">"),
    Op("jge", 0x30, ">="),
    Op("jset", 0x40, "&"),
    Op("jne", 0x50, "!="),
    Op("jsgt", 0x60, "s>"),
    Op("jsge", 0x70, "s>="),
    Op("jlt", 0xA0, "<", level=2, since="4.14"),
    Op("jle", 0xB0, "<=", level=2, since="4.14"),
    Op("jslt", 0xC0, "s<", level=2, since="4.14"),
    Op("jsle", 0xD0, "s<=", level=2, since="4.14"),
)


class Size(Frozen):
    """A width of memory access: its bits by name, C's types of it, LLVM's letter of a register."""

    name: str
    code: int
    bytes: int
    u: str
    s: str
    w: str
    off: int = 0
    imm: int = 0
    level: int = 1
    since: str = "3.18"


SIZES = (
    Size("8", 0x10, 1, "u8", "s8", "w"),
    Size("16", 0x08, 2, "u16", "s16", "w"),
    Size("32", 0x00, 4, "u32", "s32", "w"),
    Size("64", 0x18, 8, "u64", "s64", "r"),
)
B, H, W, DW = (size.code for size in SIZES)

# Atomic read-modify-write: `imm` is the operation; with FETCH in it the old value comes back.
FETCH = 0x01
ATOMIC_OPS = (
    Op("add", 0x00, "+=", imm=0x00),
    Op("or", 0x00, "|=", imm=0x40, level=3, since="5.12"),
    Op("and", 0x00, "&=", imm=0x50, level=3, since="5.12"),
    Op("xor", 0x00, "^=", imm=0xA0, level=3, since="5.12"),
)
FETCH_OPS = tuple(replace(op, imm=op.imm | FETCH, level=3, since="5.12") for op in ATOMIC_OPS)
XCHG, CMPXCHG = 0xE0 | FETCH, 0xF0 | FETCH
LOAD_ACQUIRE, STORE_RELEASE = 0x100, 0x110

# What `src` says of a call (BPF_PSEUDO_CALL, BPF_PSEUDO_KFUNC_CALL).
CALL_HELPER, CALL_LOCAL, CALL_KFUNC = 0, 1, 2

# What `src` says of an ld_imm64 (BPF_PSEUDO_*). Low and high are the two slots' imm.
PSEUDO_NONE = 0  # both: the number
PSEUDO_MAP_FD = 1  # low: a map's descriptor; in a dump, its id
PSEUDO_MAP_VALUE = 2  # likewise; high: offset into the map's first value
PSEUDO_BTF_ID = 3  # low: BTF id of a variable; high: descriptor of its module's BTF
PSEUDO_FUNC = 4  # low: distance in slots from the next slot to a function
PSEUDO_MAP_IDX = 5  # low: index into the load's fd_array
PSEUDO_MAP_IDX_VALUE = 6  # likewise; high: offset into the map's first value
