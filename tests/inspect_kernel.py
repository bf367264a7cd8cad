"""A kernel made of literals, for what `probee inspect` asks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from probee.btf.reader import Btf
from probee.btf.types import Member, Struct
from probee.btf.writer import BtfBuilder
from probee.introspect.inspect.facts import YES, Asked

if TYPE_CHECKING:
    from probee.relocate.modules import ModuleTypes
    from probee.tables.maps import MapType

EVENTS = ("syscalls:sys_enter_execve", "sched:sched_switch", "syscalls:sys_enter_openat")
NO_HELPERS = (208,)  # ktime_get_tai_ns
NO_MAPS = ("user_ringbuf",)


@cache
def types() -> Btf:
    """Some structs of a kernel, where no compiler would put them; a tracepoint, a function."""
    build = BtfBuilder()
    u32 = build.int_("unsigned int", 4)
    int_ = build.int_("int", 4, signed=True)
    long = build.int_("long int", 8, signed=True)
    char = build.int_("char", 1, signed=True)
    pid = build.struct(
        "pid",
        112,
        [("level", u32, 32), ("numbers", build.array(
            build.struct("upid", 16, [("nr", int_, 0), ("ns", build.ptr(0), 64)]), 1), 768)],
    )  # fmt: skip
    task = build.reserve()
    members = (
        Member("flags", u32, 44 * 8),
        Member("in_execve", u32, 1192, 1),
        Member("in_iowait", u32, 1193, 1),
        Member("tgid", int_, 1268 * 8),
        Member("real_parent", build.ptr(task), 1280 * 8),
        Member("thread_pid", build.ptr(pid), 1368 * 8),
        Member("comm", build.array(char, 16), 1752 * 8),
    )
    build.define(task, Struct("task_struct", 3000, members))
    build.struct("thread_info", 24, [("flags", long, 0), ("status", u32, 128)])
    build.typedef("atomic_t", build.struct("", 4, [("counter", int_, 0)]))
    proto = build.func_proto(0, [("", build.ptr(0))])
    build.typedef("btf_trace_sched_switch", build.ptr(proto))
    build.func("do_unlinkat", build.func_proto(int_, [("dfd", int_)]))
    build.func("bpf_lsm_file_open", build.func_proto(int_, []))
    build.func("bpf_task_release", build.func_proto(0, [("p", build.ptr(task))]))
    build.func("bpf_iter_task", build.func_proto(int_, []))
    build.struct("tcp_congestion_ops", 16, [("ssthresh", build.ptr(0), 0), ("name", long, 64)])
    build.struct("bpf_struct_ops_tcp_congestion_ops", 8, [("data", long, 0)])
    build.enum("state", [("STATE_A", 7)])
    build.var("runqueues", build.struct("rq", 8, [("nr_running", u32, 32)]))
    return Btf(build.build())


class Literal:
    """One kernel: of little endian, unless told otherwise, with types, unless told otherwise."""

    name = "Linux 6.18.0, x86_64"
    modules: tuple[str, ...] = ()
    module_types: tuple[ModuleTypes, ...] = ()

    def __init__(self, *, big_endian: bool = False, no_types: str = "") -> None:
        self.big_endian, self.no_types = big_endian, no_types
        self.types = None if no_types else types()

    def tracepoint(self, category: str, name: str) -> Asked:
        event = f"{category}:{name}"
        return YES if event in EVENTS else Asked("no", f"it has no tracepoint {event}")

    def function(self, name: str) -> Asked:
        return Asked("no", "it has no kprobes: it was built without CONFIG_KPROBES")

    def syscall(self, name: str) -> Asked:
        return self.function(name)

    def user(self, path: str, symbol: str) -> Asked:
        return YES if symbol == "main" else Asked("no", f"{path} has no function {symbol}")

    def usdt(self, path: str, provider: str, name: str) -> Asked:
        return Asked("unknown", f"{path} may not be read")

    def loads(self, type_: int, attach_type: int, type_id: int, flags: int) -> Asked:
        return YES if type_ != 29 else Asked("no", "it refuses such programs: EPERM")

    def lsm_runs(self) -> Asked:
        return Asked("no", "bpf is not among its active security modules")

    def helper(self, program_type: int, number: int) -> Asked:
        return Asked("no") if number in NO_HELPERS else YES

    def map_type(self, row: MapType) -> Asked:
        return Asked("no", f"it has no {row.name} maps") if row.name in NO_MAPS else YES

    def config(self, name: str) -> tuple[str, str]:
        return {"CONFIG_HZ": "250", "CONFIG_BPF_SYSCALL": "y"}.get(name, ""), ""

    def symbol(self, name: str) -> Asked:
        return YES if name == "bpf_link_fops" else Asked("no", f"it has no symbol {name}")
