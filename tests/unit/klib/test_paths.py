"""Filters on paths: what the command line says becomes constants, entries, tests."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from probee.errors import UsageError
from probee.frame.options import Values, parse
from probee.frame.paths import ROOT
from probee.klib import paths, walk

NAMES = st.binary(min_size=1, max_size=255).filter(lambda name: 0 not in name)


def read(*words: str) -> Values:
    values, operands = parse((*paths.PATH_FILTERS, *paths.WALK_OPTIONS), words)
    assert not operands
    return values


def test_nothing_asked() -> None:
    assert paths.prefix_filter(read()) == ({}, {})
    assert paths.path_keep(read()) == ()
    assert not paths.wants_walked(read())


@given(NAMES)
def test_a_prefix_is_a_key_of_the_trie(name: bytes) -> None:
    text = name.decode("utf-8", "surrogateescape")
    consts, fill = paths.prefix_filter(read("--path", text, "--path=/x,y"))
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
        paths.prefix_filter(read(*words))


def test_globs() -> None:
    (keep,) = paths.path_keep(read("--path-glob", "/a,b*", "--path-glob", "?"))
    assert keep.fields == "path"
    assert [keep.test(path + b"\0") for path in (b"/a,bc", b"/a", b"\xff", b"\xc3\xa9")] == [
        1,
        0,
        1,
        1,
    ]
    with pytest.raises(UsageError, match="empty"):
        read("--path-glob", "")


def test_prefixes_of_whole_paths_are_the_users_side() -> None:
    values = read("-F", "--path", "/a", "--path", "/b", "--path-glob", "*c")
    assert paths.prefix_filter(values) == ({}, {})
    prefixes, globs = paths.path_keep(values)
    raw = (ROOT, b"\0c\0b\0".ljust(20, b"\0"), 0, 0)
    other = (ROOT, b"b\0c\0".ljust(20, b"\0"), 0, 0)
    assert [keep.test(raw) for keep in (prefixes, globs)] == [True, True]
    assert [keep.test(other) for keep in (prefixes, globs)] == [False, True]


def test_longest() -> None:
    assert paths.walk_consts(read("--max-path", "20")) == {walk.longest: 20}
    assert paths.wants_walked(read("--max-path", "20"))
    for wrong in ("0", "4097", "x"):
        with pytest.raises(UsageError, match="not a number of bytes"):
            read("--max-path", wrong)


def test_whole_paths_switch_the_walk_on() -> None:
    assert paths.walk_consts(read("-F")) == {walk.longest: 4096, walk.walked: True}
    assert paths.walk_consts(read("--host-path"))[walk.beyond] is True
