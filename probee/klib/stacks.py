"""The stacks that led to an event: `-c` of the caller in user space, `--stack` in the kernel too.

In: the option rows `STACK_OPTIONS` and what the command line said. Out: `Stacks`, which a record
holds, `take_stacks()` for programs to fill it, and the columns that show it, beneath the row.

Each record has its stacks in itself: a map of stacks keeps each different one only once, but has no
room for some, and those rows would have none.
"""

from __future__ import annotations

from probee import Chars, Const, Context, Struct, chars, get_stack, s32
from probee.frame.options import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from probee.frame.columns import Column
    from probee.frame.options import Values

DEPTH = 64
STACK_BYTES = 8 * DEPTH  # bytes of a stack's addresses, each a u64
BPF_F_USER_STACK = 1 << 8  # include/uapi/linux/bpf.h; all of uapi.bpf_flags is slow to import

take_kernel = Const(bool, False)


class Stacks(Struct):
    """Up to 64 return addresses of each stack, innermost first, as bytes, zero behind them.

    The sizes are in bytes, or a negative error where there is no such stack.
    """

    user_size: s32
    kernel_size: s32
    user: Chars = chars(STACK_BYTES)
    kernel: Chars = chars(STACK_BYTES)


def take_stacks(ctx: Context, stacks: Stacks) -> None:
    """Fills in the stacks of the running task. The kernel clears what it has no address for."""
    stacks.user_size = s32(get_stack(ctx, stacks.user, STACK_BYTES, BPF_F_USER_STACK))
    if take_kernel:
        stacks.kernel_size = s32(get_stack(ctx, stacks.kernel, STACK_BYTES, 0))
    else:
        stacks.kernel_size = 0
        stacks.kernel = ""


# ------------------------------------------------------------------------------------ user side

STACK_OPTIONS = (
    Option("callers", "c", help="show the stack of the caller in user space below the row",
           group="Columns"),
    Option("stack", help="show the kernel's stack too", group="Columns"),
)  # fmt: skip


def wants_stacks(values: Values) -> bool:
    """Whether records must hold `Stacks`."""
    return bool(values.callers or values.stack)


def stack_consts(values: Values) -> dict[Const[Any], Any]:
    """Constants for `take_stacks()`."""
    return {take_kernel: True} if values.stack else {}


def stack_columns(values: Values) -> Sequence[Column]:
    """The stacks, where they are asked for: of a record with `ids` and `Stacks`."""
    if not wants_stacks(values):
        return ()
    from probee.frame.stacks import columns

    return columns(kernel=bool(values.stack))
