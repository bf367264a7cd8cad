"""The decimal number that a text of at most eight bytes begins with."""

from __future__ import annotations

from probee import Context, raw_tracepoint, u32, u64

ARGUMENTS = {
    "text": (
        "u64",
        tuple(int.from_bytes(t, "little") for t in (b"0", b"42", b"12345678", b"7a", b"x", b"")),
    ),
}


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    text: u64 = ctx.text
    number: u32 = 0
    for _ in range(8):
        digit = u32(text & 0xFF) - 48
        if digit > 9:
            break
        number = number * 10 + digit
        text >>= 8
    return number
