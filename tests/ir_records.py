"""Records of a ring buffer in random IR.

In: a `Generator`. Out: operations that reserve a record, fill it, and send it or let it go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probee.compiler.ir.ops import Value
    from tests.ir_random import Generator

RECORD, TEXT_AT, TEXT = 64, 40, 16  # a record: fields, then a text, then a number


def reserve(g: Generator, depth: int) -> None:
    """A record as the front end writes it: reserved, tested, cleared, tested again, filled."""
    build = g.builder
    ring = build.emit("mapaddr", symbol="ring")
    record = build.emit("call", ring, RECORD, 0, result="ptr", symbol="ringbuf_reserve")
    full, got, join, there, done = (build.block() for _ in range(5))
    build.branch("eq", record, 0, full, got)
    build.start(full)
    bss = build.emit("dataaddr", symbol=".bss", offset=0)
    build.emit("atomic", bss, 1, result="none", size=8, symbol="add")
    build.jump(join)
    build.start(got)
    build.emit("zero", record, size=RECORD, align=8)
    build.jump(join)
    build.start(join)
    build.branch("ne", record, 0, there, done)
    build.start(there)
    for _ in range(g.random.randrange(1, 6)):
        field(g, record)
    if g.random.random() < 0.5:
        text(g, record)
    if g.random.random() < 0.5:
        g.body(min(depth, 1))
    if build.at is not None:
        end = g.random.choice(("submit", "submit", "discard"))
        build.emit("call", record, 0, result="none", symbol=f"ringbuf_{end}")
    build.jump(done)
    build.start(done)


def field(g: Generator, record: Value) -> None:
    size = g.random.choice((1, 4, 4, 8, 8))
    offset = g.random.randrange(0, TEXT_AT, size)
    if g.random.random() < 0.2:
        pointer = g.builder.emit("add", record, 16, result="ptr", size=8)
        g.builder.emit("call", pointer, 16, result="none", symbol="get_current_comm")
    elif g.random.random() < 0.2:
        g.keep(g.builder.emit("load", record, size=size, offset=offset))
    else:
        g.builder.emit("store", record, g.value(), size=size, offset=offset)


def text(g: Generator, record: Value) -> None:
    build = g.builder
    pointer = build.emit("add", record, TEXT_AT, result="ptr", size=8)
    got = build.emit("call", pointer, TEXT, g.value(), result="int", symbol="probe_read_user_str")
    failed, read, cut, done = (build.block() for _ in range(4))
    build.branch("slt", got, 0, failed, read)
    build.start(read)
    build.branch("eq", got, TEXT, cut, done)
    build.start(cut)
    build.emit("store", record, 1, size=1, offset=TEXT_AT + TEXT - 1)
    build.jump(done)
    build.start(failed)
    build.emit("store", record, 63, size=1, offset=TEXT_AT)
    build.emit("store", record, 0, size=1, offset=TEXT_AT + 1)
    build.jump(done)
    build.start(done)
