"""A reference interpreter of the IR: slow, plain, and written from the comments in `ir/ops.py`.

In: functions, the first one the program, its arguments, helpers as Python functions. Out: what it
returns. An int is a number below 2^64; a pointer is `Address(memory, offset)` into a bytearray.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from probee.compiler.ir.ops import Block, Edge, Function, Op, Operand, Slot, Value


class Address(NamedTuple):
    memory: bytearray
    offset: int


# What a loader would write in. Passes know the sizes and signs, not the values.
CONSTS = {"most": -1, "high": 0x8000_8000_8000_8080, "low": 0x7F7F_7F7F_7F7F_7F7F}
Word: TypeAlias = "int | Address"
Helper: TypeAlias = "Callable[..., Word]"


def mask(size: int) -> int:
    return (1 << 8 * size) - 1


def signed(value: int, size: int) -> int:
    value &= mask(size)
    return value - (1 << 8 * size) if value >> (8 * size - 1) else value


def arithmetic(kind: str, a: int, b: int, size: int) -> int:
    """One of the two-operand operations on integers, result of 64 bits."""
    a, b, bits = a & mask(size), b & mask(size), 8 * size
    sa, sb = signed(a, size), signed(b, size)
    quotient = abs(sa) // abs(sb) if sb else 0
    if (sa < 0) != (sb < 0):
        quotient = -quotient
    results: dict[str, Callable[[], int]] = {
        "add": lambda: a + b,
        "sub": lambda: a - b,
        "mul": lambda: a * b,
        "udiv": lambda: a // b if b else 0,
        "umod": lambda: a % b if b else a,
        "sdiv": lambda: quotient,
        "smod": lambda: sa - quotient * sb,
        "and": lambda: a & b,
        "or": lambda: a | b,
        "xor": lambda: a ^ b,
        "shl": lambda: a << b % bits,
        "lshr": lambda: a >> b % bits,
        "ashr": lambda: sa >> b % bits,
    }
    return results[kind]() & mask(size)


def condition(name: str, a: Word, b: Word, size: int) -> bool:
    if isinstance(a, Address) or isinstance(b, Address):
        assert name in ("eq", "ne"), "pointers are only compared with null"
        return (a == b) == (name == "eq")
    a, b = a & mask(size), b & mask(size)
    if name == "set":
        return a & b != 0
    if name[0] == "s":
        a, b = signed(a, size), signed(b, size)
    return {"eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b}[
        name if name in ("eq", "ne") else name[1:]
    ]


class Interpreter:
    """`helpers`: by name without bpf_, kfuncs with it. `data`: sections and maps by name.

    `steps`: at most.
    """

    def __init__(
        self,
        functions: Sequence[Function],
        *,
        helpers: Mapping[str, Helper] | None = None,
        data: Mapping[str, bytearray] | None = None,
        steps: int = 1_000_000,
    ) -> None:
        self.functions = {function.name: function for function in functions}
        self.main = functions[0]
        self.helpers = dict(helpers or {})
        self.data = dict(data or {})
        self.steps = steps

    def run(self, *args: Word) -> int:
        """What the program returns for these arguments."""
        return self.call(self.main, list(args))

    def call(self, function: Function, args: list[Word]) -> int:
        values: dict[Value, Word] = dict(zip(function.params, args, strict=True))
        slots = {slot: bytearray(slot.size) for slot in function.slots}
        block: Block | None = function.blocks[0]
        while block is not None:
            for op in block.ops[:-1]:
                result = self._op(op, values, slots)
                if op.result is not None:
                    assert result is not None
                    values[op.result] = result
            edge = self._end(block.ops[-1], values)
            if isinstance(edge, int):
                return edge
            passed = [_get(arg, values) for arg in edge.args]
            values.update(zip(edge.block.params, passed, strict=True))
            block = edge.block
        raise AssertionError

    def _end(self, op: Op, values: dict[Value, Word]) -> Edge | int:
        self.steps -= 1
        assert self.steps, "the program does not end"
        if op.kind == "ret":
            value = _get(op.args[0], values)
            assert isinstance(value, int)
            return value
        if op.kind == "jump":
            return op.edges[0]
        a, b = (_get(arg, values) for arg in op.args)
        return op.edges[0 if condition(str(op.symbol), a, b, op.size) else 1]

    def _op(
        self, op: Op, values: dict[Value, Word], slots: Mapping[Slot, bytearray]
    ) -> Word | None:
        args = [_get(arg, values) for arg in op.args]
        match op.kind:
            case "slot":
                assert isinstance(op.symbol, Slot)
                return Address(slots[op.symbol], 0)
            case "mapaddr":
                return Address(self.data[str(op.symbol)], 0)
            case "dataaddr":
                return Address(self.data[str(op.symbol)], op.offset)
            case "call" | "kfunc":
                return self.helpers[str(op.symbol)](*args)
            case "callfn":
                return self.call(self.functions[str(op.symbol)], args)
            case "load" | "store" | "atomic" | "zero" | "copy":
                return _memory(op, args)
            case "const":
                value = CONSTS[str(op.symbol)]
                return signed(value, op.size) & mask(8) if op.offset else value & mask(op.size)
            case "cmp":
                return int(condition(str(op.symbol), args[0], args[1], op.size))
        if isinstance(args[0], Address):
            assert op.kind in ("add", "sub")
            assert isinstance(args[1], int)
            distance = signed(args[1], 8) * (1 if op.kind == "add" else -1)
            return Address(args[0].memory, args[0].offset + distance)
        return _integer(op, args)


def _get(operand: Operand, values: Mapping[Value, Word]) -> Word:
    return values[operand] if isinstance(operand, Value) else operand & mask(8)


def _integer(op: Op, args: Sequence[Word]) -> int:
    a = args[0]
    assert isinstance(a, int)
    match op.kind:
        case "zext":
            return a & mask(op.size)
        case "sext":
            return signed(a, op.size) & mask(8)
        case "neg":
            return -a & mask(op.size)
        case "bswap":
            return int.from_bytes((a & mask(op.size)).to_bytes(op.size, "little"), "big")
    b = args[1]
    assert isinstance(b, int), "the pointer comes first"
    return arithmetic(op.kind, a, b, op.size)


def _memory(op: Op, args: Sequence[Word]) -> int | None:
    at = args[0]
    assert isinstance(at, Address)
    memory, begin = at.memory, at.offset + op.offset
    end = begin + op.size
    assert 0 <= begin <= end <= len(memory), "out of bounds"
    old = int.from_bytes(memory[begin:end], "little")
    match op.kind:
        case "load":
            return old
        case "zero":
            memory[begin:end] = bytes(op.size)
            return None
        case "copy":
            source = args[1]
            assert isinstance(source, Address)
            begin2 = source.offset + op.offset2
            memory[begin:end] = source.memory[begin2 : begin2 + op.size]
            return None
    value = args[1]
    assert isinstance(value, int)
    if op.kind == "atomic":
        name = str(op.symbol).removeprefix("fetch_")
        if name == "cmpxchg":
            expected = args[2]
            assert isinstance(expected, int)
            value = value if expected & mask(op.size) == old else old
        elif name != "xchg":
            value = arithmetic(name, old, value, op.size)
    memory[begin:end] = (value & mask(op.size)).to_bytes(op.size, "little")
    return old if op.kind == "atomic" and op.result is not None else None
