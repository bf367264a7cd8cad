"""A program at a hook of netfilter, as `net show` and `link show` show it.

Numbers: include/uapi/linux/netfilter.h (families, hooks), netfilter_arp.h.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.net import Netfilter

_ARP = 3
_FAMILIES = {1: "inet", 2: "ip", _ARP: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
_ARP_HOOKS = ("input", "output")
_NO_HOOKS = {5}  # netdev has hooks of its own, which are shown as numbers


def netfilter_text(row: Netfilter) -> str:
    """A line end, then the hook: `ip input prio -128`."""
    family = _FAMILIES.get(row.family)
    hooks = _ARP_HOOKS if row.family == _ARP else _HOOKS
    named = family is not None and row.family not in _NO_HOOKS and row.hook < len(hooks)
    hook = f" {hooks[row.hook]}" if named else f", hook {row.hook},"
    flags = f" flags 0x{row.flags:x}" if row.flags else ""
    return f"\n\t{family or f'pf: {row.family}'}{hook} prio {row.priority}{flags}"


def netfilter_json(json: JsonWriter, row: Netfilter) -> None:
    """The same in four fields."""
    json.field("pf", row.family)
    json.field("hook", row.hook)
    json.field("prio", row.priority)
    json.field("flags", row.flags)
