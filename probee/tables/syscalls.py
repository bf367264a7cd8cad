"""System calls by name and by number, with the names and C types of their arguments.

In: probee/uapi/syscalls.py, generated from the kernel's tables and SYSCALL_DEFINE macros.
Out: `by_name`, `by_number`. Arguments stand in the order of the registers in
`Architecture.syscall_args`; names are those of the fields of `sys_enter_*` tracepoints.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.frozen import Frozen
from probee.uapi.syscalls import ROWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.tables.architectures import Architecture
    from probee.uapi.syscalls import Row

# arm64 hands the last two arguments of clone over in the other order (CONFIG_CLONE_BACKWARDS).
_ARM64_CLONE = (
    ("unsigned long", "clone_flags"),
    ("unsigned long", "newsp"),
    ("int *", "parent_tidptr"),
    ("unsigned long", "tls"),
    ("int *", "child_tidptr"),
)


class Parameter(Frozen):
    """One argument: its C type, `__user` left out, and its name in the kernel's source."""

    type: str
    name: str


class Syscall(Frozen):
    """One system call on one architecture.

    `entry` names the kernel's function and tracepoints: `newfstat` for fstat. `args` is None
    where no kernel implements the number any more, `()` where there are none.
    """

    name: str
    number: int
    entry: str
    args: tuple[Parameter, ...] | None


_BY_NAME = {row[0]: row for row in ROWS}


def by_name(name: str, architecture: Architecture) -> Syscall:
    """The system call `name`. Raises NotSupportedError where the architecture has none such."""
    row = _BY_NAME.get(name)
    if row is None or (number := _number(row, architecture)) is None:
        raise NotSupportedError(f"{architecture.name} has no system call named {name!r}")
    return _record(row, number, architecture)


def by_entry(entry: str, architecture: Architecture) -> Syscall | None:
    """The system call whose tracepoints are called `sys_enter_ENTRY` and `sys_exit_ENTRY`."""
    for row in ROWS:
        number = _number(row, architecture)
        if row[3] == entry and number is not None and row[4] is not None:
            return _record(row, number, architecture)
    return None


def by_number(number: int, architecture: Architecture) -> Syscall | None:
    """The system call of that number, or None: kernels newer than the table have more."""
    for row in ROWS:
        if _number(row, architecture) == number:
            return _record(row, number, architecture)
    return None


def _number(row: Row, architecture: Architecture) -> int | None:
    return row[1] if architecture.name == "x86_64" else row[2]


def _record(row: Row, number: int, architecture: Architecture) -> Syscall:
    arguments = row[4]
    if row[0] == "clone" and architecture.name == "arm64":
        arguments = _ARM64_CLONE
    args = None if arguments is None else tuple(Parameter(*pair) for pair in arguments)
    return Syscall(row[0], number, row[3], args)
