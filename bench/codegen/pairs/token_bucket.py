"""Whether another event of this key may be reported: so many a second, with bursts."""

from __future__ import annotations

from probee import Context, LruHash, Struct, raw_tracepoint, u32, u64

ARGUMENTS = {
    "key": ("u32", (1, 2)),
    "now": ("u64", (10**9, 10**9 + 1, 2 * 10**9, 10**10)),
}
RATE = 10
BURST = 20
SECOND = 1_000_000_000


class Bucket(Struct):
    last: u64
    tokens: u64


buckets = LruHash(u32, Bucket, max_entries=64)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    key: u32 = ctx.key
    now: u64 = ctx.now
    b = buckets.get(key)
    if b is None:
        buckets[key] = Bucket(last=now, tokens=BURST - 1)
        return 1
    earned = (now - b.last) * RATE // SECOND
    if now > b.last and earned:
        b.tokens = min(b.tokens + earned, BURST)
        b.last = now
    if b.tokens == 0:
        return 0
    b.tokens -= 1
    return 1
