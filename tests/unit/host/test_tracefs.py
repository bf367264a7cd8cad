"""Names of tracepoints that are none: each is an answer or an error of ours, on any tree."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from probee.errors import RelocationError
from probee.host.tracefs import Tracefs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT = """name: req
ID: 7
format:
\tfield:int a;\toffset:8;\tsize:4;\tsigned:1;

print fmt: ""
"""


@pytest.fixture
def tracefs(tmp_path: Path) -> Iterator[Tracefs]:
    """A tree of two categories and, as in every kernel, files beside them."""
    for name in ("9p/req", "dev-x/other"):
        (tmp_path / "events" / name).mkdir(parents=True)
    (tmp_path / "events/9p/req/format").write_text(FORMAT)
    (tmp_path / "events/enable").write_text("0")
    (tmp_path / "events/9p/enable").write_text("0")
    made = object.__new__(Tracefs)
    made._fd, made._formats, made.path = os.open(tmp_path, os.O_PATH), {}, str(tmp_path)
    yield made
    made.close()


def test_what_is_there(tracefs: Tracefs) -> None:
    assert tracefs.events() == ["9p", "dev-x"]
    assert tracefs.events("9p") == ["req"]
    assert tracefs.tracepoint_id("9p", "req") == 7
    assert tracefs.format("dev-x", "nothing") is None


@pytest.mark.parametrize(
    ("category", "name"),
    [("enable", "x"), ("9p", "enable"), ("9p", "no"), ("x", "req"), ("x" * 200, "y")],
)
def test_what_is_not_there(tracefs: Tracefs, category: str, name: str) -> None:
    assert tracefs.format(category, name) is None
    with pytest.raises(RelocationError, match="no tracepoint"):
        tracefs.demand(category, name)


def test_a_file_has_no_events(tracefs: Tracefs) -> None:
    assert tracefs.events("enable") == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "\ud800", "é", "a\nb"])
def test_what_cannot_be_a_name(tracefs: Tracefs, name: str) -> None:
    for pair in ((name, "req"), ("9p", name)):
        with pytest.raises(RelocationError, match="is no name"):
            tracefs.demand(*pair)
