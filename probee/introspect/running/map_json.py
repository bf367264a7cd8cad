"""A watched map as JSON: a document for each look, under the schema of docs/json.md.

In: changes. Out: text. Keys and values are decoded by BTF, each map's always to the same types: an
enumerator is a text even where it has no name.
"""

from __future__ import annotations

from math import isfinite
from time import time

from probee.errors import FormatError
from probee.frame.document import Absent, document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from probee.introspect.loaded.maps import Map
    from probee.introspect.running.map_watch import Change, Watch


def look(row: Map, watch: Watch, rows: Sequence[Change], *, first: bool, line: bool) -> str:
    """All elements at first, later what changed; `line`: on one line."""
    about = {
        "id": row.id,
        "type": row.type_name or f"type {row.type}",
        "name": row.name,
        "per_cpu": row.per_cpu,
        "typed": watch.typed,
    }
    made = [_row(watch, change, first=first) for change in rows if first or change.state]
    return document(
        "map watch",
        made,
        line=line,
        map=about,
        time=round(time(), 3),
        seconds=round(watch.seconds, 6),
        elements=watch.count,
        whole=watch.whole,
        unread=watch.unread[0],
        changed=watch.changed,
    )


def _row(watch: Watch, change: Change, *, first: bool) -> dict[str, Any]:
    return {
        "state": "there" if first else change.state,
        "key": _decoded(watch.decoder.exact_key, change.key_bytes),
        "value": _decoded(watch.decoder.exact_value, change.value_bytes),
        "rates": [
            {"field": path, "per_second": round(rate, 4)}
            for path, rate in change.rates
            if isfinite(rate)
        ],
        "key_bytes": change.key_bytes.hex(),
        "value_bytes": change.value_bytes.hex(),
    }


def _decoded(decode: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return _plain(decode(data))
    except FormatError:
        return Absent("its bytes are no value of its type")


def _plain(value: Any) -> Any:
    """Bytes as hexadecimal text; a float that JSON has no word for is absent."""
    match value:
        case bytes():
            return value.hex()
        case float():
            return (
                value if isfinite(value) else Absent(f"it is {value}, which JSON has no word for")
            )
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case _:
            return value
