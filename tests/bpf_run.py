"""The least that it takes to run a program in the kernel: bpf() by ctypes, no part of probee.

In: `Code` of the code generator, contents for its data maps. Out: a `Program` whose `run(context)`
gives the result and the context as the program left it. Programs are of type `syscall`: their
context is a buffer of ours that they may read and write (Linux 5.14). An older kernel runs them as
socket filters that begin by taking the value of a map for their context.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Self

from probee.compiler.codegen import Code

BPF_MAP_CREATE, BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_PROG_LOAD, BPF_PROG_TEST_RUN = (
    0, 1, 2, 5, 10,
)  # fmt: skip
BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SYSCALL = 1, 31
BPF_PSEUDO_MAP_VALUE = 2
BPF_F_SLEEPABLE = 1 << 4
BPF_MAP_TYPE_ARRAY = 2
CONTEXT = "(context)"  # the map that holds it for a socket filter
CONTEXT_SIZE = 4096
PACKET = 14  # the least that a socket filter runs on
NR_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The kernel did not take the program; the message ends with the verifier's log."""


def bpf(command: int, attr: bytes) -> int:
    buffer = ctypes.create_string_buffer(attr, max(len(attr), 128))
    result: int = _libc.syscall(NR_BPF, command, buffer, len(buffer))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _pointer(buffer: ctypes.Array[ctypes.c_char]) -> int:
    return ctypes.addressof(buffer)


class DataMap:
    """An array of one element, as data sections are."""

    def __init__(self, contents: bytes) -> None:
        self.size = len(contents)
        self.fd = bpf(BPF_MAP_CREATE, struct.pack("=5I", BPF_MAP_TYPE_ARRAY, 4, self.size, 1, 0))
        self.contents = contents

    @property
    def contents(self) -> bytes:
        return self._transfer(BPF_MAP_LOOKUP_ELEM, bytes(self.size))

    @contents.setter
    def contents(self, contents: bytes) -> None:
        self._transfer(BPF_MAP_UPDATE_ELEM, contents)

    def _transfer(self, command: int, contents: bytes) -> bytes:
        key = ctypes.create_string_buffer(4)
        value = ctypes.create_string_buffer(contents, self.size)
        bpf(command, struct.pack("=I4xQQQ", self.fd, _pointer(key), _pointer(value), 0))
        return value.raw


class Program:
    """A loaded program and its maps; close it."""

    def __init__(self, code: Code, data: Mapping[str, bytes] | None = None) -> None:
        self.maps = {name: DataMap(contents) for name, contents in (data or {}).items()}
        self.fd = -1
        try:
            if not syscall_programs():
                self.maps[CONTEXT] = DataMap(bytes(CONTEXT_SIZE))
            self._load(code)
        except BaseException:
            self.close()
            raise

    def _load(self, code: Code) -> None:
        slots = bytearray(code.code)
        for reloc in code.relocs:
            struct.pack_into("=i", slots, 8 * reloc.insn + 4, self.maps[reloc.symbol].fd)
        if CONTEXT in self.maps:  # r1 = the address of the map's value
            fd, source = self.maps[CONTEXT].fd, BPF_PSEUDO_MAP_VALUE << 4
            slots[:0] = struct.pack("=BBhiBBhi", 0x18, source | 1, 0, fd, 0, 0, 0, 0)
        try:
            self.fd = load(bytes(slots))
        except OSError as error:
            log = ctypes.create_string_buffer(1 << 24)
            try:
                self.fd = load(bytes(slots), log)
            except OSError:
                text = log.value.decode(errors="replace")
                raise Refused(f"{error}\n{text[-6000:]}") from None

    def run(self, context: bytes) -> tuple[int, bytes]:
        """The result (32 bits), and the context afterwards."""
        given = ctypes.create_string_buffer(context, len(context))
        if CONTEXT not in self.maps:
            return self._test_run(40, given), given.raw
        held = self.maps[CONTEXT]
        held.contents = context.ljust(CONTEXT_SIZE, b"\0")
        packet = ctypes.create_string_buffer(PACKET)
        return self._test_run(8, packet), held.contents[: len(context)]

    def _test_run(self, at: int, given: ctypes.Array[ctypes.c_char]) -> int:
        """A run with `given` as what the attributes at `at` describe: packet or context."""
        attr = bytearray(128)
        struct.pack_into("=I", attr, 0, self.fd)
        struct.pack_into("=I4xQ", attr, at, len(given), _pointer(given))
        out = ctypes.create_string_buffer(bytes(attr), len(attr))
        if _libc.syscall(NR_BPF, BPF_PROG_TEST_RUN, out, len(out)) < 0:
            raise OSError(ctypes.get_errno(), "BPF_PROG_TEST_RUN")
        result: int = struct.unpack_from("=I", out, 4)[0]
        return result

    def close(self) -> None:
        for fd in (self.fd, *(m.fd for m in self.maps.values())):
            if fd >= 0:
                os.close(fd)
        self.fd, self.maps = -1, {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load(code: bytes, log: ctypes.Array[ctypes.c_char] | None = None) -> int:
    """The descriptor of a program of type `syscall`, or of a socket filter if there are none."""
    return _load(code, log, syscall=syscall_programs())


@cache
def syscall_programs() -> bool:
    """Whether this kernel has programs of type `syscall`."""
    try:
        os.close(_load(struct.pack("=BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0), None, syscall=True))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return False
    return True


def _load(code: bytes, log: ctypes.Array[ctypes.c_char] | None, *, syscall: bool) -> int:
    insns = ctypes.create_string_buffer(code, len(code))
    license_ = ctypes.create_string_buffer(b"GPL")
    attr = struct.pack(
        "=IIQQIIQII16s",
        BPF_PROG_TYPE_SYSCALL if syscall else BPF_PROG_TYPE_SOCKET_FILTER,
        len(code) // 8,
        _pointer(insns),
        _pointer(license_),
        1 if log else 0,
        len(log) if log else 0,
        _pointer(log) if log else 0,
        0,
        BPF_F_SLEEPABLE if syscall else 0,
        b"codegen_test",
    )
    return bpf(BPF_PROG_LOAD, attr)


def words(context: bytes) -> Sequence[int]:
    """The context as 64-bit numbers."""
    return struct.unpack(f"={len(context) // 8}Q", context)
