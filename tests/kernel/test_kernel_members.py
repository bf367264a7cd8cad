"""What a kernel has of its structs, and what not: asked for, or told at load with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probee import RelocationError
from probee.btf.kinds import ENUM, INT, STRUCT
from probee.host.facts import RunningKernel
from tests.kernel.structs_support import run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel

OLD_AND_NEW = """
class Now(KernelStruct, name="task_struct___now"):
    __state: u32
    tgid: s32

class Old(KernelStruct, name="task_struct___old"):
    state: s64
    never: s64

class Nowhere(KernelStruct):
    x: u32

class Counted(KernelStruct, name="perf_event"):
    state: u32

class Named(KernelStruct, name="perf_event"):
    state: KernelEnum[s32]

class Flagged(KernelStruct, name="inode"):
    i_state: u32

class Stated(KernelStruct, name="inode"):
    i_state: KernelEnum[u32]

class Wide(KernelStruct, name="task_struct"):
    tgid: s64

class Other(KernelStruct, name="task_struct"):
    real_parent: Ptr[Dentry]
    parent: PtrArray[TaskStruct]
    nsproxy: u64
    on_cpu: Ptr[TaskStruct]
    set_child_tid: Ptr[Dentry]

class OtherTable(KernelStruct, name="fdtable"):
    fd: PtrArray[Dentry]
    open_fds: Ptr[File]

class OneFile(KernelStruct, name="fdtable"):
    fd: Ptr[File]
"""


def test_what_a_kernel_has(tmp_path: Path) -> None:
    got = run(
        tmp_path,
        """
t = current.task
if has_field(Old, "state"):
    a.value = u64(cast(Old, t).state) + 100
elif has_field(Now, "__state"):
    a.value = cast(Now, t).__state + 7
if has_type(Nowhere):
    b.value = cast(Nowhere, t).x + 1
b.value += has_field(Wide, "tgid") + has_field(Other, "nsproxy") + has_field(Other, "real_parent")
c.value = has_type(TaskStruct) + has_field(TaskStruct, "comm") + has_field(MntNamespace, "ns.inum")
""",
        OLD_AND_NEW,
    )
    # task_struct.state became __state in Linux 5.14.
    with RunningKernel() as kernel:
        (task,) = kernel.btf.by_name(STRUCT, "task_struct")
        old = kernel.btf.member(task, "state") is not None
    assert got == {"a": 100 if old else 7, "b": 0, "c": 3}


def test_enums_are_no_integers(tmp_path: Path) -> None:
    """As libbpf has it. `state` is an enum; `i_state` became one in Linux 6.18, a struct later."""
    got = run(
        tmp_path,
        """
a.value = has_field(Named, "state") + 2 * has_field(Counted, "state")
b.value = has_field(Stated, "i_state") + 2 * has_field(Flagged, "i_state")
if has_field(Stated, "i_state"):
    c.value = 100 + cast(Stated, current.task.fs.pwd.dentry.d_inode).i_state * 0
""",
        OLD_AND_NEW,
    )
    with RunningKernel() as kernel:
        (inode,) = kernel.btf.by_name(STRUCT, "inode")
        field = kernel.btf.member(inode, "i_state")
        assert field is not None
        kind = kernel.btf.kind(kernel.btf.resolve(field.type))
    flags = {ENUM: 1, INT: 2}.get(kind, 0) if field.size == 4 else 0
    assert got == {"a": 1, "b": flags, "c": 100 * (flags == 1)}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "a.value = cast(Counted, current.task).state",
            "perf_event.state is an enum of 4 bytes in this kernel, not an integer of 4 bytes",
        ),
        ("a.value = cast(Nowhere, current.task).x", "this kernel has no struct Nowhere"),
        ("a.value = u64(cast(Old, current.task).never)", "struct task_struct has no member never"),
        (
            "a.value = u64(cast(Wide, current.task).tgid)",
            "task_struct.tgid is an integer of 4 bytes in this kernel, not an integer of 8 bytes",
        ),
        (
            "a.value = cast(Other, current.task).real_parent.d_flags",
            (
                "task_struct.real_parent is a pointer to struct task_struct in this kernel,"
                " not a pointer to struct dentry"
            ),
        ),
        (
            "a.value = cast(Other, current.task).nsproxy",
            (
                "task_struct.nsproxy is a pointer to struct nsproxy in this kernel,"
                " not an integer of 8 bytes"
            ),
        ),
        (
            "a.value = cast(Other, current.task).set_child_tid.d_flags",
            (
                "task_struct.set_child_tid is a pointer to int in this kernel,"
                " not a pointer to struct dentry"
            ),
        ),
        (
            "a.value = cast(Other, current.task).parent[0].flags",
            (
                "task_struct.parent is a pointer to struct task_struct in this kernel,"
                " not a pointer to pointers to struct task_struct"
            ),
        ),
        (
            "a.value = cast(OtherTable, current.task.files.fdt).fd[0].d_flags",
            (
                "fdtable.fd is a pointer to pointers to struct file in this kernel,"
                " not a pointer to pointers to struct dentry"
            ),
        ),
        (
            "a.value = cast(OneFile, current.task.files.fdt).fd.f_flags",
            (
                "fdtable.fd is a pointer to pointers to struct file in this kernel,"
                " not a pointer to struct file"
            ),
        ),
        (
            "if has_type(TaskStruct):\n    a.value = u64(cast(Wide, current.task).tgid)",
            "task_struct.tgid is an integer of 4 bytes in this kernel, not an integer of 8 bytes",
        ),
    ],
)
def test_what_a_kernel_has_not(tmp_path: Path, body: str, says: str) -> None:
    with pytest.raises(RelocationError) as caught:
        run(tmp_path, body, OLD_AND_NEW)
    where, _, message = caught.value.message.partition(": ")
    assert message.startswith(says)
    line = (tmp_path / "program.py").read_text().splitlines()[int(where.rpartition(":")[2]) - 1]
    assert "cast(" in line
