"""System calls that the standard library has no function for: bpf(), perf events, the mount API.

In: integers and buffers. Out: the kernel's own answer, a result of 0 or more, or minus an errno.
Nothing here raises for a failed call: the callers know what an errno means where they stand.

`_ctypes` is used directly, because `ctypes` around it takes 2.5 ms to import and all that is
needed of it is one function pointer. Numbers: arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h, Linux 6.12.
"""

from __future__ import annotations

import sys
from _ctypes import (
    FUNCFLAG_CDECL,
    FUNCFLAG_USE_ERRNO,
    CFuncPtr,
    _SimpleCData,
    addressof,
    dlopen,
    dlsym,
    get_errno,
)
from os import uname

from probee.errors import NotSupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap

    _Simple = _SimpleCData[int]
else:
    _Simple = _SimpleCData

# machine: bpf, perf_event_open, fsopen, fsconfig, fsmount, membarrier, open_by_handle_at, capget,
# capset, pidfd_getfd
_NUMBERS = {
    "x86_64": (321, 298, 430, 431, 432, 324, 304, 125, 126, 438),
    "aarch64": (280, 241, 430, 431, 432, 283, 265, 90, 91, 438),
}

_PERF_FLAG_FD_CLOEXEC = 8
_FSOPEN_CLOEXEC = 1
_FSMOUNT_CLOEXEC = 1
_FSCONFIG_CMD_CREATE = 6
_MEMBARRIER_CMD_GLOBAL = 1
_FILEID_KERNFS = 0xFE  # include/linux/exportfs.h


class _Long(_Simple):
    _type_ = "l"


class _Char(_Simple):
    _type_ = "c"


class _Function(CFuncPtr):
    _flags_ = FUNCFLAG_CDECL | FUNCFLAG_USE_ERRNO
    _restype_ = _Long


class _FourNumbers(CFuncPtr):
    """The same for calls of three arguments, whose numbers ctypes turns into longs by itself."""

    _flags_ = FUNCFLAG_CDECL | FUNCFLAG_USE_ERRNO
    _restype_ = _Long
    _argtypes_ = (_Long, _Long, _Long, _Long)


# Of the C library that the interpreter itself has: no name to guess, no file to look for.
_PLACE = dlsym(dlopen(None, 0), "syscall")  # type: ignore[arg-type]
_syscall = _Function(_PLACE)
_syscall3 = _FourNumbers(_PLACE)
_MACHINE = uname().machine


def _numbers() -> tuple[int, ...]:
    machine = _MACHINE
    if machine not in _NUMBERS or sys.maxsize < 1 << 32:
        bits = "64" if sys.maxsize >> 32 else "32"
        raise NotSupportedError(
            f"loading programs from a {bits}-bit Python on {machine}",
            hint="probee loads programs on x86_64 and aarch64, from a 64-bit Python",
        )
    return _NUMBERS[machine]


def address(buffer: bytearray | mmap) -> int:
    """Where the bytes of `buffer` stand, 0 if it is empty.

    Good for as long as the caller keeps the buffer and does not resize it.
    """
    return addressof(_Char.from_buffer(buffer)) if len(buffer) else 0


def _call(index: int, *arguments: int) -> int:
    """Each argument goes as a C long: an int through `...` would leave its upper half undefined."""
    result: int = _syscall(_Long(_numbers()[index]), *[_Long(value) for value in arguments])
    return -get_errno() if result < 0 else result


def bpf(command: int, attributes: bytearray, size: int) -> int:
    """bpf(2). The kernel may write its answers into `attributes`; it reads `size` bytes of them."""
    result: int = _syscall3(_numbers()[0], command, address(attributes), size)
    return -get_errno() if result < 0 else result


class PreparedBpf:
    """A bpf() call that is made again and again with the same buffer, whose contents may change.

    A call takes 1 us less than `bpf`, which matters to what asks hundreds of times a second.
    """

    __slots__ = ("_arguments", "attributes")

    def __init__(self, command: int, attributes: bytearray, size: int) -> None:
        self.attributes = attributes
        values = (_numbers()[0], command, address(attributes), size)
        self._arguments = tuple(map(_Long, values))

    def __call__(self) -> int:
        """A result of 0 or more, or minus an errno."""
        result: int = _syscall(*self._arguments)
        return -get_errno() if result < 0 else result


def perf_event_open(attributes: bytearray, pid: int, cpu: int) -> int:
    """perf_event_open(2) without a group; the descriptor closes on exec."""
    return _call(1, address(attributes), pid, cpu, -1, _PERF_FLAG_FD_CLOEXEC)


def open_filesystem(kind: str) -> int:
    """Mounts file system `kind` where no path leads to it; a descriptor of its root directory.

    fsopen(2), fsconfig(2), fsmount(2), Linux 5.2. Closing the descriptor takes it away again.
    """
    from os import close

    name = bytearray(kind.encode() + b"\0")
    context = _call(2, address(name), _FSOPEN_CLOEXEC)
    if context < 0:
        return context
    try:
        created = _call(3, context, _FSCONFIG_CMD_CREATE, 0, 0, 0)
        return created if created < 0 else _call(4, context, _FSMOUNT_CLOEXEC, 0)
    finally:
        close(context)


def wait_for_grace_period() -> int:
    """Returns when every program that now runs on another CPU has ended; 6 to 14 ms on Linux 6.18.

    membarrier(2), Linux 4.3, which is a synchronize_rcu() (kernel/sched/membarrier.c). It waits for
    no program that may sleep. -EINVAL where CPUs run without a tick (nohz_full).
    """
    return _call(5, _MEMBARRIER_CMD_GLOBAL, 0, 0)


def open_by_id(mount: int, id: int, flags: int) -> int:
    """A descriptor of the file with inode number `id` on a kernfs: a cgroup by its id.

    open_by_handle_at(2) with a handle of 8 bytes, Linux 5.5; `mount` is any open file of that file
    system. -ESTALE where there is no such file (any more).
    """
    header = (8).to_bytes(4, sys.byteorder) + _FILEID_KERNFS.to_bytes(4, sys.byteorder)
    handle = bytearray(header + id.to_bytes(8, sys.byteorder))
    return _call(6, mount, address(handle), flags)


def descriptor_of(process: int, fd: int) -> int:
    """A descriptor of our own of what `fd` is in a process, given by its pidfd; closes on exec.

    pidfd_getfd(2), Linux 5.6: for those who may trace the process (ptrace(2)), which is not stopped
    by it.
    """
    return _call(9, process, fd, 0)


def capabilities(header: bytearray, data: bytearray, *, change: bool) -> int:
    """capget(2), or capset(2) to change them."""
    return _call(8 if change else 7, address(header), address(data))
