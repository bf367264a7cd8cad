"""`link show` beside bpftool's, for links that few kernels make: tried on those of `make vmtest`.

Functions of the kernel at their entry and exit, its security hooks, many functions at once, a
program in place of another's function, and netkit. What this kernel refuses is skipped.
"""

from __future__ import annotations

import socket
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from probee.btf import kinds
from probee.btf.writer import BtfBuilder
from probee.errors import KernelError, VerifierError
from probee.host import bpf
from probee.host.attributes import Attributes, demand
from probee.host.facts import RunningKernel
from probee.host.info import LINK, read
from probee.host.syscall import address
from probee.tables.programs import attach_type, by_name
from probee.uapi import bpf as uapi
from tests.kernel.side_by_side import FORMS, ZERO, Owned, Pair, owned, pair
from tests.oracle.bpftool_lab import without_pids

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("owned", "pair")
pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5")]

# type, attach type, function
HOOKS = (
    ("tracing", "TRACE_FENTRY", "bpf_fentry_test1"),
    ("tracing", "TRACE_FEXIT", "bpf_fentry_test1"),
    ("tracing", "MODIFY_RETURN", "bpf_modify_return_test"),
    ("lsm", "LSM_MAC", "bpf_lsm_file_open"),
)
NEW, DELETE, REQUEST, MAKE = 16, 17, 0x5, 0x600  # RTM_NEWLINK, RTM_DELLINK; NLM_F_*
NAME, ABOUT, KIND = 3, 18, 1  # IFLA_IFNAME, IFLA_LINKINFO, IFLA_INFO_KIND


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """The test is skipped where the kernel refuses."""
    try:
        yield
    except (KernelError, VerifierError) as error:
        pytest.skip(f"this kernel takes no {what}: {error}")


def shown(pair: Pair, link: int) -> str:
    """What both print of a link. Bpftool says 255 of each that is there."""
    words = ("link", "show", "id", str(read(link, LINK)[0]["id"]))
    for form in FORMS:
        given = (*filter(None, (form,)), *words)
        ours = pair.ours(*given)
        assert without_pids(ours.out) == pair.real(*given).out
        assert (ours.status, ours.err) == (0, "")
    return pair.ours(*words).out


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: f"{hook[1]}")
def test_functions_of_the_kernel(hook: tuple[str, str, str], pair: Pair, owned: Owned) -> None:
    type_, attach, function = hook
    with RunningKernel() as kernel:
        (id_, *_) = (*kernel.btf.by_name(kinds.FUNC, function), 0)
    if not id_:
        pytest.skip(f"this kernel has no function {function}")
    with refusals(f"programs of type {type_} for {attach}"):
        program, _ = bpf.prog_load(
            by_name(type_).number, ZERO, "GPL", attach_type=attach_type(attach).number,
            attach_btf_id=id_,
        )  # fmt: skip
        link = owned.add(bpf.raw_tracepoint_open(owned.add(program)))
    text = shown(pair, link)
    assert f"\tprog_type {type_}  attach_type {attach.lower()}  " in text
    if "target" in text:  # Linux 5.10 says nothing of it
        assert f"target_btf_id {id_}  " in text


@pytest.mark.parametrize("flags", [0, uapi.BPF_F_KPROBE_MULTI_RETURN])
def test_many_functions_of_the_kernel(flags: int, pair: Pair, owned: Owned) -> None:
    names = [bytearray(f"bpf_fentry_test{number}\0".encode()) for number in (1, 2, 3)]
    pointers = struct.pack("=3Q", *map(address, names))
    with refusals("links of many functions"):
        program = owned.program(by_name("kprobe").number, attach=uapi.BPF_TRACE_KPROBE_MULTI)
        fields: dict[str, int | bytes] = {
            "prog_fd": program, "attach_type": uapi.BPF_TRACE_KPROBE_MULTI,
            "kprobe_multi.cnt": 3, "kprobe_multi.flags": flags, "kprobe_multi.syms": pointers,
            "kprobe_multi.cookies": struct.pack("=3Q", 1, 0, 1 << 40),
        }  # fmt: skip
        link = owned.add(demand(Attributes("BPF_LINK_CREATE", fields)))
    assert "kprobe_multi  prog " in shown(pair, link)


def with_types(name: str, **more: int) -> dict[str, int | bytes]:
    """Fields of a program that is a function of one argument, a `struct xdp_md *`."""
    b = BtfBuilder()
    u32 = b.int_("int", 4, signed=True)
    context = b.ptr(b.struct("xdp_md", 4, [("data", u32, 0)]))
    function = b.func(name, b.func_proto(u32, [("ctx", context)]), "global")
    return {
        "insns": ZERO, "insn_cnt": len(ZERO) // 8, "license": b"GPL\0",
        "prog_btf_fd": bpf.btf_load(b.build()), "func_info": struct.pack("=II", 0, function),
        "func_info_cnt": 1, "func_info_rec_size": 8, **more,
    }  # fmt: skip


def test_a_function_of_another_program(pair: Pair, owned: Owned) -> None:
    fields = with_types("replaced", prog_type=by_name("xdp").number)
    owned.add(int(fields["prog_btf_fd"]))
    target = owned.add(demand(Attributes("BPF_PROG_LOAD", fields)))
    function = struct.unpack("=II", bytes(fields["func_info"]))[1]
    more = {"attach_prog_fd": target, "attach_btf_id": function}
    with refusals("programs in place of functions"):
        fields = with_types("replaced", prog_type=by_name("ext").number, **more)
        owned.add(int(fields["prog_btf_fd"]))
        program = owned.add(demand(Attributes("BPF_PROG_LOAD", fields)))
        link = owned.add(bpf.raw_tracepoint_open(program))
    assert "\tprog_type ext  attach_type cgroup_inet_ingress  \n" in shown(pair, link)


def ask(kind: int, flags: int, interface: int, attributes: bytes = b"") -> int:
    """One request of rtnetlink about an interface; 0 or an errno."""
    body = struct.pack("=BxHiII", 0, 0, interface, 0, 0) + attributes
    message = struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as route:
        route.send(message)
        return -int(struct.unpack_from("=i", route.recv(4096), 16)[0])


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


@pytest.fixture
def netkit() -> Iterator[int]:
    """The index of one end of a pair."""
    about = attribute(ABOUT, attribute(KIND, b"netkit"))
    if ask(NEW, MAKE, 0, attribute(NAME, b"prbnetkit\0") + about):
        pytest.skip("this kernel has no netkit")
    index = socket.if_nametoindex("prbnetkit")
    yield index
    assert ask(DELETE, 0, index) == 0


@pytest.mark.parametrize("end", ["primary", "peer"])
def test_netkit(end: str, netkit: int, pair: Pair, owned: Owned) -> None:
    attach = attach_type(f"NETKIT_{end.upper()}").number
    program = owned.program(by_name("sched_cls").number, "of_netkit")
    link = owned.link(prog_fd=program, target_ifindex=netkit, attach_type=attach)
    assert f"attach_type netkit_{end}" in shown(pair, link)
    text = pair.alike_in_all_forms("net", "show")
    assert f"netkit/{end} of_netkit" in text
