"""Random IR functions that the verifier accepts, to be run in the kernel and by the interpreter.

In: a seed. Out: a list of functions for `generate`: a program over a context of `CONTEXT` bytes
(numbers in the first `INPUTS` words, results in the rest), stack slots, the data section `DATA`,
and subprograms over numbers. Loops end after a few turns.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from probee.compiler.ir.builder import Builder
from probee.compiler.ir.ops import CONDITIONS, Function, Loc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from probee.compiler.ir.ops import Operand, Value

INPUTS, OUTPUTS = 8, 24
CONTEXT = 8 * (INPUTS + OUTPUTS)
DATA, DATA_BYTES = "data", 64
INTERESTING = (
    0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 1 << 16,
    (1 << 31) - 1, 1 << 31, (1 << 31) + 1, (1 << 32) - 1, 1 << 32, (1 << 33) + 5, (1 << 63) - 1,
    1 << 63, (1 << 64) - 1, -1, -2, -8, -128, -129, -(1 << 31), -(1 << 31) - 1, -(1 << 32),
)  # fmt: skip
BINARY = (
    "add", "sub", "mul", "udiv", "umod", "sdiv", "smod", "and", "or", "xor", "shl", "lshr", "ashr",
)  # fmt: skip
ATOMICS = ("add", "and", "or", "xor", "fetch_add", "fetch_and", "fetch_or", "fetch_xor", "xchg")


class Shape:
    """How big and how wild a function gets."""

    def __init__(self, rng: random.Random, isa: int) -> None:
        self.isa = isa
        self.variables = rng.choice((2, 4, 8, 8, 14, 20))
        self.statements = rng.choice((4, 10, 20, 40))
        self.depth = rng.choice((1, 2, 3))
        self.calls = rng.choice((0, 0.05, 0.2))


class Maker:
    """Builds one function."""

    def __init__(
        self, rng: random.Random, shape: Shape, function: Function, callees: Sequence[Function]
    ) -> None:
        self.rng, self.shape, self.callees = rng, shape, callees
        self.function = function
        self.b = Builder(function)
        self.names = [f"v{i}" for i in range(shape.variables)]
        self.areas: list[Callable[[], Value]] = []
        self.left = shape.statements
        self.line = 0
        for name in self.names:
            self.b.declare(name, "int", name)

    # values

    def number(self) -> int:
        rng = self.rng
        if rng.random() < 0.6:
            return rng.choice(INTERESTING)
        return rng.getrandbits(rng.choice((4, 8, 16, 32, 64)))

    def variable(self) -> Operand:
        return self.b.read(self.rng.choice(self.names))

    def operand(self) -> Operand:
        return self.number() if self.rng.random() < 0.3 else self.variable()

    def assign(self, value: Operand) -> None:
        self.b.write(self.rng.choice(self.names), value)

    def address(self, size: int, *, exact: bool = False) -> tuple[Value, int, int]:
        """An address, an offset, and how many bytes may be used there: at least `size`.

        `exact`: known to the verifier, as it wants it of atomics on the stack.
        """
        rng, b = self.rng, self.b
        make = rng.choice(self.areas)
        base, space = make(), AREA
        if rng.random() < 0.3:
            if exact or rng.random() < 0.5:
                moved = 8 * rng.randrange(AREA // 16)
                base = b.emit("add", base, moved, size=8, result="ptr")
                space -= moved
            else:
                index = b.emit("and", self.variable(), AREA // 2 - 8, size=8)
                base = b.emit("add", base, index, size=8, result="ptr")
                space //= 2
        offset = size * rng.randrange(space // size)
        return base, offset, space - offset

    # statements

    def statement(self, depth: int) -> None:
        self.left -= 1
        self.line += 1
        self.b.loc = Loc("random.py", self.line, 0)
        rng = self.rng
        if self.callees and rng.random() < self.shape.calls:
            self.call()
        elif rng.random() < self.shape.calls:
            self.b.emit("call", symbol="get_smp_processor_id", result="int")
        elif depth and rng.random() < 0.25:
            rng.choice((self.conditional, self.loop, self.pointer_choice))(depth)
        else:
            rng.choice((self.arithmetic, self.arithmetic, self.arithmetic, self.memory))()

    def arithmetic(self) -> None:
        rng, b = self.rng, self.b
        size = rng.choice((8, 8, 4))
        pick = rng.random()
        if pick < 0.65:
            value = b.emit(
                rng.choice(BINARY), self.operand(), self.operand(), size=size, result="int"
            )
        elif pick < 0.75:
            value = b.emit(rng.choice(("zext", "sext")), self.operand(), size=rng.choice((1, 2, 4)))
        elif pick < 0.8:
            value = b.emit("neg", self.operand(), size=size)
        elif pick < 0.85:
            value = b.emit("bswap", self.operand(), size=rng.choice((2, 4, 8)))
        elif pick < 0.95:
            value = b.emit(
                "cmp", self.operand(), self.operand(), size=size, symbol=rng.choice(CONDITIONS)
            )
        else:
            self.assign(self.operand())
            return
        self.assign(value)

    def memory(self) -> None:
        if not self.areas:
            self.arithmetic()
            return
        rng, b = self.rng, self.b
        pick = rng.random()
        size = rng.choice((1, 2, 4, 8))
        base, offset, space = self.address(size, exact=0.75 <= pick < 0.85)
        if pick < 0.4:
            value = b.emit("load", base, size=size, offset=offset, result="int")
            if rng.random() < 0.4 and size < 8:
                value = b.emit("sext", value, size=size)
            self.assign(value)
        elif pick < 0.75:
            b.emit("store", base, self.operand(), size=size, offset=offset)
        elif pick < 0.85 and size >= 4:
            name = rng.choice(ATOMICS if self.shape.isa >= 3 else ("add",))
            result = "int" if name not in ("add", "and", "or", "xor") else "none"
            value = b.emit(
                "atomic", base, self.operand(), size=size, offset=offset, symbol=name, result=result
            )
            if result == "int" and rng.random() < 0.8:
                self.assign(value)
        elif pick < 0.93:
            count = rng.randrange(1, space + 1)
            b.emit("zero", base, size=count, offset=offset, align=size)
        else:
            self.copy(size)

    def copy(self, align: int) -> None:
        """Between two different areas: what overlaps has no meaning."""
        rng, b = self.rng, self.b
        if len(self.areas) > 1:
            to, of = rng.sample(self.areas, 2)
            offset, offset2 = (align * rng.randrange(AREA // align) for _ in range(2))
            count = rng.randrange(1, AREA - max(offset, offset2) + 1)
            b.emit("copy", to(), of(), size=count, offset=offset, offset2=offset2, align=align)

    def call(self) -> None:
        rng = self.rng
        callee = rng.choice(self.callees)
        args = [self.operand() for _ in callee.params]
        value = self.b.emit("callfn", *args, symbol=callee.name, result="int")
        if rng.random() < 0.8:
            self.assign(value)

    def condition(self, then: object, other: object) -> None:
        rng, b = self.rng, self.b
        symbol, size = rng.choice(CONDITIONS), rng.choice((8, 8, 4))
        if rng.random() < 0.3:
            kind = rng.choice(("cmp", "and"))
            tested = b.emit(
                kind,
                self.operand(),
                self.operand(),
                size=size,
                symbol=symbol if kind == "cmp" else None,
            )
            if rng.random() < 0.2:
                self.assign(tested)
            b.branch(rng.choice(("eq", "ne")), tested, 0, then, other, size=rng.choice((8, 4)))  # type: ignore[arg-type]
        else:
            b.branch(symbol, self.operand(), self.operand(), then, other, size=size)  # type: ignore[arg-type]

    def conditional(self, depth: int) -> None:
        b, rng = self.b, self.rng
        then, other, join = b.block(), b.block(), b.block()
        self.condition(then, other)
        b.start(then)
        self.body(depth)
        if rng.random() < 0.1:
            b.ret(rng.choice((0, 1, self.operand())))
        b.jump(join)
        b.start(other)
        if rng.random() < 0.6:
            self.body(depth)
        b.jump(join)
        b.start(join)

    def loop(self, depth: int) -> None:
        b, rng = self.b, self.rng
        name = f"i{self.line}"
        b.declare(name, "int", name)
        b.write(name, 0)
        head, body, step, done = b.block(), b.block(), b.block(), b.block()
        b.jump(head)
        b.start(head, sealed=False)
        b.branch("ult", b.read(name), rng.randrange(1, 4), body, done)
        b.start(body)
        self.body(depth)
        if rng.random() < 0.3:
            go_on = b.block()
            self.condition(rng.choice((done, step)), go_on)
            b.start(go_on)
            self.body(0)
        b.jump(step)
        b.start(step)
        b.write(name, b.emit("add", b.read(name), 1, size=8, result="int"))
        b.jump(head)
        b.seal(head)
        b.start(done)

    def pointer_choice(self, depth: int) -> None:
        """A pointer that comes from different places on different ways."""
        if not self.areas:
            self.arithmetic()
            return
        b, rng = self.b, self.rng
        name = f"p{self.line}"
        b.declare(name, "ptr", name)
        then, other, join = b.block(), b.block(), b.block()
        b.write(name, rng.choice(self.areas)())
        self.condition(then, other)
        b.start(then)
        b.write(name, b.emit("add", rng.choice(self.areas)(), 8, size=8, result="ptr"))
        self.body(0)
        b.jump(join)
        b.start(other)
        self.body(0)
        b.jump(join)
        b.start(join)
        self.body(0)
        pointer = b.read(name)
        self.assign(b.emit("load", pointer, size=8, offset=8, result="int"))
        b.emit("store", pointer, self.operand(), size=4, offset=4)

    def body(self, depth: int) -> None:
        for _ in range(self.rng.randrange(1, 5)):
            if self.left > 0:
                self.statement(max(depth - 1, 0))

    def finish(self) -> None:
        while self.left > 0:
            self.statement(self.shape.depth)


AREA = DATA_BYTES


def subprogram(rng: random.Random, isa: int, name: str, callees: Sequence[Function]) -> Function:
    function = Function(name, main=False, loc=Loc("random.py", 1, 0))
    function.params += [function.new_value("int", f"a{i}") for i in range(rng.randrange(6))]
    maker = Maker(rng, Shape(rng, isa), function, callees)
    maker.left = min(maker.left, 10)
    for index, variable in enumerate(maker.names):
        known = index < len(function.params)
        maker.b.write(variable, function.params[index] if known else maker.number())
    maker.finish()
    maker.b.ret(maker.variable())
    return function


def program(seed: int, isa: int = 4) -> list[Function]:
    """The functions of random program number `seed`, the main one first."""
    rng = random.Random(seed)
    shape = Shape(rng, isa)
    subprograms: list[Function] = []
    if shape.calls and rng.random() < 0.6:
        for index in range(rng.randrange(1, 3)):
            subprograms.append(subprogram(rng, isa, f"sub{index}", subprograms[:1]))
    function = Function("main", loc=Loc("random.py", 1, 0))
    context = function.new_value("ptr", "ctx")
    function.params.append(context)
    maker = Maker(rng, shape, function, subprograms)
    b = maker.b
    for index, name in enumerate(maker.names):
        size = rng.choice((8, 8, 8, 4, 2, 1))
        offset = 8 * (index % INPUTS)
        b.write(name, b.emit("load", context, size=size, offset=offset, result="int"))
    for index in range(rng.randrange(3)):
        slot = b.slot(f"s{index}", AREA)
        b.emit("zero", slot, size=AREA, align=8)
        maker.areas.append(lambda slot=slot: slot)  # type: ignore[misc]
    if rng.random() < 0.7:
        maker.areas.append(lambda: b.emit("dataaddr", symbol=DATA))
    maker.finish()
    for index, name in enumerate(maker.names):
        b.emit("store", context, b.read(name), size=8, offset=8 * (INPUTS + index))
    b.ret(maker.variable())
    return [function, *subprograms]


def contexts(seed: int, count: int) -> list[bytes]:
    """Contexts to run program number `seed` with."""
    rng = random.Random(~seed)
    out = []
    for _ in range(count):
        numbers = [
            rng.choice((rng.choice(INTERESTING), rng.getrandbits(64))) & (1 << 64) - 1
            for _ in range(INPUTS)
        ]
        out.append(b"".join(n.to_bytes(8, "little") for n in numbers) + bytes(8 * OUTPUTS))
    return out
