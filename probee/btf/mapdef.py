"""A map as libbpf's BTF-defined maps describe it in the section `.maps`.

In: a `BtfBuilder` and what the map is. Out: the VAR to list in the DATASEC `.maps`, and its size.
Each number N is the length of an array behind a pointer, `int (*max_entries)[N]`; key and value
are pointers to their types. Source: `__uint`, `__type`, `__array` in libbpf's bpf_helpers.h.
"""

from __future__ import annotations

from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.writer import BtfBuilder, MemberRow

POINTER = 8


class MapDef(Frozen):
    """Ids of the variable (0 without a name) and of its struct, and their `size` in `.maps`."""

    var: int
    struct: int
    size: int


def map_def(
    builder: BtfBuilder,
    name: str,
    map_type: int,
    *,
    max_entries: int = 0,
    key: int = 0,
    value: int = 0,
    key_size: int = 0,
    value_size: int = 0,
    map_flags: int = 0,
    pinning: int = 0,
    numa_node: int | None = None,
    map_extra: int = 0,
    values: int = 0,
) -> MapDef:
    """Define map `name` of `BPF_MAP_TYPE_*` number `map_type`; '' defines an inner map.

    `key`, `value`: type ids, or 0 with `key_size`, `value_size` in bytes where the kernel takes
    no types (and all 0 for a ring buffer). `values`: for a map of maps the struct of its inner
    definition, for a program array a FUNC_PROTO. What is 0 is left out; node 0 is a node.
    """
    numbers = (
        ("type", map_type), ("max_entries", max_entries), ("key_size", key_size),
        ("value_size", value_size), ("map_flags", map_flags), ("pinning", pinning),
        ("map_extra", map_extra),
    )  # fmt: skip
    fields = [(field, _number(builder, number)) for field, number in numbers if number]
    if numa_node is not None:
        fields.append(("numa_node", _number(builder, numa_node)))
    fields += [(f, builder.ptr(type_)) for f, type_ in (("key", key), ("value", value)) if type_]
    size = len(fields) * POINTER
    rows: list[MemberRow] = [(f, id, at * POINTER * 8) for at, (f, id) in enumerate(fields)]
    if values:
        # One pointer a slot, as many as an initialiser fills in: none here.
        rows.append(("values", builder.array(builder.ptr(values), 0), size * 8))
    struct = builder.struct("", size, rows)
    return MapDef(builder.var(name, struct, "global") if name else 0, struct, size)


def _number(builder: BtfBuilder, number: int) -> int:
    return builder.ptr(builder.array(builder.int_("int", 4, signed=True), number))
