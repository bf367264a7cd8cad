"""Whether an event is wanted: by process, user and the first letters of a name."""

from __future__ import annotations

from probee import Const, Context, raw_tracepoint, u32, u64

ARGUMENTS = {
    "id": ("u64", (1 << 32, 2 << 32 | 5, 7)),
    "uid": ("u32", (0, 1000, 65534)),
    "name": ("u64", (0, 0x6873, 0x68736162)),
}
only_pid = Const(u32, 0)
only_uid = Const(u32, 0xFFFFFFFF)
name_low = Const(u64, 0)
name_mask = Const(u64, 0)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    uid: u32 = ctx.uid
    name: u64 = ctx.name
    pid: u32 = ctx.id >> 32
    if only_pid != 0 and pid != only_pid:
        return 0
    if only_uid != 0xFFFFFFFF and uid != only_uid:
        return 0
    if name_mask != 0 and name_mask & name != name_low:
        return 0
    if pid == 1 or uid == 65534:
        return 2
    return 1
