"""Which memory a pointer points to, and which pieces only this function can reach. Not a pass.

In: a function. Out: `Memory`: for each pointer its root (a `Slot`, or the value that the pointer
was derived from) and its distance from there; the roots that are private: slots and ring buffer
records whose address goes nowhere but into loads, stores and helpers that do not keep it.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import reverse_postorder
from probee.compiler.ir.ops import CALLS, Slot, Value
from probee.compiler.passes.effects import (
    CONTEXT_KEPT,
    accesses,
    keeps_pointer,
    takes_context,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from probee.compiler.ir.ops import Function, Op, Operand
    from probee.compiler.passes.effects import Access

    Place = tuple[Hashable, int | None]

NOWHERE: Place = (None, None)
# result of a helper → what memory that is; pieces of different kinds never overlap
_KINDS = {
    "map_lookup_elem": "map",
    "ringbuf_reserve": "record",
    "task_pt_regs": "kernel",
    "get_current_task_btf": "kernel",
    "get_current_task": "kernel",
}
# results that are addresses of the kernel's own structs
_OF_KERNEL = ("kload", "kaddr", "kcast", "same")
_ADDRESSES = {"load": 1, "store": 1, "atomic": 1, "zero": 1, "copy": 2}


class Memory:
    """`sizes`: of private roots, in bytes. `records`: private roots that a ring buffer gave."""

    def __init__(self, function: Function) -> None:
        self._places: dict[Value, Place] = {}
        self._kinds: dict[Hashable, str] = {}
        self._sizes: dict[Hashable, int] = {}
        self.records: set[Hashable] = set()
        self._calls: dict[Op, list[Access]] = {}
        escaped: set[Hashable] = set()
        if function.main and function.params:
            self._kinds[function.params[0]] = "context"
        for block in reverse_postorder(function):
            for op in block.ops:
                self._note(op, escaped)
        self.sizes = {r: s for r, s in self._sizes.items() if r not in escaped}
        self.records &= self.sizes.keys()

    def place(self, pointer: Operand) -> Place:
        """Root and offset; the offset is None where it is not constant."""
        if not isinstance(pointer, Value):
            return NOWHERE
        return self._places.get(pointer, (pointer, 0))

    def kind(self, root: Hashable) -> str:
        """`private`, or map, kernel, context, a section's name; `any`: it may be any of those."""
        if root in self.sizes:
            return "private"
        return self._kinds.get(root, "any")

    def accesses(self, op: Op) -> list[Access]:
        """What a call does to the memory that its operands point to."""
        found = self._calls.get(op)
        if found is None:
            found = self._calls[op] = accesses(op)
        return found

    def _note(self, op: Op, escaped: set[Hashable]) -> None:
        result = op.result
        kind = op.kind
        if result is not None and result.kind == "ptr":
            self._derive(op, result)
        if kind in _ADDRESSES:
            passed = op.args[_ADDRESSES[kind] :]
        elif kind in ("add", "sub"):
            if result is not None and result.kind == "ptr":
                return
            passed = op.args
        elif kind in ("cmp", "branch"):
            passed = [arg for edge in op.edges for arg in edge.args]
        elif kind == "call":
            passed = [arg for i, arg in enumerate(op.args) if keeps_pointer(op, i)]
        else:
            passed = [*op.args, *(arg for edge in op.edges for arg in edge.args)]
        for arg in passed:
            if isinstance(arg, Value) and arg.kind == "ptr":
                escaped.add(self.place(arg)[0])

    def _derive(self, op: Op, result: Value) -> None:
        match op.kind:
            case "slot":
                assert isinstance(op.symbol, Slot)
                self._places[result] = (op.symbol, 0)
                self._sizes[op.symbol] = op.symbol.size
            case "dataaddr":
                section = str(op.symbol)
                self._places[result] = (section, op.offset)
                self._kinds[section] = section
            case "add" | "sub":
                self._derive_sum(op, result)
            case _ if op.kind in _OF_KERNEL:
                self._kinds[result] = "kernel"
            case "call":
                name = str(op.symbol)
                if name in _KINDS:
                    self._kinds[result] = _KINDS[name]
                if name == "ringbuf_reserve" and isinstance(op.args[1], int):
                    self._sizes[result] = op.args[1]
                    self.records.add(result)

    def _derive_sum(self, op: Op, result: Value) -> None:
        a, b = op.args
        if op.kind == "add" and not (isinstance(a, Value) and a.kind == "ptr"):
            a, b = b, a
        root, offset = self.place(a)
        if isinstance(b, Value) or offset is None:
            self._places[result] = (root, None)
        else:
            self._places[result] = (root, offset + (b if op.kind == "add" else -b))


def frozen_roots(function: Function) -> set[Operand]:
    """Pointers to what never changes during a run: the context, constants, saved registers.

    Whether the context does is asked of `changes_context`.
    """
    found: set[Operand] = set()
    if function.main:
        found.update(function.params[:1])
    for block in function.blocks:
        for op in block.ops:
            constant = op.kind == "dataaddr" and op.symbol == ".rodata"
            saved = op.kind == "kcast" or (op.kind == "call" and op.symbol == "task_pt_regs")
            if op.result is not None and (constant or saved):
                found.add(op.result)
    return found


def changes_context(function: Function) -> bool:
    """Whether anything may write the context: a store, or a helper that changes packets."""
    params = set(function.params)
    for block in function.blocks:
        for op in block.ops:
            if op.kind in ("store", "zero", "copy", "atomic") and op.args[0] in params:
                return True
            if op.kind in CALLS and takes_context(op) and op.symbol not in CONTEXT_KEPT:
                return True
            if op.kind == "add" and op.args[0] in params:
                return True  # a moved context pointer: nothing is known of what is done with it
    return False
