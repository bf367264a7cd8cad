"""Rows of programs, maps and links as iterators give them, with what they cannot give named.

In: nothing. Out: rows as programs.py, maps.py and links.py make them; `lacking` of each says which
columns are missing, and the capability that they want.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.introspect.loaded.btfs import LoadedBtf
from probee.introspect.loaded.iterator import Wanted, walk
from probee.introspect.loaded.links import Link
from probee.introspect.loaded.maps import Map
from probee.introspect.loaded.programs import Program
from probee.tables import links as link_types, maps as map_types, programs as program_types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Row = dict[str, int | bytes | list[int]]

ADMIN = "CAP_SYS_ADMIN"
_MAPS = 24  # ids of maps in one record
_PAGE = 4096
_NAME = 15
_PROGRAM = (
    Wanted("id", "aux.id"), Wanted("type", "type"), Wanted("tag", "tag"), Wanted("len", "len"),
    Wanted("jited_len", "jited_len"), Wanted("functions", "aux.func_cnt"),
    Wanted("load_time", "aux.load_time"), Wanted("uid", "aux.user.uid"),
    Wanted("name", "aux.name"), Wanted("btf", "aux.btf.id"), Wanted("maps", "aux.used_map_cnt"),
    Wanted("gpl", "gpl_compatible"), Wanted("pages", "pages"),
    Wanted("map_ids", "aux.used_maps.id", _MAPS),
)  # fmt: skip
_MAP = (
    Wanted("id", "id"), Wanted("type", "map_type"), Wanted("key", "key_size"),
    Wanted("value", "value_size"), Wanted("entries", "max_entries"), Wanted("flags", "map_flags"),
    Wanted("name", "name"), Wanted("frozen", "frozen"), Wanted("btf", "btf.id"),
    Wanted("key_type", "btf_key_type_id"), Wanted("value_type", "btf_value_type_id"),
    Wanted("kernel_type", "btf_vmlinux_value_type_id"),
)  # fmt: skip
_BTF = ("id", "data_size", "kernel_btf", "name")
_OLD_BTF = _BTF[:2]  # before Linux 5.11
_LINK = (Wanted("id", "id"), Wanted("type", "type"), Wanted("prog", "prog.aux.id"))


def programs() -> Iterator[Program]:
    """Every program."""
    for row in sorted(walk("PROG", _PROGRAM), key=_id):
        number = _number(row, "type")
        type_ = program_types.by_number(number)
        count, name = _number(row, "maps"), _text(row, "name")
        map_ids, functions = row["map_ids"], _number(row, "functions")
        assert isinstance(map_ids, list)
        lacking = ["run_time_ns", "run_cnt", "recursion_misses", "metadata"]
        lacking += ["map_ids"] * (count > _MAPS) + ["bytes_jited"] * (functions > 0)
        lacking += ["name"] * (len(name) == _NAME)
        yield Program(
            _id(row), number, type_.name if type_ else "", name,
            _number(row, "tag").to_bytes(8, "little").hex(), bool(row["gpl"]), 0, 0, 0, 0, 0, 0,
            _number(row, "load_time"), _number(row, "uid"), False, 8 * _number(row, "len"),
            _number(row, "jited_len"), str(_PAGE * _number(row, "pages")),
            tuple(map_ids[:count]) if count <= _MAPS else (), _number(row, "btf"), (),
            tuple(lacking),
        )  # fmt: skip


def maps() -> Iterator[Map]:
    """Every map."""
    for row in sorted(walk("MAP", _MAP), key=_id):
        number = _number(row, "type")
        type_ = map_types.by_number(number)
        yield Map(
            _id(row), number, type_.name if type_ else "", _text(row, "name"),
            _number(row, "flags"), 0, 0, 0, _number(row, "key"), _number(row, "value"),
            _number(row, "entries"), "", "", "", bool(row["frozen"]), _number(row, "btf"),
            _number(row, "key_type"), _number(row, "value_type"), _number(row, "kernel_type"),
            ("bytes_memlock",),
        )  # fmt: skip


def links() -> Iterator[Link]:
    """Every link, without the details of its hook."""
    for row in sorted(walk("LINK", _LINK), key=_id):
        number = _number(row, "type")
        type_ = link_types.by_number(number)
        yield Link(
            _id(row), number, type_.name if type_ else "", _number(row, "prog"), {},
            lacking=("hook",),
        )  # fmt: skip


def btfs() -> Iterator[LoadedBtf]:
    """BTF that programs and maps came with, and of what programs are attached to."""
    try:
        yield from _btfs(_BTF)
    except NotSupportedError:
        yield from _btfs(_OLD_BTF)


def _btfs(names: tuple[str, ...]) -> list[LoadedBtf]:
    found: dict[int, LoadedBtf] = {}
    for kind, own, path in (
        ("PROG", "aux.id", "aux.btf"), ("PROG", "aux.id", "aux.attach_btf"), ("MAP", "id", "btf"),
    ):  # fmt: skip
        fields = tuple(Wanted(f"btf_{name}", f"{path}.{name}") for name in names)
        try:
            rows = list(walk(kind, (Wanted("id", own), *fields)))
        except NotSupportedError:
            if path != "aux.attach_btf":  # Linux 5.11
                raise
            continue
        for row in rows:
            id, size = _number(row, "btf_id"), _number(row, "btf_data_size")
            name = _text(row, "btf_name") if "btf_name" in row else ""
            found[id] = LoadedBtf(id, name, size, bool(row.get("btf_kernel_btf", 0)))
    found.pop(0, None)  # of those that have none
    return [found[id] for id in sorted(found)]


def _id(row: Row) -> int:
    return _number(row, "id")


def _number(row: Row, name: str) -> int:
    value = row[name]
    assert isinstance(value, int)
    return value


def _text(row: Row, name: str) -> str:
    value = row[name]
    assert isinstance(value, bytes)
    return value.decode("utf-8", "surrogateescape")
