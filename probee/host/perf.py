"""Perf events: of a tracepoint, by its number, or as the way out of a program's records.

A tracepoint's event counts one CPU's hits, which nobody reads: it is there because a program
attaches to a tracepoint through one. The program then runs on every CPU, whichever the event names.
Layouts and ioctl numbers: include/uapi/linux/perf_event.h.
"""

from __future__ import annotations

from sys import byteorder

from probee.host.syscall import perf_event_open

# What a tracepoint takes, of uapi.perf_event: that whole table is not for the way to a first row.
PERF_TYPE_TRACEPOINT = 2
PERF_ATTR_SIZE_VER0 = 64


def open_tracepoint(id: int, subject: str = "") -> int:
    """A perf event on tracepoint `id` of any process; it closes on exec."""
    return _open(_attributes(PERF_TYPE_TRACEPOINT, id), 0, subject)


def open_output(cpu: int, subject: str = "", *, timed: bool = False) -> int:
    """An event on `cpu` into whose buffer programs write, not enabled yet; it wakes at each record.

    What bpf_perf_event_output() wants: PERF_COUNT_SW_BPF_OUTPUT, and samples that are raw bytes;
    `timed`: before them the time.
    """
    from probee.uapi.perf_event import (
        PERF_COUNT_SW_BPF_OUTPUT,
        PERF_SAMPLE_RAW,
        PERF_SAMPLE_TIME,
        PERF_TYPE_SOFTWARE,
    )

    attributes = _attributes(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_BPF_OUTPUT)
    attributes[16:24] = (1).to_bytes(8, byteorder)  # sample_period: each one
    samples = PERF_SAMPLE_RAW | (PERF_SAMPLE_TIME if timed else 0)
    attributes[24:32] = samples.to_bytes(8, byteorder)
    attributes[48:52] = (1).to_bytes(4, byteorder)  # wakeup_events
    return _open(attributes, cpu, subject)


def open_samples(cpu: int, frequency: int) -> int:
    """An event that takes samples of what the kernel does on `cpu`, not enabled yet.

    So many a second, by the CPU's clock (PERF_COUNT_SW_CPU_CLOCK), which every machine has: the
    instruction and the stack in the kernel. Neither idling nor processes are sampled.
    """
    from probee.uapi.perf_event import (
        PERF_COUNT_SW_CPU_CLOCK,
        PERF_SAMPLE_CALLCHAIN,
        PERF_SAMPLE_IP,
        PERF_TYPE_SOFTWARE,
    )

    attributes = _attributes(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK)
    attributes[16:24] = frequency.to_bytes(8, byteorder)
    attributes[24:32] = (PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN).to_bytes(8, byteorder)
    attributes[40:48] = sum(1 << bit for bit in _SAMPLING).to_bytes(8, byteorder)
    return _open(attributes, cpu, f"samples of CPU {cpu}")


# disabled, exclude_user, exclude_hv, exclude_idle, freq, exclude_callchain_user: bits of
# struct perf_event_attr from its byte 40 on
_SAMPLING = (0, 4, 6, 7, 10, 22)


def _attributes(type_: int, config: int) -> bytearray:
    attributes = bytearray(PERF_ATTR_SIZE_VER0)
    attributes[0:4] = type_.to_bytes(4, byteorder)
    attributes[4:8] = PERF_ATTR_SIZE_VER0.to_bytes(4, byteorder)
    attributes[8:16] = config.to_bytes(8, byteorder)
    return attributes


def _open(attributes: bytearray, cpu: int, subject: str) -> int:
    fd = perf_event_open(attributes, -1, cpu)
    if fd < 0:
        from probee.host.causes import explain

        raise explain("perf_event_open", -fd, subject)
    return fd


def enable(event_fd: int, subject: str = "") -> None:
    """Lets the event count, or samples come through it."""
    from fcntl import ioctl

    from probee.uapi.perf_event import PERF_EVENT_IOC_ENABLE

    try:
        ioctl(event_fd, PERF_EVENT_IOC_ENABLE, 0)
    except OSError as error:
        from probee.host.causes import explain

        raise explain("ioctl(PERF_EVENT_IOC_ENABLE)", error.errno or 0, subject) from error


def attach_program(event_fd: int, prog_fd: int, subject: str = "") -> None:
    """Attaches the program to the event without a link, as kernels before 5.15 do it."""
    from fcntl import ioctl

    from probee.uapi.perf_event import PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_SET_BPF

    try:
        ioctl(event_fd, PERF_EVENT_IOC_SET_BPF, prog_fd)
        ioctl(event_fd, PERF_EVENT_IOC_ENABLE, 0)
    except OSError as error:
        from probee.host.causes import explain

        raise explain("ioctl(PERF_EVENT_IOC_SET_BPF)", error.errno or 0, subject) from error
