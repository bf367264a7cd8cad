"""Filters on paths: what the command line says becomes constants, entries, tests."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from probee.errors import UsageError
from probee.frame.options import Values, parse
from probee.klib import paths

NAMES = st.binary(min_size=1, max_size=255).filter(lambda name: 0 not in name)


def read(*words: str) -> Values:
    values, operands = parse(paths.PATH_FILTERS, words)
    assert not operands
    return values


def test_nothing_asked() -> None:
    assert paths.prefix_filters(read()) == ({}, {})
    assert paths.glob_keep(read(), "path", bytes) == ()


@given(NAMES)
def test_a_prefix_is_a_key_of_the_trie(name: bytes) -> None:
    text = name.decode("utf-8", "surrogateescape")
    consts, fill = paths.prefix_filters(read("--path", text, "--path=/x,y"))
    assert consts == {paths.some_prefixes: True}
    (key, _), (other, _) = fill[paths.prefixes]
    assert key.prefixlen == 8 * len(name)
    assert bytes(key.beginning.data) == name.ljust(256, b"\0")
    assert bytes(other.beginning.data[:5]) == b"/x,y\0"


@pytest.mark.parametrize("text", ["", "x" * 256, "a\0b"])
def test_no_prefix(text: str) -> None:
    with pytest.raises(UsageError, match="is not the beginning of a path"):
        read("--path", text)


def test_too_many() -> None:
    words = [f"--path={i}" for i in range(1025)]
    with pytest.raises(UsageError, match="more than 1024"):
        paths.prefix_filters(read(*words))


def test_globs() -> None:
    (keep,) = paths.glob_keep(read("--path-glob", "/a,b*", "--path-glob", "?"), "path", bytes)
    assert keep.fields == "path"
    assert [keep.test(path) for path in (b"/a,bc", b"/a", b"\xff", b"\xc3\xa9")] == [1, 0, 1, 1]
    with pytest.raises(UsageError, match="empty"):
        read("--path-glob", "")
