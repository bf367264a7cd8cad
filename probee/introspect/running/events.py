"""Where a perf event calls its program: what BPF_TASK_FD_QUERY says in, an `Attachment` out."""

from __future__ import annotations

from probee.introspect.loaded.perf_events import KINDS
from probee.introspect.running.attached import Attachment, place, user_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.host.queries import Traced
    from probee.introspect.running.names import Names


def traced_at(event: Traced, names: Names) -> Attachment:
    """The place."""
    kind = KINDS.get(event.kind)
    if kind is not None and kind.name == "tracepoint":
        target = names.tracepoint(event.name)
    elif kind is not None and kind.of == "file":
        symbol = names.user(event.name, event.offset)
        target = user_place(event.name, event.offset, symbol)
    elif event.name:
        target = place(event.name, event.offset)
    else:
        target = names.function(event.address)
    return Attachment(kind.name if kind else "perf_event", target, "", "perf event")
