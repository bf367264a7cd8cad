"""`probee link show` beside bpftool 7.5 and 7.1: links of every type that this kernel has."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from probee.btf import kinds
from probee.btf.reader import Btf
from probee.errors import KernelError
from probee.host import bpf
from probee.host.attributes import Attributes, demand
from probee.host.facts import RunningKernel
from probee.host.info import PROGRAM, read
from probee.host.syscall import address, perf_event_open
from probee.introspect.loaded.types import blob
from probee.tables.programs import by_name
from probee.uapi import bpf as uapi, perf_event as perf
from tests.objects.build import Object
from tests.oracle.bpftool_lab import RETURN_0, RETURN_1, Lab, id_of, lab, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support import Cgroup

__all__ = ("lab",)
pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5", "bpftool")]

ATTACHED = Object(("attached",), 19)
SHOWN = Object(("shown",), 19)


def link(lab: Lab, program: int, attach: int, **more: int | bytes | bytearray) -> int:
    fields = {"prog_fd": program, "attach_type": attach}
    nested = {name.replace("__", "."): value for name, value in more.items()}
    return lab.keep(demand(Attributes("BPF_LINK_CREATE", {**fields, **nested})))


def shown(lab: Lab, fd: int, type_: str) -> str:
    text = lab.same("link", "show", "id", id_of(fd))
    assert f": {type_}  " in text
    return text


def entry_of(lab: Lab, target: int, name: str) -> int:
    """A program that runs where another one begins."""
    btf = bpf.open_by_id("BTF", read(target, PROGRAM)[0]["btf_id"])
    assert btf is not None
    (function,) = Btf(blob(lab.keep(btf))).by_name(kinds.FUNC, name)
    fields: dict[str, int | bytes | bytearray] = {
        "prog_type": by_name("tracing").number, "expected_attach_type": uapi.BPF_TRACE_FENTRY,
        "insn_cnt": len(RETURN_0) // 8, "insns": RETURN_0, "license": b"GPL\0",
        "attach_btf_id": function, "attach_prog_fd": target,
    }  # fmt: skip
    return lab.keep(demand(Attributes("BPF_PROG_LOAD", fields)))


def test_raw_tracepoints(lab: Lab, built: Callable[[Object], Path]) -> None:
    program = lab.program(by_name("raw_tracepoint").number)
    fd = lab.keep(bpf.raw_tracepoint_open(program, "sys_enter"))
    assert "tp 'sys_enter'" in shown(lab, fd, "raw_tracepoint")
    folder = lab.load(built(ATTACHED))
    typed = lab.keep(bpf.obj_get(f"{folder}/progs/on_raw_tracepoint"))
    shown(lab, lab.keep(bpf.raw_tracepoint_open(typed)), "raw_tracepoint")
    bpf.obj_pin(fd, f"{lab.pins}/pinned")
    lab.same("-f", "link", "show", "pinned", f"{lab.pins}/pinned")
    lab.same("-f", "link")


def test_tracing(lab: Lab, built: Callable[[Object], Path]) -> None:
    name = "a_name_of_more_than_fifteen_characters"
    target = lab.keep(bpf.obj_get(f"{lab.load(built(SHOWN), 's')}/progs/{name}"))
    try:
        entry = entry_of(lab, target, name)
    except KernelError as error:  # as where the kernel is built without function tracing
        pytest.skip(f"this kernel runs nothing at the entry of a function: {error.errno_name}")
    tracing = lab.keep(bpf.raw_tracepoint_open(entry))
    assert "attach_type trace_fentry" in shown(lab, tracing, "tracing")


def test_iterators(lab: Lab, built: Callable[[Object], Path], cgroup: Cgroup) -> None:
    folder = lab.load(built(ATTACHED))
    iter_ = uapi.BPF_TRACE_ITER

    def program(name: str) -> int:
        return lab.keep(bpf.obj_get(f"{folder}/progs/{name}"))

    shown(lab, link(lab, program("on_tasks"), iter_), "iter")
    for info in struct.pack("<III", os.getpid(), 0, 0), struct.pack("<III", 0, os.getpid(), 0):
        fd = link(lab, program("on_tasks"), iter_, iter_info=info, iter_info_len=len(info))
        assert f"id {os.getpid()} " in shown(lab, fd, "iter")
    elements = lab.keep(bpf.obj_get(f"{folder}/maps/walked"))
    info = struct.pack("<I", elements) + bytes(12)
    fd = link(lab, program("on_elements"), iter_, iter_info=info, iter_info_len=len(info))
    assert f"map_id {id_of(elements)}" in shown(lab, fd, "iter")
    for order in 1, 2, 3, 4:
        info = struct.pack("<IIQ", order, 0, cgroup.id)
        fd = link(lab, program("on_cgroups"), iter_, iter_info=info, iter_info_len=len(info))
        assert f"cgroup_id {cgroup.id}" in shown(lab, fd, "iter")


def test_cgroup(lab: Lab, cgroup: Cgroup) -> None:
    program = lab.program(by_name("cgroup_skb").number, RETURN_1)
    folder = lab.keep(os.open(cgroup.path, os.O_RDONLY))
    fd = link(lab, program, uapi.BPF_CGROUP_INET_EGRESS, target_fd=folder)
    assert "attach_type cgroup_inet_egress" in shown(lab, fd, "cgroup")


def test_network(lab: Lab) -> None:
    space = lab.keep(os.open("/proc/self/ns/net", os.O_RDONLY))
    lookup = lab.program(by_name("sk_lookup").number, RETURN_1, attach=uapi.BPF_SK_LOOKUP)
    assert "netns_ino" in shown(
        lab, link(lab, lookup, uapi.BPF_SK_LOOKUP, target_fd=space), "netns"
    )
    index = lab.device("prblink")
    xdp = link(lab, lab.program(by_name("xdp").number), uapi.BPF_XDP, target_ifindex=index)
    assert f"ifindex prblink({index})" in shown(lab, xdp, "xdp")
    tcx = lab.program(by_name("sched_cls").number)
    fd = link(lab, tcx, uapi.BPF_TCX_INGRESS, target_ifindex=index)
    assert f"ifindex prblink({index})" in shown(lab, fd, "tcx")
    lab.forget_device("prblink")  # the links stay, of nothing
    assert "ifindex (detached)" in shown(lab, fd, "tcx")


@pytest.mark.parametrize(
    ("family", "hook", "priority"), [(2, 0, -7), (2, 3, 5), (10, 4, 1), (10, 1, 9)]
)
def test_netfilter(lab: Lab, family: int, hook: int, priority: int) -> None:
    program = lab.program(by_name("netfilter").number, RETURN_1, attach=uapi.BPF_NETFILTER)
    fd = link(
        lab, program, uapi.BPF_NETFILTER, netfilter__pf=family, netfilter__hooknum=hook,
        netfilter__priority=priority,
    )  # fmt: skip
    assert f"prio {priority}" in shown(lab, fd, "netfilter")


def test_sockmap_and_struct_ops(lab: Lab, built: Callable[[Object], Path]) -> None:
    sockets = lab.map(uapi.BPF_MAP_TYPE_SOCKMAP, 4, 4, 2, "sockets")
    program = lab.program(by_name("sk_msg").number, RETURN_1, attach=uapi.BPF_SK_MSG_VERDICT)
    fd = link(lab, program, uapi.BPF_SK_MSG_VERDICT, target_fd=sockets)
    assert f"map_id {id_of(sockets)}" in shown(lab, fd, "sockmap")
    path = built(ATTACHED)
    assert run(lab.loader, "struct_ops", "register", str(path), f"{lab.pins}/ops").status == 0
    pinned = lab.keep(bpf.obj_get(f"{lab.pins}/ops/prbcc"))
    assert "struct_ops  map " in shown(lab, pinned, "struct_ops")
    lab.same("map", "dump", "name", "prbcc")


def event(lab: Lab, type_: int, config: int, name: bytearray | None = None, offset: int = 0) -> int:
    """A perf event on CPU 0. `name`: of a probe's function or file."""
    attributes = bytearray(perf.PERF_ATTR_SIZE_VER1)
    struct.pack_into("=IIQ", attributes, 0, type_, len(attributes), config)
    struct.pack_into("=QQ", attributes, 56, address(name) if name else 0, offset)
    fd = perf_event_open(attributes, -1, 0)
    assert fd >= 0, os.strerror(-fd)
    return lab.keep(fd)


def pmu(name: str) -> int:
    path = f"/sys/bus/event_source/devices/{name}/type"
    return int(Path(path).read_text(encoding="ascii"))


def attached(lab: Lab, program: str, fd: int, cookie: int) -> str:
    number = by_name(program).number
    made = link(
        lab, lab.program(number), uapi.BPF_PERF_EVENT, target_fd=fd, perf_event__bpf_cookie=cookie
    )
    return shown(lab, made, "perf_event")


@pytest.mark.parametrize("cookie", [0, 99])
def test_perf_events(lab: Lab, cookie: int) -> None:
    software = perf.PERF_TYPE_SOFTWARE
    for config, word in (
        (3, "context-switches"),
        (9, "dummy"),
        (2, "page-faults"),
        (11, "cgroup-switches"),
    ):
        text = attached(lab, "perf_event", event(lab, software, config), cookie)
        assert f"event software:{word}" in text
    function = bytearray(b"__x64_sys_getppid\0")
    kprobes = os.path.exists("/sys/bus/event_source/devices/kprobe")
    for returns, word in ((0, "kprobe"), (1, "kretprobe")) if kprobes else ():
        text = attached(lab, "kprobe", event(lab, pmu("kprobe"), returns, function), cookie)
        assert f"\n\t{word} " in text
    file = bytearray(b"/usr/bin/env\0")
    for returns, word in (0, "uprobe"), (1, "uretprobe"):
        probe = event(lab, pmu("uprobe"), returns, file, 0x3000 * (1 - returns))
        text = attached(lab, "kprobe", probe, cookie)
        assert f"\n\t{word} /usr/bin/env+0" in text
    with RunningKernel() as kernel:
        number = kernel.tracefs.tracepoint_id("syscalls", "sys_enter_getppid")
    text = attached(lab, "tracepoint", event(lab, perf.PERF_TYPE_TRACEPOINT, number), cookie)
    assert "tracepoint sys_enter_getppid" in text


def test_many_functions_of_a_file(lab: Lab) -> None:
    kprobe = by_name("kprobe").number
    for flags, pid in (0, 0), (uapi.BPF_F_UPROBE_MULTI_RETURN, os.getpid()):
        program = lab.program(kprobe, attach=uapi.BPF_TRACE_UPROBE_MULTI)
        fd = link(
            lab, program, uapi.BPF_TRACE_UPROBE_MULTI, uprobe_multi__path=b"/usr/bin/env\0",
            uprobe_multi__offsets=struct.pack("<3Q", 0x3000, 0x3010, 0x3020),
            uprobe_multi__cookies=struct.pack("<3Q", 1, 0, 1 << 40), uprobe_multi__cnt=3,
            uprobe_multi__flags=flags, uprobe_multi__pid=pid,
        )  # fmt: skip
        assert "func_cnt 3" in shown(lab, fd, "uprobe_multi")
