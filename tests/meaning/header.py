"""What random programs import, and what they declare but for `More`'s part.

In: nothing. Out: text; `{0}` to `{9}` stand for types and values that `Maker` chooses.
"""

from __future__ import annotations

IMPORTS = """\
from probee import (
    Array, BloomFilter, Chars, Const, Context, Counter, Global, Hash, Hist, LruHash, PerCpuArray,
    PerCpuHash, Queue, RingBuf, Stack, Struct, array, atomic_add, atomic_and,
    atomic_compare_exchange, atomic_exchange, atomic_fetch_add, atomic_fetch_and, atomic_fetch_or,
    atomic_fetch_xor, atomic_or, atomic_xor, chars, current,
    get_smp_processor_id, raw_tracepoint,
    s8, s16, s32, s64, u8, u16, u32, u64,
)
"""
HEADER = """\


class Q(Struct):
    x: u16
    y: s64


class P(Struct):
    p: u8
    q: Q
    r: s32
    t: Chars = chars(16)
    s: u64


numbers = Hash({0}, {1}, max_entries=4096)
recent = LruHash({2}, P, max_entries=4096)
pairs = Hash(Q, {3}, max_entries=4096)
counts = Array({4}, max_entries=7)
things = Array(P, max_entries=3)
ring = RingBuf(P, size="64K")
limit = Const({5}, {6})
mode = Const(u8, {7})
total = Global({8}, 0)
last = Global({9}, 3)
result = Global(u64, 0)
"""
