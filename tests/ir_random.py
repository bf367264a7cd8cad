"""Random programs in IR, for tests of the passes.

In: a seed. Out: a function as the front end might build it. Everything that it may read was written
before, so that two forms of one program must do the same in an `ir_world`.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from probee.compiler.ir.builder import Builder
from probee.compiler.ir.ops import CONDITIONS, Function
from tests import ir_records, ir_shapes
from tests.ir_shapes import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.compiler.ir.ops import Operand, Slot, Value

BINARY = (
    "add", "sub", "mul", "udiv", "umod", "sdiv", "smod", "and", "or", "xor", "shl", "lshr", "ashr",
)  # fmt: skip
NUMBERS = (0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 48, 56, 63, 64, 255, 256, 0xFFFF, 0x7FFFFFFF,
           0x80000000, 0xFFFFFFFF, -1, -2, -8, -256, -(1 << 31), 1 << 32, -(1 << 63))  # fmt: skip


class Generator:
    """Builds one function; `depth` bounds how deep statements nest."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.function = Function(f"seed{seed}")
        self.context = self.function.new_value("ptr", "ctx")
        self.function.params.append(self.context)
        self.builder = Builder(self.function)
        self.slots: list[tuple[Slot, int]] = []
        self.loops = 0
        self.shows = self.random.random() < 0.6  # also what does not last
        self.rewrites = self.random.random() < 0.15  # its own context
        self.rooms = self.random.randrange(8, 40)
        self.span = (0, 0)  # how far from the last pointer of `area` its slot reaches
        self.shared: Slot | None = None  # somebody else may have its address
        self.compared: tuple[int, int] | None = None  # a variable and a constant, used before

    def build(self) -> Function:
        build, random = self.builder, self.random
        for index in range(VARIABLES):
            build.declare(index, "int", f"v{index}")
            if random.random() < 0.7:
                loaded = build.emit(
                    "load", self.context, size=random.choice((4, 8)), offset=8 * (index % 4)
                )
                build.write(index, loaded)
            else:
                build.write(index, random.choice(NUMBERS))
        build.declare("seen", "int")
        build.write("seen", 0)
        for index in range(random.randrange(1, 4)):
            size = random.choice((4, 8, 16, 24, 40))
            slot = self.function.new_slot(f"s{index}", size, 8)
            self.slots.append((slot, size))
            build.emit("zero", build.emit("slot", symbol=slot), size=size, align=8)
        if self.slots[0][1] >= 8 and random.random() < 0.3:
            self.shared = self.slots[0][0]
        while self.rooms > 0:
            self.body(3)
        self.finish()
        return self.function

    def finish(self) -> None:
        """Shows all that was computed, in numbers and in memory: else most of it is for nothing."""
        build = self.builder
        shown = build.emit("dataaddr", symbol=".bss", offset=32)
        for index in range(VARIABLES):
            build.emit("store", shown, build.read(index), size=8, offset=8 * index)
        seen: Operand = build.read("seen")
        for slot, size in self.slots:
            pointer = build.emit("slot", symbol=slot)
            for offset in range(0, size if self.shows else 0, 4):
                value = build.emit("load", pointer, size=4, offset=offset)
                seen = build.emit("add", build.emit("mul", seen, 31, size=8), value, size=8)
        build.ret(seen)

    def body(self, depth: int) -> None:
        for _ in range(self.random.randrange(1, 5)):
            if self.rooms <= 0 or self.builder.at is None:
                return
            self.rooms -= 1
            self.statement(depth)

    def statement(self, depth: int) -> None:
        simple: list[Callable[[], None]] = [
            *(self.assign,) * 10, *(self.store,) * 4, self.load, self.load, self.zero, self.copy,
            self.context_load, self.constant_load, self.count, self.tell,
            self.fill, self.map_write, self.truth, self.halves,
        ]  # fmt: skip
        nested = [self.if_, self.if_, self.loop, self.lookup, self.leave, self.reserve]
        shapes = (
            ir_shapes.overlapping, ir_shapes.overlapping, ir_shapes.bits, ir_shapes.bits,
            ir_shapes.bounded, ir_shapes.wide, ir_shapes.given_away, ir_shapes.of_any_size,
            ir_shapes.signs, ir_shapes.half, ir_shapes.rewritten,
        )  # fmt: skip
        if self.random.random() < 0.35:
            self.random.choice(shapes)(self)
        elif depth and self.random.random() < 0.4:
            self.random.choice(nested)(depth - 1)
        else:
            self.random.choice(simple)()

    # operands

    def value(self) -> Operand:
        if self.random.random() < 0.3:
            return self.random.choice(NUMBERS)
        value = self.builder.read(self.random.randrange(VARIABLES))
        if self.random.random() < 0.3:  # cut on its way into the operation that reads it
            kind, size = self.random.choice(("zext", "sext", "and")), self.random.choice((1, 2, 4))
            if kind == "and":
                return self.builder.emit("and", value, (1 << 8 * size) - 1, size=8)
            return self.builder.emit(kind, value, size=size)
        return value

    def keep(self, value: Operand) -> None:
        """Assigns; what will be overwritten may be shown as well."""
        build = self.builder
        build.write(self.random.randrange(VARIABLES), value)
        if self.shows and self.random.random() < 0.7:
            mixed = build.emit("mul", build.read("seen"), 31, size=8)
            build.write("seen", build.emit("add", mixed, value, size=8))

    def area(self, size: int | None = None) -> tuple[Value, int, int]:
        """A pointer, an offset and a size inside of a slot; the pointer may be moved."""
        random, build = self.random, self.builder
        fitting = [s for s in self.slots if s[1] >= (size or 1)] or self.slots
        slot, whole = random.choice(fitting)
        size = min(size or random.choice([s for s in (1, 2, 4, 8) if s <= whole]), whole)
        offset = random.randrange(0, whole - size + 1, min(size & -size, 8))
        pointer = build.emit("slot", symbol=slot)
        moved = random.choice((0, 0, offset, random.randrange(whole)))
        if moved:
            pointer = build.emit("add", pointer, moved, result="ptr", size=8)
        if moved and random.random() < 0.4:  # some of the way back
            back = random.randrange(1, moved + 1)
            pointer = build.emit("sub", pointer, back, result="ptr", size=8)
            moved -= back
        self.span = -moved, whole - moved
        return pointer, offset - moved, size

    def address(self, size: int | None = None) -> tuple[Value, int]:
        pointer, offset, size = self.area(size)
        if offset:
            pointer = self.builder.emit("add", pointer, offset, result="ptr", size=8)
        return pointer, size

    # simple statements

    def assign(self) -> None:
        random, build = self.random, self.builder
        choice = random.random()
        if choice < 0.6:
            value = build.emit(
                random.choice(BINARY), self.value(), self.value(), size=random.choice((8, 8, 4))
            )
        elif choice < 0.85:
            value = build.emit(
                random.choice(("zext", "sext")), self.value(), size=random.choice((1, 2, 4))
            )
        elif choice < 0.9:
            value = build.emit("neg", self.value(), size=random.choice((4, 8)))
        elif choice < 0.93:
            value = build.emit("bswap", self.value(), size=random.choice((2, 4, 8)))
        else:
            value = build.emit(
                "cmp",
                self.value(),
                self.value(),
                symbol=random.choice(CONDITIONS),
                size=random.choice((4, 8)),
            )
        self.keep(value)

    def store(self) -> None:
        pointer, offset, size = self.area()
        self.builder.emit("store", pointer, self.value(), size=size, offset=offset)

    def halves(self) -> None:
        """Both halves of one value, side by side, in either order; something may come between."""
        build, random = self.builder, self.random
        value = build.read(random.randrange(VARIABLES))
        high = build.emit("lshr", value, random.choice((32, 32, 32, 31, 8)), size=8)
        low = build.emit("zext", value, size=4) if random.random() < 0.5 else value
        if random.random() < 0.1:
            low = self.value()
        pointer, offset, size = self.area(8)
        if size < 8:
            return
        pairs = [(low, offset), (high, offset + 4)]
        random.shuffle(pairs)
        for part, at in pairs:
            build.emit("store", pointer, part, size=4, offset=at)
            if random.random() < 0.2:
                self.store()

    def load(self) -> None:
        pointer, offset, size = self.area()
        self.keep(self.builder.emit("load", pointer, size=size, offset=offset))

    def zero(self) -> None:
        pointer, offset, size = self.area(self.random.randrange(1, 17))
        self.builder.emit("zero", pointer, size=size, offset=offset, align=1)

    def copy(self) -> None:
        source, offset2, size = self.area(self.random.choice((4, 8, 16)))
        target, offset, other = self.area(size)
        if source is not target:
            self.builder.emit(
                "copy", target, source, size=min(size, other), offset=offset, offset2=offset2
            )

    def context_load(self) -> None:
        size = self.random.choice((1, 2, 4, 8))
        offset = self.random.randrange(0, 32, size)
        self.keep(self.builder.emit("load", self.context, size=size, offset=offset))

    def constant_load(self) -> None:
        pointer = self.builder.emit(
            "dataaddr", symbol=".rodata", offset=8 * self.random.randrange(4)
        )
        self.keep(self.builder.emit("load", pointer, size=self.random.choice((1, 4, 8))))

    def count(self) -> None:
        pointer = self.builder.emit("dataaddr", symbol=".bss", offset=8 * self.random.randrange(4))
        if self.random.random() < 0.3:
            self.keep(self.builder.emit("load", pointer, size=8))
        elif self.random.random() < 0.3:
            self.builder.emit("store", pointer, self.value(), size=8)
        else:
            fetch = self.random.random() < 0.3
            name, result = ("fetch_add", "int") if fetch else ("add", "none")
            operands = [self.value()]
            if fetch and self.random.random() < 0.3:
                name = "cmpxchg"
                operands.append(self.random.choice((0, self.value())))
            value = self.builder.emit(
                "atomic", pointer, *operands, result=result, size=8, symbol=name
            )
            if fetch:
                self.keep(value)

    def tell(self) -> None:
        name = self.random.choice(("get_current_pid_tgid", "get_current_uid_gid", "ktime_get_ns"))
        value = self.builder.emit("call", result="int", symbol=name)
        if self.random.random() < 0.5:
            value = self.builder.emit("lshr", value, 32, size=8)
        self.keep(value)

    def fill(self) -> None:
        pointer, size = self.address(self.random.choice((8, 16)))
        name = self.random.choice(("get_current_comm", "probe_read_user", "probe_read_user_str"))
        args = () if name == "get_current_comm" else (self.value(),)
        got = self.builder.emit("call", pointer, size, *args, result="int", symbol=name)
        if self.random.random() < 0.5:
            self.keep(got)

    def map_write(self) -> None:
        build = self.builder
        key, _ = self.address(4)
        table = build.emit("mapaddr", symbol="table")
        if self.random.random() < 0.3:
            got = build.emit("call", table, key, result="int", symbol="map_delete_elem")
        else:
            value, _ = self.address(8)
            got = build.emit("call", table, key, value, 0, result="int", symbol="map_update_elem")
        if self.random.random() < 0.5:
            self.keep(got)

    def truth(self) -> None:
        """A condition as a value."""
        build = self.builder
        yes, no, done = (build.block() for _ in range(3))
        self.branch(yes, no)
        variable = self.random.randrange(VARIABLES)
        for block, value in ((yes, 1), (no, 0)):
            build.start(block)
            build.write(variable, value)
            build.jump(done)
        build.start(done)

    # nested statements

    def branch(self, then: object, other: object) -> None:
        a, b = self.value(), self.value()
        if self.compared is not None and self.random.random() < 0.5:  # decided before, perhaps
            variable, number = self.compared
            a, b = self.builder.read(variable), number + self.random.choice((0, 0, 1, -1))
        elif self.random.random() < 0.5:
            self.compared = self.random.randrange(VARIABLES), self.random.choice(NUMBERS[:18])
            a, b = self.builder.read(self.compared[0]), self.compared[1]
        size = self.random.choice((8, 8, 8, 4))
        self.builder.branch(self.random.choice(CONDITIONS), a, b, then, other, size=size)  # type: ignore[arg-type]

    def if_(self, depth: int) -> None:
        build = self.builder
        then, other, done = (build.block() for _ in range(3))
        self.branch(then, other)
        build.start(then)
        self.body(depth)
        build.jump(done)
        build.start(other)
        if self.random.random() < 0.5:
            self.body(depth)
        build.jump(done)
        build.start(done)

    def loop(self, depth: int) -> None:
        """Up or down by a step; the body may see the counter, and memory that a round has left."""
        build, random = self.builder, self.random
        counter = ("counter", self.loops)
        self.loops += 1
        rounds, step = random.randrange(5), random.choice((1, 1, 1, 3, -1, -1, -2))
        first = 0 if step > 0 else random.choice((0, 3, 7))
        build.declare(counter, "int")
        build.write(counter, first)
        head, inside, done = (build.block() for _ in range(3))
        build.jump(head)
        build.start(head, sealed=False)
        symbol = "slt" if step > 0 else "sgt"
        build.branch(symbol, build.read(counter), first + rounds * step, inside, done)
        build.start(inside)
        if random.random() < 0.5:
            self.keep(build.read(counter))
        if random.random() < 0.5:
            ir_shapes.carried(self, self.body, depth)
        else:
            self.body(depth)
        if random.random() < 0.3 and build.at is not None:
            again = build.block()
            self.branch(done, again)
            build.start(again)
        if build.at is not None:
            build.write(counter, build.emit("add", build.read(counter), step, size=8))
        build.jump(head)
        build.seal(head)
        build.start(done)

    def lookup(self, depth: int) -> None:
        build = self.builder
        key, _ = self.address(4)
        table = build.emit("mapaddr", symbol="table")
        pointer = build.emit("call", table, key, result="ptr", symbol="map_lookup_elem")
        there, done = build.block(), build.block()
        build.branch("ne", pointer, 0, there, done)
        build.start(there)
        pointers = [pointer]
        if self.random.random() < 0.3:
            again, both = self.random.choice((key, self.address(4)[0])), build.block()
            pointers.append(
                build.emit("call", table, again, result="ptr", symbol="map_lookup_elem")
            )
            build.branch("ne", pointers[1], 0, both, done)
            build.start(both)
        self.use(pointers)
        if self.random.random() < 0.5:
            ir_shapes.updated(self, pointer, table, key)
        self.body(depth)
        if build.at is not None:
            self.use(pointers)
        build.jump(done)
        build.start(done)

    def use(self, pointers: list[Value]) -> None:
        """Loads from and stores to map values that may be one."""
        for _ in range(self.random.randrange(1, 6)):
            pointer = self.random.choice(pointers)
            size = self.random.choice((1, 4, 8))
            offset = self.random.randrange(0, 8, size)
            if self.random.random() < 0.5:
                self.keep(self.builder.emit("load", pointer, size=size, offset=offset))
            else:
                self.builder.emit("store", pointer, self.value(), size=size, offset=offset)

    def reserve(self, depth: int) -> None:
        ir_records.reserve(self, depth)

    def leave(self, depth: int) -> None:
        """Returns early, under a condition."""
        build = self.builder
        out, on = build.block(), build.block()
        self.branch(out, on)
        build.start(out)
        build.ret(self.value())
        build.start(on)


def generate(seed: int) -> Function:
    """The function of that seed, always the same."""
    return Generator(seed).build()
