"""What `bpftool link show` says of each type of link, a function for text and one for JSON.

In: a row. Out: text behind the first words, or fields of the open object. `TEXT` and `JSON` hold
them by the name of the type; a type without details is not in there.
"""

from __future__ import annotations

from probee.introspect.bpftool import link_names as names
from probee.introspect.bpftool.shared import interface, one_line
from probee.introspect.loaded.links import PERF_EVENTS
from probee.tables.programs import ATTACH_TYPES, by_number
from probee.uapi.bpf import BPF_PERF_EVENT_KRETPROBE, BPF_PERF_EVENT_URETPROBE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.links import Link

_RETURN = 1  # BPF_F_KPROBE_MULTI_RETURN, BPF_F_UPROBE_MULTI_RETURN: the first bit of the flags
_MAP_TARGETS = ("bpf_map_elem", "bpf_sk_storage_map")
_TASK_TARGETS = ("task", "task_file", "task_vma")


def _attach_type(number: int) -> str | int:
    found = next((row.name.lower() for row in ATTACH_TYPES if row.number == number), "")
    return found or number


def _attach_text(row: Link) -> str:
    return f"attach_type {_attach_type(row.details['attach_type'])}  "


def _attach_json(writer: JsonWriter, row: Link) -> None:
    writer.field("attach_type", _attach_type(row.details["attach_type"]))


def _attached_text(name: str) -> Callable[[Link], str]:
    """Of a type whose link says one number, and how it is attached."""
    return lambda row: f"\n\t{name} {row.details[name]}  {_attach_text(row)}"


def _attached_json(name: str) -> Callable[[JsonWriter, Link], None]:
    def json(writer: JsonWriter, row: Link) -> None:
        writer.field(name, row.details[name])
        _attach_json(writer, row)

    return json


def _program_type(row: Link) -> str | int:
    type_ = by_number(row.prog_type)
    return type_.name if type_ else row.prog_type or "unspec"


def _device_text(row: Link) -> str:
    ifindex = row.details["ifindex"]
    name = interface(ifindex) if ifindex else None
    shown = f"{one_line(name)}({ifindex})" if name else "(unknown)" if ifindex else "(detached)"
    return f"ifindex {shown}  "


def _device_json(writer: JsonWriter, row: Link) -> None:
    ifindex = row.details["ifindex"]
    name = interface(ifindex) if ifindex else "(detached)"
    writer.field("devname", name or "(unknown)")
    writer.field("ifindex", ifindex)


def _signed(number: int) -> int:
    return (number ^ 1 << 31) - (1 << 31)


# ------------------------------------------------------------------------------- one for each type


def _raw_tracepoint_text(row: Link) -> str:
    return f"\n\ttp '{one_line(row.name)}'  "


def _raw_tracepoint_json(writer: JsonWriter, row: Link) -> None:
    writer.field("tp_name", row.name)


def _tracing_text(row: Link) -> str:
    out = f"\n\tprog_type {_program_type(row)}  {_attach_text(row)}"
    target, type_ = row.details["target_obj_id"], row.details["target_btf_id"]
    if target or type_:
        out += f"\n\ttarget_obj_id {target}  target_btf_id {type_}  "
    return out


def _tracing_json(writer: JsonWriter, row: Link) -> None:
    writer.field("prog_type", _program_type(row))
    _attach_json(writer, row)
    writer.field("target_obj_id", row.details["target_obj_id"])
    writer.field("target_btf_id", row.details["target_btf_id"])


def _iter_text(row: Link) -> str:
    out = f"target_name {one_line(row.name)}  "
    if row.name in _MAP_TARGETS:
        out += f"map_id {row.details['map.map_id']}  "
    elif row.name in _TASK_TARGETS:
        thread, process = row.details["task.tid"], row.details["task.pid"]
        out += f"tid {thread} " if thread else f"pid {process} " if process else ""
    if row.name == "cgroup":
        out += f"cgroup_id {row.details['cgroup.cgroup_id']}  "
        out += f"order {names.order(row.details['cgroup.order'])}  "
    return out


def _iter_json(writer: JsonWriter, row: Link) -> None:
    writer.field("target_name", row.name)
    if row.name in _MAP_TARGETS:
        writer.field("map_id", row.details["map.map_id"])
    elif row.name in _TASK_TARGETS:
        for name in ("tid", "pid"):
            if row.details[f"task.{name}"]:
                writer.field(name, row.details[f"task.{name}"])
                break
    if row.name == "cgroup":
        writer.field("cgroup_id", row.details["cgroup.cgroup_id"])
        writer.field("order", names.order(row.details["cgroup.order"]))


def _netfilter_text(row: Link) -> str:
    family, number = row.details["pf"], row.details["hooknum"]
    name, hook = names.FAMILIES.get(family), names.hook(family, number)
    out = f"\n\t{name}" if name else f"\n\tpf: {family}"
    out += f" {hook}" if hook else f", hook {number},"
    out += f" prio {_signed(row.details['priority'])}"
    return out + (f" flags {row.details['flags']:#x}" if row.details["flags"] else "")


def _netfilter_json(writer: JsonWriter, row: Link) -> None:
    writer.field("pf", row.details["pf"])
    writer.field("hook", row.details["hooknum"])
    writer.field("prio", _signed(row.details["priority"]))
    writer.field("flags", row.details["flags"])


def _on_device_text(row: Link) -> str:
    return f"\n\t{_device_text(row)}{_attach_text(row)}"


def _on_device_json(writer: JsonWriter, row: Link) -> None:
    _device_json(writer, row)
    _attach_json(writer, row)


def _xdp_text(row: Link) -> str:
    return f"\n\t{_device_text(row)}"


def _struct_ops_json(writer: JsonWriter, row: Link) -> None:
    writer.field("map_id", row.details["map_id"])


# --------------------------------------------------------------------------------- many functions


def _symbols(row: Link) -> list[tuple[int, int, str, str]]:
    """Address, cookie, function and module, by address; without those that have no name."""
    from probee.host.kallsyms import exactly

    found = exactly([address for address, _ in row.rows])
    return [
        (address, cookie, *found[address])
        for address, cookie in sorted(row.rows)
        if address in found
    ]


def _kprobe_multi_text(row: Link) -> str:
    details = row.details
    if not details["count"]:
        return ""
    out = f"\n\t{'kretprobe' if details['flags'] & _RETURN else 'kprobe'}.multi  "
    out += f"func_cnt {details['count']}  "
    out += f"missed {details['missed']}  " if details["missed"] else ""
    out += f"\n\t{'addr':<16} {'cookie':<16} func [module]"
    for address, cookie, name, module in _symbols(row):
        shown = f"{one_line(name)} [{one_line(module)}]" if module else one_line(name)
        out += f"\n\t{address:016x} {cookie:<16x} {shown}  "
    return out


def _kprobe_multi_json(writer: JsonWriter, row: Link) -> None:
    writer.field("retprobe", bool(row.details["flags"] & _RETURN))
    writer.field("func_cnt", row.details["count"])
    writer.field("missed", row.details["missed"])
    writer.name("funcs")
    writer.begin_array()
    for address, cookie, name, module in _symbols(row):
        writer.begin_object()
        writer.field("addr", address)
        writer.field("func", name)
        writer.field("module", module or None)
        writer.field("cookie", cookie)
        writer.end()
    writer.end()


def _uprobe_multi_text(row: Link) -> str:
    details = row.details
    if not details["count"]:
        return ""
    out = f"\n\t{'uretprobe' if details['flags'] & _RETURN else 'uprobe'}.multi  "
    out += f"path {one_line(row.name)}  func_cnt {details['count']}  "
    out += f"pid {_signed(details['pid'])}  " if details["pid"] else ""
    out += f"\n\t{'offset':<16}   {'ref_ctr_offset':<16}   {'cookies':<16}"
    for offset, counter, cookie in row.rows:
        out += f"\n\t0x{offset:<16x} 0x{counter:<16x} 0x{cookie:<16x}"
    return out


def _uprobe_multi_json(writer: JsonWriter, row: Link) -> None:
    writer.field("retprobe", bool(row.details["flags"] & _RETURN))
    writer.field("path", row.name)
    writer.field("func_cnt", row.details["count"])
    writer.field("pid", _signed(row.details["pid"]))
    writer.name("funcs")
    writer.begin_array()
    for offset, counter, cookie in row.rows:
        writer.begin_object()
        writer.field("offset", offset)
        writer.field("ref_ctr_offset", counter)
        writer.field("cookie", cookie)
        writer.end()
    writer.end()


# ------------------------------------------------------------------------------------ perf events


def _perf_event_text(row: Link) -> str:
    part = PERF_EVENTS.get(row.details["type_of_event"], ("", ""))[0]
    details, cookie = row.details, row.details.get("cookie", 0)
    name = one_line(row.name)
    returns = "ret" if _returns(row) else ""
    if part == "event":
        type_, config = details["type"], details["config"]
        kind = names.EVENT_TYPES.get(type_)
        out = f"\n\tevent {kind}:" if kind else f"\n\tevent {type_} :"
        out += f"{names.event_config(type_, config) or config}  "
        return out + (f"cookie {cookie}  " if cookie else "")
    if part == "kprobe":
        if not name and not details["addr"]:
            return ""
        out = f"\n\tk{returns}probe "
        out += f"{details['addr']:x} " if details["addr"] else ""
        out += name + (f"+{details['offset']:#x}" if details["offset"] else "")
        out += f"  missed {details['missed']}" if details["missed"] else ""
        return out + (f"  cookie {cookie}" if cookie else "") + "  "
    if not name:
        return ""
    if part == "uprobe":
        offset = f"{details['offset']:#x}" if details["offset"] else "0"
        out = f"\n\tu{returns}probe {name}+{offset}  "
    else:
        out = f"\n\ttracepoint {name}  "
    return out + (f"cookie {cookie}  " if cookie else "")


def _returns(row: Link) -> bool:
    kind = row.details["type_of_event"]
    return kind in (BPF_PERF_EVENT_KRETPROBE, BPF_PERF_EVENT_URETPROBE)


def _perf_event_json(writer: JsonWriter, row: Link) -> None:
    part = PERF_EVENTS.get(row.details["type_of_event"], ("", ""))[0]
    details, field = row.details, writer.field
    if part == "event":
        type_, config = details["type"], details["config"]
        field("event_type", names.EVENT_TYPES.get(type_) or type_)
        field("event_config", names.event_config(type_, config) or config)
    elif part == "kprobe":
        field("retprobe", _returns(row))
        field("addr", details["addr"])
        field("func", row.name)
        field("offset", details["offset"])
        field("missed", details["missed"])
    elif part == "uprobe":
        field("retprobe", _returns(row))
        field("file", row.name)
        field("offset", details["offset"])
    elif part == "tracepoint":
        field("tracepoint", row.name)
    if part:
        field("cookie", details["cookie"])


TEXT: dict[str, Callable[[Link], str]] = {
    "raw_tracepoint": _raw_tracepoint_text,
    "tracing": _tracing_text,
    "cgroup": _attached_text("cgroup_id"),
    "iter": _iter_text,
    "netns": _attached_text("netns_ino"),
    "netfilter": _netfilter_text,
    "tcx": _on_device_text,
    "netkit": _on_device_text,
    "sockmap": _attached_text("map_id"),
    "xdp": _xdp_text,
    "kprobe_multi": _kprobe_multi_text,
    "uprobe_multi": _uprobe_multi_text,
    "perf_event": _perf_event_text,
}
JSON: dict[str, Callable[[JsonWriter, Link], None]] = {
    "raw_tracepoint": _raw_tracepoint_json,
    "tracing": _tracing_json,
    "cgroup": _attached_json("cgroup_id"),
    "iter": _iter_json,
    "netns": _attached_json("netns_ino"),
    "netfilter": _netfilter_json,
    "tcx": _on_device_json,
    "netkit": _on_device_json,
    "sockmap": _attached_json("map_id"),
    "xdp": _device_json,
    "struct_ops": _struct_ops_json,
    "kprobe_multi": _kprobe_multi_json,
    "uprobe_multi": _uprobe_multi_json,
    "perf_event": _perf_event_json,
}
