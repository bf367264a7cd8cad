"""A connection's state after an event, and how often each change happened."""

from __future__ import annotations

from probee import Context, Hash, Struct, raw_tracepoint, u32

ARGUMENTS = {"id": ("u32", range(8)), "flags": ("u32", range(16))}
CLOSED, SENT, RECEIVED, ESTABLISHED, CLOSING = range(5)
SYN, ACK, FIN, RST = 1, 2, 4, 8


class State(Struct):
    now: u32


states = Hash(u32, State, max_entries=64)


def following(state: u32, flags: u32) -> u32:
    if flags & RST:
        return CLOSED
    if state == CLOSED:
        if flags & SYN:
            return RECEIVED if flags & ACK else SENT
    elif state == SENT:
        if flags & SYN and flags & ACK:
            return ESTABLISHED
    elif state == RECEIVED:
        if flags & ACK:
            return ESTABLISHED
    elif state == ESTABLISHED:
        if flags & FIN:
            return CLOSING
    elif state == CLOSING:
        if flags & ACK:
            return CLOSED
    return state


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    id: u32 = ctx.id
    flags: u32 = ctx.flags
    known = states.get(id)
    state: u32 = CLOSED
    if known is not None:
        state = known.now
    after = following(state, flags)
    if known is not None:
        known.now = after
    else:
        states[id] = State(now=after)
    return state << 8 | after
