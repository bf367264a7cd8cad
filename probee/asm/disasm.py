"""Instructions to text, in the dialects that people know.

In: instructions, and callbacks or symbols for what only a kernel or an object file can name.
Out: the kernel's lines, as the verifier's log and `bpftool prog dump xlated` have them
(kernel/bpf/disasm.c of Linux 6.18), or LLVM's, as `llvm-objdump -d --no-show-raw-insn` prints them.
"""

from __future__ import annotations

from probee.asm.forms import XLATED, Form, find_form, loose_form
from probee.asm.insn import slot_starts
from probee.asm.opcodes import (
    CALL,
    CALL_HELPER,
    CALL_KFUNC,
    CALL_LOCAL,
    JMP,
    LD_IMM64,
    PSEUDO_FUNC,
    PSEUDO_MAP_FD,
    PSEUDO_MAP_IDX_VALUE,
    PSEUDO_MAP_VALUE,
    SLOT_BYTES,
)
from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from probee.asm.insn import Insn

    Namer = Callable[[Insn], str | None]

_NONE: Mapping[int, str] = {}


def kernel_text(
    insn: Insn,
    *,
    helpers: Mapping[int, str] = _NONE,
    call: Namer | None = None,
    imm: Namer | None = None,
) -> str:
    """One line of the kernel's: `(b7) r0 = 0`. UsageError if `insn` is no instruction.

    `helpers` has names by id ("bpf_map_lookup_elem"). `call` may name any other call: a helper or
    kfunc by its name, a local function by what follows `pc`; `imm` a 64-bit immediate. From None
    follow the kernel's own words for the nameless.
    """
    name = ""
    if insn.code == JMP | CALL:
        name = _call_name(insn, helpers, call)
    elif insn.code == LD_IMM64:
        name = (imm(insn) if imm else None) or f"{insn.imm & 0xFFFFFFFFFFFFFFFF:#x}"
    return _fill(_form(insn).kernel, insn, name=name)


def _call_name(insn: Insn, helpers: Mapping[int, str], call: Namer | None) -> str:
    if insn.src == CALL_HELPER and insn.imm in helpers:
        return helpers[insn.imm]
    name = call(insn) if call else None
    if name is not None:
        return name
    if insn.src == CALL_LOCAL:
        return f"{insn.imm:+d}"
    return "kernel-function" if insn.src == CALL_KFUNC else "unknown"


def dump_imm(insn: Insn) -> str | None:
    """What `bpftool prog dump xlated` prints for the immediate of an ld_imm64, where it has words.

    In a dump, pseudo sources hold ids of maps instead of file descriptors. Pass it as `imm`.
    """
    low, high = insn.imm & 0xFFFFFFFF, insn.high & 0xFFFFFFFF
    if insn.src == PSEUDO_MAP_FD:
        return f"map[id:{low}]"
    if insn.src == PSEUDO_MAP_VALUE:
        return f"map[id:{low}][0]+{high}"
    if insn.src == PSEUDO_MAP_IDX_VALUE:
        return f"map[idx:{low}]+{high}"
    if insn.src == PSEUDO_FUNC:
        return f"subprog[{insn.low:+d}]"
    return None


def kernel_lines(
    insns: Sequence[Insn],
    *,
    helpers: Mapping[int, str] = _NONE,
    call: Namer | None = None,
    imm: Namer | None = None,
) -> Iterator[str]:
    """Numbered lines, `   0: (b7) r0 = 0`; the numbers are slots."""
    for slot, insn in zip(slot_starts(insns), insns, strict=False):
        yield f"{slot:4d}: {kernel_text(insn, helpers=helpers, call=call, imm=imm)}"


def llvm_text(insn: Insn, *, alu32: bool = True, target: str = "", loose: bool = False) -> str:
    """One line of LLVM's: `r0 = 0x0`. `target` is what a jump adds, as ` <main+0x10>`.

    UsageError if `insn` is no instruction; with `loose` only where LLVM finds none in it either,
    which passes over fields that have no use.

    `alu32` is LLVM's feature: it prints 32-bit memory access with w registers. llvm-objdump has it
    with --mcpu=v3 and v4; without, it knows no 32-bit atomic but add, and says `<unknown>`; one
    that fetches it shows as a plain add.
    """
    form = _form(insn, loose=loose)
    return _fill(form.llvm if alu32 else form.llvm64, insn, target=target)


def llvm_lines(
    insns: Sequence[Insn], symbols: Mapping[int, str] = _NONE, *, alu32: bool = True
) -> Iterator[str]:
    """Numbered lines as llvm-objdump has them: the slot in 8 columns, `:`, a tab, the text.

    `symbols`: names by byte offset; jumps are shown relative to the last one before their target.
    """
    places = sorted(symbols)
    for slot, insn in zip(slot_starts(insns), insns, strict=False):
        target = ""
        distance = jump_distance(insn)
        if distance is not None and places:
            target = symbolic((slot + 1 + distance) * SLOT_BYTES, places, symbols)
        yield f"{slot:8d}:\t{llvm_text(insn, alu32=alu32, target=target)}"


def jump_distance(insn: Insn, *, loose: bool = False) -> int | None:
    """How many slots behind the next one it jumps, or None if it is no jump. Else `llvm_text`."""
    llvm = _form(insn, loose=loose).llvm
    if not llvm.endswith("{target}"):
        return None
    return insn.imm if "{imm:+#x}" in llvm else insn.off


def symbolic(address: int, places: Sequence[int], symbols: Mapping[int, str]) -> str:
    """` <main+0x10>`: an address by the last of `places` (ascending) before it; '' for none."""
    # Before the section's start llvm-objdump wraps around to 64 bits, behind the last symbol.
    address &= 0xFFFFFFFFFFFFFFFF
    before = [place for place in places if place <= address]
    if not before:
        return ""
    off = address - before[-1]
    return f" <{symbols[before[-1]]}+{off:#x}>" if off else f" <{symbols[before[-1]]}>"


def _form(insn: Insn, *, loose: bool = False) -> Form:
    form = (loose_form(insn) or "LLVM knows none") if loose else find_form(insn, XLATED)
    if isinstance(form, str):
        raise UsageError(f"not an instruction: {form}")
    return form


def _fill(text: str, insn: Insn, *, name: str = "", target: str = "") -> str:
    imm, off = insn.imm, insn.off
    u32 = imm & 0xFFFFFFFF
    return text.format(
        code=insn.code,
        dst=insn.dst,
        src=insn.src,
        off=off,
        imm=imm,
        u32=u32,
        to_space=u32 >> 16,
        from_space=u32 & 0xFFFF,
        mem=f"+ {off:#x}" if off >= 0 else f"- {-off:#x}",
        name=name,
        target=target,
    )
