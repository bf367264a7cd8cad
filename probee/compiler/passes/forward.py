"""A load gives what is known to stand there; a store of what stands there already goes.

What was stored or loaded is followed through blocks, where paths join as far as all agree:

    store.4 [%1], %2                store.4 [%1], %2
    %3 = call map_lookup_elem …     %3 = call map_lookup_elem …
    store.4 [%1], %2                %5 = call map_delete_elem …
    %4 = load.4 [%1]                %6 = zext.4 %2
    %5 = call map_delete_elem …

Private slots and records (see `memory`) survive calls but for the bytes that a helper writes; what
others can write (map values, data sections) is forgotten at each call with an effect. A loop's head
starts with nothing.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import incoming_edges, reverse_postorder
from probee.compiler.ir.ops import CALLS, Value
from probee.compiler.passes.arithmetic import unsigned
from probee.compiler.passes.effects import WITHOUT_EFFECT
from probee.compiler.passes.memory import Memory
from probee.compiler.passes.rewriting import final, substitute_edges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from probee.compiler.ir.ops import Block, Function, Op, Operand

    Known = dict[tuple[int, int], Operand]  # (offset, size) → what stands there, its low bytes
    State = dict[Hashable, Known]

MOST = 64  # facts kept about one root: enough for records, and a bound on the work
_TOUCHING = frozenset({"load", "store", "zero", "copy", "atomic", *CALLS})


def run(function: Function) -> bool:
    """Forwards stored values; says whether anything changed."""
    touched = {op.kind for block in function.blocks for op in block.ops if op.kind in _TOUCHING}
    if "load" not in touched and "store" not in touched:
        return False
    return _Forwarding(function).run()


class _Forwarding:
    """`alias`: loaded value → what it is. `_ends`: what is known where a block ends."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.memory = Memory(function)
        self.alias: dict[Value, Operand] = {}
        self.changed = False
        self._ends: dict[Block, State] = {}

    def run(self) -> bool:
        incoming = incoming_edges(self.function)
        for block in reverse_postorder(self.function):
            state = self._at_start([pred for pred, _ in incoming[block]])
            kept: list[Op] = []
            for op in block.ops:
                for index, arg in enumerate(op.args):
                    if isinstance(arg, Value) and arg in self.alias:
                        op.args[index] = final(arg, self.alias)
                if op.kind not in _TOUCHING or self._visit(op, state):
                    kept.append(op)
            block.ops = kept
            self._ends[block] = state
        if self.alias:
            for block in self.function.blocks:
                substitute_edges(block, self.alias)
        return self.changed or bool(self.alias)

    def _at_start(self, preds: list[Block]) -> State:
        """What all of `preds` agree on; nothing where one of them comes later."""
        if not preds or not all(pred in self._ends for pred in preds):
            return {}
        first, *rest = (self._ends[pred] for pred in preds)
        state = {root: dict(known) for root, known in first.items()}
        for other in rest:
            for root in tuple(state):
                there = other.get(root)
                if there is None:
                    del state[root]
                    continue
                known = state[root]
                for key in [k for k, v in known.items() if there.get(k) != v]:
                    del known[key]
        return state

    def _visit(self, op: Op, state: State) -> bool:
        """Follows one operation; false where it is to go."""
        match op.kind:
            case "load":
                return self._load(op, state)
            case "store":
                return self._store(op, state)
            case "call" | "callfn" | "kfunc":
                self._call(op, state)
                return True
        root, at = self.memory.place(op.args[0])
        offset = None if at is None else at + op.offset
        self._forget(state, root, offset, op.size)
        if op.kind == "zero" and offset is not None:
            self._keep(state, root, (offset, op.size), 0)
        return True

    def _load(self, op: Op, state: State) -> bool:
        root, at = self.memory.place(op.args[0])
        result = op.result
        if at is None or result is None:
            return True
        key = (at + op.offset, op.size)
        value = _lookup(state.get(root, {}), key)
        if value is None or (result.kind == "ptr" and not _is_pointer(value)):
            self._keep(state, root, key, result)
            return True
        if op.size == 8 or isinstance(value, int):  # numbers were cut where they were stored
            self.alias[result] = value
            return False
        op.kind, op.args, op.offset, op.symbol = "zext", [value], 0, None
        op.align = 1
        self.changed = True
        return True

    def _store(self, op: Op, state: State) -> bool:
        root, at = self.memory.place(op.args[0])
        value = op.args[1]
        if at is None:
            self._forget(state, root, None, op.size)
            return True
        key = (at + op.offset, op.size)
        if isinstance(value, int):
            value = unsigned(value, op.size) if op.size < 8 else value
        if self.memory.kind(root) == "private":
            there = state.get(root, {}).get(key)
            if there is not None and there == value:
                self.changed = True
                return False
        self._forget(state, root, *key)
        self._keep(state, root, key, value)
        return True

    def _call(self, op: Op, state: State) -> None:
        if op.kind == "call" and op.symbol in WITHOUT_EFFECT:
            return
        memory = self.memory
        for root in [r for r in state if memory.kind(r) not in ("private", "context", ".rodata")]:
            del state[root]
        for access in memory.accesses(op):
            if access.writes:
                root, at = memory.place(op.args[access.argument])
                self._forget(state, root, None if access.size < 0 else at, access.size)
        if op.symbol in ("ringbuf_submit", "ringbuf_discard"):
            state.pop(memory.place(op.args[0])[0], None)

    def _forget(self, state: State, root: Hashable, offset: int | None, size: int) -> None:
        """`size` bytes at `offset` of `root` (None: anywhere in it) may have changed."""
        kind = self.memory.kind(root)
        if kind != "private":
            for other in [r for r in state if r != root]:
                beside = self.memory.kind(other)
                if beside != "private" and (beside == kind or "any" in (kind, beside)):
                    del state[other]
        known = state.get(root)
        if known is None:
            return
        if offset is None:
            del state[root]
            return
        end = offset + size
        for key in [k for k in known if k[0] < end and offset < k[0] + k[1]]:
            del known[key]

    def _keep(self, state: State, root: Hashable, key: tuple[int, int], value: Operand) -> None:
        known = state.setdefault(root, {})
        if len(known) >= MOST:
            known.clear()
        known[key] = value


def _lookup(known: Known, key: tuple[int, int]) -> Operand | None:
    """What stands at `key`; 0 also as a part of something bigger."""
    value = known.get(key)
    if value is None:
        begin, end = key[0], key[0] + key[1]
        for (offset, size), there in known.items():
            if there == 0 and offset <= begin and end <= offset + size:
                return 0
    return value


def _is_pointer(value: Operand) -> bool:
    return isinstance(value, Value) and value.kind == "ptr"
