"""Names of variables: places in the one value of a data section in, names by BTF out."""

from __future__ import annotations

from probee.btf.types import Datasec, Var

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from probee.introspect.loaded.maps import Map
    from probee.introspect.loaded.types import Types


def named(
    row: Map, places: Iterable[tuple[int, int, int, bool]], types: Types
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is read and what is written, by `places`: map, offset, size, whether written.

    A place that BTF gives no name is told by its offset.
    """
    table = types.of(row.btf_id) if row.btf_id else None
    section = table.type(row.value_type) if table is not None and row.value_type else None
    rows = section.vars if isinstance(section, Datasec) else ()
    read: dict[str, None] = {}
    written: dict[str, None] = {}
    for _, offset, _, writes in places:
        name = f"byte {offset}"
        for var in rows:
            target = table.type(var.type) if table is not None else None
            if isinstance(target, Var) and var.offset <= offset < var.offset + var.size:
                name = target.name
        (written if writes else read)[name] = None
    return tuple(read), tuple(written)
