"""Loops whose rounds the kernel counts: `bpf_iter_num`, an open-coded iterator of Linux 6.4.

In: a loop that is bounded, but runs too often for the verifier to follow every round. Out: calls of
the kernel's functions, in place of a counter of our own:

    bpf_iter_num_new(&it, start, stop)
    while ((p = bpf_iter_num_next(&it)) != NULL) { i = *p; … }
    bpf_iter_num_destroy(&it)

The verifier walks the body until what it knows at the head covers what it knew there before
(Documentation/bpf/kfuncs.rst, process_iter_next_call in kernel/bpf/verifier.c). A local that the
body assigns would be another constant in each round, so it starts as a number that the verifier
does not know. An iterator takes 8 bytes of the stack, and must be destroyed on every way out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.scope import Loop
    from probee.compiler.ir.ops import Block, Operand, Slot, Value

MAX_ROUNDS = 8 << 20  # BPF_MAX_LOOPS of include/linux/bpf_verifier.h; new() refuses more
S32 = range(-(1 << 31), 1 << 31)
NEW, NEXT, DESTROY = (f"bpf_iter_num_{part}" for part in ("new", "next", "destroy"))


def missing(low: Lowering) -> str:
    """Why this program cannot have an iterator; "" where it can."""
    if not low.world.gpl:
        return f"the licence {low.world.license!r} is not GPL-compatible"
    if not all(low.world.facts.kfunc(name) for name in (NEW, NEXT, DESTROY)):
        return "the kernel has no bpf_iter_num (Linux 6.4)"
    return ""


def begin(low: Lowering, start: Operand, stop: Operand) -> Slot:
    """A new iterator over `start` to `stop` - 1, both 32 bits, before the loop's head."""
    iterator = low.function.new_slot(f"iterator{low.number_of()}", 8, 8)
    low.builder.emit("kfunc", _address(low, iterator), start, stop, result="none", symbol=NEW)
    return iterator


def unknown_zero(low: Lowering) -> Operand:
    """A 0 that the verifier does not know."""
    if not low.live:  # it is given a place only where it is needed
        return 0
    zero = low.world.zero()
    address = low.builder.emit("dataaddr", symbol=zero.section, offset=zero.offset)
    return low.builder.emit("load", address, size=8)


def next_(low: Lowering, iterator: Slot, inside: Block, exhausted: Block) -> Value:
    """The head of the loop: a pointer to the next number, which is there in `inside`."""
    pointer = low.builder.emit("kfunc", _address(low, iterator), result="ptr", symbol=NEXT)
    low.branch("ne", pointer, 0, inside, exhausted)
    return pointer


def end(low: Lowering, loops: list[Loop]) -> None:
    """Leaves these loops, the innermost first."""
    for loop in reversed(loops):
        if loop.iterator is not None:
            pointer = _address(low, loop.iterator)
            low.builder.emit("kfunc", pointer, result="none", symbol=DESTROY)


def _address(low: Lowering, iterator: Slot) -> Value:
    return low.builder.emit("slot", symbol=iterator)
