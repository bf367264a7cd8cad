"""Fields of the tracepoints that probee.contexts has classes for, from the running kernel.

In: tracefs. Out: `category:name` -> rows of name, C type, size in bytes and sign (0 or 1), without
the fields that all tracepoints have.
"""

from __future__ import annotations

import os

from probee.host.tracefs import Tracefs

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


def source() -> str:
    """The kernel, without what its builder added to its version."""
    system = os.uname()
    version = system.release.partition("-")[0]
    return f"format files of {system.sysname} {version}, {system.machine}"
