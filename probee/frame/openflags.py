"""The flags of open(2) by name, and the mode where there is one.

In: the numbers as the system call got them, or names. Out: `O_RDONLY|O_CLOEXEC`, or the bits. The
values are those of this machine's architecture, as Python's `os` has them from the C headers.
"""

from __future__ import annotations

import os

from probee.errors import UsageError
from probee.frame.options import nearest

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
ALL_NAMES = (*_ACCESS.values(), *_NAMES, "O_LARGEFILE")
# What tells these from flags that they contain.
_OWN_BITS = {"O_SYNC": os.O_SYNC & ~os.O_DSYNC, "O_TMPFILE": os.O_TMPFILE & ~os.O_DIRECTORY}
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


def octal(flags: int) -> str:
    """`02000000`."""
    return f"0{flags:o}"


def flag_filter(name: str) -> tuple[int, int]:
    """The bits that say `name` is among the flags, and a set of access modes: 1 << mode.

    One of the two is 0: access modes are numbers and no bits, O_RDONLY is 0. Raises UsageError for
    a name that is none.
    """
    known = name.upper()
    for mode, access in (*_ACCESS.items(), (O_ACCMODE, "O_ACCMODE")):
        if known == access:
            return 0, 1 << mode
    if known == "O_LARGEFILE":
        return _LARGEFILE.get(os.uname().machine, 0), 0
    if known in _NAMES:
        return _OWN_BITS.get(known, getattr(os, known)), 0
    near = nearest(known, ALL_NAMES)
    raise UsageError(f"{name!r} is no flag of open(2){near}")
