"""Where programs are attached, in words: every way that this kernel has, made by the test."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import ExitStack
from fcntl import ioctl
from typing import TYPE_CHECKING, Any

import pytest

from probee.asm import make as m
from probee.asm.encode import encode
from probee.host import bpf, perf
from probee.host.attributes import Attributes, demand
from probee.host.facts import RunningKernel
from probee.host.info import PROGRAM, read
from probee.host.syscall import perf_event_open
from probee.introspect.running.machine import Machine
from probee.introspect.running.rates import Statistics
from probee.introspect.running.table import seen
from probee.tables.programs import by_name
from probee.uapi import bpf as uapi
from tests.kernel.netlab import Lab, lab  # noqa: F401 - a fixture
from tests.older import has_feature, has_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from probee.introspect.running.table import Running
    from tests.support import Cgroup

pytestmark = pytest.mark.kernel
SET_BPF, ENABLE = 0x40042408, 0x2400  # PERF_EVENT_IOC_SET_BPF, _ENABLE


class Things:
    """Descriptors that are closed at the end, programs by name of type."""

    def __init__(self) -> None:
        self.stack = ExitStack()

    def keep(self, fd: int) -> int:
        self.stack.callback(os.close, fd)
        return fd

    def program(self, type_: str, attach: int = 0, result: int = 0, **more: Any) -> int:
        code = encode([m.mov64_imm(0, result), m.exit_()])
        row = by_name(type_)
        fd, _ = bpf.prog_load(row.number, code, "GPL", name=type_, attach_type=attach, **more)
        return self.keep(fd)

    def link(self, program: int, target: int, attach: int, **more: Any) -> int:
        fields = {"prog_fd": program, "target_fd": target, "attach_type": attach, **more}
        return self.keep(demand(Attributes("BPF_LINK_CREATE", fields)))

    def event(self, type_: int, config: int, *rest: int) -> int:
        """A perf event that is not enabled: type, config, and bytes from 56 on."""
        attributes = bytearray(128)
        attributes[0:4] = type_.to_bytes(4, "little")
        attributes[4:8] = (112).to_bytes(4, "little")
        attributes[8:16] = config.to_bytes(8, "little")
        attributes[16:24] = (1 << 40).to_bytes(8, "little")
        for at, value in enumerate(rest):
            attributes[56 + 8 * at : 64 + 8 * at] = value.to_bytes(8, "little")
        fd = perf_event_open(attributes[:112], -1, 0)
        assert fd >= 0, os.strerror(-fd)
        return self.keep(fd)


@pytest.fixture
def things() -> Iterator[Things]:
    made = Things()
    with made.stack:
        yield made


def row_of(fd: int) -> Running:
    """What `ps` says of the program behind a descriptor."""
    id = read(fd, PROGRAM)[0]["id"]
    with Machine() as machine:
        machine.look()
        return next(row for row in machine.rows() if row.id == id)


def words(fd: int) -> list[str]:
    attached = row_of(fd).attached
    assert isinstance(attached, tuple)
    return [one.words for one in attached]


def test_nothing(things: Things) -> None:
    assert words(things.program("xdp")) == []
    assert "sockets" in row_of(things.program("socket_filter")).attached.why  # type: ignore[union-attr]


def test_tracepoints(things: Things) -> None:
    with RunningKernel() as kernel:
        event = things.keep(
            perf.open_tracepoint(kernel.tracefs.tracepoint_id("sched", "sched_process_exit"))
        )
        program = things.program("tracepoint")
        if has_feature("perf_link"):
            things.link(program, event, uapi.BPF_PERF_EVENT)
            assert words(program) == [told("tracepoint sched:sched_process_exit")]
        raw = things.program("raw_tracepoint")
        things.keep(bpf.raw_tracepoint_open(raw, "sched_process_exit"))
        assert words(raw) == ["raw_tracepoint sched_process_exit"]
        typed = things.program(
            "tracing", uapi.BPF_TRACE_RAW_TP, attach_btf_id=kernel.attach_btf_id("sched_switch")
        )
        things.keep(bpf.raw_tracepoint_open(typed))
        assert words(typed) == ["tp_btf sched_switch"]


def told(words: str) -> str:
    """Links of perf events tell of which since Linux 6.6."""
    return words if has_function("bpf_perf_link_fill_link_info") else "perf_event"


def test_a_perf_event(things: Things) -> None:
    if not has_feature("perf_link"):
        pytest.skip("this kernel has no links of perf events")
    program = things.program("perf_event")
    things.link(program, things.event(1, 2), uapi.BPF_PERF_EVENT)
    assert words(program) == [told("perf_event page-faults")]


def test_a_function_of_a_program(
    things: Things, oracle: Callable[[str], str], tmp_path: Path
) -> None:
    source, path = tmp_path / "a.c", tmp_path / "a.out"
    source.write_text(
        "int __attribute__((noinline)) called(void) { return 1; }\n"
        "int main(void) { return called(); }\n",
        encoding="ascii",
    )
    subprocess.run([oracle("gcc"), "-O0", "-o", str(path), str(source)], check=True)
    nm = subprocess.run(["nm", str(path)], capture_output=True, text=True, check=True).stdout
    address = next(int(line.split()[0], 16) for line in nm.splitlines() if " called" in line)
    with open("/sys/bus/event_source/devices/uprobe/type", encoding="ascii") as file:
        kind = int(file.read())
    name = bytearray(str(path).encode() + b"\0")
    from probee.host.syscall import address as of

    if has_feature("perf_link"):
        program = things.program("kprobe")
        things.link(program, things.event(kind, 0, of(name), address), uapi.BPF_PERF_EVENT)
        assert words(program) == [told(f"uprobe {path}:called")]
    if not has_function("bpf_uprobe_multi_link_attach"):
        return
    multi = things.program("kprobe", uapi.BPF_TRACE_UPROBE_MULTI)
    offsets = bytearray(address.to_bytes(8, "little"))
    more = {
        "uprobe_multi.path": bytes(name),
        "uprobe_multi.offsets": bytes(offsets),
        "uprobe_multi.cnt": 1,
    }
    things.link(multi, 0, uapi.BPF_TRACE_UPROBE_MULTI, **more)
    assert words(multi) == [f"uprobe.multi {path}:called"]


def test_cgroups(things: Things, cgroup: Cgroup) -> None:
    folder = things.keep(os.open(cgroup.path, os.O_RDONLY))
    below = "/" + os.path.basename(cgroup.path)
    linked = things.program("cgroup_skb", result=1)
    things.link(linked, folder, uapi.BPF_CGROUP_INET_EGRESS)
    assert [w.endswith(f"{below} egress") and w.startswith("cgroup /") for w in words(linked)] == [
        True
    ]
    old = things.program("cgroup_sock", result=1)
    demand(
        Attributes(
            "BPF_PROG_ATTACH",
            {
                "target_fd": folder,
                "attach_bpf_fd": old,
                "attach_type": uapi.BPF_CGROUP_INET_SOCK_CREATE,
            },
        )
    )
    (found,) = row_of(old).attached  # type: ignore[misc]
    assert found.words.endswith(f"{below} sock_create")
    assert found.through == "cgroup"


def test_iterators(things: Things) -> None:
    with RunningKernel() as kernel:
        btf = kernel.btf
        (id,) = btf.by_name(12, "bpf_iter_task")
    program = things.program("tracing", uapi.BPF_TRACE_ITER, attach_btf_id=id)
    things.link(program, 0, uapi.BPF_TRACE_ITER)
    assert words(program) == ["iter task"]


def test_the_network(things: Things, lab: Lab) -> None:  # noqa: F811
    with lab.entered():
        index = socket.if_nametoindex("a0")
        xdp = things.program("xdp", uapi.BPF_XDP, result=2)
        things.link(xdp, index, uapi.BPF_XDP)
        assert words(xdp) == ["xdp a0"]
        if has_function("tcx_link_attach"):
            tcx = things.program("sched_cls")
            things.link(tcx, index, uapi.BPF_TCX_EGRESS)
            assert words(tcx) == ["tcx a0 egress"]
        if has_function("bpf_nf_link_attach"):
            netfilter = things.program("netfilter", uapi.BPF_NETFILTER, result=1)
            more = {"netfilter.pf": 2, "netfilter.hooknum": 1, "netfilter.priority": 100}
            things.link(netfilter, 0, uapi.BPF_NETFILTER, **more)
            assert words(netfilter) == ["netfilter ip input"]
        space = things.keep(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        lookup = things.program("sk_lookup", uapi.BPF_SK_LOOKUP, result=1)
        things.link(lookup, space, uapi.BPF_SK_LOOKUP)
        assert words(lookup) == ["sk_lookup in this network namespace"]
        lab.ip("link set dev b0 xdp obj OBJ sec xdp")
        lab.tc("qdisc add dev b0 clsact")
        lab.tc("filter add dev b0 ingress bpf da obj OBJ sec tc")
        with Machine() as machine:
            machine.look()
            found_words = {
                one.words
                for row in machine.rows()
                if isinstance(row.attached, tuple)
                for one in row.attached
            }
        assert "tc b0 clsact/ingress" in found_words
        assert {"xdp b0 driver", "xdp b0 generic"} & found_words
    (found,) = words(lookup)
    assert found.startswith("sk_lookup in network namespace ")


def test_tables_of_programs_and_sockets(things: Things) -> None:
    program = things.program("raw_tracepoint")
    table = things.keep(bpf.map_create(uapi.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 3, name="jumps"))
    bpf.map_update(table, (2).to_bytes(4, "little"), program.to_bytes(4, "little"))
    assert words(program) == ["tail call jumps"]
    verdict = things.program("sk_skb")
    sockets = things.keep(bpf.map_create(uapi.BPF_MAP_TYPE_SOCKMAP, 4, 4, 3, name="socks"))
    demand(
        Attributes(
            "BPF_PROG_ATTACH",
            {
                "target_fd": sockets,
                "attach_bpf_fd": verdict,
                "attach_type": uapi.BPF_SK_SKB_STREAM_VERDICT,
            },
        )
    )
    if has_function("sock_map_bpf_prog_query"):
        assert words(verdict) == ["sockmap socks stream_verdict"]


def test_a_program_by_ioctl_is_found_through_who_holds_the_event(
    things: Things, spawn: object
) -> None:
    with RunningKernel() as kernel:
        number = kernel.tracefs.tracepoint_id("sched", "sched_process_exit")
    event = things.keep(perf.open_tracepoint(number))
    program = things.program("tracepoint")
    ioctl(event, SET_BPF, program)
    code = "import sys; print(1, flush=True); sys.stdin.read()"
    os.set_inheritable(event, True)
    with subprocess.Popen(
        ["/usr/bin/python3", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        close_fds=False,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        row = row_of(program)
        child.communicate()
    assert isinstance(row.attached, tuple)
    assert [(one.words, one.through) for one in row.attached] == [
        ("tracepoint sched:sched_process_exit", "perf event")
    ]
    assert [(holder.pid, holder.by) for holder in seen(row.holders)] == [(child.pid, "perf event")]


def test_what_is_reached_by_a_tail_call_has_no_count_of_its_own(things: Things) -> None:
    target = things.program("socket_filter", result=7)
    table = things.keep(bpf.map_create(uapi.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1, name="jumps"))
    bpf.map_update(table, bytes(4), target.to_bytes(4, "little"))
    jump = [m.ld_map_fd(2, table), m.mov64_imm(3, 0), m.call_helper(12), m.mov64_imm(0, 0)]
    code = encode([*jump, m.exit_()])
    first, _ = bpf.prog_load(uapi.BPF_PROG_TYPE_SOCKET_FILTER, code, "GPL", name="first")
    things.keep(first)
    with Statistics() as statistics:
        assert statistics.why_not == ""
        result, *_ = bpf.prog_test_run(first, bytes(14), repeat=50)
    assert result == 7
    assert row_of(first).run_count == 50
    assert row_of(target).run_count == 0
    assert words(target) == ["tail call jumps"]
