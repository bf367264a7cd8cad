"""Random statements for `codegen_random`: everything that the IR has, as the verifier takes it.

In: a random number generator, a function to fill. Out: its blocks, over variables that are numbers
and over areas of memory (`AREA` bytes each).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.ir.builder import Builder
from probee.compiler.ir.ops import CONDITIONS, Function, Loc

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from probee.compiler.ir.ops import Block, Operand, Value

DATA, AREA = "data", 64
INTERESTING = (
    0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 1 << 16,
    (1 << 31) - 1, 1 << 31, (1 << 31) + 1, (1 << 32) - 1, 1 << 32, (1 << 33) + 5, (1 << 63) - 1,
    1 << 63, (1 << 64) - 1, -1, -2, -8, -128, -129, -(1 << 31), -(1 << 31) - 1, -(1 << 32),
)  # fmt: skip
BINARY = (
    "add", "sub", "mul", "udiv", "umod", "sdiv", "smod", "and", "or", "xor", "shl", "lshr", "ashr",
)  # fmt: skip
ATOMICS = ("add", "and", "or", "xor", "fetch_add", "fetch_and", "fetch_or", "fetch_xor", "xchg",
           "cmpxchg")  # fmt: skip


class Shape:
    """How big and how wild a function gets."""

    def __init__(self, rng: random.Random, isa: int) -> None:
        self.isa = isa
        self.variables = rng.choice((2, 4, 8, 8, 14, 20))
        self.statements = rng.choice((4, 10, 20, 40))
        self.depth = rng.choice((1, 2, 3))
        self.calls = rng.choice((0, 0.05, 0.2))
        if self.calls:  # all frames of a chain share 512 bytes
            self.variables = min(self.variables, 14)


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
            rng.choice((self.plain_helper, self.reading_helper, self.lookup))()
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
            operands = [self.operand() for _ in range(2 if name == "cmpxchg" else 1)]
            value = b.emit(
                "atomic", base, *operands, size=size, offset=offset, symbol=name, result=result
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

    def plain_helper(self) -> None:
        self.b.emit("call", symbol="get_smp_processor_id", result="int")

    def reading_helper(self) -> None:
        """A helper that is given two addresses."""
        rng, b = self.rng, self.b
        if len(self.areas) > 1:
            args = []
            for make in rng.sample(self.areas, 2):
                moved = 8 * rng.randrange(AREA // 16)
                args.append(b.emit("add", make(), moved, size=8, result="ptr"))
            size = rng.randrange(1, AREA // 2)
            value = b.emit("call", args[0], size, args[1], symbol="probe_read_kernel", result="int")
            if rng.random() < 0.5:
                self.assign(value)

    def lookup(self) -> None:
        """A helper that gives a pointer or null; the key is 0, the only one there is, or not."""
        rng, b = self.rng, self.b
        key = b.slot(f"key{self.line}", 4)
        b.emit("store", key, rng.choice((0, 1, self.variable())), size=4)
        found = b.emit(
            "call", b.emit("mapaddr", symbol=DATA), key, symbol="map_lookup_elem", result="ptr"
        )
        then, join = b.block(), b.block()
        if rng.random() < 0.5:
            b.branch("ne", found, 0, then, join)
        else:
            b.branch("eq", found, 0, join, then)
        b.start(then)
        self.assign(b.emit("load", found, size=4, offset=8, result="int"))
        self.body(0)
        b.emit("store", found, self.variable(), size=8, offset=16)
        b.jump(join)
        b.start(join)

    def condition(self, then: Block, other: Block) -> None:
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
            b.branch(rng.choice(("eq", "ne")), tested, 0, then, other, size=rng.choice((8, 4)))
        else:
            b.branch(symbol, self.operand(), self.operand(), then, other, size=size)

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
