"""Where a perf event calls its program: what BPF_TASK_FD_QUERY says in, an `Attachment` out."""

from __future__ import annotations

from probee.introspect.running.attached import Attachment, place, user_place
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
    from probee.introspect.running.names import Names

_KINDS = {
    BPF_FD_TYPE_RAW_TRACEPOINT: "raw_tracepoint",
    BPF_FD_TYPE_TRACEPOINT: "tracepoint",
    BPF_FD_TYPE_KPROBE: "kprobe",
    BPF_FD_TYPE_KRETPROBE: "kretprobe",
    BPF_FD_TYPE_UPROBE: "uprobe",
    BPF_FD_TYPE_URETPROBE: "uretprobe",
}
_USER = (BPF_FD_TYPE_UPROBE, BPF_FD_TYPE_URETPROBE)


def traced_at(event: Traced, names: Names) -> Attachment:
    """The place."""
    kind = _KINDS.get(event.kind, "perf_event")
    if event.kind == BPF_FD_TYPE_TRACEPOINT:
        target = names.tracepoint(event.name)
    elif event.kind in _USER:
        symbol = names.user(event.name, event.offset)
        target = user_place(event.name, event.offset, symbol)
    elif event.name:
        target = place(event.name, event.offset)
    else:
        target = names.function(event.address)
    return Attachment(kind, target, "", "perf event")
