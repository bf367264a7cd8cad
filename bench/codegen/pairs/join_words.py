"""Up to 64 words, one behind the other in one buffer; a record as long as they are."""

from __future__ import annotations

from probee import (
    Chars,
    Context,
    PerCpuArray,
    RingBuf,
    Struct,
    UserPtr,
    array,
    chars,
    offsetof,
    probe_read_user_str,
    raw_tracepoint,
    u32,
    u64,
    window,
)

ARGUMENTS = {
    "count": ("u32", (0, 1, 3, 64, 70)),
    "first": ("u64", (b"one\0", b"\0", 0)),
    "second": ("u64", (b"a longer word\0", b"w" * 100 + b"\0")),
}


class Words(Struct):
    count: u32
    text: Chars = chars(4096 + 256)


class Two(Struct):
    words: list[u64] = array(u64, 2)


joined = RingBuf(Words, size="128K")
scratch = PerCpuArray(Words, max_entries=1)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> None:
    count: u32 = ctx.count
    first: UserPtr = ctx.first
    second: UserPtr = ctx.second
    two = Two()
    two.words[0], two.words[1] = first, second
    w = scratch[0]
    w.count = 0
    at: u32 = 0
    for i in range(64):
        if i == count:
            break
        at &= 4095
        n = probe_read_user_str(window(w.text, at, 256), 256, two.words[i & 1])
        if n > 0:
            at += n
            w.count += 1
    joined.output(w, offsetof(Words, "text") + min(at, 4096 + 256))
