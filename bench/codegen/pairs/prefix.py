"""What kind of task this is, by its name."""

from __future__ import annotations

from probee import (
    Chars,
    Context,
    Struct,
    UserPtr,
    chars,
    probe_read_user,
    raw_tracepoint,
    s32,
    sizeof,
)

ARGUMENTS = {
    "name": (
        "u64",
        (
            0,
            b"kworker/0:1\0\0\0\0\0",
            b"ksoftirqd/1\0\0\0\0\0",
            b"sh".ljust(16, b"\0"),
            b"shell".ljust(16, b"\0"),
            b"python3.11".ljust(16, b"\0"),
            b"ksoftirq".ljust(16, b"\0"),
        ),
    ),
}


class Name(Struct):
    text: Chars = chars(16)


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> s32:
    name = Name()
    address: UserPtr = ctx.name
    if probe_read_user(name, sizeof(Name), address) != 0:
        return -1
    if name.text.startswith("kworker/"):
        return 1
    if name.text.startswith("ksoftirqd/"):
        return 2
    if name.text == "sh":
        return 3
    if name.text.startswith("python3"):
        return 4
    return 0
