"""A connection's numbers go from one table to another, when it closes."""

from __future__ import annotations

from probee import Context, Hash, Struct, raw_tracepoint, u16, u32, u64

ARGUMENTS = {
    "id": ("u64", range(6)),
    "now": ("u64", (0, 1 << 50, 123_456)),
    "addresses": ("u64", (0x0A00000107F00001, 0)),
    "ports": ("u32", (0x00501F90, 0xFFFF0001)),
}


class Connection(Struct):
    began: u64
    sent: u64
    received: u64
    from_: u32
    to: u32
    source: u16
    dest: u16
    state: u32


open = Hash(u64, Connection, max_entries=8)
closed = Hash(u64, Connection, max_entries=4)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    id: u64 = ctx.id
    now: u64 = ctx.now
    c = open.get(id)
    if c is None:
        addresses: u64 = ctx.addresses
        ports: u32 = ctx.ports
        open[id] = Connection(
            began=now,
            sent=0,
            received=0,
            from_=u32(addresses),
            to=addresses >> 32,
            source=u16(ports),
            dest=ports >> 16,
            state=0,
        )
        return 0
    c.sent += now & 0xFFFF
    c.received += 1
    if c.received < 4:
        return 1
    closed[id] = Connection(
        began=c.began,
        sent=c.sent,
        received=c.received,
        from_=c.from_,
        to=c.to,
        source=c.source,
        dest=c.dest,
        state=7,
    )
    open.pop(id, None)
    return 2
