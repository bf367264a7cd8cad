"""Loaded programs, one row each.

In: descriptors, or nothing for all that are loaded. Out: `Program` rows. What names and numbers
mean to a person is for others to say; nothing is printed here.
"""

from __future__ import annotations

from os import close

from probee.errors import KernelError
from probee.frozen import Frozen
from probee.host.bpf import map_lookup, open_by_id
from probee.host.info import MAP, PROGRAM, Question, fdinfo_value, name_in, read
from probee.introspect.loaded.rights import each, first_of
from probee.introspect.loaded.types import Types
from probee.tables.programs import by_number
from probee.uapi.bpf import BPF_MAP_TYPE_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.btf.reader import Btf

_ENODEV = 19
_MAPS = 64  # ids asked for at first; a program with more is asked again
_PREFIX = "bpf_metadata_"


class Metadata(Frozen):
    """A constant of a program's .rodata whose name begins with bpf_metadata_, without that."""

    name: str
    type: int
    types: Btf
    value: bytes


class Program(Frozen):
    """One program. `type` is the kernel's number, `type_name` "" for one newer than our tables.

    `load_time`: nanoseconds since boot. `memlock`: bytes, or "" where the kernel does not say.
    `orphaned`: its device is gone. `name` is whole where BTF has it. `lacking`: columns that cannot
    be had without CAP_SYS_ADMIN, as JSON calls them.
    """

    id: int
    type: int
    type_name: str
    name: str
    tag: str
    gpl: bool
    run_time_ns: int
    run_cnt: int
    recursion_misses: int
    ifindex: int
    netns_dev: int
    netns_ino: int
    load_time: int
    uid: int
    orphaned: bool
    xlated: int
    jited: int
    memlock: str
    map_ids: tuple[int, ...]
    btf_id: int
    metadata: tuple[Metadata, ...] = ()
    lacking: tuple[str, ...] = ()


class Programs:
    """Reads rows; what several programs share, as their BTF and maps, is read once."""

    __slots__ = ("_constants", "_map_ids", "_question", "types")

    def __init__(self) -> None:
        self.types = Types()
        self._map_ids = bytearray(4 * _MAPS)
        self._question = Question(PROGRAM, nr_map_ids=_MAPS, map_ids=self._map_ids)
        self._constants: dict[int, tuple[Metadata, ...] | None] = {}

    def all(self) -> Iterator[Program]:
        """Every program, by id. One that goes away meanwhile is left out."""
        return first_of(each("PROG", self.row), "programs")

    def row(self, fd: int) -> Program:
        """The row of one program."""
        map_ids, buffer = self._map_ids, self._question.buffer
        orphaned = False
        try:
            info = self._question.ask(fd)
        except KernelError as error:
            if error.errno != _ENODEV:
                raise
            orphaned, buffer = True, bytearray(PROGRAM.size)
            info = PROGRAM.read(buffer)
        if info["nr_map_ids"] > _MAPS:
            map_ids = bytearray(4 * info["nr_map_ids"])
            read(fd, PROGRAM, nr_map_ids=info["nr_map_ids"], map_ids=map_ids)
        maps = tuple(memoryview(map_ids).cast("I")[: info["nr_map_ids"]])
        type_ = by_number(info["type"])
        return Program(
            info["id"], info["type"], type_.name if type_ else _unspecified(info["type"]),
            self.types.program_name(fd, info, buffer),
            bytes(buffer[8:16]).hex(),
            bool(buffer[84] & 1),
            info["run_time_ns"], info["run_cnt"], info["recursion_misses"],
            info["ifindex"], info["netns_dev"], info["netns_ino"],
            info["load_time"], info["created_by_uid"], orphaned,
            info["xlated_prog_len"], info["jited_prog_len"],
            fdinfo_value(fd, "memlock"),
            maps, info["btf_id"], self._metadata(maps),
        )  # fmt: skip

    def _metadata(self, map_ids: tuple[int, ...]) -> tuple[Metadata, ...]:
        """Of the first map that looks like a .rodata; none where a map before it is gone."""
        for id in map_ids:
            if id not in self._constants:
                self._constants[id] = self._constants_of(id)
            found = self._constants[id]
            if found is not None:
                return found
        return ()

    def _constants_of(self, id: int) -> tuple[Metadata, ...] | None:
        """The metadata in map `id`, () where it is a .rodata without; None for other maps."""
        try:
            fd = open_by_id("MAP", id)
        except KernelError:
            return ()
        if fd is None:
            return ()
        try:
            info, buffer = read(fd, MAP)
            if (info["type"], info["key_size"], info["max_entries"]) != (BPF_MAP_TYPE_ARRAY, 4, 1):
                return None
            if not info["btf_value_type_id"] or b".rodata" not in name_in(buffer, MAP):
                return None
            if not self.types.holds(info["btf_id"], _PREFIX):
                return ()
            types = self.types.of(info["btf_id"])
            value = map_lookup(fd, bytes(4), info["value_size"])
        except KernelError:
            return ()
        finally:
            close(fd)
        if types is None or value is None:
            return ()
        return tuple(_named(types, info["btf_value_type_id"], value))


def _unspecified(number: int) -> str:
    return "" if number else "unspec"


def _named(types: Btf, id: int, value: bytes) -> Iterator[Metadata]:
    from probee.btf.types import Datasec, Var

    section = types.type(id)
    for row in section.vars if isinstance(section, Datasec) else ():
        variable = types.type(row.type)
        if isinstance(variable, Var) and variable.name.startswith(_PREFIX):
            name = variable.name.removeprefix(_PREFIX)
            yield Metadata(name, variable.type, types, value[row.offset :])
