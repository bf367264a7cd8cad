"""The map table beside the enum it must cover and the helpers it names."""

from __future__ import annotations

import pytest

from probee.errors import NotSupportedError
from probee.tables import helpers, maps
from probee.uapi import bpf

MEMBERS = {n: v for n, v in vars(bpf).items() if n.startswith("BPF_MAP_TYPE_")}


def test_every_member_of_the_enum_has_a_row_or_a_reason() -> None:
    named = {f"BPF_MAP_TYPE_{row.name.upper()}": row.number for row in maps.MAP_TYPES}
    assert not set(named) & set(maps.UNSUPPORTED)
    assert set(named) | set(maps.UNSUPPORTED) == set(MEMBERS)
    assert all(MEMBERS[name] == number for name, number in named.items())
    assert len(named) == bpf.__dict__["__MAX_BPF_MAP_TYPE"] - 1


def test_rows_name_helpers_that_exist_and_are_not_younger_than_the_map_is_useful() -> None:
    for row in maps.MAP_TYPES:
        assert len(set(row.program)) == len(row.program)
        for name in row.program:
            helpers.by_name(name)


def test_per_cpu_maps_are_those_named_so() -> None:
    assert {row.name for row in maps.MAP_TYPES if row.per_cpu} == {
        row.name for row in maps.MAP_TYPES if "percpu" in row.name
    }


def test_words_are_the_documented_ones() -> None:
    for row in maps.MAP_TYPES:
        assert row.entries in {"count", "none", "one", "bytes", "pages"}
        assert set(row.user) <= {"lookup", "update", "delete", "next", "take", "batch", "mmap"}


def test_lookup() -> None:
    assert maps.by_name("ringbuf").number == bpf.BPF_MAP_TYPE_RINGBUF
    assert maps.by_number(bpf.BPF_MAP_TYPE_LRU_HASH) == maps.by_name("lru_hash")
    assert maps.by_number(999) is None
    with pytest.raises(NotSupportedError, match="no map type named 'hasch'"):
        maps.by_name("hasch")
