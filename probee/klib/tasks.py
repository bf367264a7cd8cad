"""Which tasks a tool is interested in: `-p -t --ppid -u -n`, decided in the kernel.

In: what the command line said. Out: `task_wanted()` for programs, `task_ids()`, which their records
hold too, and the constants and map entries that make them say what was asked.

One value is a constant that the program compares with; several are a hash map. Values of one option
are alternatives, different options must all hold. What was not asked for leaves no code behind.

In a container process ids are the container's, so that `-p` means what `ps` says there; a task that
the container does not see has the ids 0.

The task's name is compared as two words of 8 bytes, both at once, at each place where the wanted
text can begin: the name is shifted along by a byte at a time (both architectures are
little-endian, so the first byte is the lowest).
"""

from __future__ import annotations

import os

from probee import (
    Const,
    Hash,
    Struct,
    current,
    get_current_comm,
    get_current_pid_tgid,
    get_ns_current_pid_tgid,
    sizeof,
    u8,
    u32,
    u64,
)
from probee.errors import ProbeeError, UsageError
from probee.frame.options import Option, pid, uid
from probee.host.btf import PATH as KERNEL_TYPES
from probee.host.features import Features
from probee.klib.choices import one_or_several
from probee.klib.parents import parent_id
from probee.uapi.bpf import BPF_PROG_TYPE_TRACEPOINT
from probee.uapi.bpf_func import BPF_FUNC_get_current_task_btf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from probee.frame.options import Values
    from probee.klib.choices import Filter
SEVERAL = 1024  # how many values one option may have
FIRST_PID_NAMESPACE = 0xEFFF_FFFC  # PROC_PID_INIT_INO, include/linux/proc_ns.h
NAME_SIZE = 16  # TASK_COMM_LEN, the NUL included

# Of each kind one value, or several. Switches are folded into the code, so nothing compares twice.
one_pid = Const(bool, False)
one_tid = Const(bool, False)
one_ppid = Const(bool, False)
one_uid = Const(bool, False)
only_pid = Const(u32, 0)
only_tid = Const(u32, 0)
only_ppid = Const(u32, 0)
only_uid = Const(u32, 0)
some_pids = Const(bool, False)
some_tids = Const(bool, False)
some_ppids = Const(bool, False)
some_uids = Const(bool, False)
# Those that stand for themselves, for who sets them in an object file.
TASK_CONSTS = (one_pid, only_pid, one_tid, only_tid, one_uid, only_uid)
pids = Hash(u32, u8, max_entries=SEVERAL)
tids = Hash(u32, u8, max_entries=SEVERAL)
ppids = Hash(u32, u8, max_entries=SEVERAL)
uids = Hash(u32, u8, max_entries=SEVERAL)

# Whether the running task can be looked into: two loads cost less than two calls of helpers.
typed_task = Const(bool, False)

namespace_device = Const(u64, 0)
namespace = Const(u64, 0)  # the pid namespace's inode; 0: the machine's first one

name_places = Const(u32, 0)  # at how many places the text can begin; 0: not asked
name_low = Const(u64, 0)
name_high = Const(u64, 0)
mask_low = Const(u64, 0)
mask_high = Const(u64, 0)


class NamespaceIds(Struct):
    """struct bpf_pidns_info: the kernel calls a thread's id pid, a process's tgid."""

    pid: u32
    tgid: u32


class NameWords(Struct):
    """A task's name as numbers."""

    low: u64
    high: u64


def task_ids() -> u64:
    """The running task's process id << 32 | thread id, as the tool's pid namespace counts."""
    if namespace == 0:
        if typed_task:
            return u64(current.task.tgid) << 32 | u32(current.task.pid)
        return get_current_pid_tgid()
    ids = NamespaceIds(pid=0, tgid=0)
    get_ns_current_pid_tgid(namespace_device, namespace, ids, sizeof(NamespaceIds))
    return u64(ids.tgid) << 32 | ids.pid


def thread() -> u32:
    """The running thread's number on the machine: a key for what it has under way."""
    if typed_task:
        return u32(current.task.pid)
    return current.tid


def task_wanted(ids: u64) -> bool:
    """Whether the running task, whose `task_ids()` these are, is one of those asked for."""
    if one_pid and ids >> 32 != only_pid:
        return False
    if some_pids and u32(ids >> 32) not in pids:
        return False
    if one_tid and u32(ids) != only_tid:
        return False
    if some_tids and u32(ids) not in tids:
        return False
    if one_ppid and parent_id(namespace) != only_ppid:
        return False
    if some_ppids and parent_id(namespace) not in ppids:
        return False
    if one_uid and current.uid != only_uid:
        return False
    if some_uids and current.uid not in uids:
        return False
    return name_places == 0 or name_wanted()


def name_wanted() -> bool:
    """Whether the text stands in the task's name, at one of the places where it may."""
    name = NameWords(low=0, high=0)
    get_current_comm(name, sizeof(NameWords))
    for place in range(NAME_SIZE):
        if place >= name_places:
            break
        if mask_low & name.low == name_low and mask_high & name.high == name_high:
            return True
        name.low = name.low >> 8 | name.high << 56
        name.high = name.high >> 8
    return False


# ------------------------------------------------------------------------------------ user side


def task_name(text: str) -> bytes:
    """`-n`'s argument: the bytes of NAME or ^NAME. Raises UsageError if no name can match."""
    raw = text.encode("utf-8", "surrogateescape")
    bare = raw.removeprefix(b"^")
    if not bare or b"\0" in bare or len(bare) >= NAME_SIZE:
        raise UsageError(f"{text!r} is not a part of a task's name: 1 to {NAME_SIZE - 1} bytes")
    return raw


def user(text: str) -> int:
    """`-u`'s argument: a user id, or the name of a user. Raises UsageError."""
    if text.isascii() and text.isdigit():
        return uid(text)
    from probee.frame.users import user_id

    return user_id(text)


TASK_OPTIONS = (
    Option("pid", "p", "PID", "only these processes", pid, many=True, group="Filters",
           takes="pid"),
    Option("tid", "t", "TID", "only these threads; shows a TID column", pid, many=True,
           group="Filters", takes="tid"),
    Option("ppid", "", "PID", "only children of these processes", pid, many=True, group="Filters",
           takes="pid"),
    Option("uid", "u", "USER", "only these users, by number or name", user, many=True,
           group="Filters", takes="user"),
    Option("comm", "n", "NAME", "only tasks with NAME in their name, or at its start: ^NAME",
           task_name, group="Filters", takes="comm"),
)  # fmt: skip

_KINDS: tuple[tuple[str, Const[bool], Const[int], Const[bool], Hash[Any, Any]], ...] = (
    ("pid", one_pid, only_pid, some_pids, pids),
    ("tid", one_tid, only_tid, some_tids, tids),
    ("ppid", one_ppid, only_ppid, some_ppids, ppids),
    ("uid", one_uid, only_uid, some_uids, uids),
)


def task_filter(values: Values, *, following: bool = False) -> Filter:
    """Constants and map entries for `task_wanted()`. `following`: the processes are not its part.

    Raises UsageError where it is too much, ProbeeError for a process or thread that is not there.
    """
    consts: dict[Const[Any], Any] = namespace_consts()
    if task_is_typed():
        consts[typed_task] = True
    fill: dict[Any, Any] = {}
    for kind, one, only, some, table in _KINDS:
        asked: tuple[int, ...] = getattr(values, kind)
        if kind == "pid" and following:
            continue
        more_consts, more_fill = one_or_several(kind, asked, one, only, some, table)
        consts |= more_consts
        fill |= more_fill
    if values.comm is not None:
        consts.update(_name_consts(values.comm))
    for number in values.pid + values.ppid:
        _check_alive(number, "process")
    for number in values.tid:
        _check_alive(number, "thread")
    return consts, fill


def task_is_typed() -> bool:
    """Whether programs may read the running task's own struct, and its layout can be known."""
    helper = Features().helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_get_current_task_btf)
    return helper is not False and os.access(KERNEL_TYPES, os.R_OK)


def namespace_consts() -> dict[Const[Any], Any]:
    """What makes ids those of this process's pid namespace; nothing in the machine's first one."""
    try:
        own = os.stat("/proc/self/ns/pid")
    except OSError:  # no /proc: then there is no container to speak of
        return {}
    if own.st_ino == FIRST_PID_NAMESPACE:
        return {}
    # The kernel compares with its own dev_t, which is major << 20 | minor (linux/kdev_t.h).
    device = os.major(own.st_dev) << 20 | os.minor(own.st_dev)
    return {namespace: own.st_ino, namespace_device: device}


def _check_alive(number: int, kind: str) -> None:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        raise ProbeeError(f"there is no {kind} {number}") from None
    except PermissionError:  # somebody else's
        pass
    process = _process_of(number)
    if kind == "process" and process not in {0, number}:
        raise ProbeeError(
            f"{number} is a thread of process {process}",
            hint=f"-p {process} is the whole process, -t {number} this thread",
        )


def _process_of(number: int) -> int:
    """The process that this one or this thread is, 0 where that cannot be seen."""
    try:
        with open(f"/proc/{number}/status", "rb") as file:
            for line in file:
                if line.startswith(b"Tgid:"):
                    return int(line[5:])
    except OSError:  # it has just ended, or others' processes are hidden
        pass
    return 0


def _name_consts(name: bytes) -> dict[Const[Any], Any]:
    text = name.removeprefix(b"^")
    padded = text.ljust(NAME_SIZE, b"\0")
    mask = (b"\xff" * len(text)).ljust(NAME_SIZE, b"\0")
    return {
        name_places: 1 if text != name else NAME_SIZE - len(text),
        name_low: int.from_bytes(padded[:8], "little"),
        name_high: int.from_bytes(padded[8:], "little"),
        mask_low: int.from_bytes(mask[:8], "little"),
        mask_high: int.from_bytes(mask[8:], "little"),
    }
