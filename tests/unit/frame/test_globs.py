"""Globs mean what Python's fnmatch makes of them."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given, strategies as st

from probee.frame.globs import glob

LETTERS = "ab*?[]!-/\n\udcff"


@given(st.text(LETTERS, max_size=12), st.text("ab!-/]\n\udcff", max_size=12))
@example("[!]a]*", "ba")
@example("[]-a]", "_")
@example("[z-a]", "z")
@example("[!z-a]", "z")
@example("[a", "[a")
@example("a**b", "ab")
def test_like_fnmatch(pattern: str, text: str) -> None:
    assert glob(pattern)(text) is fnmatchcase(text, pattern)


@given(st.text("ab/", max_size=12), st.data())
def test_stars_take_anything(text: str, data: st.DataObject) -> None:
    pattern = "".join(data.draw(st.sampled_from([char, "?", "*", f"[{char}]"])) for char in text)
    assert glob(pattern)(text)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("/etc/*.conf", "/etc/a/b.conf", True),
        ("*.so.[0-9]", "/lib/libc.so.6", True),
        ("/etc/*", "/etc", False),
        ("", "", True),
    ],
)
def test_by_hand(pattern: str, text: str, fits: bool) -> None:
    assert glob(pattern)(text) is fits
