"""The parent of the running task, for `--ppid`: by its number in the tool's own pid namespace.

In: the namespace's inode number, 0 for the machine's first one. Out: `parent_id()` for programs.

A process has a number in its own pid namespace and in each above that: `struct pid` ends with an
array of pairs, the number and the namespace that it holds in, the machine's first.
"""

from __future__ import annotations

from probee import current, u32

LEVELS = 33  # MAX_PID_NS_LEVEL and the machine's own, include/linux/pid_namespace.h


def parent_id(namespace: int) -> u32:
    """The process that made the running one or took it over; 0 where the namespace has it not."""
    if namespace == 0:
        return u32(current.task.real_parent.tgid)
    pid = current.task.real_parent.group_leader.thread_pid
    for level in range(LEVELS):
        if level > pid.level:
            break
        if pid.numbers[level].ns.ns.inum == namespace:
            return u32(pid.numbers[level].nr)
    return 0
