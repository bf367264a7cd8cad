"""What the code generator hands out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.frozen import Frozen

if TYPE_CHECKING:
    from probee.asm.insn import Insn
    from probee.compiler.codegen.machine import MFunction, MOp
    from probee.compiler.ir.ops import Loc
    from probee.spec import Reloc


class Code(Frozen):
    """A program and its subprograms, but for the numbers in `relocs`.

    `code`: 8 bytes a slot, in the target's byte order; `insns` is the same. Slots count from the
    first function's first. `relocs`: the ld_imm64 that refer to maps; they have the pseudo source
    of their kind, descriptor 0, and an offset into the map's value in their upper half. `lines`:
    (slot, place) where the source line changes, with a row at the first slot of each function.
    `functions`: (name, first slot). `helpers`: the names of those called, without bpf_. `stack`:
    bytes that the deepest chain of calls takes. `trace`: (first slot, operation, its function).
    A call of a kfunc is among `relocs` too, with immediate 0.
    """

    code: bytes
    insns: tuple[Insn, ...]
    relocs: tuple[Reloc, ...]
    lines: tuple[tuple[int, Loc], ...]
    functions: tuple[tuple[str, int], ...]
    helpers: tuple[str, ...]
    stack: int
    trace: tuple[tuple[int, MOp, MFunction], ...] = ()
