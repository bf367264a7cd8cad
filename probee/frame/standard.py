"""Options and columns that mean the same in every tool: time, task, errno.

In: the command line's values. Out: rows for a tool to put beside its own. A record names its fields
`time` (nanoseconds of CLOCK_BOOTTIME), `latency` (nanoseconds), `ids` (process id << 32 | thread
id), `uid`, `cgroup` (the id of the task's cgroup), `comm`, `ret`.
"""

from __future__ import annotations

from errno import errorcode

from probee.frame.columns import Column
from probee.frame.options import Option, micros

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.frame.options import Values

TIME_OPTIONS = (
    Option("time", "T", help="show the local time of the event; -TT: ISO 8601 with the time zone",
           counted=True, group="Columns"),
    Option("boot-ns", help="show the event's nanoseconds since boot, sleep included",
           group="Columns"),
)  # fmt: skip
WHO_OPTIONS = (
    Option("show-uid", "U", help="show the user id", group="Columns"),
    Option("user", help="show the user's name", group="Columns"),
    Option("containers", help="show the container and the Kubernetes pod", group="Columns"),
)
LATENCY_OPTIONS = (
    Option("latency", help="show how long it took, in microseconds", group="Columns"),
    Option("min-us", "", "N", "only what took N microseconds or more; shows how long", micros,
           group="Filters"),
)  # fmt: skip
ERRNAME_OPTION = Option(
    "errname", help="show ERR by name, ENOENT for 2 (JSON has both)", group="Columns"
)


def _pid(ids: int) -> int:
    return ids >> 32


def _tid(ids: int) -> int:
    return ids & 0xFFFF_FFFF


def _pid_text(ids: int) -> str:
    return str(ids >> 32)


def _tid_text(ids: int) -> str:
    return str(ids & 0xFFFF_FFFF)


def _fd(ret: int) -> int:
    return max(ret, -1)


def _fd_text(ret: int) -> str:
    return str(_fd(ret))


PID = Column("pid", "PID", "ids", 7, text=_pid_text, value=_pid)
TID = Column("tid", "TID", "ids", 7, text=_tid_text, value=_tid)
UID = Column("uid", "UID", "uid", 6)
COMM = Column("comm", "COMM", "comm", 16)
FD = Column("fd", "FD", "ret", 4, right=True, text=_fd_text, value=_fd)  # -1 where it failed


def wants_time(values: Values) -> bool:
    """Whether the record's `time` is needed."""
    return bool(values.time or values.boot_ns)


def time_columns(values: Values) -> tuple[Column, ...]:
    """TIME as -T or -TT asks (JSON and CSV: ISO 8601 either way), and BOOT_NS."""
    columns: tuple[Column, ...] = ()
    if values.time:
        from probee.frame.clock import EventClock

        clock = EventClock()
        text = clock.local if values.time == 1 else clock.iso
        texts = clock.locals if values.time == 1 else clock.isos
        width = 15 if values.time == 1 else 32
        columns = (
            Column(
                "time",
                "TIME",
                "time",
                width,
                text=text,
                value=clock.iso,
                memo=False,
                texts=texts,
                values=clock.isos,
            ),
        )
    if values.boot_ns:
        columns += (Column("boot_ns", "BOOT_NS", "time", 16, right=True, memo=False),)
    return columns


def wants_latency(values: Values) -> bool:
    """Whether the record's `latency`, in nanoseconds, is needed: then both ends are traced."""
    return bool(values.latency or values.min_us is not None)


def latency_columns(values: Values) -> tuple[Column, ...]:
    """LAT_US with --latency or --min-us; JSON and CSV have nanoseconds."""
    if not wants_latency(values):
        return ()
    return (Column("latency_ns", "LAT_US", "latency", 9, right=True, text=_micros, memo=False),)


def _micros(nanoseconds: int) -> str:
    return f"{nanoseconds / 1000:.3f}"


def wants_who(values: Values) -> bool:
    """Whether the record's `uid` or `cgroup` is needed."""
    return bool(values.show_uid or values.user or values.containers)


def task_columns(values: Values) -> tuple[Column, ...]:
    """PID and COMM; UID, USER, TID, CONTAINER and POD where they were asked for."""
    uid = (UID,) if values.show_uid else ()
    tid = (TID,) if values.tid else ()
    return (*uid, *_user(values), PID, *tid, COMM, *_containers(values))


def _user(values: Values) -> tuple[Column, ...]:
    if not values.user:
        return ()
    from probee.frame.users import user_name, user_text

    return (Column("user", "USER", "uid", 12, text=user_text, value=user_name),)


def _containers(values: Values) -> tuple[Column, ...]:
    if not values.containers:
        return ()
    from probee.frame.container_columns import container_columns

    return container_columns()


def error_name(ret: int) -> str | None:
    """The name of the error in a system call's result, None where it succeeded."""
    return errorcode.get(-ret, str(-ret)) if ret < 0 else None


def failed(ret: int) -> bool:
    """Whether a system call's result is an error."""
    return ret < 0


def error_columns(values: Values) -> tuple[Column, ...]:
    """ERR of a system call, `ret`: the errno, 0 where it did not fail, and the error's name."""
    names = values.errname
    return (
        Column("errno", "ERR", "ret", 12 if names else 3, right=not names,
               text=_name_text if names else _errno_text, value=_errno, bad=failed),
        Column("error", "", "ret", value=error_name),
    )  # fmt: skip


def _errno(ret: int) -> int:
    return max(-ret, 0)


def _errno_text(ret: int) -> str:
    return str(_errno(ret))


def _name_text(ret: int) -> str:
    return error_name(ret) or "-"
