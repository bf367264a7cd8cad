"""A loop over a table: the place of the smallest limit that holds a value."""

from __future__ import annotations

from probee import Array, Context, raw_tracepoint, u32, u64

ARGUMENTS = {
    "value": ("u64", (0, 1, 5, 50, 500, 1 << 40)),
    "set": ("u32", (*range(16), *[99] * 30)),
}
limits = Array(u64, max_entries=16)
hits = Array(u64, max_entries=17)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    value: u64 = ctx.value
    set: u32 = ctx.set
    if set < 16:
        limits[set] = value
        return 0
    place: u32 = 16
    for i in range(16):
        if value <= limits[i]:
            place = i
            break
    hits[place] += 1
    return place
