"""The flags of open(2) by name, and the mode where there is one.

In: the numbers as the system call got them. Out: `O_RDONLY|O_CLOEXEC` and `0644`. The values are
those of this machine's architecture, as Python's `os` has them from the C headers.
"""

from __future__ import annotations

import os

O_ACCMODE = 3
# os.O_LARGEFILE is 0 where C programs need not say it; the kernel knows the flag all the same
# (arch/x86: asm-generic/fcntl.h; arch/arm64: include/uapi/asm/fcntl.h).
_LARGEFILE = {"x86_64": 0o100000, "aarch64": 0o400000}

# Flags of several bits stand before those whose bits they contain (O_SYNC has O_DSYNC in it).
_NAMES = (
    "O_CREAT", "O_EXCL", "O_NOCTTY", "O_TRUNC", "O_APPEND", "O_NONBLOCK", "O_SYNC", "O_DSYNC",
    "O_ASYNC", "O_DIRECT", "O_TMPFILE", "O_DIRECTORY", "O_NOFOLLOW", "O_NOATIME", "O_CLOEXEC",
    "O_PATH",
)  # fmt: skip
_ACCESS = {os.O_RDONLY: "O_RDONLY", os.O_WRONLY: "O_WRONLY", os.O_RDWR: "O_RDWR"}
ALL_NAMES = (*_ACCESS.values(), *_NAMES)
CREATES = os.O_CREAT | (os.O_TMPFILE & ~os.O_DIRECTORY)


def flag_names(flags: int) -> str:
    """Access mode and flags, joined by `|`; bits without a name as one octal number."""
    access = flags & O_ACCMODE
    names = [_ACCESS.get(access, "O_ACCMODE")]
    rest = flags & ~O_ACCMODE
    for name in _NAMES:
        bits = getattr(os, name)
        if rest & bits == bits:
            names.append(name)
            rest &= ~bits
    large = _LARGEFILE.get(os.uname().machine, 0)
    if rest & large:
        names.append("O_LARGEFILE")
        rest &= ~large
    return "|".join([*names, f"0{rest:o}"] if rest else names)


def mode_of(flags_and_mode: tuple[int, int]) -> int | None:
    """The mode, or None where the call makes no file: then nobody set that argument."""
    flags, mode = flags_and_mode
    return mode & 0o7777 if flags & CREATES else None


def mode_text(flags_and_mode: tuple[int, int]) -> str:
    """`0644`, or `-` where the call makes no file."""
    mode = mode_of(flags_and_mode)
    return "-" if mode is None else f"{mode:04o}"


def octal(flags: int) -> str:
    """`02000000`."""
    return f"0{flags:o}"
