"""What type checkers must find: each line that ends in `# wrong` is an error to both of them."""

from __future__ import annotations

from probee import (
    Chars,
    Const,
    Global,
    Hash,
    RingBuf,
    Session,
    Struct,
    chars,
    current,
    read_str,
    tracepoint,
    u32,
    u64,
)
from probee.contexts import SysEnterOpenat


class Open(Struct):
    pid: u32
    comm: Chars = chars(16)


only = Const(u32, 0)
total = Global(u64, 0)
seen = Hash(u32, u64)
opens = RingBuf(Open)


@tracepoint("syscalls:sys_enter_openat")
def enter(ctx: SysEnterOpenat) -> None:
    total.value = ctx.flag  # wrong
    total.value = ctx.filename  # wrong
    total.value = current.pidd  # wrong
    seen["a"] = 1  # wrong
    seen[1] = "a"  # wrong
    seen.get(1) + 1  # wrong
    total.value = total + 1  # wrong
    e = opens.reserve()
    e.pid = 1  # wrong
    if e is not None:
        e.pid = "a"  # wrong
        e.comm = 7  # wrong
        e.nothing = 1  # wrong
        e.comm = read_str(3, default="?")  # wrong
        e.submit(1)  # wrong


with Session(enter, consts={total: 1}) as session:  # wrong
    for event in session[opens].drain():
        print(event.ppid)  # wrong
    session[total].value = "a"  # wrong
