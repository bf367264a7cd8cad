"""Loaded maps, one row each.

In: descriptors, or nothing for all that are loaded. Out: `Map` rows.
"""

from __future__ import annotations

from probee.frozen import Frozen
from probee.host.info import MAP, fdinfo, name_in, read
from probee.introspect.loaded.rights import each, first_of
from probee.tables.maps import by_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Map(Frozen):
    """One map. `type` is the kernel's number, `type_name` "" for one newer than our tables.

    `memlock`: bytes, `owner_type`, `owner_jited`: what fdinfo says of the programs in a program
    array; each "" where the kernel does not say it. The `..._type` are type ids: of key and value
    in BTF object `btf_id`, of a value of the kernel's own in its BTF. `lacking`: as in Program.
    """

    id: int
    type: int
    type_name: str
    name: str
    flags: int
    ifindex: int
    netns_dev: int
    netns_ino: int
    key_size: int
    value_size: int
    max_entries: int
    memlock: str
    owner_type: str
    owner_jited: str
    frozen: bool
    btf_id: int
    key_type: int
    value_type: int
    kernel_type: int
    lacking: tuple[str, ...] = ()

    @property
    def per_cpu(self) -> bool:
        """Whether an element has a value for each possible CPU."""
        row = by_number(self.type)
        return row is not None and row.per_cpu


class Maps:
    """Reads rows."""

    __slots__ = ()

    def all(self) -> Iterator[Map]:
        """Every map, by id. One that goes away meanwhile is left out."""
        return first_of(each("MAP", self.row), "maps")

    @staticmethod
    def row(fd: int) -> Map:
        """The row of one map."""
        info, buffer = read(fd, MAP)
        lines = fdinfo(fd)
        type_ = by_number(info["type"])
        return Map(
            info["id"], info["type"], type_.name if type_ else "" if info["type"] else "unspec",
            name_in(buffer, MAP).decode("utf-8", "surrogateescape"), info["map_flags"],
            info["ifindex"], info["netns_dev"], info["netns_ino"],
            info["key_size"], info["value_size"], info["max_entries"],
            lines.get("memlock", ""), lines.get("owner_prog_type", ""),
            lines.get("owner_jited", ""), lines.get("frozen", "0") != "0", info["btf_id"],
            info["btf_key_type_id"], info["btf_value_type_id"], info["btf_vmlinux_value_type_id"],
        )  # fmt: skip
