"""`perf show`: rows of probee.introspect.loaded.perf_events as text and JSON.

The forms: bpftool gives a probe's place by function and offset where the kernel tells a function,
else by address.
"""

from __future__ import annotations

from probee.introspect.bpftool.shared import one_line
from probee.introspect.loaded.perf_events import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.host.queries import Traced
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.perf_events import Kind, Tracing

# The word before the name, in text, and the name's key in JSON, by what it is the name of.
_WORDS = {
    "tracepoint": ("", "tracepoint"),
    "function": ("func ", "func"),
    "file": ("filename ", "filename"),
}


def tracing_text(row: Tracing) -> str:
    """One line."""
    found = row.traced
    head = f"pid {row.process}  fd {row.fd}: prog_id {found.program}  "
    kind = KINDS.get(found.kind)
    if kind is None:
        return f"{head}\n"
    if _by_address(found, kind):
        return f"{head}{kind.name}  addr {found.address}\n"
    offset = "" if kind.of == "tracepoint" else f"  offset {found.offset}"
    return f"{head}{kind.name}  {_WORDS[kind.of][0]}{one_line(found.name)}{offset}\n"


def tracing_json(json: JsonWriter, row: Tracing) -> None:
    """One object."""
    found = row.traced
    json.begin_object()
    json.field("pid", row.process)
    json.field("fd", row.fd)
    json.field("prog_id", found.program)
    kind = KINDS.get(found.kind)
    if kind is not None:
        json.field("fd_type", kind.name)
        if _by_address(found, kind):
            json.field("addr", found.address)
        else:
            json.field(_WORDS[kind.of][1], found.name)
            if kind.of != "tracepoint":
                json.field("offset", found.offset)
    json.end()


def _by_address(found: Traced, kind: Kind) -> bool:
    return kind.of == "function" and not found.name
