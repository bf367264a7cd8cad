"""Which processes hold an object: /proc in, names and process ids by the object's id out.

A descriptor's link names its kind, its fdinfo the id. This needs no program in the kernel and works
on every kernel since 4.13, for links too; other users' processes are seen by root, or by
CAP_SYS_PTRACE. Who only has a pin or a link, without a process, shows up nowhere here.

Sources: bpf_prog_show_fdinfo, bpf_map_show_fdinfo, bpf_link_show_fdinfo in kernel/bpf/syscall.c,
btf_show_fdinfo in kernel/bpf/btf.c.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    # object id: (process id, name) in the order of process ids
    Owners: TypeAlias = Mapping[int, list[tuple[int, str]]]

# kind of object: what the link of a descriptor says, and the line of fdinfo that holds the id.
# Links are called bpf_link up to 6.10 and bpf-link where their files can be polled.
_KINDS = {
    "PROG": (("anon_inode:bpf-prog",), b"prog_id:\t"),
    "MAP": (("anon_inode:bpf-map",), b"map_id:\t"),
    "LINK": (("anon_inode:bpf_link", "anon_inode:bpf-link"), b"link_id:\t"),
    "BTF": (("anon_inode:btf",), b"btf_id:\t"),
}


class Seen(dict[int, list[tuple[int, str]]]):
    """`Owners` that were found. `refused`: there are processes that may not be looked at."""

    refused = False


def owners(kind: str) -> Seen:
    """Who holds objects of a kind, `PROG`, `MAP`, `LINK` or `BTF`.

    A process that ends meanwhile, or may not be looked at, is left out.
    """
    links, line = _KINDS[kind]
    found = Seen()
    own = os.getpid()
    counted = os.stat("/proc/self/fd").st_size > 0  # Linux 6.2
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        if pid == own:
            continue
        name = ""
        held = _held(pid, links, line, found, counted=counted)
        for id in dict.fromkeys(id for _, id in held):
            name = name or _name(pid)
            found.setdefault(id, []).append((pid, name))
    return found


def unseen() -> str:
    """Why some processes may not be looked at."""
    from probee.host.capabilities import surroundings

    if surroundings().has("CAP_SYS_PTRACE"):
        return "there are processes that may not be looked at, even with CAP_SYS_PTRACE"
    return "needs CAP_SYS_PTRACE to see other users' processes"


def descriptors(kind: str, id: int) -> Iterator[tuple[int, int]]:
    """(process, descriptor) of what processes hold of one object; each process once."""
    links, line = _KINDS[kind]
    own = os.getpid()
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        held = () if pid == own else _held(pid, links, line, Seen(), counted=False)
        found = next((fd for fd, of in held if of == id), None)
        if found is not None:
            yield pid, found


def _held(
    pid: int, links: tuple[str, ...], line: bytes, told: Seen, *, counted: bool
) -> Iterator[tuple[int, int]]:
    """(descriptor, id) of the objects that a process holds. `told`: where a refusal is noted.

    `counted`: its folder's size is the number of its descriptors.
    """
    path = f"/proc/{pid}/fd"
    try:
        if counted and not os.stat(path).st_size:  # a thread of the kernel, as most are
            return
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        told.refused = True
        return
    except OSError:
        return
    readlink = os.readlink
    try:
        for descriptor in os.listdir(folder):
            try:
                if readlink(descriptor, dir_fd=folder) not in links:
                    continue
                text = _contents(f"/proc/{pid}/fdinfo/{descriptor}")
            except PermissionError:  # root without CAP_SYS_PTRACE may list, and no more
                told.refused = True
                return
            except OSError:
                continue
            number = text.partition(line)[2].partition(b"\n")[0]
            if number.isdigit():
                yield int(descriptor), int(number)
    except OSError:  # the process ended
        return
    finally:
        os.close(folder)


def _contents(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", "rb", buffering=0) as file:
            return file.read(64).decode("utf-8", "surrogateescape").removesuffix("\n")
    except OSError:
        return "?"
