"""Perf event arrays: `events.output(record)`.

In: the declaration, a record. Out: a helper call that copies the record into the buffer of the CPU
that the program runs on. A record for which there is no room is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import mapkeys, tables
from probee.compiler.frontend.values import NONE

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.lang.perf import PerfEventArray
    from probee.lang.types import Struct

BPF_F_CURRENT_CPU = 0xFFFFFFFF


def method(low: Lowering, events: PerfEventArray[Struct], name: str, call: ast.Call) -> TypedValue:
    """`output`, the only one."""
    if name != "output":
        raise low.refuse(
            call,
            "map-operation",
            f"PerfEventArray has no {name}() in kernel programs",
            why="the kernel copies a whole record into it",
            fix="make the record on the stack, and then: events.output(record)",
        )
    if len(call.args) != 1 or call.keywords:
        raise low.refuse(call, "arguments", "the form is events.output(record)")
    value = low.value(call.args[0])
    assert events.value is not None
    table = low.world.capture.name_of(events)
    record = mapkeys.in_memory(low, value, events.value, "value", call.args[0])
    low.place(call)
    map_ = tables.map_address(low, table)
    result = low.builder.emit(
        "call",
        low.context,
        map_,
        BPF_F_CURRENT_CPU,
        record,
        events.value.size,
        result="int",
        symbol="perf_event_output",
    )
    tables.count_unless_zero(low, result, "perf_full", table)
    return NONE
