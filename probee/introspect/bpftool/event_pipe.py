"""`map event_pipe`: records of probee.introspect.loaded.event_pipe as text and JSON."""

from __future__ import annotations

from probee.introspect.bpftool.element_forms import hexadecimal
from probee.uapi.perf_event import PERF_RECORD_LOST, PERF_RECORD_SAMPLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.event_pipe import Record

_SECOND = 1_000_000_000


def record_text(row: Record) -> str:
    """A line with time and CPU and the bytes below it; one line about lost records."""
    if row.kind == PERF_RECORD_SAMPLE:
        seconds, rest = divmod(row.time, _SECOND)
        head = f"== @{seconds}.{rest:09} CPU: {row.cpu} index: {row.index} =====\n"
        return f"{head}{hexadecimal(row.data)}\n"
    if row.kind == PERF_RECORD_LOST:
        return f"lost {row.lost} events\n"
    return f"unknown event type={row.kind} size={row.size}\n"


def record_json(json: JsonWriter, row: Record) -> None:
    """One object."""
    json.begin_object()
    json.field("type", row.kind)
    json.field("cpu", row.cpu)
    json.field("index", row.index)
    if row.kind == PERF_RECORD_SAMPLE:
        json.field("timestamp", row.time)
        json.name("data")
        json.begin_array()
        for byte in row.data:
            json.raw(str(byte))
        json.end()
    elif row.kind == PERF_RECORD_LOST:
        json.name("lost")
        json.begin_object()
        json.field("id", row.event)
        json.field("count", row.lost)
        json.end()
    json.end()
