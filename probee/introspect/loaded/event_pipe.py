"""What programs send through a perf event array, as records of any kind.

In: the map's descriptor, and a CPU with its index in the map, or all of them. Out: records.
"""

from __future__ import annotations

from struct import Struct

from probee.errors import ProbeeError
from probee.frozen import Frozen
from probee.host.bpf import map_delete
from probee.host.cpus import online
from probee.host.info import MAP, name_in, read
from probee.runtime.perf import PerfRings
from probee.uapi.bpf import BPF_MAP_TYPE_PERF_EVENT_ARRAY
from probee.uapi.perf_event import PERF_RECORD_LOST, PERF_RECORD_SAMPLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

_PAGES, _PAGE = 16, 4096  # of each CPU's buffer
_SAMPLE = Struct("=QI")  # nanoseconds, the length of what follows
_LOST = Struct("=QQ")  # which event, how many


class Record(Frozen):
    """One record. `kind`: PERF_RECORD_*; `size`: all of it, in bytes.

    Of a sample `time` and `data` are set, of a record about lost ones `event` and `lost`.
    """

    kind: int
    size: int
    cpu: int
    index: int
    time: int = 0
    data: bytes = b""
    event: int = 0
    lost: int = 0


def perf_event_array(map_fd: int) -> tuple[int, str]:
    """How many elements the array has, and its name. ProbeeError if it is another kind of map."""
    info, buffer = read(map_fd, MAP)
    if info["type"] != BPF_MAP_TYPE_PERF_EVENT_ARRAY:
        raise ProbeeError("map is not a perf event array")
    return info["max_entries"], name_in(buffer, MAP).decode("utf-8", "replace")


class EventPipe:
    """Buffers for an array's programs, open until `close()`. `fd` is readable if one has records.

    Whoever else reads the same elements gets nothing meanwhile: an element has one reader.
    """

    __slots__ = ("_map", "_places", "_rings", "fd")

    def __init__(self, map_fd: int, place: tuple[int, int] | None = None) -> None:
        elements, name = perf_event_array(map_fd)
        self._map = map_fd
        every = ((cpu, cpu) for cpu in online() if cpu < elements)
        self._places = tuple(every) if place is None else (place,)
        self._rings, self.fd = PerfRings.open(
            map_fd, _PAGES * _PAGE, name, self._places, timed=True
        )

    def close(self) -> None:
        """Takes the buffers out of the map and gives them back."""
        for _, index in self._places:
            map_delete(self._map, index.to_bytes(4, "little"))
        self._rings.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def records(self) -> Iterator[Record]:
        """What is there now, CPU after CPU."""
        for (cpu, index), ring in zip(self._places, self._rings.rings, strict=True):
            for kind, body in ring.records(ring.end):
                yield record(kind, body, cpu, index)


def record(kind: int, body: bytes, cpu: int, index: int) -> Record:
    """A record of what stands behind its header."""
    size = len(body) + 8
    if kind == PERF_RECORD_SAMPLE and len(body) >= _SAMPLE.size:
        time, length = _SAMPLE.unpack_from(body)
        data = body[_SAMPLE.size : _SAMPLE.size + length]
        return Record(kind, size, cpu, index, time=time, data=data)
    if kind == PERF_RECORD_LOST and len(body) >= _LOST.size:
        event, lost = _LOST.unpack_from(body)
        return Record(kind, size, cpu, index, event=event, lost=lost)
    return Record(kind, size, cpu, index)
