"""The live objects of a loaded Session: declarations in, rings, dicts, lists and variables out.

Each is made when it is first asked for, and is the same one from then on. They hold no reference to
the Session, but share its `Life`, which they ask before each use.
"""

from __future__ import annotations

import os
from _weakref import ref

from probee.errors import FormatError, UsageError
from probee.lang.maps import MapDeclaration, RingBuf
from probee.lang.programs import Program
from probee.lang.types import Chars, Struct
from probee.lang.variables import Const, Variable
from probee.runtime.decode import ValueCodec, row_decoder
from probee.spec.programs import PER_CPU
from probee.spec.types import Int
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from probee.lang.names import Names
    from probee.runtime.cpus import PerCpuCodec
    from probee.runtime.loader import Loaded, LoadedMap
    from probee.runtime.maps import LiveMap
    from probee.runtime.ring import LiveRing
    from probee.runtime.variables import LiveConst, LiveGlobal, LivePerCpuGlobal, Section


# by the name of the declaration's class, so that only what is used is imported
_LIVE = {
    "Counter": ("probee.runtime.counters", "LiveCounter"),
    "LpmTrie": ("probee.runtime.maps", "LiveTrie"),
    "Mapping": ("probee.runtime.maps", "LiveHash"),
    "PerCpuArray": ("probee.runtime.arrays", "LivePerCpuArray"),
    "Array": ("probee.runtime.arrays", "LiveArray"),
    "Queue": ("probee.runtime.queues", "LiveQueue"),
    "BloomFilter": ("probee.runtime.queues", "LiveBloomFilter"),
}
_PER_CPU = (
    uapi.BPF_MAP_TYPE_PERCPU_HASH,
    uapi.BPF_MAP_TYPE_PERCPU_ARRAY,
    uapi.BPF_MAP_TYPE_LRU_PERCPU_HASH,
)


class Life:
    """Whether a Session may be used: it is open, and in the process that made it."""

    __slots__ = ("open", "pid")

    def __init__(self) -> None:
        self.open, self.pid = True, os.getpid()

    def check(self) -> None:
        """UsageError unless the Session may be used here and now."""
        if self.pid != os.getpid():
            raise UsageError(
                f"this Session belongs to process {self.pid}, and this is {os.getpid()}",
                hint="make a Session in the process that uses it, after it was forked",
            )
        if not self.open:
            raise UsageError("this Session is closed")


class LiveObjects:
    """What is live of the declarations in `world`, once they were loaded.

    `consts` are the constants that the Session set, by name.
    """

    __slots__ = ("__weakref__", "_consts", "_life", "_loaded", "_objects", "_sections", "_world")

    def __init__(
        self, world: Names, consts: Mapping[str, int | bytes], loaded: Loaded, life: Life
    ) -> None:
        self._world, self._consts, self._loaded, self._life = world, consts, loaded, life
        self._objects: dict[int, object] = {}  # by id of the declaration, which the world keeps
        self._sections: dict[str, Section] = {}
        _close_in_children(self)
        try:
            self._open_perf_buffers()
        except BaseException:
            self.close()
            raise

    def _open_perf_buffers(self) -> None:
        """Programs can send nothing before there is a buffer, so it is there before they run."""
        for name, declaration in self._world.declarations.items():
            if (
                isinstance(declaration, MapDeclaration)
                and declaration.map_type == uapi.BPF_MAP_TYPE_PERF_EVENT_ARRAY
                and name in self._loaded.maps
            ):
                self.of(declaration)

    def of(self, declaration: object) -> object:
        """The live object of a declaration. UsageError where these programs have no such thing."""
        live = self._objects.get(id(declaration))
        if live is None:
            live = self._make(declaration)
            self._objects[id(declaration)] = live
        return live

    def section(self, name: str) -> Section:
        """The memory of data section `name`."""
        section = self._sections.get(name)
        if section is None:
            from probee.runtime.variables import Section

            map_ = self._loaded.maps.get(name)
            if map_ is None:
                raise FormatError(f"something lies in section {name}, which is not loaded")
            section = Section(map_.fd, map_.spec.value_size, map_.flags)
            self._sections[name] = section
        return section

    def close(self) -> None:
        """Unmaps what is mapped. Harmless twice."""
        objects, self._objects = list(self._objects.values()), {}
        sections, self._sections = list(self._sections.values()), {}
        for live in objects:
            unmap: Callable[[], None] | None = getattr(live, "unmap", None)
            if unmap is not None:
                unmap()
        for section in sections:
            section.close()

    def _make(self, declaration: object) -> object:
        if isinstance(declaration, Program):
            if declaration not in self._world.programs:
                raise UsageError(f"{declaration.name} is not a program of this Session")
            return self._loaded.programs[declaration.name]
        name = self._world.name_of(declaration)
        if isinstance(declaration, Variable):
            return self._variable(declaration, name)
        assert isinstance(declaration, MapDeclaration)
        map_ = self._loaded.maps.get(name)
        if map_ is None:
            raise UsageError(f"no code of this Session's programs reaches {name}")
        if isinstance(declaration, RingBuf):
            return self._ring(declaration, map_)
        return self._map(declaration, map_, name)

    def _ring(self, declaration: RingBuf[Any], map_: LoadedMap) -> LiveRing[Any]:
        from probee.runtime.records import RecordLayout
        from probee.runtime.ring import LiveRing, Ring

        record = declaration.value_class
        assert isinstance(record, type)
        assert issubclass(record, Struct)
        layout = RecordLayout.of(record.layout_)
        ring = Ring.map(map_.fd, map_.max_entries)
        decode = row_decoder(record.layout_, record)
        return LiveRing(ring, map_.fd, layout, decode, self._life.check)

    def _map(self, declaration: MapDeclaration, map_: LoadedMap, name: str) -> object:
        place = _live_kind(declaration)
        if place is None:
            from probee.runtime.special import special

            return special(declaration, map_, self._life.check)
        module, live = place
        kind: type[LiveMap] = getattr(__import__(module, fromlist=(live,)), live)
        assert declaration.value is not None
        if map_.spec.value_size != declaration.value.size:
            raise UsageError(f"{name} is a map of others, taken for its keys alone (KeysOf)")
        one = ValueCodec(declaration.value, declaration.value_class)
        value: ValueCodec | PerCpuCodec = one
        if declaration.map_type in _PER_CPU:
            from probee.runtime.cpus import PerCpuCodec, SumCodec

            value = (SumCodec if live == "LiveCounter" else PerCpuCodec)(one)
        # a map without keys never asks for the codec of them
        key = ValueCodec(declaration.key, declaration.key_class) if declaration.key else one
        return kind(name, map_.fd, key, value, map_.max_entries, self._life.check)

    def _variable(
        self, declaration: Variable[Any], name: str
    ) -> LiveConst[Any] | LiveGlobal[Any] | LivePerCpuGlobal[Any]:
        from probee.runtime.variables import LiveConst, LiveGlobal

        if isinstance(declaration, Const):
            _, type_, declared = declaration.identity()
            value = self._consts.get(name, declared)
            if isinstance(value, bytes):
                return LiveConst(name, Chars(value.rstrip(b"\0")), self._life.check)
            shown = bool(value) if isinstance(type_, Int) and type_.boolean else value
            return LiveConst(name, shown, self._life.check)
        spec = next((v for v in self._loaded.spec.variables if v.name == name), None)
        if spec is None:
            raise UsageError(f"no code of this Session's programs reaches {name}")
        if spec.section == PER_CPU:
            from probee.runtime.variables import LivePerCpuGlobal

            map_ = self._loaded.maps[PER_CPU]
            return LivePerCpuGlobal(spec, map_.fd, map_.spec.value_size, self._life.check)
        return LiveGlobal(spec, self.section(spec.section), self._life.check)


def _live_kind(declaration: MapDeclaration) -> tuple[str, str] | None:
    """Module and class of the live object of a map, by the name of its declaration's class."""
    kinds = (_LIVE.get(cls.__name__) for cls in type(declaration).__mro__)
    return next((kind for kind in kinds if kind is not None), None)


def _close_in_children(live: LiveObjects) -> None:
    """A child's copies of the mappings would keep the maps. A hook stays for ever: hence weak."""
    weak = ref(live)

    def after_fork() -> None:
        known = weak()
        if known is not None:
            known.close()

    os.register_at_fork(after_in_child=after_fork)
