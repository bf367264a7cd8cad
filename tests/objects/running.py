"""libbpf at work: an object file that it opens, loads and attaches, and the maps that it reads.

In: an object's bytes. Out: `Running`, a context manager; what it holds it gives back at the end.
`Loader` is the same in a child with a mount namespace of its own, where tracefs is mounted, as
libbpf wants it: `python -m tests.objects.running OBJECT {"OFFSET": "HEX"}` reads commands, a line
of JSON each, and answers in JSON.
"""

from __future__ import annotations

import ctypes
import json
import sys
from ctypes import c_char_p, c_int, c_size_t, c_void_p
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from probee.uapi import bpf as uapi
from tests.objects import libbpf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support import Spawn

ROOT = Path(__file__).parent.parent.parent
RECORD = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)
SAMPLE = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_void_p, ctypes.c_uint32)
LOST = ctypes.CFUNCTYPE(None, c_void_p, c_int, ctypes.c_uint64)
PER_CPU = (
    uapi.BPF_MAP_TYPE_PERCPU_HASH,
    uapi.BPF_MAP_TYPE_PERCPU_ARRAY,
    uapi.BPF_MAP_TYPE_LRU_PERCPU_HASH,
)
_PAGES = 16  # of each CPU's perf buffer
_ELEMENT = (c_void_p, c_char_p, c_size_t, c_void_p, c_size_t, ctypes.c_uint64)
_CALLS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "bpf_object__open_mem": (c_void_p, (c_char_p, c_size_t, c_void_p)),
    "bpf_object__load": (c_int, (c_void_p,)),
    "bpf_object__find_map_by_name": (c_void_p, (c_void_p, c_char_p)),
    "bpf_map__fd": (c_int, (c_void_p,)),
    "bpf_map__set_initial_value": (c_int, (c_void_p, c_char_p, c_size_t)),
    "bpf_map__initial_value": (c_void_p, (c_void_p, c_void_p)),
    "bpf_map__lookup_elem": (c_int, _ELEMENT),
    "bpf_map__lookup_and_delete_elem": (c_int, _ELEMENT),
    "bpf_map__get_next_key": (c_int, (c_void_p, c_char_p, c_void_p, c_size_t)),
    "bpf_program__fd": (c_int, (c_void_p,)),
    "bpf_program__attach": (c_void_p, (c_void_p,)),
    "bpf_link__destroy": (c_int, (c_void_p,)),
    "ring_buffer__new": (c_void_p, (c_int, RECORD, c_void_p, c_void_p)),
    "ring_buffer__consume": (c_int, (c_void_p,)),
    "ring_buffer__free": (None, (c_void_p,)),
    "perf_buffer__new": (c_void_p, (c_int, c_size_t, SAMPLE, LOST, c_void_p, c_void_p)),
    "perf_buffer__consume": (c_int, (c_void_p,)),
    "perf_buffer__free": (None, (c_void_p,)),
    "libbpf_num_possible_cpus": (c_int, ()),
}


class Running:
    """An object of this machine's byte order. `written`: bytes at places of `.rodata`.

    `tags`: the tag of each program by its name, as the kernel tells it.
    """

    def __init__(self, data: bytes, written: Mapping[int, bytes] | None = None) -> None:
        lib = libbpf.library()
        assert lib is not None
        for name, (result, arguments) in _CALLS.items():
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
        self._lib, self._data, self._written = lib, data, written or {}
        self._links: list[int] = []
        self._buffers: list[tuple[Any, int, Any]] = []
        self._object = 0
        self.tags: dict[str, str] = {}

    def __enter__(self) -> Self:
        lib = self._lib
        self._object = lib.bpf_object__open_mem(self._data, len(self._data), None) or 0
        assert self._object, f"libbpf opens it not: errno {ctypes.get_errno()}"
        try:
            self._set()
            result = lib.bpf_object__load(self._object)
            assert result == 0, f"libbpf loads it not: {result}"
            for program in libbpf._each(lib.bpf_object__next_program, self._object):
                fd = lib.bpf_program__fd(program)
                told = Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="utf-8")
                rows = dict(line.split(":", 1) for line in told.splitlines())
                self.tags[lib.bpf_program__name(program).decode()] = rows["prog_tag"].strip()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _set(self) -> None:
        size = c_size_t()
        for handle in libbpf._each(self._lib.bpf_object__next_map, self._object):
            if self._lib.bpf_map__name(handle).endswith(b".rodata") and self._written:
                start = self._lib.bpf_map__initial_value(handle, ctypes.byref(size))
                for offset, value in self._written.items():
                    assert offset + len(value) <= size.value
                    ctypes.memmove(start + offset, value, len(value))

    def attach(self) -> None:
        """All programs to what their sections say."""
        for program in libbpf._each(self._lib.bpf_object__next_program, self._object):
            link = self._lib.bpf_program__attach(program)
            name = self._lib.bpf_program__name(program).decode()
            assert link, f"libbpf attaches {name} not: errno {ctypes.get_errno()}"
            self._links.append(link)

    def ring(self, name: str, records: list[bytes]) -> Callable[[], int]:
        """A call of the result puts what came into the ring `name` into `records`."""

        def keep(_: object, data: int, size: int) -> int:
            records.append(ctypes.string_at(data, size))
            return 0

        lib, callback = self._lib, RECORD(keep)
        ring = lib.ring_buffer__new(lib.bpf_map__fd(self._map(name)), callback, None, None)
        assert ring
        self._buffers.append((lib.ring_buffer__free, ring, callback))
        return lambda: lib.ring_buffer__consume(ring)

    def perf(self, name: str, records: list[bytes]) -> Callable[[], int]:
        """The same of a perf event array, to which no program can send before.

        The call fails where records were lost: what a callback raises, ctypes only prints.
        """
        losses: list[int] = []

        def keep(_: object, __: int, data: int, size: int) -> None:
            records.append(ctypes.string_at(data, size))

        def lost(_: object, __: int, count: int) -> None:
            losses.append(count)

        lib, calls = self._lib, (SAMPLE(keep), LOST(lost))
        fd = lib.bpf_map__fd(self._map(name))
        buffer = lib.perf_buffer__new(fd, _PAGES, *calls, None, None)
        assert buffer
        self._buffers.append((lib.perf_buffer__free, buffer, calls))

        def consume() -> int:
            result = int(lib.perf_buffer__consume(buffer))
            assert not losses, f"{sum(losses)} records were lost"
            return result

        return consume

    def elements(self, name: str) -> list[tuple[bytes, bytes]]:
        """Keys and values of map `name`; of a map for each CPU all the values, in their order."""
        lib, handle = self._lib, self._map(name)
        size, room = lib.bpf_map__key_size(handle), self._value_size(handle)
        following, value = ctypes.create_string_buffer(size), ctypes.create_string_buffer(room)
        key: bytes | None = None
        found = []
        while lib.bpf_map__get_next_key(handle, key, following, size) == 0:
            key = following.raw
            if lib.bpf_map__lookup_elem(handle, key, size, value, room, 0) == 0:
                found.append((key, value.raw))
        return found

    def taken(self, name: str) -> list[bytes]:
        """What queue `name` held, which is empty then."""
        lib, handle = self._lib, self._map(name)
        value = ctypes.create_string_buffer(self._value_size(handle))
        found = []
        while not lib.bpf_map__lookup_and_delete_elem(handle, None, 0, value, len(value), 0):
            found.append(value.raw)
        return found

    def _map(self, name: str) -> int:
        handle = self._lib.bpf_object__find_map_by_name(self._object, name.encode())
        assert handle, f"there is no map {name}"
        return int(handle)

    def _value_size(self, handle: int) -> int:
        size = int(self._lib.bpf_map__value_size(handle))
        if self._lib.bpf_map__type(handle) in PER_CPU:
            return -(-size // 8) * 8 * int(self._lib.libbpf_num_possible_cpus())
        return size

    def section(self, name: str, size: int) -> bytes:
        """What the data section `name` holds now."""
        for handle in libbpf._each(self._lib.bpf_object__next_map, self._object):
            if self._lib.bpf_map__name(handle).endswith(name.encode()):
                value = ctypes.create_string_buffer(size)
                key = bytes(4)
                found = self._lib.bpf_map__lookup_elem(handle, key, 4, value, size, 0)
                assert found == 0
                return value.raw
        raise AssertionError(f"there is no section {name}")

    def detach(self) -> None:
        """Takes the programs off their hooks."""
        while self._links:
            self._lib.bpf_link__destroy(self._links.pop())

    def __exit__(self, *_: object) -> None:
        self.detach()
        while self._buffers:
            free, buffer, _ = self._buffers.pop()
            free(buffer)
        self._lib.bpf_object__close(self._object)


START = """
mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"
"""


class Loader:
    """An object loaded by libbpf in a child; the same calls as of `Running`."""

    def __init__(
        self, spawn: Spawn, path: Path, written: Mapping[int, bytes] | None = None
    ) -> None:
        places = {offset: value.hex() for offset, value in (written or {}).items()}
        self._process = spawn(
            "unshare", "--mount", "sh", "-c", START, "sh",
            sys.executable, "-m", "tests.objects.running", str(path), json.dumps(places),
            cwd=ROOT,
        )  # fmt: skip
        self.tags: dict[str, str] = self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        assert line, self._process.stderr.read().decode()
        return json.loads(line)

    def do(self, *words: str) -> Any:
        """`attach`, `detach`, `end`; in hexadecimal: `ring NAME`, `perf NAME`, the records that
        came into it, `section NAME SIZE`, what a data section holds, `elements NAME`, `taken NAME`.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def records(self, name: str) -> list[bytes]:
        """What came into the ring `name` since the last time."""
        return self.taken("ring", name)

    def taken(self, word: str, name: str) -> list[bytes]:
        """The values that `ring`, `perf` or `taken` gives of a map."""
        return [bytes.fromhex(text) for text in self.do(word, name)]

    def elements(self, name: str) -> list[tuple[bytes, bytes]]:
        """Keys and values of a map."""
        return [
            (bytes.fromhex(key), bytes.fromhex(value)) for key, value in self.do("elements", name)
        ]


def _serve(path: str, places: str) -> None:
    written = {int(offset): bytes.fromhex(value) for offset, value in json.loads(places).items()}
    records: dict[str, list[bytes]] = {}
    readers: dict[str, Callable[[], int]] = {}
    with Running(Path(path).read_bytes(), written) as running:
        print(json.dumps(running.tags), flush=True)
        for line in sys.stdin:
            answer: object = None
            match json.loads(line):
                case ["attach"]:
                    running.attach()
                case ["section", name, size]:
                    answer = running.section(name, int(size)).hex()
                case ["detach"]:
                    running.detach()
                case ["elements", name]:
                    found = running.elements(name)
                    answer = [(key.hex(), value.hex()) for key, value in found]
                case ["taken", name]:
                    answer = [value.hex() for value in running.taken(name)]
                case ["ring" | "perf" as kind, name]:
                    if name not in readers:
                        records[name] = []
                        readers[name] = getattr(running, kind)(name, records[name])
                    assert readers[name]() >= 0
                    answer = [record.hex() for record in records[name]]
                    records[name].clear()
                case _:
                    break
            print(json.dumps(answer), flush=True)
    print("null", flush=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
