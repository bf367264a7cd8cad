"""What BPF objects, pins, mounts and child processes exist, seen without probee.

In: nothing but this machine.
Out: `Snapshot.take()`, and `leaks(before)`: sentences about what is new and nobody else's.

The ids come from raw bpf() calls (enum bpf_cmd and the bpf_*_info structs of
include/uapi/linux/bpf.h), so that a fault of probee's own encoder cannot hide a leak. Other
processes of this machine may load and free programs at the same moment: an object that an
unrelated process holds, directly or through its programs, maps and links, is not held against
the test.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import struct
import time
from typing import NamedTuple

NR_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
# kind -> (GET_NEXT_ID, GET_FD_BY_ID).
COMMANDS = {"prog": (11, 13), "map": (12, 14), "btf": (23, 19), "link": (31, 30)}
GET_INFO_BY_FD, TASK_FD_QUERY = 15, 20
INFO_SIZE = 232
MAX_MAPS = 64

Thing = tuple[str, int]  # kind, id
_libc = ctypes.CDLL(None, use_errno=True)


def bpf(command: int, attr: bytes) -> tuple[int, bytes]:
    """One bpf() call: its result, and the attributes as the kernel left them, or OSError."""
    buffer = ctypes.create_string_buffer(attr, len(attr))
    result = _libc.syscall(NR_BPF, command, buffer, len(attr))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result, buffer.raw


def ids(kind: str) -> frozenset[int]:
    """The ids of every object of `kind` in the kernel. OSError without CAP_SYS_ADMIN."""
    found: list[int] = []
    here = 0
    while True:
        try:
            _, attr = bpf(COMMANDS[kind][0], struct.pack("<III", here, 0, 0))
        except FileNotFoundError:
            return frozenset(found)
        here = struct.unpack_from("<I", attr, 4)[0]
        found.append(here)


def why_no_bpf() -> str:
    """A sentence on why kernel tests cannot run here, or "" if they can."""
    if os.geteuid() != 0:
        return "needs root"
    try:
        ids("prog")
    except OSError as error:
        return f"bpf() is refused: {error.strerror}"
    return ""


def _info(thing: Thing) -> tuple[bytes, tuple[int, ...]]:
    """The object's bpf_*_info and a program's map ids; zeros if it is gone by now."""
    kind, number = thing
    maps = (ctypes.c_uint32 * MAX_MAPS)()
    info = ctypes.create_string_buffer(INFO_SIZE)
    if kind == "prog":
        struct.pack_into("<IQ", info, 52, MAX_MAPS, 0)
        struct.pack_into("<Q", info, 56, ctypes.addressof(maps))
    try:
        fd, _ = bpf(COMMANDS[kind][1], struct.pack("<III", number, 0, 0))
    except OSError:
        return bytes(INFO_SIZE), ()
    try:
        bpf(GET_INFO_BY_FD, struct.pack("<IIQ", fd, INFO_SIZE, ctypes.addressof(info)))
    except OSError:
        return bytes(INFO_SIZE), ()
    finally:
        os.close(fd)
    return info.raw, tuple(maps)


def _refers_to(thing: Thing) -> list[Thing]:
    """What `thing` keeps alive: link -> program -> maps and BTF; map -> BTF."""
    info, maps = _info(thing)
    match thing[0]:
        case "link":
            found = [("prog", struct.unpack_from("<I", info, 8)[0])]
        case "prog":
            found = [("btf", struct.unpack_from("<I", info, 128)[0])]
            found += [("map", number) for number in maps]
        case "map":
            found = [("btf", struct.unpack_from("<I", info, 64)[0])]
        case _:
            found = []
    return [thing for thing in found if thing[1]]


def describe(thing: Thing) -> str:
    """`prog 12 (name)`."""
    kind, number = thing
    at = {"prog": 64, "map": 24}.get(kind)
    name = _info(thing)[0][at : at + 16].split(b"\0")[0].decode("ascii", "replace") if at else ""
    return f"{kind} {number}" + (f" ({name})" if name else "")


def _is_kernel_btf(thing: Thing) -> bool:
    return thing[0] == "btf" and struct.unpack_from("<I", _info(thing)[0], 28)[0] == 1


def _perf_program(pid: int, fd: int) -> int:
    """The program on a perf event that `pid` holds, or 0."""
    try:
        _, attr = bpf(TASK_FD_QUERY, struct.pack("<IIIIQIIQQ", pid, fd, 0, 0, 0, 0, 0, 0, 0))
    except OSError:
        return 0
    return int(struct.unpack_from("<I", attr, 24)[0])


def _held_by(pid: int) -> set[Thing]:
    """What process `pid` has descriptors of."""
    found: set[Thing] = set()
    try:
        fds = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return found
    for fd in fds:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            if target == "anon_inode:[perf_event]":
                found.add(("prog", _perf_program(pid, int(fd))))
                continue
            if not target.startswith(("anon_inode:bpf", "anon_inode:[bpf", "anon_inode:btf")):
                continue
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
                rows = [line.split() for line in file]
        except OSError:
            continue
        for row in rows:
            if len(row) == 2 and row[0].endswith("_id:") and row[0][:-4] in COMMANDS:
                found.add((row[0][:-4], int(row[1])))
    return found


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _is_ours(pid: int) -> bool:
    """This process or one that descends from it."""
    while pid > 1:
        if pid == os.getpid():
            return True
        pid = _parent(pid)
    return False


def held_elsewhere() -> set[Thing]:
    """Everything that unrelated processes keep alive, directly or not."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    todo = [thing for pid in pids if not _is_ours(pid) for thing in _held_by(pid)]
    seen: set[Thing] = set()
    while todo:
        thing = todo.pop()
        if thing not in seen:
            seen.add(thing)
            todo += _refers_to(thing)
    return seen


def mounts() -> list[tuple[str, str]]:
    """(mount point, file system type) of each mount of this namespace."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        rows = [line.split() for line in file]
    return [(row[4], row[row.index("-") + 1]) for row in rows]


def pins() -> frozenset[str]:
    """Every file in every mounted bpffs."""
    return frozenset(
        os.path.join(folder, name)
        for point, kind in mounts()
        if kind == "bpf"
        for folder, _, names in os.walk(point)
        for name in names
    )


def children() -> frozenset[int]:
    """Living child processes of this one (a zombie holds nothing, and is its parent's business)."""
    found = set()
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/children", encoding="ascii") as file:
            found |= {int(pid) for pid in file.read().split()}
    return frozenset(pid for pid in found if not _is_zombie(pid))


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


class Snapshot(NamedTuple):
    """What exists at one moment."""

    objects: frozenset[Thing]
    pins: frozenset[str]
    mounts: frozenset[tuple[str, str]]
    children: frozenset[int]

    @classmethod
    def take(cls) -> Snapshot:
        objects = frozenset((kind, number) for kind in COMMANDS for number in ids(kind))
        return cls(objects, pins(), frozenset(mounts()), children())


def _news(before: Snapshot) -> set[object]:
    """What is there now and was not, less what is somebody else's or the kernel's own."""
    now = Snapshot.take()
    objects = now.objects - before.objects
    if objects:
        objects -= held_elsewhere()
        objects = frozenset(thing for thing in objects if not _is_kernel_btf(thing))
    found: set[object] = {*objects}
    found |= {f"pin {path}" for path in now.pins - before.pins}
    found |= {f"mount {kind} at {point}" for point, kind in now.mounts - before.mounts}
    return found | {f"child process {pid}" for pid in now.children - before.children}


def leaks(before: Snapshot, *, seconds: float = 5.0) -> list[str]:
    """Sentences about what stayed, sorted. Waits `seconds` for the kernel's deferred freeing.

    What is reported was there at every look: objects that others make and free in passing are not.
    """
    gc.collect()  # so that what is only unreachable, not leaked, closes its descriptors
    found = _news(before)
    deadline = time.monotonic() + seconds
    pause = 0.01
    while found and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 2, 0.25)
        found &= _news(before)
    return sorted(thing if isinstance(thing, str) else _name(thing) for thing in found)


def _name(thing: object) -> str:
    assert isinstance(thing, tuple)
    return describe(thing)
