"""Structs of the kernel, read by compiled programs, against what /proc and system calls say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from probee import Session
from tests.frontend_cases import names_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel

HEADER = """\
import os
from probee import (
    Chars, Context, Global, Hash, KernelPtr, KernelStr, KernelStruct, Ptr, RingBuf, Struct, chars,
    current, raw_tracepoint, read_str, s8, s16, s32, s64, tp_btf, tracepoint, u8, u16, u32, u64,
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


def indented(body: str) -> str:
    return "".join(f"    {line}\n" for line in body.strip().splitlines())


def run(tmp_path: Path, body: str, before: str = "", head: str = HEAD) -> dict[str, Any]:
    """Runs the body once, in a close() of this process: what the globals and rows are then."""
    path = tmp_path / "program.py"
    path.write_text(HEADER + before + head + indented(body))
    names = names_of(path.read_text(), str(path))
    with Session(names["program"], cache=False) as session:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.close(777)
        found = {name: session[names[name]].value for name in "abcd" if f"{name}.value" in body}
        if "rows.reserve()" in body:
            found["rows"] = list(session[names["rows"]].drain())
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
        assert (row.comm, row.parent) == (mine.read().rstrip("\n"), parents.read().rstrip("\n"))
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
