"""The cgroups above the running task: by the kernel's helper, or by its structs.

In: nothing. Out: `ancestor_id(level)` for programs, and the constant that it needs. Tracing
programs may call bpf_get_current_ancestor_cgroup_id() since Linux 5.14; on 5.10 `struct cgroup`
keeps the ids of all above it as numbers.
"""

from __future__ import annotations

from probee import Const, current, get_current_ancestor_cgroup_id, s32, u32, u64
from probee.host.features import Features
from probee.uapi.bpf import BPF_PROG_TYPE_TRACEPOINT
from probee.uapi.bpf_func import BPF_FUNC_get_current_ancestor_cgroup_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

by_structs = Const(bool, False)


def ancestor_id(level: s32) -> u64:
    """The id of the task's cgroup, or of the one above it, at `level` (0: the root); 0 if none."""
    if not by_structs:
        return get_current_ancestor_cgroup_id(level)
    cgroup = current.task.cgroups.dfl_cgrp
    if level < 0 or level > cgroup.level:
        return 0
    return cgroup.ancestor_ids[u32(level)]


# ------------------------------------------------------------------------------------ user side


def ancestor_consts() -> dict[Const[Any], Any]:
    """The constant for `ancestor_id()`: none where the helper is there."""
    helper = Features().helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_get_current_ancestor_cgroup_id)
    return {by_structs: True} if helper is False else {}
