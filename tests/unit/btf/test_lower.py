"""Lowering keeps ids and string offsets, and takes out what was asked, and only that."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from probee.btf import kinds, types
from probee.btf.check import check
from probee.btf.lower import Features, lower
from probee.btf.reader import Btf
from probee.btf.writer import BtfBuilder
from probee.errors import FormatError
from tests.unit.btf.samples import newest_kinds, raw

BLOB = newest_kinds().build()
NAMES = Features.__match_args__
OLDEST = Features(*[False] * len(NAMES))


def changes(features: Features) -> dict[str, set[str]]:
    """Which kinds became which others."""
    before, after = Btf(BLOB), Btf(lower(BLOB, features))
    assert len(before) == len(after)
    check(after)
    strings = bytes(before.sections.strings)
    assert bytes(after.sections.strings).startswith(strings)
    found: dict[str, set[str]] = {}
    for (_, old), (_, new) in zip(before.types(), after.types(), strict=True):
        if old != new:
            found.setdefault(kinds.kind_name(old.kind), set()).add(kinds.kind_name(new.kind))
    return found


def test_nothing_to_do_changes_nothing() -> None:
    assert lower(BLOB, Features()) == BLOB


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("func", {"FUNC": {"TYPEDEF"}, "FUNC_PROTO": {"INT"}, "DECL_TAG": {"INT"}}),
        ("datasec", {"VAR": {"INT"}, "DATASEC": {"STRUCT"}, "DECL_TAG": {"INT"}}),
        ("func_global", {"FUNC": {"FUNC"}}),
        ("float", {"FLOAT": {"STRUCT"}}),
        ("decl_tag", {"DECL_TAG": {"INT"}}),
        ("type_tag", {"TYPE_TAG": {"CONST"}}),
        ("enum64", {"ENUM64": {"INT"}, "ENUM": {"ENUM"}}),
        ("qmark_datasec", {}),
        ("tag_attributes", {"DECL_TAG": {"INT"}, "TYPE_TAG": {"CONST"}}),
    ],
)
def test_each_feature(missing: str, expected: dict[str, set[str]]) -> None:
    assert changes(Features(**{missing: False})) == expected


def test_the_table_of_features_is_tested_whole() -> None:
    marks = test_each_feature.pytestmark[0]  # type: ignore[attr-defined]
    assert [row[0] for row in marks.args[1]] == list(NAMES)


def test_the_oldest_kernel_gets_only_what_it_knew() -> None:
    after = Btf(lower(BLOB, OLDEST))
    check(after)
    assert {type_.kind for _, type_ in after.types()} <= set(range(1, 12))


@pytest.mark.parametrize("big_endian", [False, True])
def test_what_the_replacements_are(big_endian: bool) -> None:
    b = newest_kinds()
    after = Btf(lower(b.build(big_endian=big_endian), Features(datasec=False, enum64=False)))
    assert after.big_endian == big_endian
    (bss,) = after.by_name(kinds.STRUCT, "_bss")
    struct = after.type(bss)
    assert isinstance(struct, types.Struct)
    assert struct.size == 16
    assert [(m.name, m.bit_offset) for m in struct.members] == [("counter", 0), ("hidden_1", 64)]
    assert after.type(struct.members[0].type) == types.Int("counter", 1, 8)
    (wide,) = after.by_name(kinds.INT, "wide")
    assert after.type(wide) == types.Int("wide", 8, 64)


def test_a_section_with_a_question_mark() -> None:
    int_ = [1, kinds.INT << 24, 4, 32]
    data = raw([*int_, 3, kinds.DATASEC << 24, 0], b"\0a\0?.ops\0")
    assert Btf(lower(data, Features())).type(2) == types.Datasec("?.ops", 0)
    assert Btf(lower(data, Features(qmark_datasec=False))).type(2) == types.Datasec("_.ops", 0)
    lowered = Btf(lower(data, Features(datasec=False))).type(2)
    assert lowered == types.Struct("__ops", 0)


def test_an_extern_function_in_a_section_has_no_member() -> None:
    b = BtfBuilder()
    func = b.func("bpf_kfunc", b.func_proto(0, []), "extern")
    section = b.datasec(".ksyms", 0, [(func, 0, 0)])
    assert Btf(lower(b.build(), Features(datasec=False))).type(section) == types.Struct("_ksyms", 0)


def test_lines_still_find_their_text() -> None:
    b = newest_kinds()
    offset = b.string("    e.submit()")
    assert Btf(lower(b.build(), OLDEST)).string(offset) == "    e.submit()"


@settings(max_examples=200, deadline=2000)
@given(
    st.lists(st.integers(0, len(BLOB) * 8 - 1), max_size=3),
    st.tuples(*[st.booleans()] * len(NAMES)),
)
def test_hostile_blobs(bits: list[int], features: tuple[bool, ...]) -> None:
    data = bytearray(BLOB)
    for bit in bits:
        data[bit // 8] ^= 1 << bit % 8
    try:
        count = len(Btf(data))
        assert len(Btf(lower(data, Features(*features)))) == count
    except FormatError:
        pass


@pytest.mark.parametrize("size", [0, 3, 16, 1 << 29, (1 << 32) - 1])
def test_an_enum_of_no_size_that_enums_have(size: int) -> None:
    builder = BtfBuilder()
    builder.add(types.Enum64("e", 8, (types.Enumerator("v", 1),)))
    word = kinds.info_word(kinds.ENUM64, 1).to_bytes(4, "little")
    bad = bytearray(builder.build())
    at = bad.index(word) + 4
    assert bad[at] == 8
    bad[at : at + 4] = size.to_bytes(4, "little")
    with pytest.raises(FormatError, match="no enum has"):
        lower(bytes(bad), OLDEST)
