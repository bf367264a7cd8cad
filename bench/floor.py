"""The floor: the least that a program on `sys_exit_openat` with one ring record can cost.

    python -m bench.floor PID BYTES

In: the process to watch, the size of a record. Out: "attached" on standard output, then records
of zeros into a 2 MB ring, drained 5 ms after each wake-up, until SIGINT. Written in raw bpf()
calls and raw instructions (include/uapi/linux/bpf.h), so that it shares nothing with probee.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import select
import signal
import struct
import sys
import time

NR_BPF, NR_PERF_EVENT_OPEN = 321, 298
MAP_CREATE, PROG_LOAD, LINK_CREATE = 0, 5, 28
RINGBUF, TRACEPOINT_PROGRAM, PERF_EVENT_LINK = 27, 5, 41
GET_CURRENT_PID_TGID, RINGBUF_RESERVE, RINGBUF_SUBMIT = 14, 131, 132
RING = 2 << 20
PAUSE = 0.005

_libc = ctypes.CDLL(None, use_errno=True)


def _syscall(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"system call {number}: {os.strerror(code)}")
    return result


def _bpf(command: int, attr: bytes) -> int:
    buffer = ctypes.create_string_buffer(attr, len(attr))
    return _syscall(NR_BPF, command, buffer, len(attr))


def _insn(code: int, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> bytes:
    return struct.pack("<BBhi", code, src << 4 | dst, off, imm)


def program(pid: int, size: int, ring: int) -> bytes:
    """If the thread group is `pid`: reserve `size` bytes, submit them, return 0."""
    call, jump_not_equal, jump_equal = 0x85, 0x55, 0x15
    return b"".join([
        _insn(call, imm=GET_CURRENT_PID_TGID),
        _insn(0x77, 0, imm=32),  # r0 >>= 32
        _insn(jump_not_equal, 0, off=9, imm=pid),
        _insn(0x18, 1, 1, imm=ring),  # r1 = map, two slots
        _insn(0),
        _insn(0xB7, 2, imm=size),
        _insn(0xB7, 3, imm=0),
        _insn(call, imm=RINGBUF_RESERVE),
        _insn(jump_equal, 0, off=3, imm=0),
        _insn(0xBF, 1, 0),
        _insn(0xB7, 2, imm=0),
        _insn(call, imm=RINGBUF_SUBMIT),
        _insn(0xB7, 0, imm=0),
        _insn(0x95),
    ])  # fmt: skip


def attach(pid: int, size: int) -> tuple[int, list[int]]:
    """The ring's descriptor, and those that keep the program attached."""
    with open("/sys/kernel/tracing/events/syscalls/sys_exit_openat/id", encoding="ascii") as file:
        event = int(file.read())
    ring = _bpf(MAP_CREATE, struct.pack("<IIIII", RINGBUF, 0, 0, RING, 0))
    code = ctypes.create_string_buffer(program(pid, size, ring))
    license_text = ctypes.create_string_buffer(b"GPL")
    attr = struct.pack(
        "<IIQQIIQII16s", TRACEPOINT_PROGRAM, (len(code) - 1) // 8, ctypes.addressof(code),
        ctypes.addressof(license_text), 0, 0, 0, 0, 0, b"floor",
    )  # fmt: skip
    loaded = _bpf(PROG_LOAD, attr)
    # struct perf_event_attr: type 2 is PERF_TYPE_TRACEPOINT; 128 bytes is version 8's size.
    perf = ctypes.create_string_buffer(struct.pack("<IIQ", 2, 128, event), 128)
    opened = _syscall(NR_PERF_EVENT_OPEN, perf, -1, 0, -1, 8)
    link = _bpf(LINK_CREATE, struct.pack("<IIIIQ", loaded, opened, PERF_EVENT_LINK, 0, 0))
    return ring, [loaded, opened, link]


def drain_until_told(ring: int) -> None:
    """Move the consumer's position to the producer's, some milliseconds after each wake-up."""
    page = mmap.PAGESIZE
    consumer = memoryview(mmap.mmap(ring, page, mmap.MAP_SHARED)).cast("Q")
    producer = memoryview(
        mmap.mmap(ring, page, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
    ).cast("Q")  # fmt: skip
    poll = select.epoll()
    poll.register(ring, select.EPOLLIN)
    while True:
        poll.poll()
        time.sleep(PAUSE)
        consumer[0] = producer[0]


def main(words: list[str]) -> int:
    """Runs until SIGINT or SIGTERM; returns 0."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        ring, _held = attach(int(words[0]), int(words[1]))
        print("attached", flush=True)
        drain_until_told(ring)
    except KeyboardInterrupt:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
