"""The index answers what the reader answers, and is refused when it is not of this blob."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from probee.btf import kinds
from probee.btf.index import IndexedBtf, build_index
from probee.btf.reader import Btf
from probee.errors import FormatError
from tests.unit.btf.samples import every_kind, newest_kinds, raw

BLOB = newest_kinds().build()
INDEX = build_index(BLOB)
ROOT = Path(__file__).parents[3]


def test_it_answers_as_the_reader_does() -> None:
    btf, indexed = Btf(BLOB), IndexedBtf(BLOB, INDEX)
    assert len(btf) == len(indexed)
    for id, type_ in btf.types():
        assert indexed.type(id) == type_
        assert indexed.kind(id) == btf.kind(id) == type_.kind
        name = btf.name(id)
        ids = indexed.by_name(type_.kind, name)
        assert ids == btf.by_name(type_.kind, name)
        assert (id in ids) == bool(name)
    assert indexed.by_name(kinds.STRUCT, "nothing") == ()
    assert indexed.by_name(kinds.UNION, "node") == ()
    assert indexed.by_name(kinds.STRUCT, "") == ()
    assert indexed.by_name(kinds.STRUCT, "node\0") == ()


def test_several_types_of_one_name() -> None:
    struct = [1, kinds.STRUCT << 24, 0]
    data = raw([*struct, 1, kinds.UNION << 24, 0, *struct, 3, kinds.STRUCT << 24, 0], b"\0a\0a\0")
    btf = IndexedBtf(data, build_index(data))
    assert btf.by_name(kinds.STRUCT, "a") == (1, 3, 4)
    assert btf.by_name(kinds.UNION, "a") == (2,)


def test_it_is_made_of_bytes_only_and_always_the_same() -> None:
    assert build_index(BLOB) == INDEX
    indexed = IndexedBtf(memoryview(BLOB), memoryview(bytearray(INDEX)))
    assert isinstance(indexed.starts, memoryview)


def test_an_empty_blob() -> None:
    data = raw([], b"\0")
    btf = IndexedBtf(data, build_index(data))
    assert len(btf) == 0
    assert btf.by_name(kinds.INT, "int") == ()
    assert btf.resolve(0) == 0


def test_another_blob_is_refused() -> None:
    with pytest.raises(FormatError, match="another blob"):
        IndexedBtf(every_kind().build(), INDEX)
    changed = bytearray(BLOB)
    changed[30] ^= 1
    with pytest.raises(FormatError):
        IndexedBtf(changed, INDEX)


def test_the_other_byte_order_is_refused() -> None:
    other = newest_kinds().build(big_endian=sys.byteorder == "little")
    with pytest.raises(FormatError, match="byte order"):
        build_index(other)
    with pytest.raises(FormatError, match="byte order"):
        IndexedBtf(other, INDEX)


@settings(max_examples=200)
@given(st.integers(0, len(INDEX) * 8 - 1))
def test_a_flipped_bit_is_found(bit: int) -> None:
    data = bytearray(INDEX)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FormatError):
        IndexedBtf(BLOB, data)


def test_every_truncation_and_a_longer_one_is_found() -> None:
    for index in (*(INDEX[:size] for size in range(len(INDEX))), INDEX + b"\0"):
        with pytest.raises(FormatError):
            IndexedBtf(BLOB, index)


def test_a_forged_index_cannot_misplace_a_type() -> None:
    """With right checksums over wrong starts, each answer is still checked against the blob."""
    honest = IndexedBtf(BLOB, INDEX)
    starts = list(honest.starts)
    forged = IndexedBtf(BLOB, INDEX)
    (node,) = honest.by_name(kinds.STRUCT, "node")
    for wrong in (starts[node] + 3, starts[node] - 3, 0, 0xFFFFFFFF, len(honest.sections.words)):
        forged.starts = memoryview(bytearray(INDEX[-4 * len(starts) :])).cast("I")
        forged.starts[node] = wrong
        with pytest.raises(FormatError):
            forged.type(node)
        with pytest.raises(FormatError):
            forged.by_name(kinds.STRUCT, "node")


def test_reading_it_imports_next_to_nothing() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); before = set(sys.modules);"
        "import probee.btf.index; print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(run.stdout.split())
    slow = {"array", "collections", "dataclasses", "enum", "functools", "re", "typing"}
    assert not loaded & slow
    assert {name for name in loaded if name.startswith("probee.btf")} == {
        "probee.btf", "probee.btf.index", "probee.btf.kinds", "probee.btf.raw", "probee.btf.table",
    }  # fmt: skip
