"""Where programs are attached without a link of the kernel's: tables of programs, struct_ops.

In: programs. Out: `Attachment`s by the program's id.
"""

from __future__ import annotations

from os import close

from probee.errors import KernelError
from probee.host.bpf import ids, map_get_next_key, map_lookup, open_by_id
from probee.host.info import MAP, name_in, read
from probee.introspect.running.attached import Attachment
from probee.uapi.bpf import (
    BPF_MAP_TYPE_PROG_ARRAY,
    BPF_MAP_TYPE_STRUCT_OPS,
    BPF_PROG_TYPE_STRUCT_OPS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from probee.introspect.loaded.programs import Program

_MOST = 1024  # slots of a table of programs that are looked at


def unlinked(programs: Iterable[Program]) -> dict[int, list[Attachment]]:
    """All of them that can be found."""
    found: dict[int, list[Attachment]] = {}
    ops = {program.id for program in programs if program.type == BPF_PROG_TYPE_STRUCT_OPS}
    for id, attachment in _in_maps(ops):
        kept = found.setdefault(id, [])
        if attachment not in kept:
            kept.append(attachment)
    return found


def _in_maps(ops: set[int]) -> Iterator[tuple[int, Attachment]]:
    for id in ids("MAP"):
        fd = open_by_id("MAP", id)
        if fd is None:
            continue
        try:
            info, buffer = read(fd, MAP)
            name = name_in(buffer, MAP).decode("utf-8", "surrogateescape") or f"map {id}"
            if info["type"] == BPF_MAP_TYPE_PROG_ARRAY:
                for program in _table(fd, info["max_entries"]):
                    yield program, Attachment("tail call", name, "", "map")
            elif info["type"] == BPF_MAP_TYPE_STRUCT_OPS and ops:
                value = map_lookup(fd, bytes(4), info["value_size"]) or b""
                words = memoryview(value[: len(value) & ~7]).cast("Q")
                for program in ops.intersection(words):
                    yield program, Attachment("struct_ops", name, "", "map")
        except KernelError:  # gone, or not to be read
            continue
        finally:
            close(fd)


def _table(fd: int, room: int) -> Iterator[int]:
    """The programs in a table."""
    key: bytes | None = None
    for _ in range(min(room, _MOST)):
        key = map_get_next_key(fd, key, 4)
        if key is None:
            return
        value = map_lookup(fd, key, 4)
        if value is not None:
            yield int.from_bytes(value, "little")
