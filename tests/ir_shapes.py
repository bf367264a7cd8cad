"""Statements of random IR that chance alone seldom puts together.

In: a `Generator`. Out: operations that only mean the same while a pass knows its subject well: one
place stored and loaded in different sizes, numbers near the ends of their bounds, bits that odd
masks leave, memory that somebody else remembers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.ir.ops import CONDITIONS
from tests.ir_interpreter import CONSTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from probee.compiler.ir.ops import Operand, Value
    from tests.ir_random import Generator

VARIABLES = 5
SHIFTS = ("shl", "lshr", "ashr")


def odd(random: Random) -> int:
    """A constant that is no mask of low bits, often of more than 32 bits."""
    whole = random.choice((8, 16, 33, 64))
    number = random.getrandbits(whole)
    if random.random() < 0.4:  # all ones but a few
        number = (1 << whole) - 1 & ~(1 << random.randrange(whole)) & ~(1 << random.randrange(8))
    return number - (1 << 64) if number >> 63 else number


def bits(g: Generator) -> None:
    """One number through some operations on bits."""
    random, build = g.random, g.builder
    value: Operand = build.read(random.randrange(VARIABLES))
    kinds = ("and", "and", "or", "xor", "add", "sub", "mul", "zext", "sext", "bswap", *SHIFTS)
    for _ in range(random.randrange(2, 6)):
        kind, size = random.choice(kinds), random.choice((4, 8, 8))
        if kind in ("zext", "sext"):
            value = build.emit(kind, value, size=random.choice((1, 2, 4)))
        elif kind == "bswap":
            value = build.emit(kind, value, size=random.choice((2, 4, 8)))
        elif kind in SHIFTS:
            value = build.emit(kind, value, random.randrange(8 * size), size=size)
        else:
            value = build.emit(kind, value, odd(random), size=size)
    g.keep(value)


def signs(g: Generator) -> None:
    """A sign that a mask has cleared, extended; then only the bits above are looked at."""
    random, build = g.random, g.builder
    size = random.choice((1, 2, 4))
    value = build.read(random.randrange(VARIABLES))
    value = build.emit("and", value, random.getrandbits(63) & ~(1 << 8 * size - 1), size=8)
    value = build.emit("sext", value, size=size)
    g.keep(build.emit(random.choice(("lshr", "ashr")), value, 8 * size, size=8))


def half(g: Generator) -> None:
    """The lower half of a shift, whose bits come from anywhere."""
    random, build = g.random, g.builder
    value = build.read(random.randrange(VARIABLES))
    value = build.emit(random.choice(SHIFTS), value, random.randrange(64), size=8)
    g.keep(build.emit("zext", value, size=4))


def rewritten(g: Generator) -> None:
    """A load from a context that the program itself has changed, or changes behind it."""
    random, build = g.random, g.builder
    offset = random.randrange(0, 32, 8)
    if g.rewrites:
        before = build.emit("load", g.context, size=8, offset=offset)
        build.emit("store", g.context, g.value(), size=8, offset=offset)
        g.keep(before)


def set_at_load(g: Generator) -> None:
    """A Const, as it is and taken as a number of some width and sign."""
    random, build = g.random, g.builder
    size, sign = random.choice((1, 2, 4, 8)), random.randrange(2)
    value = build.emit("const", size=size, offset=sign, symbol=random.choice(list(CONSTS)))
    g.keep(value)
    g.keep(build.emit(random.choice(("zext", "sext")), value, size=random.choice((1, 2, 4))))


def bounded(g: Generator) -> None:
    """Two numbers of few bits, joined, and compared with what the result may just be."""
    random, build = g.random, g.builder
    tops = [random.choice((1, 3, 4, 7, 12, 255, 0xFFFF, 1 << 31)) for _ in range(2)]
    a, b = (build.emit("and", build.read(random.randrange(VARIABLES)), t, size=8) for t in tops)
    if random.random() < 0.3:
        tops[0], a = tops[0] + 5, build.emit("add", a, 5, size=8)
    kind = random.choice(("or", "or", "xor", "add", "sub", "mul", "and", "udiv", "umod", "lshr"))
    value = build.emit(kind, a, b, size=random.choice((8, 8, 4)))
    ends = (0, *tops, tops[0] + tops[1], tops[0] | tops[1], tops[0] - tops[1], tops[0] * tops[1])
    told: Operand = 0
    for _ in range(3):
        near = random.choice(ends) + random.choice((-1, 0, 0, 1))
        names = random.choice(CONDITIONS), random.choice((8, 8, 4))
        told = build.emit("add", told, told, size=8)
        told = build.emit(
            "add", told, build.emit("cmp", value, near, symbol=names[0], size=names[1]), size=8
        )
    g.keep(told)


def wide(g: Generator) -> None:
    """An extension compared with constants on both sides of 32 bits that share their lower half."""
    random, build = g.random, g.builder
    value = build.emit("and", build.read(random.randrange(VARIABLES)), 3, size=8)
    if random.random() < 0.3:
        value = build.emit("sub", value, 2, size=8)
    extended = build.emit(random.choice(("zext", "sext")), value, size=4)
    upper = random.choice((0, 1 << 32, -1 << 32, 1 << 31, -1 << 31, 1 << 63))
    near = upper + random.randrange(4)
    near = near - (1 << 64) if near >> 63 == 1 else near
    symbol = random.choice(("eq", "ne", random.choice(CONDITIONS)))
    g.keep(build.emit("cmp", extended, near, symbol=symbol, size=8))


def overlapping(g: Generator) -> None:
    """What is stored is loaded again: as it is, in part, or together with what is beside it."""
    random, build = g.random, g.builder
    pointer, offset, size = g.area()
    low, high = g.span
    value = odd(random) if random.random() < 0.4 else g.value()
    build.emit("store", pointer, value, size=size, offset=offset)
    if random.random() < 0.3:
        random.choice((g.store, g.zero, g.copy))()
    if random.random() < 0.6:
        size = random.choice([s for s in (1, 2, 4, 8) if s <= high - low])
        beside = offset - low + random.choice((-4, -1, 0, 0, 1, 4))
        offset = low + min(max(beside, 0), high - low - size) // size * size
    g.keep(build.emit("load", pointer, size=size, offset=offset))


def given_away(g: Generator) -> None:
    """Memory that somebody unknown remembers, reads and writes, now and in later calls."""
    random, build = g.random, g.builder
    if g.shared is None:
        return
    kind = random.choice(("call", "kfunc"))
    pointer = build.emit("slot", symbol=g.shared)
    number = g.value()
    if random.random() < 0.5:
        build.emit(kind, pointer, result="none", symbol="bpf_keep")
    build.emit("store", pointer, number, size=random.choice((4, 8)))
    pointer = random.choice((pointer, build.emit("dataaddr", symbol=".bss", offset=8)))
    before = build.emit("load", pointer, size=4)
    build.emit(kind, result="none", symbol="bpf_poke")
    after = build.emit("load", pointer, size=random.choice((4, 8)))
    g.keep(build.emit("xor", before, after, size=8))


def of_any_size(g: Generator) -> None:
    """Helpers that write as much as a map's value or a number says."""
    random, build = g.random, g.builder
    pointer, offset, size = g.area(8)
    if size < 8:
        return
    build.emit("store", pointer, g.value(), size=8, offset=offset)
    if offset:
        pointer = build.emit("add", pointer, offset, result="ptr", size=8)
    if random.random() < 0.5:
        args: list[Operand] = [build.emit("mapaddr", symbol="queue"), pointer]
        name = random.choice(("map_pop_elem", "map_peek_elem"))
    else:
        count = build.emit("and", g.value(), 7, size=8)
        args, name = [pointer, count, g.value()], "probe_read_user"
    got = build.emit("call", *args, result="int", symbol=name)
    if random.random() < 0.3:
        g.keep(got)
    g.keep(build.emit("load", pointer, size=random.choice((1, 4, 8))))


def updated(g: Generator, found: Value, table: Value, key: Value) -> None:
    """A map's value before and after an update through the map."""
    random, build = g.random, g.builder
    size = random.choice((1, 4, 8))
    offset = random.randrange(0, 8, size)
    before = build.emit("load", found, size=size, offset=offset)
    pointer, _ = g.address(8)
    build.emit("call", table, key, pointer, 0, result="int", symbol="map_update_elem")
    after = build.emit("load", found, size=size, offset=offset)
    g.keep(build.emit("xor", before, after, size=8))


def carried(g: Generator, around: Callable[[int], None], depth: int) -> None:
    """The body of a loop, between a load of what the round before has stored and that store."""
    random, build = g.random, g.builder
    pointer, offset, size = g.area()
    g.keep(build.emit("load", pointer, size=size, offset=offset))
    around(depth)
    if build.at is not None:
        value = g.value() if random.random() < 0.7 else random.getrandbits(8)
        build.emit("store", pointer, value, size=size, offset=offset)
