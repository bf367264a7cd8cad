"""Which results a tool is interested in: `-x` and `--errno`, decided in the kernel.

In: the option rows `RESULT_OPTIONS` and what the command line said. Out: `wanted_result()`, for
programs that know what a system call returned, and the constants and map entries that make it say
what was asked. What was not asked for leaves no code behind.

The kernel has errors of its own beside those of errno(3), by which it restarts calls (512 to 531,
include/linux/errno.h): they are seen at a system call's end, and can be asked for by number.
"""

from __future__ import annotations

import errno

from probee import Const, Hash, s64, u8
from probee.errors import UsageError
from probee.frame.options import Option, nearest, whole
from probee.klib.choices import one_or_several

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.frame.options import Values
    from probee.klib.choices import Filter
MAX_ERRNO = 4095  # include/linux/err.h

only_failed = Const(bool, False)
one_errno = Const(bool, False)
only_errno = Const(s64, 0)
some_errnos = Const(bool, False)
errnos = Hash(s64, u8, max_entries=256)


def wanted_result(ret: s64) -> bool:
    """Whether a call that returned `ret` is one of those asked for."""
    if only_failed and ret >= 0:
        return False
    if one_errno and ret != -only_errno:
        return False
    return not some_errnos or -ret in errnos


# ------------------------------------------------------------------------------------ user side


def error_number(text: str) -> int:
    """`--errno`'s argument: `ENOENT`, `enoent` or `2`. Raises UsageError for anything else."""
    if text[:1].isdigit():
        return whole(text, 1, MAX_ERRNO, "an error's number")
    number = getattr(errno, text.upper(), None) if text.isascii() else None
    if isinstance(number, int):
        return number
    near = nearest(text.upper(), list(errno.errorcode.values()))
    raise UsageError(f"{text!r} is no error that this machine knows{near}")


RESULT_OPTIONS = (
    Option("failed", "x", help="only what failed", group="Filters"),
    Option("errno", metavar="ERRNO", help="only what failed with these errors: ENOENT or 2",
           parse=error_number, many=True, group="Filters", takes="errno"),
)  # fmt: skip


def result_filter(values: Values) -> Filter:
    """Constants and map entries for `wanted_result()`. Raises UsageError where it is too much."""
    consts, fill = one_or_several("errno", values.errno, one_errno, only_errno, some_errnos, errnos)
    # Of several errors too: what succeeded is not looked for among them.
    failed = values.failed or fill
    return consts | ({only_failed: True} if failed else {}), fill
