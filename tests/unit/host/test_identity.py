"""The kernel's build id from ELF notes; remembered features."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, strategies as st

from probee.host.features import parse, unparse
from probee.host.identity import build_id


def filled(part: bytes) -> bytes:
    return part + bytes(-len(part) % 4)


def note(name: bytes, kind: int, data: bytes) -> bytes:
    """An ELF note: lengths, type, name and data, each filled up to four bytes."""
    return struct.pack("=3I", len(name), len(data), kind) + filled(name) + filled(data)


ID = bytes(range(20))


def test_the_build_id_is_found_among_other_notes() -> None:
    notes = note(b"Xen\0", 6, b"linux\0") + note(b"Linux\0", 3, b"x") + note(b"GNU\0", 3, ID)
    assert build_id(notes) == ID.hex()
    assert build_id(note(b"GNU\0", 5, ID)) == ""


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data: bytes) -> None:
    build_id(data)
    assert build_id(note(b"GNU\0", 3, ID) + data) == ID.hex()


@pytest.mark.parametrize("length", range(len(note(b"GNU\0", 3, ID))))
def test_a_cut_note_has_no_build_id(length: int) -> None:
    assert build_id(note(b"GNU\0", 3, ID)[:length]) == ""


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), st.booleans()))
def test_features_come_back_as_they_were_kept(answers: dict[str, bool]) -> None:
    kept = unparse(answers, "6.18 x86_64")
    assert parse(kept, "6.18 x86_64") == answers
    assert parse(kept, "6.19 x86_64") == {}


@given(st.binary(max_size=60))
def test_a_bad_features_file_is_no_answer(data: bytes) -> None:
    answers = parse(data, "k")
    assert answers == {} or data.startswith(b"features 1 k\n")
    assert parse(b"features 1 k\nringbuf maybe\n", "k") == {}
    assert parse(b"features 1 k\nringbuf yes\n../x no\n", "k") == {}
