"""Numbers of netlink that are kept by hand, held against the installed headers by a compiler."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from probee.host import netlink as nl
from probee.introspect.bpftool.link_names import FAMILIES as SHOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADERS = (
    "linux/netlink.h", "linux/rtnetlink.h", "linux/if_link.h", "linux/pkt_cls.h",
    "linux/pkt_sched.h", "linux/tc_act/tc_bpf.h", "linux/if_packet.h", "linux/netfilter.h",
    "linux/netfilter_arp.h", "sys/socket.h",
)  # fmt: skip
FAMILIES = {"inet": "INET", "ip": "IPV4", "arp": "ARP", "netdev": "NETDEV", "bridge": "BRIDGE",
            "ip6": "IPV6"}  # fmt: skip


def values(gcc: str, names: list[str], folder: Path) -> list[int]:
    """The values of constants in C."""
    source, program = folder / "values.c", folder / "values"
    includes = "".join(f"#include <{name}>\n" for name in ("stdio.h", "sys/socket.h", *HEADERS))
    rows = "".join(f'printf("%lld\\n", (long long)(unsigned)({name}));' for name in names)
    source.write_text(f"{includes}int main(void) {{ {rows} }}\n", encoding="ascii")
    subprocess.run([gcc, "-w", str(source), "-o", str(program)], check=True)
    return [int(line) for line in subprocess.check_output([program]).split()]


@pytest.mark.oracle("gcc")
def test_numbers(oracle: Callable[[str], str], tmp_path: Path) -> None:
    prefixes = ("RTM_", "IFLA_", "XDP_", "TCA_", "TC_H_", "AF_PACKET", "NETLINK_ROUTE")
    names = [name for name in vars(nl) if name.startswith(prefixes)]
    assert len(names) > 30
    assert values(oracle("gcc"), names, tmp_path) == [getattr(nl, name) for name in names]


@pytest.mark.oracle("gcc")
def test_netfilter_names(oracle: Callable[[str], str], tmp_path: Path) -> None:
    names = [f"NFPROTO_{FAMILIES[name]}" for name in SHOWN.values()]
    names += [f"NF_INET_{name}" for name in
              ("PRE_ROUTING", "LOCAL_IN", "FORWARD", "LOCAL_OUT", "POST_ROUTING")]  # fmt: skip
    names += ["NF_ARP_IN", "NF_ARP_OUT"]
    assert values(oracle("gcc"), names, tmp_path) == [*SHOWN, 0, 1, 2, 3, 4, 0, 1]
