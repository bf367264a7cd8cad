"""The cgroups above the running task: by the kernel's helper, or by its structs.

In: nothing, or for `ancestor_consts` the running kernel. Out: `ancestor_id(level)` for programs,
and the constants that it needs. Tracing programs may call bpf_get_current_ancestor_cgroup_id()
since Linux 5.14; on 5.10 `struct cgroup` keeps the ids of all above it as numbers.
"""

from __future__ import annotations

from probee import (
    Const,
    Struct,
    get_current_ancestor_cgroup_id,
    get_current_task,
    probe_read_kernel,
    s32,
    sizeof,
    u32,
    u64,
)
from probee.errors import NotSupportedError
from probee.uapi.bpf import BPF_PROG_TYPE_TRACEPOINT
from probee.uapi.bpf_func import BPF_FUNC_get_current_ancestor_cgroup_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

by_structs = Const(bool, False)
# Where members stand in the running kernel's structs.
task_cgroups = Const(u32, 0)
set_cgroup = Const(u32, 0)
cgroup_level = Const(u32, 0)
cgroup_ids = Const(u32, 0)


class Word(Struct):
    """Where 8 bytes are read to."""

    value: u64


def ancestor_id(level: s32) -> u64:
    """The id of the task's cgroup, or of the one above it, at `level` (0: the root); 0 if none."""
    if not by_structs:
        return get_current_ancestor_cgroup_id(level)
    cgroup = word(word(get_current_task() + task_cgroups) + set_cgroup)
    own: s32 = u32(word(cgroup + cgroup_level)) & 0x7FFF_FFFF
    if level < 0 or level > own:
        return 0
    return word(cgroup + cgroup_ids + u64(level) * 8)


def word(address: u64) -> u64:
    """8 bytes of the kernel's memory, 0 where there are none."""
    w = Word(value=0)
    probe_read_kernel(w, sizeof(Word), address)
    return w.value


# ------------------------------------------------------------------------------------ user side

MEMBERS = (
    (task_cgroups, "task_struct", "cgroups"),
    (set_cgroup, "css_set", "dfl_cgrp"),
    (cgroup_level, "cgroup", "level"),
    (cgroup_ids, "cgroup", "ancestor_ids"),
)


def ancestor_consts() -> dict[Const[Any], Any]:
    """Constants for `ancestor_id()`: none where the helper is there.

    Raises NotSupportedError where there is neither the helper nor the numbers.
    """
    from probee.host.features import Features

    helper = Features().helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_get_current_ancestor_cgroup_id)
    if helper is not False:
        return {}
    from probee.btf.kinds import STRUCT
    from probee.host.btf import open_kernel_btf

    types = open_kernel_btf()
    found: dict[Const[Any], Any] = {by_structs: True}
    for const, struct, member in MEMBERS:
        ids = types.by_name(STRUCT, struct)
        field = types.member(ids[0], member) if ids else None
        if field is None:
            raise NotSupportedError(
                f"cgroups and what is below them: this kernel's struct {struct} has no {member}",
                since="Linux 5.14",
            )
        found[const] = field.offset
    return found
