"""Every form that an instruction can have, and what it prints in both dialects.

In: the literal table `SHAPES` below over the operations in `opcodes`.
Out: `Form` rows, and two indexes by opcode byte: `STRICT`, what a program may consist of, and
`XLATED`, which adds what the verifier makes of programs and hands out in a dump.

Encoding, decoding, ISA levels and both printers all go through these rows.
"""

from __future__ import annotations

from probee.asm import opcodes as op
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from probee.asm.insn import Insn

ANY = None  # the instruction chooses: a register, or a signed number as wide as the field
PER_OP = "op"  # the operation chooses


class Form(Frozen):
    """One form: its opcode byte, and for each field the number that it must hold, or ANY.

    `imm` has 32 bits, in the two-slot ld_imm64 64: `high` says that its upper half has a use, else
    it is 0. `level` and `since`: the ISA version and the Linux release that brought it. `kernel`
    and `llvm` are format strings over the names that `disasm` fills in; `llvm64` is LLVM's text
    without its feature alu32, where that differs.
    """

    name: str
    code: int
    dst: int | None
    src: int | None
    off: int | None
    imm: int | None
    level: int
    since: str
    kernel: str
    llvm: str
    llvm64: str
    high: bool


class Shape(Frozen):
    """A family of forms, one for each operation of `over` (or just one).

    `<word>` in a text stands for that field of the operation. Without `llvm` the text is the same
    in both dialects; without `llvm64` LLVM prints the same with and without alu32. The higher
    `level` of shape and operation counts, and the shape's `since` if it has one.
    """

    name: str
    code: int
    over: tuple[op.Op, ...] | tuple[op.Size, ...]
    dst: int | None
    src: int | None
    off: int | str | None
    imm: int | str | None
    kernel: str
    llvm: str = ""
    llvm64: str = ""
    level: int = 1
    since: str = ""
    high: bool = False


ONCE = (op.Op("", 0),)
UNKNOWN = "<unknown>"  # what llvm-objdump prints where it knows nothing

# fmt: off
SHAPES = (
    # name, opcode byte, operations, dst, src, off, imm, the kernel's text, LLVM's text
    # Arithmetic. LLVM calls 32 bits v3: before 5.1 the verifier lost track of values in them.
    Shape("<name>64_imm", op.ALU64 | op.K, op.ALU_OPS, ANY, 0, PER_OP, ANY,
          "r{dst} <sign> {imm}", "r{dst} <sign> {imm:#x}"),
    Shape("<name>64_reg", op.ALU64 | op.X, op.ALU_OPS, ANY, ANY, PER_OP, 0, "r{dst} <sign> r{src}"),
    Shape("<name>32_imm", op.ALU32 | op.K, op.ALU_OPS, ANY, 0, PER_OP, ANY,
          "w{dst} <sign> {imm}", "w{dst} <sign> {imm:#x}", level=3),
    Shape("<name>32_reg", op.ALU32 | op.X, op.ALU_OPS, ANY, ANY, PER_OP, 0,
          "w{dst} <sign> w{src}", level=3),
    Shape("neg64", op.ALU64 | op.NEG, ONCE, ANY, 0, 0, 0, "r{dst} = -r{dst}"),
    Shape("neg32", op.ALU32 | op.NEG, ONCE, ANY, 0, 0, 0, "w{dst} = -w{dst}", level=3),
    Shape("movsx64_<name>", op.ALU64 | op.X, op.MOVSX_OPS, ANY, ANY, PER_OP, 0,
          "r{dst} = (s<name>)r{src}", level=4, since="6.6"),
    Shape("movsx32_<name>", op.ALU32 | op.X, op.MOVSX_OPS[:2], ANY, ANY, PER_OP, 0,
          "w{dst} = (s<name>)w{src}", level=4, since="6.6"),
    Shape("to_le<name>", op.ALU32 | op.K, op.SWAP_OPS, ANY, 0, 0, PER_OP,
          "r{dst} = le<name> r{dst}"),
    Shape("to_be<name>", op.ALU32 | op.X, op.SWAP_OPS, ANY, 0, 0, PER_OP,
          "r{dst} = be<name> r{dst}"),
    Shape("bswap<name>", op.ALU64 | op.K, op.SWAP_OPS, ANY, 0, 0, PER_OP,
          "r{dst} = bswap<name> r{dst}", level=4, since="6.6"),
    # Between the kernel's and the user's view of an arena; imm: to << 16 | from.
    Shape("addr_space_cast", op.ALU64 | op.X | op.MOV, ONCE, ANY, ANY, 1, ANY,
          "r{dst} = addr_space_cast(r{src}, {to_space}, {from_space})",
          "r{dst} = addr_space_cast(r{src}, {to_space:#x}, {from_space:#x})", level=4, since="6.9"),

    # Jumps. Distances count slots from the next instruction.
    Shape("<name>64_imm", op.JMP | op.K, op.JUMP_OPS, ANY, 0, ANY, ANY,
          "if r{dst} <sign> {u32:#x} goto pc{off:+d}",
          "if r{dst} <sign> {imm:#x} goto {off:+#x}{target}"),
    Shape("<name>64_reg", op.JMP | op.X, op.JUMP_OPS, ANY, ANY, ANY, 0,
          "if r{dst} <sign> r{src} goto pc{off:+d}",
          "if r{dst} <sign> r{src} goto {off:+#x}{target}"),
    Shape("<name>32_imm", op.JMP32 | op.K, op.JUMP_OPS, ANY, 0, ANY, ANY,
          "if w{dst} <sign> {u32:#x} goto pc{off:+d}",
          "if w{dst} <sign> {imm:#x} goto {off:+#x}{target}", level=3, since="5.1"),
    Shape("<name>32_reg", op.JMP32 | op.X, op.JUMP_OPS, ANY, ANY, ANY, 0,
          "if w{dst} <sign> w{src} goto pc{off:+d}",
          "if w{dst} <sign> w{src} goto {off:+#x}{target}", level=3, since="5.1"),
    Shape("ja", op.JMP | op.JA, ONCE, 0, 0, ANY, 0, "goto pc{off:+d}", "goto {off:+#x}{target}"),
    Shape("gotol", op.JMP32 | op.JA, ONCE, 0, 0, 0, ANY,
          "gotol pc{imm:+d}", "gotol {imm:+#x}{target}", level=4, since="6.6"),
    Shape("gotox", op.JMP | op.X | op.JA, ONCE, ANY, 0, 0, 0,
          "gotox r{dst}", level=4, since="6.19"),
    Shape("may_goto", op.JMP | op.JCOND, ONCE, 0, 0, ANY, 0,
          "may_goto pc{off:+d}", "may_goto {off:+#x}{target}", level=4, since="6.9"),
    Shape("exit", op.JMP | op.EXIT, ONCE, 0, 0, 0, 0, "exit"),
    Shape("call_helper", op.JMP | op.CALL, ONCE, 0, op.CALL_HELPER, 0, ANY,
          "call {name}#{imm}", "call {imm:#x}"),
    Shape("call_local", op.JMP | op.CALL, ONCE, 0, op.CALL_LOCAL, 0, ANY,
          "call pc{name}", "call {imm:#x}", since="4.16"),
    # off: which descriptor of fd_array holds the module's BTF; 0 is vmlinux.
    Shape("call_kfunc", op.JMP | op.CALL, ONCE, 0, op.CALL_KFUNC, ANY, ANY,
          "call {name}#{imm}", "call {imm:#x}", since="5.13"),

    # Memory.
    Shape("ldx_mem<name>", op.LDX | op.MEM, op.SIZES, ANY, ANY, ANY, 0,
          "r{dst} = *(<u> *)(r{src} {off:+d})",
          "<w>{dst} = *(<u> *)(r{src} {mem})", "r{dst} = *(<u> *)(r{src} {mem})"),
    Shape("ldx_memsx<name>", op.LDX | op.MEMSX, op.SIZES[:3], ANY, ANY, ANY, 0,
          "r{dst} = *(<s> *)(r{src} {off:+d})",
          "r{dst} = *(<s> *)(r{src} {mem})", level=4, since="6.6"),
    Shape("st_mem<name>", op.ST | op.MEM, op.SIZES, ANY, 0, ANY, ANY,
          "*(<u> *)(r{dst} {off:+d}) = {imm}", "*(<u> *)(r{dst} {mem}) = {imm:#x}"),
    Shape("stx_mem<name>", op.STX | op.MEM, op.SIZES, ANY, ANY, ANY, 0,
          "*(<u> *)(r{dst} {off:+d}) = r{src}",
          "*(<u> *)(r{dst} {mem}) = <w>{src}", "*(<u> *)(r{dst} {mem}) = r{src}"),
    # Packet access of old; LLVM leaves out the number that is added to the register.
    Shape("ld_abs<name>", op.LD | op.ABS, op.SIZES[:3], 0, 0, 0, ANY,
          "r0 = *(<u> *)skb[{imm}]", "r0 = *(<u> *)skb[{imm:#x}]"),
    Shape("ld_ind<name>", op.LD | op.IND, op.SIZES[:3], 0, ANY, 0, ANY,
          "r0 = *(<u> *)skb[r{src} + {imm}]", "r0 = *(<u> *)skb[r{src}]"),

    # Atomics. LLVM has no 32-bit ones without alu32, except the plain add, for which it then takes
    # one that fetches as well: clang writes that since 20, though nobody uses what was fetched.
    Shape("atomic_<name>64", op.STX | op.ATOMIC | op.DW, op.ATOMIC_OPS, ANY, ANY, ANY, PER_OP,
          "lock *(u64 *)(r{dst} {off:+d}) <sign> r{src}",
          "lock *(u64 *)(r{dst} {mem}) <sign> r{src}"),
    Shape("atomic_<name>32", op.STX | op.ATOMIC | op.W, op.ATOMIC_OPS[:1], ANY, ANY, ANY, PER_OP,
          "lock *(u32 *)(r{dst} {off:+d}) <sign> r{src}",
          "lock *(u32 *)(r{dst} {mem}) <sign> w{src}",
          "lock *(u32 *)(r{dst} {mem}) <sign> r{src}"),
    Shape("atomic_<name>32", op.STX | op.ATOMIC | op.W, op.ATOMIC_OPS[1:], ANY, ANY, ANY, PER_OP,
          "lock *(u32 *)(r{dst} {off:+d}) <sign> r{src}",
          "lock *(u32 *)(r{dst} {mem}) <sign> w{src}", UNKNOWN),
    Shape("atomic_fetch_<name>64", op.STX | op.ATOMIC | op.DW, op.FETCH_OPS, ANY, ANY, ANY, PER_OP,
          "r{src} = atomic64_fetch_<name>((u64 *)(r{dst} {off:+d}), r{src})",
          "r{src} = atomic_fetch_<name>((u64 *)(r{dst} {mem}), r{src})"),
    Shape("atomic_fetch_<name>32", op.STX | op.ATOMIC | op.W, op.FETCH_OPS[:1], ANY, ANY, ANY,
          PER_OP,
          "r{src} = atomic_fetch_<name>((u32 *)(r{dst} {off:+d}), r{src})",
          "w{src} = atomic_fetch_<name>((u32 *)(r{dst} {mem}), w{src})",
          "lock *(u32 *)(r{dst} {mem}) <sign> r{src}"),
    Shape("atomic_fetch_<name>32", op.STX | op.ATOMIC | op.W, op.FETCH_OPS[1:], ANY, ANY, ANY,
          PER_OP,
          "r{src} = atomic_fetch_<name>((u32 *)(r{dst} {off:+d}), r{src})",
          "w{src} = atomic_fetch_<name>((u32 *)(r{dst} {mem}), w{src})", UNKNOWN),
    Shape("atomic_xchg64", op.STX | op.ATOMIC | op.DW, ONCE, ANY, ANY, ANY, op.XCHG,
          "r{src} = atomic64_xchg((u64 *)(r{dst} {off:+d}), r{src})",
          "r{src} = xchg_64(r{dst} {mem}, r{src})", level=3, since="5.12"),
    Shape("atomic_xchg32", op.STX | op.ATOMIC | op.W, ONCE, ANY, ANY, ANY, op.XCHG,
          "r{src} = atomic_xchg((u32 *)(r{dst} {off:+d}), r{src})",
          "w{src} = xchg32_32(r{dst} {mem}, w{src})", UNKNOWN, level=3, since="5.12"),
    Shape("atomic_cmpxchg64", op.STX | op.ATOMIC | op.DW, ONCE, ANY, ANY, ANY, op.CMPXCHG,
          "r0 = atomic64_cmpxchg((u64 *)(r{dst} {off:+d}), r0, r{src})",
          "r0 = cmpxchg_64(r{dst} {mem}, r0, r{src})", level=3, since="5.12"),
    Shape("atomic_cmpxchg32", op.STX | op.ATOMIC | op.W, ONCE, ANY, ANY, ANY, op.CMPXCHG,
          "r0 = atomic_cmpxchg((u32 *)(r{dst} {off:+d}), r0, r{src})",
          "w0 = cmpxchg32_32(r{dst} {mem}, w0, w{src})", UNKNOWN, level=3, since="5.12"),
    # LLVM 20 and later; to LLVM 19 they are unknown.
    Shape("load_acquire<name>", op.STX | op.ATOMIC, op.SIZES, ANY, ANY, ANY, op.LOAD_ACQUIRE,
          "r{dst} = load_acquire((<u> *)(r{src} {off:+d}))",
          "<w>{dst} = load_acquire((<u> *)(r{src} {mem}))", level=4, since="6.15"),
    Shape("store_release<name>", op.STX | op.ATOMIC, op.SIZES, ANY, ANY, ANY, op.STORE_RELEASE,
          "store_release((<u> *)(r{dst} {off:+d}), r{src})",
          "store_release((<u> *)(r{dst} {mem}), <w>{src})", level=4, since="6.15"),

    # The two-slot load.
    Shape("ld_imm64", op.LD_IMM64, ONCE, ANY, op.PSEUDO_NONE, 0, ANY,
          "r{dst} = {name}", "r{dst} = {imm:#x} ll", high=True),
    Shape("ld_map_fd", op.LD_IMM64, ONCE, ANY, op.PSEUDO_MAP_FD, 0, ANY,
          "r{dst} = {name}", "ld_pseudo\tr{dst}, 0x1, {u32:#x}"),
    Shape("ld_map_value", op.LD_IMM64, ONCE, ANY, op.PSEUDO_MAP_VALUE, 0, ANY,
          "r{dst} = {name}", "ld_pseudo\tr{dst}, 0x2, {u32:#x}", since="5.2", high=True),
    Shape("ld_btf_id", op.LD_IMM64, ONCE, ANY, op.PSEUDO_BTF_ID, 0, ANY,
          "r{dst} = {name}", "ld_pseudo\tr{dst}, 0x3, {u32:#x}", since="5.10", high=True),
    Shape("ld_func", op.LD_IMM64, ONCE, ANY, op.PSEUDO_FUNC, 0, ANY,
          "r{dst} = {name}", "ld_pseudo\tr{dst}, 0x4, {u32:#x}", since="5.13"),
    Shape("ld_map_idx", op.LD_IMM64, ONCE, ANY, op.PSEUDO_MAP_IDX, 0, ANY,
          "r{dst} = {name}", "ld_pseudo\tr{dst}, 0x5, {u32:#x}", since="5.14"),
    Shape("ld_map_idx_value", op.LD_IMM64, ONCE, ANY, op.PSEUDO_MAP_IDX_VALUE, 0, ANY,
          "r{dst} = {name}", "ld_pseudo\tr{dst}, 0x6, {u32:#x}", since="5.14", high=True),
)

# What the verifier of Linux 6.18 makes of a program and leaves in a dump (include/linux/filter.h;
# bpf_insn_prepare_dump in kernel/bpf/syscall.c turns the rest back). The last two are signed loads
# that may fault; the kernel's own printer has no words for them.
VERIFIER = "verifier"
VERIFIER_SHAPES = (
    # In a local call the distance stands in off, and imm is the function's number.
    Shape("call_local", op.JMP | op.CALL, ONCE, 0, op.CALL_LOCAL, ANY, ANY,
          "call pc{name}", "call {imm:#x}", since="4.16"),
    Shape("ld_func", op.LD_IMM64, ONCE, ANY, op.PSEUDO_FUNC, 0, ANY,
          "r{dst} = {name}", "ld_pseudo\tr{dst}, 0x4, {u32:#x}", since="5.13", high=True),
    Shape("mov_percpu", op.ALU64 | op.X | op.MOV, ONCE, ANY, ANY, -1, 0,
          "r{dst} = &(void __percpu *)(r{src})", UNKNOWN, since=VERIFIER),
    Shape("nospec", op.ST | 0xC0, ONCE, 0, 0, 0, 0, "nospec", UNKNOWN, since=VERIFIER),
    Shape("ldx_probe_memsx<name>", op.LDX | 0x40, op.SIZES[:3], ANY, ANY, ANY, 0,
          "BUG_ldx_{code:02x}", UNKNOWN, since=VERIFIER),
    Shape("ldx_probe_mem32sx<name>", op.LDX | 0xC0, op.SIZES[:3], ANY, ANY, ANY, 0,
          "BUG_ldx_{code:02x}", UNKNOWN, since=VERIFIER),
)
# fmt: on


def _spell(text: str, row: op.Op | op.Size) -> str:
    for word in row.__match_args__:
        text = text.replace(f"<{word}>", str(getattr(row, word)))
    return text


def _form(shape: Shape, row: op.Op | op.Size) -> Form:
    kernel = _spell(shape.kernel, row)
    llvm = _spell(shape.llvm or shape.kernel, row)
    return Form(
        name=_spell(shape.name, row),
        code=shape.code | row.code,
        dst=shape.dst,
        src=shape.src,
        off=row.off if isinstance(shape.off, str) else shape.off,
        imm=row.imm if isinstance(shape.imm, str) else shape.imm,
        level=max(shape.level, row.level),
        since=shape.since or row.since,
        kernel=kernel if kernel.startswith("BUG") else "({code:02x}) " + kernel,
        llvm=llvm,
        llvm64=_spell(shape.llvm64, row) or llvm,
        high=shape.high,
    )


def _spelled_out(shapes: Iterable[Shape]) -> tuple[Form, ...]:
    return tuple(_form(shape, row) for shape in shapes for row in shape.over)


SELECTORS = ("nothing", "src", "off", "imm")


class Index(Frozen):
    """Forms by opcode byte. Where several share one, a field of the instruction decides: its place
    in SELECTORS, and the form for each number that it may hold.
    """

    by_code: Mapping[int, tuple[int, Mapping[int, Form]]]
    last_register: int


_LLVM_LAST_REGISTER = 11


def _index(forms: Iterable[Form], last_register: int) -> Index:
    rows_of: dict[int, list[Form]] = {}
    for form in forms:
        rows_of.setdefault(form.code, []).append(form)
    by_code = {}
    for code, rows in rows_of.items():
        columns: tuple[list[int | None], ...] = (
            [0] if len(rows) == 1 else [None],
            [row.src for row in rows],
            [row.off for row in rows],
            [row.imm for row in rows],
        )
        place = next(
            i for i, held in enumerate(columns) if None not in held and len({*held}) == len(rows)
        )
        by_number = {n: row for n, row in zip(columns[place], rows, strict=True) if n is not None}
        by_code[code] = place, by_number
    return Index(by_code, last_register)


FORMS = _spelled_out(SHAPES)
STRICT = _index(FORMS, op.LAST_REGISTER)

_verifiers = _spelled_out(VERIFIER_SHAPES)
_replaced = {form.name for form in _verifiers}
XLATED = _index(
    (*(form for form in FORMS if form.name not in _replaced), *_verifiers), op.LAST_REGISTER_XLATED
)


def find_form(insn: Insn, index: Index = STRICT) -> Form | str:
    """The form that `insn` has, or, if it has none, what stands where something else should."""
    entry = index.by_code.get(insn.code)
    if entry is None:
        return f"opcode {insn.code:#04x} is no instruction"
    place, forms = entry
    value = (0, insn.src, insn.off, insn.imm)[place]
    form = forms.get(value)
    if form is None:
        expected = ", ".join(str(n) for n in sorted(forms))
        return (
            f"opcode {insn.code:#04x} needs {SELECTORS[place]} to be one of {expected}, not {value}"
        )
    return _misfit(insn, form, index.last_register) or form


def loose_form(insn: Insn) -> Form | None:
    """The form as LLVM 19 takes it, which passes over most fields that have no use.

    It looks at off in arithmetic and in ld_imm64 and at imm in exit, knows a
    register r11, and no difference between calls.
    """
    if insn.code == op.JMP | op.CALL:
        return STRICT.by_code[insn.code][1][op.CALL_HELPER]
    place, forms = STRICT.by_code.get(insn.code, (0, {}))
    form = forms.get((0, insn.src, insn.off, insn.imm)[place])
    if form is None:
        return None
    registers = [n for n, held in ((insn.dst, form.dst), (insn.src, form.src)) if held is None]
    two_sided = insn.code & 7 in (op.ALU32, op.ALU64) and insn.code & 0xF0 not in (op.NEG, op.END)
    looked_at = [
        insn.off == form.off or not (two_sided or insn.code == op.LD_IMM64),
        insn.imm == form.imm or insn.code != op.JMP | op.EXIT,
    ]
    return form if all(looked_at) and max(registers, default=0) <= _LLVM_LAST_REGISTER else None


def _misfit(insn: Insn, form: Form, last_register: int) -> str:
    """Which field of `insn` does not hold what `form` says, and what it should; or ""."""
    width = 64 if form.code == op.LD_IMM64 else 32
    for field, value, held, low, high in (
        ("dst", insn.dst, form.dst, 0, last_register),
        ("src", insn.src, form.src, 0, last_register),
        ("off", insn.off, form.off, -0x8000, 0x7FFF),
        ("imm", insn.imm, form.imm, -1 << (width - 1), (1 << (width - 1)) - 1),
    ):
        if held is None:
            if not low <= value <= high:
                return f"{form.name}: {field} must be from {low} to {high}, not {value}"
        elif value != held:
            return f"{form.name}: {field} must be {held}, not {value}"
    if width == 64 and not form.high and insn.imm >> 32:
        return f"{form.name}: the second slot's imm must be 0, not {insn.high}"
    return ""
