"""Fields of the tracepoints that probee.contexts has classes for, from the running kernel.

In: tracefs and the kernel's BTF. Out: `category:name` -> rows of name, C type, size in bytes and
sign (0 or 1), without the fields that all tracepoints have; the class of each event whose class is
called otherwise than the event; the arguments of the same events as raw tracepoints.
"""

from __future__ import annotations

import os

from probee.btf import kinds
from probee.btf.types import Struct
from probee.host.facts import RunningKernel
from probee.host.tracefs import Tracefs

RECORD = "trace_event_raw_"  # of the struct of a class's record

# What tools are written over on any machine; drivers and file systems have their own.
CATEGORIES = ("block", "exceptions", "irq", "net", "oom", "raw_syscalls", "sched", "signal", "skb",
              "sock", "syscalls", "task", "tcp", "udp")  # fmt: skip
COMMON_BYTES = 8


def tracepoints() -> dict[str, list[list[object]]]:
    """The rows of every tracepoint in those categories."""
    found: dict[str, list[list[object]]] = {}
    with Tracefs() as tracefs:
        for category in CATEGORIES:
            for name in tracefs.events(category):
                format_ = tracefs.format(category, name)
                if format_ is not None:
                    found[f"{category}:{name}"] = [
                        [f.name, f.type, f.size, int(f.signed)]
                        for f in format_.fields
                        if f.offset >= COMMON_BYTES
                    ]
    return found


def classes(found: dict[str, list[list[object]]]) -> dict[str, str]:
    """The class of each event that has none of its own.

    The kernel does not say it, so it is the class whose record has just the event's fields, and
    that is no event's own. ValueError where that is not one.
    """
    with RunningKernel() as kernel:
        records = _records(kernel)
    own = {hook.partition(":")[2] for hook in found}
    classes = {}
    for hook, rows in found.items():
        category, _, name = hook.partition(":")
        if category == "syscalls" or name in records:
            continue
        fields = [(_member(str(row[0]), str(row[1])), row[2]) for row in rows]
        (classes[hook],) = [c for c, record in records.items() if record == fields and c not in own]
    return classes


def _records(kernel: RunningKernel) -> dict[str, list[tuple[str, int]]]:
    """Names and sizes of the fields of each class's record."""
    btf = kernel.btf
    records = {}
    for id in range(1, len(btf)):
        if btf.kind(id) == kinds.STRUCT and btf.name(id).startswith(RECORD):
            record = btf.type(id)
            assert isinstance(record, Struct)
            records[record.name.removeprefix(RECORD)] = [
                (m.name, btf.size_of(m.type))
                for m in record.members[1:]  # behind struct trace_entry
                if m.name != "__data"
            ]
    return records


def _member(name: str, type_: str) -> str:
    """What the record calls a field."""
    for kind in ("__data_loc", "__rel_loc"):
        if kind in type_:
            return f"{kind}_{name}"
    return name


def raw(found: dict[str, list[list[object]]]) -> dict[str, list[list[object]]]:
    """Name, kind, size, sign and target of each argument of the raw tracepoint behind an event."""
    arguments = {}
    with RunningKernel() as kernel:
        for hook in found:
            category, _, name = hook.partition(":")
            rows = None if category == "syscalls" else kernel.raw_tracepoint(name)
            if rows is not None:
                arguments[name] = [[r.name, r.kind, r.size, int(r.signed), r.target] for r in rows]
    return arguments


def source() -> str:
    """The kernel, without what its builder added to its version."""
    system = os.uname()
    version = system.release.partition("-")[0]
    return f"format files of {system.sysname} {version}, {system.machine}"
