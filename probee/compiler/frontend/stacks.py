"""Stack traces: `stacks.kernel()` and `stacks.user()`.

In: the declaration, how many frames to leave out. Out: a helper call, and a number or None. A stack
that is there and could not be kept is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import tables
from probee.compiler.frontend.values import U32, Num, OptNum

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.lang.stacks import StackTrace

BPF_F_USER_STACK = 1 << 8
BPF_F_SKIP_FIELD_MASK = 0xFF
_EFAULT = 14  # what bpf_get_stackid() gives where there is no stack (kernel/bpf/stackmap.c)


def method(low: Lowering, stacks: StackTrace, name: str, call: ast.Call) -> TypedValue:
    """`kernel` and `user`: the id is never negative, so that an error cannot be taken for one."""
    if name not in ("kernel", "user"):
        raise low.refuse(
            call,
            "map-operation",
            f"StackTrace has no {name}() in kernel programs",
            why="the kernel itself writes the stacks into it",
            fix="it has: kernel, user",
        )
    flags = _skip(low, call) | (BPF_F_USER_STACK if name == "user" else 0)
    low.place(call)
    table = low.world.capture.name_of(stacks)
    map_ = tables.map_address(low, table)
    got = low.builder.emit("call", low.context, map_, flags, result="int", symbol="get_stackid")
    kept, failed, missed = low.blocks(3)
    number = low.temporary()
    low.branch("slt", got, 0, failed, kept)
    low.start(kept)
    low.builder.write(number, low.builder.emit("zext", got, size=4))
    ends = [low.end(1)]
    low.start(failed)
    low.builder.write(number, 0)
    (none,) = low.blocks(1)
    low.branch("eq", got, -_EFAULT, none, missed)
    low.start(missed)
    tables.lost(low, "stack", table)
    low.jump(none)
    low.start(none)
    ends.append(low.end(0))
    present = low.join(ends)
    return OptNum(Num(U32, low.builder.read(number)), present)


def _skip(low: Lowering, call: ast.Call) -> int:
    given = [*call.args, *(k.value for k in call.keywords if k.arg == "skip")]
    if len(given) > 1 or len(given) != len(call.args) + len(call.keywords):
        raise low.refuse(call, "arguments", "the form is stacks.kernel() or stacks.kernel(skip=2)")
    if not given:
        return 0
    number = low.number(given[0])
    if not isinstance(number.op, int) or not 0 <= number.op <= BPF_F_SKIP_FIELD_MASK:
        raise low.refuse(
            given[0],
            "constant",
            "skip is a constant from 0 to 255",
            why="the kernel takes it as a part of the flags",
            fix="write the number of frames",
        )
    return number.op
