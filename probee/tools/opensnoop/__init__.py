"""Who opens what: open, openat, openat2, creat and open_by_handle_at, of the whole machine.

In: the command line. Out: the programs and columns for it; a row for each call that ended, in the
order of their ends. `calls` has the programs, `uring` and `compat` those for other ways of opening,
`rows` what they send and which calls they send.
"""

from __future__ import annotations

import os

from probee.frame.columns import Column
from probee.frame.openflags import CREATES, flag_filter, flag_names, octal
from probee.frame.options import Option
from probee.frame.standard import (
    ERRNAME_OPTION,
    FD,
    LATENCY_OPTIONS,
    TIME_OPTIONS,
    WHO_OPTIONS,
    error_columns,
    latency_columns,
    task_columns,
    time_columns,
    wants_latency,
    wants_time,
    wants_who,
)
from probee.frame.text import is_cut
from probee.frame.tool import ObjectPlan, Plan, Tool
from probee.host.features import Features
from probee.klib.filters import FILTER_OPTIONS, filtered
from probee.klib.paths import (
    PATH_FILTERS,
    WALK_OPTIONS,
    path_keep,
    prefix_filter,
    walk_consts,
    walked_columns,
    wants_walked,
)
from probee.klib.results import RESULT_OPTIONS, only_failed, result_filter
from probee.klib.stacks import STACK_OPTIONS, stack_columns, stack_consts, wants_stacks
from probee.klib.tasks import TASK_CONSTS
from probee.tools.opensnoop import rows
from probee.tools.opensnoop.calls import EXIT_ONLY, OLD, PAIR, unpaired
from probee.uapi.bpf import BPF_PROG_TYPE_TRACEPOINT
from probee.uapi.bpf_func import BPF_FUNC_task_pt_regs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from probee.frame.options import Values
    from probee.lang.maps import RingBuf
    from probee.lang.programs import Program
    from probee.lang.variables import Const, Global


def plan(values: Values) -> Plan:
    """Programs and constants for what the command line asks."""
    consts = own_consts(values)
    ring: RingBuf[Any] = rows.more_opens if rows.more in consts else rows.opens
    if wants_walked(values):
        consts |= {rows.located: True, rows.more: True, **walk_consts(values)}
        ring = rows.located_opens
    if wants_stacks(values):
        consts |= {rows.stacked: True, rows.more: True, **stack_consts(values)}
        ring = rows.stacked_located_opens if wants_walked(values) else rows.stacked_opens
    programs, lost = traced(values, timed=rows.timed in consts)
    found = Plan(programs, ring, consts, lost=lost, keep=path_keep(values))
    return filtered(values, found, prefix_filter(values), result_filter(values))


def traced(values: Values, *, timed: bool) -> tuple[tuple[Program, ...], dict[Global[int], str]]:
    """The programs for the ways of opening that are asked for, and what they count as lost.

    Raises ProbeeError for a way that this machine's kernel does not show.
    """
    programs: tuple[Program, ...] = EXIT_ONLY
    lost: dict[Global[int], str] = {}
    if values.pair or timed or not exit_reads_arguments():
        programs, lost = PAIR, {unpaired: "calls whose beginning was not seen"}
    programs = on_machine(programs, os.uname().machine)
    if values.compat or values.all_ways:
        from probee.tools.opensnoop.compat import compat_programs

        programs += compat_programs(timed=timed)
    if values.io_uring or values.all_ways:
        from probee.tools.opensnoop.uring import untold, uring_programs

        programs += uring_programs()
        lost[untold] = "opens by io_uring whose end was not told"
    return programs, lost


def on_machine(programs: tuple[Program, ...], machine: str) -> tuple[Program, ...]:
    """Those of `programs` whose system calls there are."""
    if machine == "x86_64":
        return programs
    return tuple(program for program in programs if program not in OLD)


def object_plan(machine: str) -> ObjectPlan:
    """The pair of entry and exit, which needs nothing of the kernel but tracepoints and a ring."""
    return ObjectPlan(on_machine(PAIR, machine), (*TASK_CONSTS, only_failed))


def own_consts(values: Values) -> dict[Const[Any], Any]:
    """What opensnoop's own options say to its programs."""
    consts: dict[Const[Any], Any] = {}
    if wants_latency(values):
        consts[rows.timed] = True
        consts[rows.min_ns] = values.min_us or 0
    for bits, modes in values.flags:
        consts[rows.any_flags] = consts.get(rows.any_flags, 0) | bits
        consts[rows.access_modes] = consts.get(rows.access_modes, 0) | modes
    if consts or wants_time(values) or wants_who(values) or values.extended:
        consts[rows.more] = True
    return consts


def exit_reads_arguments() -> bool:
    """Whether `bpf_task_pt_regs` is there for programs on tracepoints; asked once for a kernel."""
    # Unknown (None) counts as yes: without the rights to probe, the load says what is missing.
    return Features().helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_task_pt_regs) is not False


def columns(values: Values) -> tuple[Column, ...]:
    """bcc's columns, and before PATH what was asked for."""
    return (
        *time_columns(values),
        *task_columns(values),
        *result_columns(values),
        *latency_columns(values),
        *(way_columns() if values.syscall else ()),
        *(flag_columns(values) if values.extended else ()),
        *(walked_columns(values) if wants_walked(values) else NAME_COLUMNS),
        *stack_columns(values),
    )


def result_columns(values: Values) -> tuple[Column, ...]:
    """FD and ERR; requests of io_uring may open into a slot of the ring's own table of files."""
    error = error_columns(values)
    if not (values.io_uring or values.all_ways):
        return (FD, *error)
    return (
        Column("fd", "FD", "ret way", 4, right=True, text=descriptor_text, value=descriptor),
        Column("slot", "", "ret way", value=slot),
        *error,
    )


def descriptor(row: tuple[int, int]) -> int:
    """The new descriptor, -1 where there is none."""
    ret, way = row
    return -1 if way & rows.SLOT else max(ret, -1)


def slot(row: tuple[int, int]) -> int | None:
    """The slot in place of a descriptor, or None."""
    ret, way = row
    return ret if way & rows.SLOT else None


def descriptor_text(row: tuple[int, int]) -> str:
    """The descriptor; `#5` for slot 5."""
    number = slot(row)
    return str(descriptor(row)) if number is None else f"#{number}"


def way_columns() -> tuple[Column, ...]:
    """SYSCALL: how it was opened."""
    return (Column("syscall", "SYSCALL", "way", 17, text=way_name, value=way_name),)


def way_name(way: int) -> str:
    """`openat`, `openat/io_uring`, `openat/32`, `openat/x32`."""
    doors = ((rows.URING, "/io_uring"), (rows.COMPAT, "/32"), (rows.X32, "/x32"))
    return rows.CALLS[way & rows.CALL] + "".join(name for bit, name in doors if way & bit)


def unread_name(unread: int) -> str | None:
    """Why there is no name: `fault` (its address could not be read), `handle` (none was given)."""
    return (None, "fault", "handle")[unread]


NAME_COLUMNS = (
    Column("path", "PATH", "path", memo=False, absent="unread"),
    Column("cut", "", "path", value=is_cut, memo=False),
    Column("unread", "", "unread", value=unread_name),
)


def flag_columns(values: Values) -> tuple[Column, ...]:
    """FLAGS and MODE; JSON has the flags as a number and by name."""
    show = octal if values.numeric else flag_names

    def text(row: tuple[int, int]) -> str:
        flags = known_flags(row)
        return "?" if flags is None else show(flags)

    return (
        Column("flags", "FLAGS", "flags way", 9 if values.numeric else 20, text=text,
               value=known_flags),
        Column("flag_names", "", "flags way", value=known_flag_names),
        Column("mode", "MODE", "mode flags way", 4, text=mode_text, value=mode_of),
    )  # fmt: skip


def known_flags(row: tuple[int, int]) -> int | None:
    """The flags, or None where openat2's struct could not be read."""
    flags, way = row
    return None if way & rows.FLAGS_UNREAD else flags


def known_flag_names(row: tuple[int, int]) -> str | None:
    """The same by name."""
    flags = known_flags(row)
    return None if flags is None else flag_names(flags)


def mode_of(row: tuple[int, int, int]) -> int | None:
    """The mode, or None where the call makes no file: then nobody set that argument.

    openat2 alone refuses a mode that it cannot use, so there it is told.
    """
    mode, flags, way = row
    if flags & CREATES or (mode and way & rows.CALL == rows.OPENAT2):
        return mode
    return None


def mode_text(row: tuple[int, int, int]) -> str:
    """`0644`, or `-` where there is none."""
    mode = mode_of(row)
    return "-" if mode is None else f"{mode:04o}"


TOOL = Tool(
    name="opensnoop",
    summary="Trace opens of files: who opened what, with what result.",
    plan=plan,
    columns=columns,
    object_plan=object_plan,
    options=(
        *FILTER_OPTIONS,
        *PATH_FILTERS,
        *RESULT_OPTIONS,
        Option(
            "flags",
            "f",
            "FLAG",
            "only opens with one of these flags, such as O_CREAT or O_RDWR",
            flag_filter,
            many=True,
            group="Filters",
            takes="open-flag",
        ),
        *TIME_OPTIONS,
        *WALK_OPTIONS,
        *LATENCY_OPTIONS,
        *WHO_OPTIONS,
        Option("syscall", help="show how it was opened: openat, creat, ...", group="Columns"),
        Option("extended", "e", help="show flags and mode", group="Columns"),
        Option("numeric", help="with -e: flags in octal", group="Columns"),
        ERRNAME_OPTION,
        *STACK_OPTIONS,
        Option(
            "io-uring", help="also opens by io_uring", group="Events", clashes=("callers", "stack")
        ),
        Option(
            "compat",
            help="also 32-bit system calls, and those of the x32 ABI: a program for every system "
            "call of the machine",
            group="Events",
        ),
        Option("all-ways", help="both", group="Events", clashes=("callers", "stack")),
        Option(
            "pair",
            help="trace entry and exit of the calls, as kernels without bpf_task_pt_regs need",
            group="When it goes wrong",
        ),
    ),
    examples=(
        ("opensnoop", "all opens of the machine"),
        ("opensnoop -x", "only those that fail"),
        ("opensnoop -p 181,182", "only processes 181 and 182"),
        ("opensnoop -n ^ngin -T", "tasks named ngin…, with times"),
        ("opensnoop -u 33 -e -d 10", "user 33, with flags, for 10 seconds"),
        ("opensnoop -F --path /etc/", "all below /etc, whatever it was called"),
        ("opensnoop -c -x -n nginx", "where nginx opens in vain"),
        ("opensnoop --all-ways --syscall", "io_uring and 32-bit calls too"),
        ("opensnoop --json -o opens.jsonl", "JSON lines into a file"),
    ),
    description=(
        "Calls: open, openat, openat2, creat, open_by_handle_at; others with --all-ways. A row is "
        "printed when the call ends. FD is the new descriptor, or -1; ERR is the error's "
        "number, or 0. PATH is the name as the caller gave it, [handle] where it gave none, ? "
        "where it could not be read, and ends in … where --max-path cut it. With -F it is "
        "the path of the opened file inside its container, or of a failure its directory and name; "
        "(deleted) and (unreachable) mark what they say, … in front what was cut there. "
        "Unprintable bytes of names are escaped, backslashes doubled."
    ),
)
