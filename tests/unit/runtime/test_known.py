"""What is known of a tool's programs: the names that a capture gives, or nothing at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from probee.host.cachedir import CacheDir
from probee.klib.follow import FOLLOW_PROGRAMS
from probee.lang import capture as capture_module
from probee.lang.capture import capture
from probee.runtime import known as known_module
from probee.runtime.known import Known, known
from probee.runtime.session import Session
from probee.tools.opensnoop.calls import EXIT_ONLY, PAIR
from tests.unit.runtime import fake_session
from tests.unit.runtime.fake_session import exit_openat, only

if TYPE_CHECKING:
    from pathlib import Path


class FakeStart:
    """A start of a process that runs what the files say, or not."""

    def __init__(self, *, whole: bool = True, began: int | None = None) -> None:
        self._whole = whole
        self.began = time.time_ns() + 10**9 if began is None else began  # whatever others edit

    def whole(self) -> bool:
        return self._whole


@pytest.fixture
def folder(tmp_path: Path) -> CacheDir:
    return CacheDir({"PROBEE_CACHE_DIR": str(tmp_path / "cache")})


def ask(folder: CacheDir, programs: Any = EXIT_ONLY, **start: Any) -> Known | None:
    return known(programs, FakeStart(**start), folder)


def entries(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").glob("names-*"))


@pytest.mark.parametrize("programs", [EXIT_ONLY, PAIR, (*FOLLOW_PROGRAMS, *EXIT_ONLY)])
def test_the_names_are_the_captures(
    folder: CacheDir, programs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = capture(programs)
    first = ask(folder, programs)
    monkeypatch.setattr(capture_module, "capture", None)  # nothing is captured from here on
    second = ask(folder, programs)
    assert first is not None
    assert second is not None
    for one in (first, second):
        assert one.names == world.names
        assert one.declarations == world.declarations
        assert [*one.declarations] == [*world.declarations]
    assert first.identity == second.identity


def test_other_programs_are_others(folder: CacheDir, tmp_path: Path) -> None:
    one, two = ask(folder), ask(folder, PAIR)
    assert one is not None
    assert two is not None
    assert one.identity != two.identity
    assert len(entries(tmp_path)) == 2


def test_nothing_is_known_where_there_is_doubt(folder: CacheDir, tmp_path: Path) -> None:
    assert ask(folder, whole=False) is None  # what runs may be another file's code
    assert ask(folder, began=1) is None  # a file was written since
    assert ask(folder, (exit_openat,)) is None  # not of probee's own
    assert entries(tmp_path) == []


def test_other_files_are_other_programs(
    folder: CacheDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(folder)
    monkeypatch.setattr(known_module, "file_rows", lambda: [("klib/tasks.py", 1, 2, 3)])
    assert ask(folder) is not None
    assert len(entries(tmp_path)) == 2
    monkeypatch.setattr(known_module, "file_rows", lambda: None)
    assert ask(folder) is None


@pytest.mark.parametrize(
    "lines",
    [
        b"",
        b"opens",
        b"\nopens",
        b"\nopens probee.tools.opensnoop.rows CALLS",  # no declaration
        b"\nopens probee.tools.opensnoop.rows missing",
        b"\nopens probee.missing opens",
        b"\nopens probee.tools.opensnoop.rows opens\nmore",
        b"\n\xff probee.tools.opensnoop.rows opens",
    ],
)
def test_a_poisoned_entry_is_made_anew(folder: CacheDir, tmp_path: Path, lines: bytes) -> None:
    ask(folder)
    (entry,) = entries(tmp_path)
    folder.store(entry.stem, lines)
    world = ask(folder)
    assert world is not None
    assert world.names == capture(EXIT_ONLY).names
    assert folder.fetch(entry.stem) != lines


def test_a_session_serves_it_what_a_capture_got(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first compiles, the second finds that by the capture, the third without one."""
    compiler = fake_session.fake_compiler(monkeypatch, tmp_path)
    of = Session(exit_openat, consts={only: 1}).spec
    world = remembered()
    assert Session(exit_openat, consts={only: 2}, world=world).spec == of
    captures: list[object] = []
    monkeypatch.setattr(capture_module, "capture", captures.append)
    assert Session(exit_openat, consts={only: 3}, world=remembered(world)).spec == of
    assert (len(compiler.calls), captures) == (1, [])


def test_what_is_in_doubt_is_not_kept_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = fake_session.fake_compiler(monkeypatch, tmp_path)
    compiler.newest = None
    _ = Session(exit_openat, world=remembered()).spec
    _ = Session(exit_openat, world=remembered()).spec
    assert len(compiler.calls) == 2
    assert list((tmp_path / "cache").glob("spec-*")) == []


def remembered(like: Known | None = None) -> Known:
    """A Known of the programs here, which are no tool's."""
    world = Known((exit_openat,), b"files")
    whole = capture((exit_openat,)) if like is None else like
    for name, declaration in whole.declarations.items():
        assert world.enter(name, declaration)
    return world
