"""Ring buffers: reserve, submit, discard, and the duty that a reservation brings.

In: a ring's declaration, a record. Out: helper calls. A record that was reserved is submitted or
discarded on every path, or the program does not compile; a full ring is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import memory, records, tables, traps
from probee.compiler.frontend.values import NONE, Opt, Ref
from probee.spec.types import StructType

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.lang.maps import RingBuf
    from probee.lang.types import Struct


def method(low: Lowering, ring: RingBuf[Struct], name: str, call: ast.Call) -> TypedValue:
    """A method call on a ring buffer."""
    if call.keywords:
        raise low.refuse(call, "arguments", f"{name}() takes no keywords")
    match name:
        case "reserve":
            return _reserve(low, ring, call)
        case "output":
            return records.output(low, ring, call)
        case _:
            raise low.refuse(
                call,
                "map-operation",
                f"RingBuf has no {name}() in kernel programs",
                why="a map has the operations that the kernel gives it",
                fix="it has: reserve, output",
            )


def _reserve(low: Lowering, ring: RingBuf[Struct], call: ast.Call) -> TypedValue:
    """`ring.reserve()`: a full ring is counted; a record begins as zeroes."""
    if call.args:
        raise low.refuse(call, "arguments", "the form is ring.reserve()")
    layout = ring.value
    assert isinstance(layout, StructType)
    name = low.world.capture.name_of(ring)
    site = low.site()
    ring_address = tables.map_address(low, name)
    pointer = low.builder.emit(
        "call", ring_address, layout.size, 0, result="ptr", symbol="ringbuf_reserve"
    )
    full, got, done = low.blocks(3)
    low.branch("eq", pointer, 0, full, got)
    low.start(full)
    if low.live:
        traps.bump(low, low.world.counter("ring_full", name))
    low.jump(done)
    low.start(got)
    low.builder.emit("zero", pointer, size=layout.size, align=8)
    low.jump(done)
    low.start(done)
    low.flow = low.flow.with_record(site, "maybe")
    low.record_pointers[site] = pointer
    return Opt(Ref(pointer, 0, layout, f"ring:{name}", site))


def finish(low: Lowering, record: Ref, name: str, call: ast.Call) -> TypedValue:
    """`record.submit()`, `record.discard()`."""
    if call.args or call.keywords:
        raise low.refuse(call, "arguments", f"{name}() takes no arguments")
    if not record.origin.startswith("ring:") or record.offset:
        raise low.refuse(
            call,
            "ring-duty",
            f"{name}() belongs to a record from reserve()",
            why="only a reserved record can be handed over",
            fix="send a copy with ring.output(record)",
        )
    memory.check_usable(low, record, call)
    low.builder.emit("call", record.ptr, 0, result="none", symbol=f"ringbuf_{name}")
    low.flow = low.flow.with_record(record.site, "done")
    return NONE


def check_duty(low: Lowering, node: ast.AST) -> None:
    """Every reserved record was submitted or discarded when the program ends here."""
    if not low.live or low.diagnostics:  # a refused statement may have been the one that submits
        return
    for _, state in low.flow.records:
        if state != "done":
            where = " on some path to this line" if state == "mixed" else ""
            raise low.refuse(
                node,
                "ring-duty",
                f"a reserved record is neither submitted nor discarded{where}",
                why="the verifier refuses a program that may keep a record",
                fix="call submit() or discard() on it on every path",
            )
