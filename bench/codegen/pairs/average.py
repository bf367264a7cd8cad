"""A moving average and its deviation, in eighths, as TCP keeps them of round trips."""

from __future__ import annotations

from probee import Array, Context, Struct, raw_tracepoint, s32, u32

ARGUMENTS = {"sample": ("u32", (0, 1, 100, 150, 5000, 1 << 20))}


class Rtt(Struct):
    smoothed: u32
    deviation: u32
    least: u32
    samples: u32


rtts = Array(Rtt, max_entries=1)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    sample: u32 = ctx.sample
    r = rtts.get(0)
    if r is None:
        return 0
    if sample == 0:
        sample = 1
    if r.samples == 0:
        r.smoothed = sample << 3
        r.deviation = sample << 1
        r.least = sample
    else:
        error = s32(sample - (r.smoothed >> 3))
        r.smoothed = r.smoothed + u32(error)
        if error < 0:
            error = -error
        error -= s32(r.deviation >> 2)
        r.deviation = r.deviation + u32(error)
        if sample < r.least:
            r.least = sample
    r.samples += 1
    return (r.smoothed >> 3) + r.deviation
