"""A private mount namespace with tracefs in it, which the peers need and probee does not.

In: root. Out: this process alone (and its children) sees the mount; nothing is left afterwards.
"""

from __future__ import annotations

import ctypes
import os
import platform

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
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
