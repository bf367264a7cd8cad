"""The functions of the kernel that the simulator has for programs to call.

In: the number that linking gave the call, the registers. Out: r0. A number is the function's place
in `KFUNCS`, which stands in for its type id in a kernel's BTF.

`bpf_iter_num` as kernel/bpf/bpf_iter.c of Linux 6.18 has it: 8 bytes on the stack, the last number
given and the end, 32 bits each. What the verifier sees to is a fault here: a use before new() and
behind destroy(), an iterator that a program leaves behind.
"""

from __future__ import annotations

from errno import E2BIG, EINVAL
from struct import Struct

from probee.errors import NotSupportedError
from probee.sim.arithmetic import M64, signed
from probee.sim.memory import Fault
from probee.sim.steps import UNSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from probee.sim.state import State
    from probee.sim.steps import Registers

_NUMBERS = Struct("=2i")
_MOST = 8 << 20  # BPF_MAX_LOOPS


def iter_num_new(state: State, it: int, start: int, end: int) -> int:
    """An iterator over start to end - 1; an empty one where it refuses."""
    if it in state.iterators:
        raise Fault("makes an iterator where there is one")
    start, end = signed(start, 32), signed(end, 32)
    error = -EINVAL if start > end else -E2BIG if end - start > _MOST else 0
    if error:
        start = end = 1
    state.memory.write(it, _NUMBERS.pack(start - 1, end))
    state.iterators.add(it)
    return error


def iter_num_next(state: State, it: int) -> int:
    """The address of the next number, 0 behind the last."""
    _demand(state, it)
    last, end = _NUMBERS.unpack(state.memory.read(it, _NUMBERS.size))
    if last + 1 >= end:
        state.memory.write(it, bytes(_NUMBERS.size))
        return 0
    state.memory.write(it, _NUMBERS.pack(last + 1, end))
    return it


def iter_num_destroy(state: State, it: int) -> int:
    """Gives it back."""
    _demand(state, it)
    state.iterators.remove(it)
    return 0


def _demand(state: State, it: int) -> None:
    if it not in state.iterators:
        raise Fault("uses an iterator that was not made, or was destroyed")


# name → what it does, how many arguments, whether it gives a result
KFUNCS: Mapping[str, tuple[Callable[..., int], int, bool]] = {
    "bpf_iter_num_new": (iter_num_new, 3, True),
    "bpf_iter_num_next": (iter_num_next, 1, True),
    "bpf_iter_num_destroy": (iter_num_destroy, 1, False),
}


def number_of(program: str, name: str) -> int:
    """What a call of the function has in place of a type id."""
    if name not in KFUNCS:
        raise NotSupportedError(
            f"simulating {program}: the simulator has no {name}()",
            hint="run the program in the kernel: Session and test_run",
        )
    return list(KFUNCS).index(name)


def call(state: State, number: int, registers: Registers) -> int:
    """Runs the function on r1 and those behind it: what it leaves in r0."""
    name, (answer, count, gives) = list(KFUNCS.items())[number]
    arguments = registers[1 : 1 + count]
    for place, value in enumerate(arguments, 1):
        if value is None:
            raise Fault(f"calls {name}() with r{place}, which holds nothing")
    result = answer(state, *arguments)
    return result & M64 if gives else UNSET
