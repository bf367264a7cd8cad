"""A program at a hook of netfilter, as `net show` shows it."""

from __future__ import annotations

from probee.introspect.bpftool.link_names import FAMILIES, hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.net import Netfilter


def netfilter_text(row: Netfilter) -> str:
    """A line end, then the hook: `ip input prio -128`."""
    family, place = FAMILIES.get(row.family), hook(row.family, row.hook)
    text = f"\n\t{family}" if family else f"\n\tpf: {row.family}"
    text += f" {place}" if place else f", hook {row.hook},"
    return f"{text} prio {row.priority}{f' flags {row.flags:#x}' if row.flags else ''}"


def netfilter_json(json: JsonWriter, row: Netfilter) -> None:
    """The same in four fields."""
    json.field("pf", row.family)
    json.field("hook", row.hook)
    json.field("prio", row.priority)
    json.field("flags", row.flags)
