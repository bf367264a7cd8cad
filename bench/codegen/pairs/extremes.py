"""The least, the greatest and the clamped sum of what each CPU saw."""

from __future__ import annotations

from probee import Context, PerCpuArray, Struct, raw_tracepoint, s64, u64

ARGUMENTS = {
    "value": ("s64", (0, 5, -99, -101, 1001, 1 << 40, -(1 << 40))),
    "which": ("u32", (0, 1, 2, 3)),
}


class Extremes(Struct):
    least: s64
    greatest: s64
    sum: u64
    count: u64


seen = PerCpuArray(Extremes, max_entries=2)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> s64:
    value: s64 = ctx.value
    x = seen.get(ctx.which & 1)
    if x is None:
        return 0
    if x.count == 0 or value < x.least:
        x.least = value
    if x.count == 0 or value > x.greatest:
        x.greatest = value
    clamped = min(max(value, -100), 1000)
    x.sum += clamped + 100
    x.count += 1
    return clamped
