"""The parent of the running task, for `--ppid`: by its number in the tool's own pid namespace.

In: the namespace's inode number, 0 for the machine's first one. Out: `parent_id()` for programs,
and the constants that it needs inside a namespace.

A process has a number in its own pid namespace and in each above that: `struct pid` ends with an
array of pairs, the number and the namespace that it holds in, the machine's first. Where that array
begins is looked up in the running kernel's types.
"""

from __future__ import annotations

from probee import Const, current, u32, u64
from probee.errors import NotSupportedError
from probee.klib.ancestors import word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LEVELS = 33  # MAX_PID_NS_LEVEL and the machine's own, include/linux/pid_namespace.h
PAIR = 16  # sizeof(struct upid): int nr; struct pid_namespace *ns
pid_level = Const(u32, 0)  # where the last one's index stands in struct pid
pid_numbers = Const(u32, 0)  # where its array begins
namespace_number = Const(u32, 0)  # where the inode number stands in struct pid_namespace


def parent_id(namespace: int) -> u32:
    """The process that made the running one or took it over; 0 where the namespace has it not."""
    if namespace == 0:
        return u32(current.task.real_parent.tgid)
    parent = u64(current.task.real_parent.group_leader.thread_pid)
    last = u32(word(parent + pid_level))
    pair = parent + pid_numbers
    for level in range(LEVELS):
        if level > last:
            break
        if u32(word(word(pair + 8) + namespace_number)) == namespace:
            return u32(word(pair))
        pair += PAIR
    return 0


# ------------------------------------------------------------------------------------ user side


def parent_consts() -> dict[Const[Any], Any]:
    """Constants for `parent_id()` in a namespace. Raises NotSupportedError without such types."""
    from probee.btf.kinds import STRUCT
    from probee.host.btf import open_kernel_btf

    types = open_kernel_btf()

    def place(struct: str, member: str) -> int:
        ids = types.by_name(STRUCT, struct)
        field = types.member(ids[0], member) if ids else None
        if field is None:
            raise NotSupportedError(f"--ppid in a pid namespace: no {struct}.{member} here")
        return field.offset

    return {
        pid_level: place("pid", "level"),
        pid_numbers: place("pid", "numbers"),
        namespace_number: place("pid_namespace", "ns") + place("ns_common", "inum"),
    }
