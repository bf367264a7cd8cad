"""ISA levels: which instruction needs which of v1 to v4.

In: instructions. Out: the lowest level that has them, or an error that names the first beyond it.

The levels are clang's -mcpu: v1 is the first eBPF; v2 (Linux 4.14) adds `<` and `<=`; v3 (5.1)
32-bit arithmetic and jumps, and atomics that return the old value (5.12); v4 (6.6) signed loads,
moves and division, byte swaps and the long jump. may_goto, addr_space_cast, acquire and release,
and gotox came later and count as v4. A level promises less than it seems: 5.10 takes v3 without its
atomics.
`Form.since` has the release of each.
"""

from __future__ import annotations

from probee.asm.forms import STRICT, Form, find_form
from probee.errors import NotSupportedError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from probee.asm.insn import Insn

LEVELS = (1, 2, 3, 4)


def form_of(insn: Insn) -> Form:
    """What kind of instruction it is; UsageError if it is none."""
    form = find_form(insn, STRICT)
    if isinstance(form, str):
        raise UsageError(f"not an instruction: {form}")
    return form


def required_level(insn: Insn) -> int:
    """The lowest ISA level, 1 to 4, that has this instruction."""
    return form_of(insn).level


def check_level(insns: Iterable[Insn], level: int) -> None:
    """NotSupportedError for the first instruction that ISA v`level` does not have."""
    if level not in LEVELS:
        raise UsageError(f"there is no ISA level {level!r}, only 1 to 4")
    for number, insn in enumerate(insns):
        form = form_of(insn)
        if form.level > level:
            raise NotSupportedError(
                f"instruction {number} ({form.name}) needs ISA v{form.level}, not v{level}",
                since=f"Linux {form.since}",
            )
