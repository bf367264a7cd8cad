"""Rows of programs made of literals, for what shows them."""

from __future__ import annotations

from typing import Any

from probee.introspect.running.attached import Attachment
from probee.introspect.running.holders import Holder
from probee.introspect.running.machine import Pin
from probee.introspect.running.table import Running


def running(id: int = 7, **changes: Any) -> Running:
    """A program that runs a thousand times a second, with some fields changed."""
    fields: dict[str, Any] = {
        "id": id, "type": "tracepoint", "name": "exit_openat", "tag": "00" * 8, "uid": 0,
        "loaded_at": 1_700_000_000,
        "attached": (Attachment("tracepoint", "syscalls:sys_exit_openat", link=3),),
        "holders": (Holder(42, "opensnoop", "program"), Holder(42, "opensnoop", "link")),
        "pins": (Pin("/sys/fs/bpf/x", "link"),),
        "runs_per_second": 1000.0, "ns_per_run": 500.0, "cpu_percent": 0.05,
        "missed_per_second": 0.0, "run_count": 5000, "run_time_ns": 2_500_000, "misses": 0,
        "memory": 4096, "maps_memory": 1 << 20, "map_ids": (1, 2),
    }  # fmt: skip
    return Running(**(fields | changes))
