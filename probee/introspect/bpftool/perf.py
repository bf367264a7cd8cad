"""`perf show`: rows of probee.introspect.loaded.perf_events as text and JSON.

The forms: bpftool gives a probe's place by function and offset where the kernel tells a function,
else by address.
"""

from __future__ import annotations

from probee.introspect.bpftool.shared import one_line
from probee.uapi.bpf_flags import (
    BPF_FD_TYPE_KPROBE,
    BPF_FD_TYPE_KRETPROBE,
    BPF_FD_TYPE_RAW_TRACEPOINT,
    BPF_FD_TYPE_TRACEPOINT,
    BPF_FD_TYPE_UPROBE,
    BPF_FD_TYPE_URETPROBE,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.host.queries import Traced
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.perf_events import Tracing

# What the kernel calls it, and what its name is the name of: in text, in JSON.
_KINDS = {
    BPF_FD_TYPE_RAW_TRACEPOINT: ("raw_tracepoint", "", "tracepoint"),
    BPF_FD_TYPE_TRACEPOINT: ("tracepoint", "", "tracepoint"),
    BPF_FD_TYPE_KPROBE: ("kprobe", "func ", "func"),
    BPF_FD_TYPE_KRETPROBE: ("kretprobe", "func ", "func"),
    BPF_FD_TYPE_UPROBE: ("uprobe", "filename ", "filename"),
    BPF_FD_TYPE_URETPROBE: ("uretprobe", "filename ", "filename"),
}


def tracing_text(row: Tracing) -> str:
    """One line."""
    found = row.traced
    head = f"pid {row.process}  fd {row.fd}: prog_id {found.program}  "
    kind, word, name = _KINDS.get(found.kind, ("", "", ""))
    if not kind:
        return f"{head}\n"
    if _by_address(found, name):
        return f"{head}{kind}  addr {found.address}\n"
    offset = "" if name == "tracepoint" else f"  offset {found.offset}"
    return f"{head}{kind}  {word}{one_line(found.name)}{offset}\n"


def tracing_json(json: JsonWriter, row: Tracing) -> None:
    """One object."""
    found = row.traced
    json.begin_object()
    json.field("pid", row.process)
    json.field("fd", row.fd)
    json.field("prog_id", found.program)
    kind, _, name = _KINDS.get(found.kind, ("", "", ""))
    if kind:
        json.field("fd_type", kind)
        if _by_address(found, name):
            json.field("addr", found.address)
        else:
            json.field(name, found.name)
            if name != "tracepoint":
                json.field("offset", found.offset)
    json.end()


def _by_address(found: Traced, name: str) -> bool:
    return name == "func" and not found.name
