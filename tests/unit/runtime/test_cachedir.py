"""The cache folder: what the same user stored comes back; what others may have touched does not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from probee.errors import UsageError
from probee.host import cachedir
from probee.host.cachedir import CacheDir

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STRANGER = 54321
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def cache(folder: Path) -> CacheDir:
    cache = CacheDir({"PROBEE_CACHE_DIR": str(folder)})
    assert cache.store("entry", b"content")
    return cache


def refused(cache: CacheDir, why: str) -> None:
    assert cache.fetch("entry") is None
    assert why in " ".join(cache.problems)


def test_what_was_stored_comes_back(cache: CacheDir, folder: Path) -> None:
    assert cache.fetch("entry") == b"content"
    assert cache.store("entry", b"")
    assert cache.fetch("entry") == b""
    assert cache.problems == []
    assert folder.stat().st_mode & 0o7777 == 0o700
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o7777 == 0o600


def test_a_missing_entry_or_folder_is_no_problem(folder: Path) -> None:
    cache = CacheDir({"PROBEE_CACHE_DIR": str(folder)})
    assert cache.fetch("entry") is None
    assert cache.problems == []
    assert not folder.exists()


def test_modes_do_not_depend_on_the_umask(folder: Path) -> None:
    before = os.umask(0o777)
    try:
        cache = CacheDir({"PROBEE_CACHE_DIR": str(folder)})
        assert cache.store("entry", b"content"), cache.problems
    finally:
        os.umask(before)
    assert cache.fetch("entry") == b"content"


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o707, 0o777, 0o500])
def test_a_folder_of_another_mode_is_not_used(cache: CacheDir, folder: Path, mode: int) -> None:
    folder.chmod(mode)
    refused(cache, "0700 is wanted")
    assert not cache.store("entry", b"new")


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o602, 0o700])
def test_a_file_of_another_mode_is_not_used(cache: CacheDir, folder: Path, mode: int) -> None:
    (folder / "entry.probee").chmod(mode)
    refused(cache, "others may have had a hand in it")


@needs_root
def test_a_file_of_another_user_is_not_used(cache: CacheDir, folder: Path) -> None:
    os.chown(folder / "entry.probee", STRANGER, 0)
    refused(cache, f"uid {STRANGER}")


@needs_root
def test_a_folder_of_another_user_is_not_used(cache: CacheDir, folder: Path) -> None:
    os.chown(folder, STRANGER, 0)
    refused(cache, f"uid {STRANGER}")
    assert not cache.store("entry", b"new")


@needs_root
def test_nothing_below_another_users_home_is_used(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    os.chown(home, STRANGER, 0)
    cache = CacheDir({"PROBEE_CACHE_DIR": str(home / "mine" / "cache")})
    assert not cache.store("entry", b"content")
    assert f"{home} belongs to uid {STRANGER}" in cache.problems[0]
    assert list(home.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
def test_root_never_looks_at_home_or_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "isdir", lambda path: path == "/var/cache")
    environ = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    first, second = cachedir._folders(environ)
    assert first == "/var/cache/probee"
    assert not second.startswith(str(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
def test_root_does_not_make_what_is_everybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """/var/cache of mode 0700 would shut every other service out of its own cache."""
    monkeypatch.setattr(os.path, "isdir", lambda _: False)
    (only,) = cachedir._folders({})
    assert only.endswith("/.cache/probee")


@needs_root
def test_another_user_has_xdg_or_home(tmp_path: Path, as_stranger: Callable[..., bool]) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    os.chown(home, STRANGER, STRANGER)

    def store(environ: dict[str, str]) -> bool:
        cache = CacheDir(environ)
        return cache.store("entry", b"1") and cache.fetch("entry") == b"1"

    assert as_stranger(store, {"HOME": str(home)})
    assert (home / ".cache/probee/entry.probee").is_file()
    assert as_stranger(store, {"HOME": "/nowhere", "XDG_CACHE_HOME": str(home / "x")})
    assert (home / "x/probee/entry.probee").is_file()
    assert not as_stranger(store, {"HOME": "/nowhere"})


@needs_root
def test_roots_cache_is_closed_to_others(
    cache: CacheDir, folder: Path, as_stranger: Callable[..., bool]
) -> None:
    environ = {"PROBEE_CACHE_DIR": str(folder)}
    assert not as_stranger(lambda: CacheDir(environ).store("entry", b"evil"))
    assert not as_stranger(lambda: CacheDir(environ).fetch("entry") is not None)
    assert cache.fetch("entry") == b"content"


@pytest.fixture
def as_stranger(tmp_path: Path) -> Callable[..., bool]:
    """Runs a function in a child process that is another user; whether it gave True."""
    for part in (tmp_path, *tmp_path.parents):
        if part.stat().st_uid == os.geteuid() and "pytest" in str(part):
            part.chmod(part.stat().st_mode | 0o011)

    def run(function: Callable[..., bool], *arguments: object) -> bool:
        child = os.fork()
        if child == 0:
            status = 2
            try:
                os.setgid(STRANGER)
                os.setuid(STRANGER)
                status = 0 if function(*arguments) else 1
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in {0, 1}
        return status == 0

    return run


def test_a_writable_folder_on_the_way_is_not_passed(tmp_path: Path) -> None:
    between = tmp_path / "between"
    between.mkdir()
    between.chmod(0o777)
    cache = CacheDir({"PROBEE_CACHE_DIR": str(between / "cache")})
    assert not cache.store("entry", b"content")
    assert f"others may write to {between}" in cache.problems[0]
    between.chmod(0o1777)  # sticky, as /tmp: nobody can put another folder in its place
    assert cache.store("entry", b"content")


def test_a_link_as_the_folder_is_not_followed(tmp_path: Path, cache: CacheDir) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "cache")
    through = CacheDir({"PROBEE_CACHE_DIR": str(tmp_path / "link")})
    assert through.fetch("entry") is None
    assert through.problems


def test_a_link_as_an_entry_is_not_followed(cache: CacheDir, folder: Path, tmp_path: Path) -> None:
    entry = folder / "entry.probee"
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    refused(cache, "entry")
    assert cache.store("entry", b"new")  # replaces the link, not what it points to
    assert not entry.is_symlink()
    assert b"content" in (tmp_path / "elsewhere").read_bytes()


def test_a_second_name_of_an_entry_is_suspicious(
    cache: CacheDir, folder: Path, tmp_path: Path
) -> None:
    os.link(folder / "entry.probee", tmp_path / "second")
    refused(cache, "others may have had a hand in it")


def test_a_fifo_or_folder_as_an_entry_neither_hangs_nor_counts(
    cache: CacheDir, folder: Path
) -> None:
    (folder / "entry.probee").unlink()
    os.mkfifo(folder / "entry.probee", 0o600)
    refused(cache, "no regular file")
    (folder / "entry.probee").unlink()
    (folder / "entry.probee").mkdir(0o700)
    refused(cache, "no regular file")
    assert not cache.store("entry", b"new")
    assert [path.name for path in folder.iterdir()] == ["entry.probee"]  # nothing left aside


@pytest.mark.parametrize("length", [0, 1, 23, 24, 30])
def test_a_cut_entry_is_not_used(cache: CacheDir, folder: Path, length: int) -> None:
    entry = folder / "entry.probee"
    entry.write_bytes(entry.read_bytes()[:length])
    refused(cache, "entry")
    assert cache.store("entry", b"again")
    assert cache.fetch("entry") == b"again"


@pytest.mark.parametrize("at", [0, 8, 16, 24, 30])
def test_a_damaged_entry_is_not_used(cache: CacheDir, folder: Path, at: int) -> None:
    entry = folder / "entry.probee"
    data = bytearray(entry.read_bytes())
    data[at] ^= 0x40
    entry.write_bytes(data)
    refused(cache, "damaged")


def test_a_huge_entry_is_neither_read_nor_written(cache: CacheDir, folder: Path) -> None:
    with open(folder / "entry.probee", "r+b") as file:
        file.truncate(cachedir.MAX_BYTES + 1)  # sparse
    refused(cache, "its size")
    assert not cache.store("big", bytes(cachedir.MAX_BYTES))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", ".hidden", "a b", "é", "x" * 129])
def test_names_that_could_lead_elsewhere_are_refused(cache: CacheDir, name: str) -> None:
    with pytest.raises(UsageError):
        cache.fetch(name)
    with pytest.raises(UsageError):
        cache.store(name, b"")


def test_the_oldest_entries_go_first(
    cache: CacheDir, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cachedir, "MAX_ENTRIES", 3)
    (folder / "not-ours.txt").write_text("stays")
    os.utime(folder / "entry.probee", ns=(0, 0))
    for number in range(1, 6):
        assert cache.store(f"n{number}", b"x")
        os.utime(folder / f"n{number}.probee", ns=(number, number))
    names = {path.name for path in folder.iterdir()}
    assert names == {"not-ours.txt", "n3.probee", "n4.probee", "n5.probee"}


def test_what_dead_writers_left_aside_goes(cache: CacheDir, folder: Path) -> None:
    old, young = folder / ".new-1-a.probee", folder / ".new-2-b.probee"
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(old, ns=(0, 0))
    assert cache.store("other", b"x")
    assert not old.exists()
    assert young.exists()


def test_off_and_relative() -> None:
    off = CacheDir({"PROBEE_CACHE": "off", "PROBEE_CACHE_DIR": "/tmp/x"})
    assert not off.store("entry", b"x")
    assert off.fetch("entry") is None
    assert "PROBEE_CACHE=off" in off.problems[0]
    for wrong in ("here", "/", "///", "/tmp/.", "/tmp/..", "/tmp/../"):
        with pytest.raises(UsageError, match="absolute"):
            CacheDir({"PROBEE_CACHE_DIR": wrong})


def test_a_folder_that_cannot_be_made_is_a_problem_told_not_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = CacheDir({"PROBEE_CACHE_DIR": str(tmp_path / "file" / "cache")})
    assert not cache.store("entry", b"x")
    assert cache.fetch("entry") is None
    assert cache.problems


def test_many_writers_of_one_entry(folder: Path) -> None:
    """Readers see one writer's whole content at any time."""
    environ = {"PROBEE_CACHE_DIR": str(folder)}
    CacheDir(environ).store("entry", b"0" * 5000)
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            cache = CacheDir(environ)
            fine = all(cache.store("entry", b"%d" % number * 5000) for _ in range(100))
            os._exit(0 if fine else 1)
        children.append(child)
    cache = CacheDir(environ)
    for _ in range(300):
        content = cache.fetch("entry")
        assert content is not None
        assert len(content) == 5000
        assert len(set(content)) == 1
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert [path.name for path in folder.iterdir()] == ["entry.probee"]
