"""A private mount namespace with tracefs in it, which the peers need and probee does not.

In: root. Out: this process alone (and its children) sees the mount; nothing is left afterwards.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import subprocess
import time

from scripts import oracles

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
TRACING = ("kprobe", "perf_event", "raw_tracepoint", "tracepoint", "tracing")
MOUNTS = (("tracefs", "/sys/kernel/tracing"), ("debugfs", "/sys/kernel/debug"))


def _checked(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def enter() -> None:
    """Leave the machine's mount namespace for one of our own, with tracefs and debugfs."""
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.unshare(CLONE_NEWNS), "unshare")
    _checked(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate /")
    for kind, point in MOUNTS:
        if not os.path.isdir(point) or os.path.ismount(point):
            continue
        name = kind.encode()
        _checked(libc.mount(name, point.encode(), name, 0, None), f"mount {kind}")


def wait_until_alone(patience: float = 10.0) -> bool:
    """Whether nobody traces here; waits for it. One tracer of system calls slows all processes."""
    bpftool = oracles.find("bpftool")
    deadline = time.monotonic() + patience
    while bpftool is not None:
        command = [bpftool, "-j", "prog", "show"]
        text = subprocess.run(command, capture_output=True, check=True).stdout
        if not any(row.get("type") in TRACING for row in json.loads(text or "[]")):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def machine() -> dict[str, str]:
    """What the numbers were measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {
        "kernel": platform.release(),
        "cpu": models[0] if models else platform.machine(),
        "cpus": str(len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
    }
