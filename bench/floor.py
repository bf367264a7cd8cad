"""The floor: the least that a program on `sys_exit_openat` with one ring record can cost.

    python -m bench.floor pid|uid NUMBER BYTES

In: the process or the user to watch, the size of a record. Out: "attached" on standard output, then
records into a 2 MB ring, until SIGINT. Nothing is written into a record. Its reader does what every
reader must: it sleeps until it is woken, waits 5 ms, reads all bytes that stand there, gives the
space back. Written in raw bpf() calls and raw instructions (include/uapi/linux/bpf.h), so that it
shares nothing with probee.
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
MAP_CREATE, PROG_LOAD, MAP_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD, LINK_CREATE = 0, 5, 14, 15, 28
RINGBUF, TRACEPOINT_PROGRAM, PERF_EVENT_LINK = 27, 5, 41
GET_CURRENT_PID_TGID, GET_CURRENT_UID_GID = 14, 15
RINGBUF_RESERVE, RINGBUF_SUBMIT = 131, 132
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


def map_by_id(number: int) -> tuple[int, int]:
    """A descriptor of the map with that id, and its type."""
    fd = _bpf(MAP_GET_FD_BY_ID, struct.pack("<III", number, 0, 0))
    info = ctypes.create_string_buffer(16)  # struct bpf_map_info begins with the type
    _bpf(OBJ_GET_INFO_BY_FD, struct.pack("<IIQ", fd, len(info), ctypes.addressof(info)))
    return fd, struct.unpack_from("<I", info)[0]


def program(kind: str, number: int, size: int, ring: int) -> bytes:
    """If the thread group or the user is `number`: reserve `size` bytes, submit them, return 0."""
    call, jump_not_equal, jump_equal = 0x85, 0x55, 0x15
    return b"".join([
        _insn(call, imm=GET_CURRENT_PID_TGID if kind == "pid" else GET_CURRENT_UID_GID),
        _insn(0x77, 0, imm=32) if kind == "pid" else _insn(0xBC, 0, 0),  # r0 >>= 32, or w0 = w0
        _insn(jump_not_equal, 0, off=9, imm=number),
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


def attach(kind: str, number: int, size: int) -> tuple[int, list[int]]:
    """The ring's descriptor, and those that keep the program attached."""
    with open("/sys/kernel/tracing/events/syscalls/sys_exit_openat/id", encoding="ascii") as file:
        event = int(file.read())
    ring = _bpf(MAP_CREATE, struct.pack("<IIIII", RINGBUF, 0, 0, RING, 0))
    code = ctypes.create_string_buffer(program(kind, number, size, ring))
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
    """Some milliseconds after each wake-up: read what stands there, and give the space back."""
    page = mmap.PAGESIZE
    consumer = memoryview(mmap.mmap(ring, page, mmap.MAP_SHARED)).cast("Q")
    # The producer's page, and the data twice in a row.
    shown = memoryview(
        mmap.mmap(ring, page + 2 * RING, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
    )
    producer, data = shown[:8].cast("Q"), shown[page:]
    poll = select.epoll()
    poll.register(ring, select.EPOLLIN)
    while True:
        poll.poll()
        time.sleep(PAUSE)
        begin, end = consumer[0], producer[0]
        bytes(data[begin % RING : begin % RING + end - begin])
        consumer[0] = end


def main(words: list[str]) -> int:
    """Runs until SIGINT or SIGTERM; returns 0."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        ring, _held = attach(words[0], int(words[1]), int(words[2]))
        print("attached", flush=True)
        drain_until_told(ring)
    except KeyboardInterrupt:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
