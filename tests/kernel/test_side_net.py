"""`net show` beside bpftool's, on interfaces in a network namespace of the tests' own."""

from __future__ import annotations

import json
from socket import if_nametoindex
from typing import TYPE_CHECKING

import pytest

from probee.errors import KernelError
from probee.host.rights import without
from probee.uapi import bpf as uapi
from tests.kernel.netlab import Lab, lab
from tests.kernel.side_by_side import Owned, Pair, id_of, owned, pair

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("lab", "owned", "pair")
pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5", "ip", "tc", "clang")]

INGRESS, EGRESS = uapi.BPF_TCX_INGRESS, uapi.BPF_TCX_EGRESS
INET, IPV4, ARP, NETDEV, IPV6 = 1, 2, 3, 5, 10


@pytest.fixture
def inside(lab: Lab) -> Iterator[Lab]:
    """The test runs in the namespace."""
    with lab.entered():
        yield lab


def test_nothing(inside: Lab, pair: Pair) -> None:
    text = pair.alike_in_all_forms("net", "show")
    assert text == "xdp:\n\ntc:\n\nflow_dissector:\n\nnetfilter:\n\n"
    assert pair.alike("n") == pair.alike("net", "list")


def test_xdp(inside: Lab, pair: Pair) -> None:
    inside.ip("link set dev a0 xdpgeneric obj OBJ sec xdp")
    inside.ip("link set dev b0 xdpdrv obj OBJ sec xdp")
    text = pair.alike_in_all_forms("net", "show")
    assert " generic id " in text
    assert " driver id " in text


def test_filters(inside: Lab, pair: Pair) -> None:
    inside.tc("qdisc add dev a0 clsact")
    inside.tc("filter add dev a0 ingress bpf da obj OBJ sec tc")
    inside.tc("filter add dev a0 egress prio 3 bpf obj OBJ sec tc")
    inside.tc("filter add dev a0 egress prio 4 bpf bytecode '1,6 0 0 0,'")
    inside.tc("qdisc add dev b1 root handle 1: htb")
    inside.tc("class add dev b1 parent 1: classid 1:5 htb rate 1mbit")
    inside.tc("filter add dev b1 parent 1: prio 7 bpf da obj OBJ sec tc")
    inside.tc("filter add dev b1 parent 1:5 bpf obj OBJ sec tc")
    text = pair.alike_in_all_forms("net", "show")
    lines = [line.partition(") ")[2].partition(" id ")[0] for line in text.splitlines()]
    assert sorted(filter(None, lines)) == [
        "clsact/egress", "clsact/egress hooks.o:[tc]", "clsact/ingress hooks.o:[tc]",
        "htb hooks.o:[tc]", "htb hooks.o:[tc]",
    ]  # fmt: skip


def test_filters_that_bpftool_shows_several_times(inside: Lab, pair: Pair) -> None:
    """Those of the qdisc `ingress`, and of qdiscs with the same handle on two interfaces.

    The kernel tells the qdiscs of all interfaces, whichever it is asked for, and bpftool looks for
    filters of each on each; in the qdisc `ingress` it looks by four handles that all mean it.
    """
    inside.tc("qdisc add dev b1 ingress")
    inside.tc("filter add dev b1 ingress bpf da obj OBJ sec tc")
    for name in ("a0", "a1"):
        inside.tc(f"qdisc add dev {name} root handle 1: htb")
        inside.tc(f"filter add dev {name} parent 1: bpf da obj OBJ sec tc")
    for form in ("-j", "-p"):
        real, ours = (json.loads(run(form, "net").out)[0] for run in (pair.real, pair.ours))
        rows = [(row["devname"], row["kind"]) for row in ours.pop("tc")]
        assert sorted(rows) == [("a0", "htb"), ("a1", "htb"), ("b1", "ingress")]
        theirs = [(row["devname"], row["kind"]) for row in real.pop("tc")]
        assert {name for name, _ in theirs} == {"a0", "a1", "b1"}
        assert len(theirs) == 8  # 2, 2 and 4
        assert ours == real


def tcx(owned: Owned, interface: str, hook: int, name: str, **more: int) -> tuple[int, int]:
    """A program, and a link of it to a hook of an interface."""
    program = owned.program(uapi.BPF_PROG_TYPE_SCHED_CLS, name, hook)
    link = owned.link(
        prog_fd=program, target_ifindex=if_nametoindex(interface), attach_type=hook, **more
    )
    return program, link


def needs_tcx(owned: Owned) -> None:
    try:
        tcx(owned, "a1", EGRESS, "")
    except KernelError as error:
        pytest.skip(f"this kernel has no tcx hooks: {error}")


def test_tcx(inside: Lab, owned: Owned, pair: Pair) -> None:
    needs_tcx(owned)
    first, _ = tcx(owned, "a0", INGRESS, "linked")
    second, _ = tcx(owned, "a0", INGRESS, "fifteen_letters")
    loose = owned.program(uapi.BPF_PROG_TYPE_SCHED_CLS, "loose", EGRESS)
    index = if_nametoindex("b0")
    owned.attach(index, loose, EGRESS)
    text = pair.alike_in_all_forms("net", "show")
    assert f" tcx/ingress linked prog_id {id_of(first)} link_id " in text
    assert f" tcx/ingress fifteen_letters prog_id {id_of(second)} link_id " in text
    assert f"b0({index}) tcx/egress loose prog_id {id_of(loose)} \n" in text
    assert pair.alike_in_all_forms("net", "show", "dev", "b0").count("prog_id") == 1
    owned.detach(index, loose, EGRESS)


def test_many_at_one_hook(inside: Lab, owned: Owned, pair: Pair) -> None:
    """As many as the kernel takes."""
    needs_tcx(owned)
    program = [owned.program(uapi.BPF_PROG_TYPE_SCHED_CLS, f"p{n}", INGRESS) for n in range(63)]
    index = if_nametoindex("a0")
    for fd in program:
        owned.link(prog_fd=fd, target_ifindex=index, attach_type=INGRESS)
    assert pair.alike_in_all_forms("net", "show").count(" prog_id ") == 64


def test_netfilter(inside: Lab, owned: Owned, pair: Pair) -> None:
    """All families that take programs, hooks by name and by number."""
    hooks = [(IPV4, 0, 5), (IPV4, 0, -128), (IPV4, 3, 1), (IPV6, 4, -1), (IPV4, 2, 0)]
    try:
        for family, hook, priority in hooks:
            program = owned.program(uapi.BPF_PROG_TYPE_NETFILTER, "nf", uapi.BPF_NETFILTER)
            owned.link(
                **{
                    "prog_fd": program,
                    "attach_type": uapi.BPF_NETFILTER,
                    "netfilter.pf": family,
                    "netfilter.hooknum": hook,
                    "netfilter.priority": priority,
                }
            )
    except KernelError as error:
        pytest.skip(f"this kernel takes no programs at hooks of netfilter: {error}")
    text = pair.alike_in_all_forms("net", "show")
    lines = text.partition("netfilter:\n")[2].splitlines()
    shown = [line.strip().partition(" prog_id ")[0] for line in lines]
    assert [line for line in shown if line] == [
        "ip prerouting prio -128", "ip prerouting prio 5", "ip forward prio 0",
        "ip output prio 1", "ip6 postrouting prio -1",
    ]  # fmt: skip


def test_flow_dissector(inside: Lab, owned: Owned, pair: Pair) -> None:
    """bpftool writes a name and a number into an array, which is no JSON."""
    program = owned.program(uapi.BPF_PROG_TYPE_FLOW_DISSECTOR, "apart")
    owned.link(prog_fd=program, target_fd=inside.fd, attach_type=uapi.BPF_FLOW_DISSECTOR)
    text = pair.alike("net", "show")
    assert f"\nflow_dissector:\nid {id_of(program)}\n" in text
    for form in ("-j", "-p"):
        found = json.loads(pair.ours(form, "net", "show").out)
        assert found[0]["flow_dissector"] == [{"id": id_of(program)}]
        with pytest.raises(json.JSONDecodeError):
            json.loads(pair.real(form, "net", "show").out)


@pytest.mark.parametrize(
    ("words", "message", "status"),
    [
        (("show", "dev", "none"), "invalid devname none", 1),
        (("show", "device", "a0"), "expected 'dev', got: 'device'?", 2),
        (("show", "dev"), "'dev' needs the name of an interface, and nothing behind it", 2),
        (("show", "dev", "a0", "x"), "'dev' needs the name of an interface", 2),
        (("detach", "xdp", "dev", "a0"), "detach is not built yet", 2),
    ],
)
def test_refusals(
    words: tuple[str, ...], message: str, status: int, inside: Lab, pair: Pair
) -> None:
    ours = pair.ours("net", *words)
    assert (ours.out, ours.status) == ("", status)
    assert message in ours.err


@pytest.mark.parametrize("words", [("net", "show"), ("cgroup", "tree")], ids=str)
def test_without_rights(words: tuple[str, ...], inside: Lab, pair: Pair) -> None:
    """Which right is missing is said."""
    with without(("CAP_NET_ADMIN", "CAP_SYS_ADMIN")):
        ours = pair.ours(*words)
    assert ours.status == 1
    assert "BPF_PROG_QUERY" in ours.err
    assert "this process lacks CAP_NET_ADMIN" in ours.err
