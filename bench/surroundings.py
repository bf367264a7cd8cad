"""A private mount namespace with tracefs in it, which the peers need and probee does not.

In: root. Out: this process alone (and its children) sees the mount; nothing is left afterwards.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from scripts import oracles

if TYPE_CHECKING:
    from pathlib import Path

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
TRACING = ("kprobe", "perf_event", "raw_tracepoint", "tracepoint", "tracing")
MOUNTS = (("tracefs", "/sys/kernel/tracing"), ("debugfs", "/sys/kernel/debug"))


_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def mount(source: str, point: Path | str, kind: str = "", flags: int = 0) -> None:
    """mount(2). Raises OSError."""
    words = source.encode(), os.fsencode(point), kind.encode() or None, flags, None
    _checked(_libc.mount(*words), f"mount {source} at {point}")


def unmount(point: Path | str) -> None:
    """umount2(2), at once for those who look for it anew. Raises OSError."""
    _checked(_libc.umount2(os.fsencode(point), MNT_DETACH), f"umount {point}")


def enter() -> None:
    """Leave the machine's mount namespace for one of our own, with tracefs and debugfs."""
    _checked(_libc.unshare(CLONE_NEWNS), "unshare")
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    for kind, point in MOUNTS:
        if os.path.isdir(point) and not os.path.ismount(point):
            mount(kind, point, kind)


def end_children() -> None:
    """Nothing that this process started goes on without it."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        for pid in map(int, file.read().split()):
            os.kill(pid, signal.SIGKILL)


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
