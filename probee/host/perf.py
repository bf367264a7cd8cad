"""Perf events of tracepoints: a tracepoint's number in, a descriptor out.

The event counts one CPU's hits, which nobody reads: it is there because a program attaches to a
tracepoint through one. The program then runs on every CPU, whichever the event names.
Layouts and ioctl numbers: include/uapi/linux/perf_event.h.
"""

from __future__ import annotations

from sys import byteorder

from probee.host.syscall import perf_event_open
from probee.uapi.perf_event import (
    PERF_ATTR_SIZE_VER0,
    PERF_EVENT_IOC_ENABLE,
    PERF_EVENT_IOC_SET_BPF,
    PERF_TYPE_TRACEPOINT,
)


def open_tracepoint(id: int, subject: str = "") -> int:
    """A perf event on tracepoint `id` of any process; it closes on exec."""
    attributes = bytearray(PERF_ATTR_SIZE_VER0)
    attributes[0:4] = PERF_TYPE_TRACEPOINT.to_bytes(4, byteorder)
    attributes[4:8] = PERF_ATTR_SIZE_VER0.to_bytes(4, byteorder)
    attributes[8:16] = id.to_bytes(8, byteorder)
    fd = perf_event_open(attributes, -1, 0)
    if fd < 0:
        from probee.host.causes import explain

        raise explain("perf_event_open", -fd, subject)
    return fd


def attach_program(event_fd: int, prog_fd: int, subject: str = "") -> None:
    """Attaches the program to the event without a link, as kernels before 5.15 do it."""
    from fcntl import ioctl

    try:
        ioctl(event_fd, PERF_EVENT_IOC_SET_BPF, prog_fd)
        ioctl(event_fd, PERF_EVENT_IOC_ENABLE, 0)
    except OSError as error:
        from probee.host.causes import explain

        raise explain("ioctl(PERF_EVENT_IOC_SET_BPF)", error.errno or 0, subject) from error
