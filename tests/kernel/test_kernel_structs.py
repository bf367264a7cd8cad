"""Structs of the kernel, read by compiled programs, against what /proc and system calls say."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from probee import Session
from tests.frontend_cases import names_of
from tests.kernel.structs_support import HEADER, indented, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel


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


def test_what_hangs_on_no_pointer_reads_as_zero(tmp_path: Path) -> None:
    """Ways meet with a pointer that is None on one of them, and a member of it decides."""
    got = run(
        tmp_path,
        """
t = None if current.pid == 0 else current.task
if t is not None and t.real_parent.tgid != 0:
    a.value = 1
n: TaskStruct | None = None
if current.uid > 4_000_000_000:
    n = current.task
if n is None or n.real_parent.tgid == 0:
    b.value = 1
c.value = n.real_parent.tgid if n is not None else 7
""",
    )
    assert got == {"a": 1, "b": 1, "c": 7}


def test_char_arrays_go_to_any_place(tmp_path: Path) -> None:
    """A name behind a field of 4 bytes, or of 1, where no 8 bytes can be stored at once."""
    got = run(
        tmp_path,
        """
t = current.task
seen[Four(tgid=t.tgid, comm=t.comm)] = 1
a.value = seen[Four(tgid=current.pid, comm=current.comm)]
b.value = One(kind=1, comm=t.comm) == One(kind=1, comm=current.comm)
""",
        """
class Four(Struct):
    tgid: u32
    comm: Chars = chars(16)

class One(Struct):
    kind: u8
    comm: Chars = chars(16)

seen = Hash(Four, u32, max_entries=4)
""",
    )
    assert got == {"a": 1, "b": 1}


def test_none_stands_for_null(tmp_path: Path) -> None:
    """In annotated locals, arguments, defaults; results are what their annotation says."""
    got = run(
        tmp_path,
        """
t: TaskStruct | None = None
a.value = (t is None) + number() * 10 + number(current.task) * 100
if ctx.fd == 777:
    t = current.task
if t is not None:
    b.value = t.tgid
c.value = chosen(cast(More, current.task), 1).tgid
d.value = chosen(cast(More, current.task), 0) is None
""",
        """
class More(TaskStruct):
    policy: u32

def number(t: TaskStruct | None = None) -> u64:
    return 1 if t is None else 2

def chosen(t: More, n: int) -> TaskStruct | None:
    if n == 0:
        return None
    return t if t.policy == 12345 else cast(More, t.real_parent)
""",
    )
    assert got == {"a": 211, "b": os.getpid(), "c": os.getppid(), "d": 1}


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


def test_arrays_in_structs(tmp_path: Path) -> None:
    got = run(
        tmp_path,
        """
pid = current.task.thread_pid
last = pid.level
a.value = pid.numbers[0].nr
b.value = pid.numbers[last].ns.ns.inum
c.value = current.task.real_parent.group_leader.thread_pid.numbers[0].nr
for i in range(4):
    d.value += cast(Mine, current.task).cpus_mask.bits[0] >> 16 * i & 0xFFFF
""",
        """
class Cpus(KernelStruct, name="cpumask"):
    bits: Items[u64]

class Mine(TaskStruct):
    cpus_mask: Cpus
""",
    )
    assert (got["a"], got["c"]) == (os.getpid(), os.getppid())
    assert got["b"] == os.stat("/proc/self/ns/pid").st_ino
    mask = sum(1 << cpu for cpu in os.sched_getaffinity(0))
    assert got["d"] == sum(mask >> 16 * i & 0xFFFF for i in range(4))


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
