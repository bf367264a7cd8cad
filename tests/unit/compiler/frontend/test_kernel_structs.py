"""Structs of the kernel: what is refused, and what the relocations say."""

from __future__ import annotations

import pytest

from probee.btf.reader import Btf
from probee.btf.types import Enum, Struct
from probee.errors import CompileError, UsageError
from tests.frontend_cases import compiled, names_of

HEADER = """\
from probee import (
    Chars, Context, Global, Hash, Items, KernelEnum, KernelStruct, Ptr, UserPtr, cast, chars,
    container_of, current, has_field, has_type, read_str, s32, tracepoint, u32, u64,
)
from probee.kernel import Dentry, Mount, TaskStruct, VfsMount

class Bad(KernelStruct, name="bad"):
    x: int
    p: Ptr[u32]
    texts: Items[Chars]
    text: KernelEnum[UserPtr]
    state: KernelEnum[u32]

total = Global(u64, 0)
m = Hash(u32, u64)

def other(t: TaskStruct) -> Dentry:
    return t.real_parent

@tracepoint("syscalls:sys_enter_openat")
def program(ctx: Context) -> None:
    task = current.task
"""


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("total.value = task.nothing", "no-attribute", "TaskStruct declares no member 'nothing'"),
        ("task.flags = 1", "read-only", "a TaskStruct of the kernel is only read"),
        ("total.value = cast(Bad, task).x", "annotation", "Bad.x: int has no width here"),
        ("total.value = cast(Bad, task).p", "annotation", "Ptr[T] points to a KernelStruct"),
        ("total.value = cast(Bad, task).texts[0]", "annotation", "Bad.texts: "),
        ("total.value = cast(Bad, task).text", "annotation", "KernelEnum[T] is an integer"),
        ("total.value = task.thread_pid.numbers[-1].nr", "index-range", "may be negative"),
        ("total.value = task.thread_pid.numbers", "type", "an array of the kernel stands where"),
        ("n = task.thread_pid.numbers", "not-yet", "an array of the kernel in a local"),
        ("total.value = cast(u32, task)", "type", "`u32` stands where a KernelStruct is needed"),
        ("total.value = cast(TaskStruct, ctx.flags).pid", "type", "s32 stands where an address"),
        (
            "p: UserPtr = ctx.filename\n    total.value = cast(TaskStruct, p).pid",
            "type",
            "this points into the memory of the traced process",
        ),
        (
            "total.value = other(task).d_flags",
            "return-type",
            "a TaskStruct of the kernel is returned from a function that says a Dentry",
        ),
        ("total.value = task", "type", "a TaskStruct of the kernel stands where an integer"),
        ("m[1] = task", "type", "a TaskStruct of the kernel stands where an integer"),
        ("total.value = task == task.fs.pwd.dentry", "type", "is compared with a Dentry"),
        ("total.value = task < task.parent", "type", "stands where an integer is needed"),
        ("total.value = task.files.fdt.fd[-1].f_flags", "index-range", "may be negative"),
        ("fds = task.files.fdt.fd", "not-yet", "an array of the kernel in a local"),
        ("total.value = has_field(TaskStruct, 'nothing')", "no-attribute", "no member 'nothing'"),
        ("total.value = has_field(TaskStruct, 'fs.umask')", "no-attribute", "member 'fs.umask'"),
        ("total.value = has_field(TaskStruct)", "arguments", 'has_field(T, "member")'),
        (
            "total.value = container_of(task.fs.pwd.dentry, Mount, 'mnt').mnt_id",
            "type",
            "mnt of Mount is not a Dentry of the kernel",
        ),
        ("task = task.fs.pwd.dentry", "local-type", "`task` was something else before"),
        ("if task.fs.pwd:\n        total.value = 1", "struct-truth", "has no truth of its own"),
    ],
)
def test_refused(line: str, code: str, says: str) -> None:
    with pytest.raises(CompileError) as caught:
        compiled(names_of(f"{HEADER}    {line}\n"))
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, says in diagnostic.message) == (code, True), diagnostic.message


def test_a_member_that_is_nearly_one() -> None:
    with pytest.raises(CompileError) as caught:
        compiled(names_of(f"{HEADER}    total.value = task.tgdi\n"))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.fix.startswith("is `tgid` meant? Else declare it: `class MyTaskStruct(")


def test_relocations_name_their_local_types() -> None:
    source = HEADER + "    total.value = task.nsproxy.mnt_ns.ns.inum + task.pid\n"
    spec = compiled(names_of(source))
    (program,) = spec.programs
    btf = Btf(spec.btf)
    seen = set()
    for reloc in program.core:
        type_ = btf.type(reloc.type)
        assert isinstance(type_, Struct)
        assert type_.name == reloc.struct
        path = []
        for number in map(int, reloc.access.split(":")[1:]):
            assert isinstance(type_, Struct)
            path.append(type_.members[number].name)
            type_ = btf.type(type_.members[number].type)
        assert ".".join(path) == reloc.path
        seen.add(reloc.path)
    assert {"nsproxy", "mnt_ns", "ns.inum", "pid"} <= seen


def test_an_enum_is_one_in_the_local_types_too() -> None:
    """CO-RE tells it from an integer."""
    spec = compiled(names_of(f"{HEADER}    total.value = cast(Bad, task).state\n"))
    (program,) = spec.programs
    (reloc,) = (core for core in program.core if core.path)
    btf = Btf(spec.btf)
    struct = btf.type(reloc.type)
    assert isinstance(struct, Struct)
    assert reloc.wants == "enum 4"
    assert isinstance(btf.type(struct.members[0].type), Enum)


def test_there_is_nothing_to_make_on_this_side() -> None:
    with pytest.raises(UsageError, match="a program finds it there"):
        names_of(HEADER)["TaskStruct"]()
