"""opensnoop's paths on the running kernel: filters on them, and -F wherever a path can lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kernel import path_files, path_mounts
from tests.kernel.opensnoop_support import VARIANTS, Snoop, Words, Worker, snooped
from tests.kernel.path_cases import differences, host_differences, run_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.support import Spawn

pytestmark = pytest.mark.kernel

FILTERED = """
for name in (b'/no/a', b'/no/ab', b'/no', b'/na/x,y', b'no/a', b'', b'/no/\\xffz', b'/' * 300,
             b'/no/' + b'y' * 250 + b'1', b'/no/' + b'y' * 251, b'/no/' + b'y' * 4000):
    openat(name)
by_handle()
"""


@VARIANTS
def test_prefixes(spawn: Spawn, variant: Words) -> None:
    words = (
        "--path",
        "/no/a",
        "--path=/na/x,",
        "--path",
        "/no/\udcff",
        "--path",
        "/no/" + "y" * 251,
    )
    calls, rows = snooped(spawn, FILTERED, "--path=/probee-test", *words, *variant)
    assert len(calls) == 13
    assert [row["path"][:7] for row in rows] == [
        "/no/a", "/no/ab", "/na/x,y", "/no/\udcffz", "/no/yyy", "/no/yyy",
    ]  # fmt: skip


def test_globs_are_counted_after_the_filter(spawn: Spawn) -> None:
    worker = Worker(spawn)
    words = ("--path-glob", "/no/[ab]*", "--path-glob", "/probee*", "--json")
    snoop = Snoop(spawn, "-p", str(worker.pid), *words)
    snoop.wait_for(worker)
    worker.do("for i in range(30): openat(b'/no/abc'[:4 + i % 4])")
    assert snoop.end() == 0
    paths = [row["path"] for row in snoop.rows()]
    assert paths == ["/no/a", "/no/ab", "/no/abc"] * 7 + ["/no/a"]
    snoop = Snoop(spawn, "-p", str(worker.pid), "--path-glob", "/no/*", "--count", "5", "--csv")
    while snoop.process.poll() is None:
        worker.do("openat(b'/no/x'); openat(b'/other')")
    assert snoop.wait() == 0
    assert [line.split(b",")[5] for line in snoop.lines[1:]] == [b"/no/x"] * 5


@VARIANTS
@pytest.mark.parametrize("cases", [path_files.CASES, path_mounts.CASES], ids=["files", "mounts"])
def test_whole_paths(
    spawn: Spawn, tmp_path: Path, cases: Sequence[Callable[[str], None]], variant: Words
) -> None:
    for case in run_cases(spawn, cases, tmp_path, "-F", *variant):
        assert differences(case) == [], case.name


@pytest.mark.parametrize("cases", [path_files.CASES, path_mounts.CASES], ids=["files", "mounts"])
def test_host_paths(spawn: Spawn, tmp_path: Path, cases: Sequence[Callable[[str], None]]) -> None:
    for case in run_cases(spawn, cases, tmp_path, "--host-path"):
        assert host_differences(case) == [], case.name


RACE = """
first, other = {first!r}.encode(), {other!r}.encode()
kept = os.open(other, os.O_RDONLY)
place = os.open('/', os.O_RDONLY); os.close(place)  # the number that the next open will get
stop = []
def disturb():
    while not stop:
        libc.dup2(kept, place)
        libc.close(place)
thread = threading.Thread(target=disturb)
thread.start()
for i in range(3000):
    ret = call(257, L(-100), first, L(0), L(0))
    if ret >= 0:
        libc.close(ret)
stop.append(1)
thread.join()
"""


def test_another_thread_takes_the_descriptor(spawn: Spawn, tmp_path: Path) -> None:
    """Then its file is shown, or none: there is nothing else that could be seen."""
    paths = [tmp_path / name for name in ("first", "other")]
    for path in paths:
        path.write_text("")
    code = RACE.format(first=str(paths[0]), other=str(paths[1]))
    _, rows = snooped(spawn, code, "-F")
    told = [(row["path"], row["unread"]) for row in rows[-3000:]]
    assert set(told) <= {(str(paths[0]), None), (str(paths[1]), None), (None, "closed")}
    assert told.count((str(paths[0]), None)) > 100


def test_long_names(spawn: Spawn) -> None:
    code = """
for size in (1, 39, 40, 41, 42, 4094, 4095):
    openat((b'/' + b'0123456789/' * 400)[:size])
openat(b'/' * 5000)
"""
    for most in (40, 255, 4093, 4094, 4095, 4096):
        calls, rows = snooped(spawn, code, "--max-path", str(most))
        assert len(calls) == len(rows) == 8
        for call, row in zip(calls, rows, strict=True):
            assert row["path"] == call[2][:most].decode()
            assert row["cut"] is (len(call[2]) > most)
