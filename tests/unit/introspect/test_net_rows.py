"""What netlink says of network hooks, from bytes: what this machine's interfaces cannot have."""

from __future__ import annotations

from struct import pack

import pytest

from probee.errors import FormatError
from probee.host import netlink as nl
from probee.introspect.bpftool.jsonw import JsonWriter
from probee.introspect.bpftool.net import net_json, net_text
from probee.introspect.bpftool.netfilter import netfilter_text
from probee.introspect.loaded.net import (
    Filter,
    Interface,
    Netfilter,
    Network,
    filter_row,
    netfilter_row,
    xdp,
)

DEVICE = Interface(3, "eth0")


def attribute(number: int, value: bytes) -> bytes:
    """One attribute, filled up to 4 bytes."""
    return pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4)


def u32(number: int, value: int) -> bytes:
    return attribute(number, pack("=I", value))


def shown(network: Network) -> tuple[str, str]:
    """Text and JSON."""
    pieces: list[str] = []
    net_json(JsonWriter(pieces.append), network)
    return "".join(net_text(network)), "".join(pieces)


def test_xdp_in_the_driver_and_in_hardware() -> None:
    data = b"".join(
        (
            attribute(nl.IFLA_XDP_ATTACHED, bytes([nl.XDP_ATTACHED_MULTI])),
            u32(nl.IFLA_XDP_DRV_PROG_ID, 7),
            u32(nl.IFLA_XDP_HW_PROG_ID, 9),
        )
    )
    row = xdp(DEVICE, data)
    assert row is not None
    text, json = shown(Network((row,), (), 0, ()))
    assert text.startswith("xdp:\neth0(3) driver id 7 offload id 9\n\n")
    assert json.startswith(
        '[{"xdp":[{"devname":"eth0","ifindex":3,"multi_attachments":'
        '[{"mode":"driver","id":7},{"mode":"offload","id":9}]}],"tc":'
    )


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        (nl.XDP_ATTACHED_DRV, " driver id 7"),
        (nl.XDP_ATTACHED_SKB, " generic id 7"),
        (nl.XDP_ATTACHED_HW, " offload id 7"),
        (9, ""),
    ],
)
def test_xdp_in_one_way(mode: int, name: str) -> None:
    data = attribute(nl.IFLA_XDP_ATTACHED, bytes([mode])) + u32(nl.IFLA_XDP_PROG_ID, 7)
    row = xdp(DEVICE, data)
    assert row is not None
    assert f"xdp:\neth0(3){name}\n" in shown(Network((row,), (), 0, ()))[0]


def test_no_xdp() -> None:
    assert xdp(DEVICE, attribute(nl.IFLA_XDP_ATTACHED, b"\0")) is None
    assert xdp(DEVICE, b"") is None


def action(kind: bytes, options: bytes) -> bytes:
    return attribute(nl.TCA_ACT_KIND, kind + b"\0") + attribute(nl.TCA_ACT_OPTIONS, options)


def test_actions() -> None:
    """A filter's actions, of which those are shown that are programs."""
    options = attribute(nl.TCA_ACT_BPF_NAME, b"drop\0") + u32(nl.TCA_ACT_BPF_ID, 12)
    actions = (
        attribute(1, action(b"bpf", options))
        + attribute(2, action(b"gact", b""))
        + attribute(3, action(b"bpf", b""))
    )
    data = (
        attribute(nl.TCA_BPF_NAME, b"filter\0")
        + u32(nl.TCA_BPF_ID, 11)
        + attribute(nl.TCA_BPF_ACT, actions)
    )
    row = filter_row(DEVICE, "clsact/ingress", data)
    assert row.actions == (("drop", 12), (None, None))
    text, json = shown(Network((), (row,), 0, ()))
    assert "\neth0(3) clsact/ingress filter id 11 act [{drop id 12}{}] \n" in text
    assert '"name":"filter","id":11,"act":[{"name":"drop","id":12},{}]}]' in json


def test_a_hostile_name() -> None:
    row = Filter(DEVICE, "htb", '\x1b[2Jx"', None, None)
    text, json = shown(Network((), (row,), 0, ()))
    assert 'htb \\x1b[2Jx"\n' in text
    assert '"name":"\\u001b[2Jx\\""' in json


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (Netfilter(1, 1, 0, 0, 5), "inet input prio 0"),
        (Netfilter(10, 4, -7, 1, 5), "ip6 postrouting prio -7 flags 0x1"),
        (Netfilter(3, 1, 2, 0, 5), "arp output prio 2"),
        (Netfilter(3, 2, 2, 0, 5), "arp, hook 2, prio 2"),
        (Netfilter(7, 2, 2, 0, 5), "bridge forward prio 2"),
        (Netfilter(5, 0, 2, 0, 5), "netdev, hook 0, prio 2"),
        (Netfilter(2, 5, 2, 0, 5), "ip, hook 5, prio 2"),
        (Netfilter(4, 0, 2, 16, 5), "pf: 4, hook 0, prio 2 flags 0x10"),
    ],
)
def test_netfilter_hooks(row: Netfilter, text: str) -> None:
    """Names where the family has them, as in link.c of bpftool."""
    assert netfilter_text(row) == f"\n\t{text}"


def test_a_priority_below_zero() -> None:
    about = {
        "netfilter.pf": 2, "netfilter.hooknum": 3, "netfilter.priority": 0xFFFFFF80,
        "netfilter.flags": 0, "prog_id": 4,
    }  # fmt: skip
    assert netfilter_row(about) == Netfilter(2, 3, -128, 0, 4)


def test_attributes() -> None:
    data = attribute(1 | 0x8000, b"abc") + attribute(2, b"") + b"\0\0"
    assert nl.attributes(data) == {1: b"abc", 2: b""}
    for broken in (pack("=HH", 3, 1), pack("=HH", 9, 1) + bytes(4)):
        with pytest.raises(FormatError, match="netlink: an attribute of"):
            nl.attributes(broken)


def test_messages() -> None:
    def message(kind: int, sequence: int, body: bytes) -> bytes:
        return pack("=IHHII", 16 + len(body), kind, 2, sequence, 0) + body + bytes(-len(body) % 4)

    data = message(16, 5, b"abc") + message(16, 4, b"other") + message(3, 5, b"")
    assert list(nl.messages(data, 5)) == [(16, 2, b"abc"), (3, 2, b"")]
    with pytest.raises(FormatError, match="netlink: a message of 15 bytes"):
        list(nl.messages(pack("=IHHII", 15, 1, 0, 0, 0), 0))
