"""The kernel's log of a refused load: attributes in, the call's result and the log out.

A load is tried without a log first, for a log costs time. Where it is refused, it is made again:

- level 4 (Linux 5.2) gives the complaint and the statistics, at the speed of the first try;
- level 1 also gives the way that led there, at some microseconds an instruction. Where the verifier
  gave up since there were too many (E2BIG), that way is long and tells nothing: it is not asked.

- level 2 has every way that was gone, and what was known at each instruction. Before Linux 5.18
  level 1 did not tell that; so there, where it is short, level 2 is asked besides.

The buffer is bounded. Since Linux 6.4 (commit 1216640938035) a log that does not fit keeps its end;
an older kernel's keeps its beginning, and the complaint is then taken from level 4.
"""

from __future__ import annotations

from probee.host.attributes import Attributes, call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.host.attributes import Value

_E2BIG = 7
_ENOSPC = 28

WAY, ALL_WAYS, STATISTICS = 1, 2, 4
SHORT = 64 << 10
LONG = 16 << 20  # kernels before 5.2 took no more than this
_KNOWN = " ; R"  # what became known behind an instruction
_END = "processed "  # what the last line of a whole log begins with


def once_more(fields: dict[str, Value], token: int, level: int, errno: int) -> tuple[int, int, str]:
    """A BPF_PROG_LOAD with a log: of `level`, or where that is 0 as fits a refusal with `errno`.

    The result of the try that counts (the one before this, if there was one), this one's, the log.
    """
    if level:
        result, log = whole("BPF_PROG_LOAD", fields, level, token)
        return result, result, log
    result, log = refused(fields, token, errno)
    return -errno, result, log


def refused(fields: dict[str, Value], token: int, errno: int) -> tuple[int, str]:
    """A BPF_PROG_LOAD that was refused with `errno`, once more: its result and the log."""
    if errno == _E2BIG:
        return logged("BPF_PROG_LOAD", fields, STATISTICS, token, SHORT)
    result, log = whole("BPF_PROG_LOAD", fields, WAY | STATISTICS, token)
    if result >= 0:
        return result, log
    if _END in log[-400:]:
        if len(log) > SHORT // 8 or _KNOWN in log:
            return result, log
        again, more = logged("BPF_PROG_LOAD", fields, ALL_WAYS | STATISTICS, token, 16 * SHORT)
        return (result, log) if again == -_ENOSPC else (again, more)
    again, complaint = logged("BPF_PROG_LOAD", fields, STATISTICS, token, SHORT)
    return again, f"{log}\n{complaint}"


def whole(command: str, fields: dict[str, Value], level: int, token: int) -> tuple[int, str]:
    """The call with a log of `level`; a longer buffer where a short one does not suffice."""
    result, log = logged(command, fields, level, token, SHORT)
    if result != -_ENOSPC:
        return result, log
    return logged(command, fields, level, token, LONG)


def logged(
    command: str, fields: dict[str, Value], level: int, token: int, size: int
) -> tuple[int, str]:
    """The call with a log buffer of `size` bytes; -ENOSPC where the log is longer."""
    prefix = "btf_" if command == "BPF_BTF_LOAD" else ""
    log = bytearray(size)
    more: dict[str, Value] = {
        f"{prefix}log_level": level,
        f"{prefix}log_size": size,
        f"{prefix}log_buf": log,
    }
    result = call(Attributes(command, {**fields, **more}, token))
    return result, log.partition(b"\0")[0].decode("utf-8", "replace")
