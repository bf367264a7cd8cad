"""Processes and all that descend from them: `--follow`, and `-- COMMAND` which is run and followed.

In: what the command line said. Out: `follow_wanted()` for programs, two programs of its own that
keep the list of those that are followed, and what fills it at the beginning.

`followed` has the processes by the machine's own ids: whoever makes a new process (task_newtask, in
its maker's name and before it runs) hands the mark on, and the last of its threads to end takes it
away. In a pid namespace nobody outside of the kernel can tell these ids; there the processes that
the tool began with stand in `seeds`, by the ids of the namespace. A list that is full is counted by
the kernel's refusals to write it, which the tool reports as losses.
"""

from __future__ import annotations

import os

from probee import Const, Context, Hash, current, get_current_pid_tgid, tracepoint, u8, u32
from probee.errors import KernelError, UsageError
from probee.frame.options import Option
from probee.klib.tasks import namespace_consts, task_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from probee.frame.options import Values
    from probee.lang.programs import Program
    from probee.runtime.session import Session

CLONE_THREAD = 0x0001_0000  # include/uapi/linux/sched.h
MOST = 65_536  # processes followed at one time

following = Const(bool, False)
seeds_apart = Const(bool, False)
followed = Hash(u32, u8, max_entries=MOST)
seeds = Hash(u32, u8, max_entries=MOST)


def follow_wanted(ids: int) -> bool:
    """Whether the running task is of a process that is followed, if any is."""
    return not following or is_followed(ids)


def is_followed(ids: int) -> bool:
    """Whether it is of such a process; `ids` are its `task_ids()`."""
    if not seeds_apart:  # these are the machine's ids already
        return u32(ids >> 32) in followed
    return u32(get_current_pid_tgid() >> 32) in followed or u32(ids >> 32) in seeds


@tracepoint("task:task_newtask")
def follow_child(ctx: Context) -> None:
    """The new process of one that is followed is followed."""
    if ctx.clone_flags & CLONE_THREAD == 0 and is_followed(task_ids()):
        followed[u32(ctx.pid)] = 1


@tracepoint("sched:sched_process_exit")
def follow_end(_: Context) -> None:
    """A process that has ended is no longer followed: its number may become another's."""
    if current.task.signal.live.counter == 0:  # no other thread of it is alive
        followed.pop(u32(get_current_pid_tgid() >> 32), None)
        if seeds_apart:
            seeds.pop(u32(task_ids() >> 32), None)


# ------------------------------------------------------------------------------------ user side

FOLLOW_OPTIONS = (
    Option("follow", help="with -p: also all that descends from them; a COMMAND always is",
           group="Filters"),
)  # fmt: skip
# First of all programs: who is born from then on is known when the others begin.
FOLLOW_PROGRAMS: tuple[Program, ...] = (follow_child, follow_end)


def follows(values: Values) -> bool:
    """Whether anybody is followed. Raises UsageError where --follow does not know whom."""
    if values.follow and not values.pid and not values.behind:
        raise UsageError("option --follow needs processes, -p PID, or a command: -- COMMAND")
    return bool(values.follow or values.behind)


def follow_consts() -> dict[Const[Any], Any]:
    """Constants for the programs."""
    return {following: True, seeds_apart: True} if namespace_consts() else {following: True}


def follow_map() -> Hash[Any, Any]:
    """The map that the ids of the first processes go into."""
    return seeds if namespace_consts() else followed


def follow_descendants(session: Session, first: tuple[int, ...]) -> None:
    """Adds the processes that descend from `first` already; the programs are attached.

    A child born to somebody who is not marked yet is found by looking again, until nothing is new.
    Who ended before the mark was set is taken out again. The tool itself, which a shell that it is
    to follow may have begun, is left out: it would show how it looks for the others.
    """
    live: Any = session[follow_map()]
    known = set(first)
    own = {os.getpid()}
    while fresh := _children_of(known) - known - own:
        for pid in fresh:
            try:
                live[pid] = 1
            except KernelError as error:
                raise UsageError(f"more than {MOST} processes to follow") from error
        known |= fresh
    for pid in known:
        if not os.path.exists(f"/proc/{pid}"):
            live.pop(pid, None)


def _children_of(parents: set[int]) -> set[int]:
    """The processes whose parent is one of these: field 4 of /proc/PID/stat, behind the name."""
    found = set()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = file.read().rpartition(b")")[2].split()[1]
        except OSError:  # it is gone
            continue
        if int(parent) in parents:
            found.add(int(name))
    return found
