"""Structs of the kernel, read by compiled programs, against what /proc and system calls say."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from probee import RelocationError, Session
from probee.host.facts import RunningKernel
from probee.uapi.bpf_func import BPF_FUNC_get_current_task_btf
from tests.frontend_cases import names_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel

HEADER = """\
import os
from probee import (
    Chars, Context, Global, Hash, KernelPtr, KernelStr, KernelStruct, Ptr, RingBuf, Struct, cast,
    chars, container_of, current, has_field, has_type, raw_tracepoint, read_str, s8, s16, s32,
    s64, tp_btf, tracepoint, u8, u16, u32, u64,
)
from probee.kernel import *

me = os.getpid()
a, b, c, d = (Global(u64, 0) for _ in range(4))

class Row(Struct):
    comm: Chars = chars(16)
    parent: Chars = chars(32)

rows = RingBuf(Row, size="4K")
"""
HEAD = """
@tracepoint("syscalls:sys_enter_close")
def program(ctx: Context) -> None:
    if current.pid != me or ctx.fd != 777:
        return
"""


# What the program is compiled without: as under Linux 6.2 and later, 5.11, 5.10.
MISSING = ((), ("bpf_rdonly_cast",), ("bpf_rdonly_cast", BPF_FUNC_get_current_task_btf))


class Older:
    """This kernel, but for some functions and helpers."""

    def __init__(self, kernel: RunningKernel, missing: tuple[object, ...]) -> None:
        self.kernel, self.missing = kernel, missing
        self.tracepoint, self.raw_tracepoint = kernel.tracepoint, kernel.raw_tracepoint

    def kfunc(self, name: str) -> bool:
        return name not in self.missing and self.kernel.kfunc(name)

    def saved_registers(self) -> int | None:
        return None

    def helper(self, program_type: int, function: int) -> bool:
        return function not in self.missing and self.kernel.helper(program_type, function)


def indented(body: str) -> str:
    return "".join(f"    {line}\n" for line in body.strip().splitlines())


def run(tmp_path: Path, body: str, before: str = "", head: str = HEAD) -> dict[str, Any]:
    """What the globals and rows are after a close() of this process, the same in each form."""
    path = tmp_path / "program.py"
    path.write_text(HEADER + before + head + indented(body))
    with RunningKernel() as kernel:
        found = [once(path, body, Older(kernel, missing)) for missing in MISSING]
    assert found[1:] == found[:-1]
    return found[0]


def once(path: Path, body: str, facts: Older) -> dict[str, Any]:
    names = names_of(path.read_text(), str(path))
    with Session(names["program"], facts=facts) as session:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.close(777)
        found = {name: session[names[name]].value for name in "abcd" if f"{name}.value" in body}
        if "rows.reserve()" in body:
            found["rows"] = [vars(row) for row in session[names["rows"]].drain()]
    return found


def test_the_task_that_runs(tmp_path: Path) -> None:
    got = run(
        tmp_path,
        """
t = current.task
a.value = t.tgid
b.value = t.pid
c.value = t.real_parent.tgid
d.value = t.group_leader.pid
""",
    )
    assert got == {"a": os.getpid(), "b": os.getpid(), "c": os.getppid(), "d": os.getpid()}


def test_structs_inside_structs_are_one_access(tmp_path: Path) -> None:
    got = run(tmp_path, "a.value = current.task.nsproxy.mnt_ns.ns.inum")
    assert got["a"] == os.stat("/proc/self/ns/mnt").st_ino


def test_a_local_for_a_struct_inside_another(tmp_path: Path) -> None:
    got = run(
        tmp_path,
        """
pwd = current.task.fs.pwd
a.value = pwd.dentry.d_inode.i_ino
where = current.task.fs.root
b.value = where.dentry.d_inode.i_ino
where = current.task.fs.pwd
c.value = where.dentry.d_inode.i_ino
""",
    )
    here, root = os.stat(".").st_ino, os.stat("/").st_ino
    assert got == {"a": here, "b": root, "c": here}


def test_a_local_that_changes_in_a_loop(tmp_path: Path) -> None:
    got = run(
        tmp_path,
        """
t = current.task
for i in range(2):
    t = t.real_parent
    a.value = a.value * 10 + i
b.value = t.tgid
if a.value == 1:
    t = current.task
c.value = t.tgid
""",
    )
    with open(f"/proc/{os.getppid()}/stat") as file:
        grandparent = int(file.read().rpartition(")")[2].split()[1])
    assert (got["b"], got["c"]) == (grandparent, os.getpid())


def test_char_arrays_are_text(tmp_path: Path) -> None:
    got = run(
        tmp_path,
        """
if (r := rows.reserve()) is not None:
    r.comm = current.task.comm
    r.parent = current.task.real_parent.comm
    a.value = current.task.comm == current.comm
    b.value = current.task.comm.startswith("no such name")
    r.submit()
""",
    )
    (row,) = got["rows"]
    with open("/proc/self/comm") as mine, open(f"/proc/{os.getppid()}/comm") as parents:
        assert row["comm"] == mine.read().rstrip("\n")
        assert row["parent"] == parents.read().rstrip("\n")
    assert (got["a"], got["b"]) == (1, 0)


def test_a_subclass_adds_members(tmp_path: Path) -> None:
    got = run(
        tmp_path,
        """
a.value = down(current.task.real_parent)
""",
        """
class Here(KernelStruct, name="task_struct"):
    tgid: s32
    prio: s32

class More(Here):
    policy: u32
    static_prio: s32
    parent: Ptr["More"]

def down(t: TaskStruct) -> u64:
    return t.group_leader.tgid
""",
    )
    assert got["a"] == os.getppid()


def test_a_file_by_its_descriptor(tmp_path: Path) -> None:
    with open("/etc/hostname", "rb") as file:
        got = run(
            tmp_path,
            f"""
t = current.task.files.fdt
if {file.fileno()} < t.max_fds:
    f = t.fd[{file.fileno()}]
    a.value = f.f_inode.i_ino
    b.value = f.f_path.dentry.d_inode.i_ino
    n: u32 = ctx.fd - 777 + {file.fileno()}
    c.value = t.fd[n].f_inode.i_ino
if (r := rows.reserve()) is not None:
    r.parent = read_str(t.fd[{file.fileno()}].f_path.dentry.d_name.name, default="?")
    r.submit()
""",
        )
    inode = os.stat("/etc/hostname").st_ino
    assert (got["a"], got["b"], got["c"]) == (inode, inode, inode)
    assert got["rows"][0]["parent"] == "hostname"


def test_up_to_the_root(tmp_path: Path) -> None:
    """As a path is found: names from the working directory up, across mounts."""
    got = run(
        tmp_path,
        """
pwd = current.task.fs.pwd
d = pwd.dentry
m = container_of(pwd.mnt, Mount, "mnt")
for i in range(32):
    if d == m.mnt.mnt_root:
        if m == m.mnt_parent:
            break
        d = m.mnt_mountpoint
        m = m.mnt_parent
    else:
        a.value += 1
        d = d.d_parent
b.value = d == d.d_parent and d == m.mnt.mnt_root and m.mnt_parent == m
""",
    )
    assert got == {"a": os.getcwd().strip("/").count("/") + 1, "b": 1}


def test_pointers_are_compared_and_tested(tmp_path: Path) -> None:
    got = run(
        tmp_path,
        """
t = current.task
none = cast(TaskStruct, u64(0))
a.value = (t == t.group_leader) * 8 + (t != none) * 4 + (t is not None) * 2 + (none is None)
if t:
    b.value = 1
if not none:
    b.value += 2
if none == 0 and none == None and t != t.real_parent:
    b.value += 4
c.value = none.tgid + none.real_parent.tgid + cast(TaskStruct, u64(0xdead0000beef)).prio
for i in range(64):
    if not t or t == t.real_parent:
        break
    t = t.real_parent
d.value = t.tgid
""",
    )
    assert got == {"a": 15, "b": 7, "c": 0, "d": 0}


def test_pointers_are_kept_as_numbers(tmp_path: Path) -> None:
    got = run(
        tmp_path,
        """
m[1] = u64(current.task)
kept = m.get(1)
if kept is not None:
    a.value = cast(TaskStruct, kept).tgid
b.value = u64(current.task) >> 63
c.value = u64(current.task) == u64(current.task.group_leader)
inside = current.task.nsproxy.mnt_ns.ns
d.value = container_of(inside, MntNamespace, "ns").ns.inum
""",
        "m = Hash(u32, u64, max_entries=4)\n",
    )
    inode = os.stat("/proc/self/ns/mnt").st_ino
    assert got == {"a": os.getpid(), "b": 1, "c": 1, "d": inode}


OLD_AND_NEW = """
class Now(KernelStruct, name="task_struct___now"):
    __state: u32
    tgid: s32

class Old(KernelStruct, name="task_struct___old"):
    state: s64

class Nowhere(KernelStruct):
    x: u32

class Wide(KernelStruct, name="task_struct"):
    tgid: s64

class Other(KernelStruct, name="task_struct"):
    real_parent: Ptr[Dentry]
    nsproxy: u64
    on_cpu: Ptr[TaskStruct]
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
    assert got == {"a": 7, "b": 0, "c": 3}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("a.value = cast(Nowhere, current.task).x", "this kernel has no struct Nowhere"),
        ("a.value = u64(cast(Old, current.task).state)", "struct task_struct has no member state"),
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


def test_trusted_arguments(tmp_path: Path) -> None:
    """Of a tp_btf program, and of a raw tracepoint, whose argument is only an address."""
    for kind in ("tp_btf", "raw_tracepoint"):
        head = f"""
@{kind}("sched_switch")
def program(ctx: Context) -> None:
    prev = cast(TaskStruct, ctx.prev)
    if prev.tgid != me:
        return
"""
        path = tmp_path / f"{kind}.py"
        body = "a.value = prev.real_parent.tgid\nb.value += 1\n"
        path.write_text(HEADER + head + indented(body))
        names = names_of(path.read_text(), str(path))
        with Session(names["program"], cache=False) as session:
            time.sleep(0.01)
            assert session[names["b"]].value > 0
            assert session[names["a"]].value == os.getppid()
