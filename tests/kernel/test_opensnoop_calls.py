"""What opensnoop tells of a call, and its filters on that: flags, errors, latency, which call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.kernel.opensnoop_support import EVERY_WAY, VARIANTS, Words, expected, seen, snooped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Spawn

pytestmark = pytest.mark.kernel

NAMES = {"handle": "open_by_handle_at"}


@VARIANTS
def test_which_call_it_was(spawn: Spawn, tmp_path: Path, variant: Words) -> None:
    calls, rows = snooped(spawn, EVERY_WAY.format(base=str(tmp_path)), "--syscall", *variant)
    assert [row["syscall"] for row in rows] == [NAMES.get(call[0], call[0]) for call in calls]
    handles = [row["unread"] for row in rows if row["syscall"] == "open_by_handle_at"]
    assert handles == ["handle", "handle"]


@VARIANTS
@pytest.mark.parametrize(
    ("asked", "errnos"), [("ENOENT", (2,)), ("eexist,2", (2, 17)), ("20,2", (2, 20))], ids=str
)
def test_errors(
    spawn: Spawn, tmp_path: Path, variant: Words, asked: str, errnos: tuple[int, ...]
) -> None:
    """Each has ENOENT, without which the opens by which the test begins are not seen."""
    code = "creat(b'/etc/hostname/x')\n" + EVERY_WAY.format(base=str(tmp_path))
    calls, rows = snooped(spawn, code, "--errno", asked, *variant)
    assert [seen(row) for row in rows] == [expected(c) for c in calls if -c[3] in errnos]
    assert {row["errno"] for row in rows} == set(errnos)


def has(flags: int, name: str) -> bool:
    """Whether flags of open(2) say `name`."""
    bits: int = getattr(os, name)
    if name in ("O_RDONLY", "O_WRONLY", "O_RDWR"):
        return flags & os.O_ACCMODE == bits
    return flags & bits == bits


FLAGS = """
base = {base!r}.encode()
for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_CLOEXEC,
              os.O_WRONLY | os.O_CREAT, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_SYNC,
              os.O_RDWR | os.O_DSYNC, os.O_RDWR | os.O_TMPFILE, os.O_DIRECTORY):
    open_(base, flags, 0o600), openat(base, flags, 0o600), openat2(base, flags, 0o600)
    by_handle(flags)
creat(base + b'/created', 0o604)
"""


@VARIANTS
@pytest.mark.parametrize(
    "asked",
    [
        ["O_RDONLY"],
        ["O_CREAT", "O_RDONLY"],
        ["O_SYNC", "O_RDONLY"],
        ["O_TMPFILE", "O_WRONLY", "O_RDONLY"],
    ],
    ids=",".join,
)
def test_flags(spawn: Spawn, tmp_path: Path, variant: Words, asked: list[str]) -> None:
    """Each has O_RDONLY, without which the opens by which the test begins are not seen."""
    calls, rows = snooped(spawn, FLAGS.format(base=str(tmp_path)), "-f", ",".join(asked), *variant)
    wanted = [call for call in calls if any(has(call[4], name) for name in asked)]
    assert len(wanted) < len(calls)
    assert [seen(row) for row in rows] == [expected(call) for call in wanted]


def test_flags_without_access_modes(spawn: Spawn) -> None:
    code = "for flags in (0, 1, 2, 0o100, 0o101): openat(b'/no/such', flags)"
    calls, rows = snooped(
        spawn, code, "-f", "O_CLOEXEC,O_CREAT", begin="openat({!r}, os.O_CLOEXEC)"
    )
    assert len(calls) == 5
    assert [seen(row) for row in rows] == [expected(call) for call in calls[3:]]


@VARIANTS
def test_openat2_with_more_than_it_knows(spawn: Spawn, variant: Words) -> None:
    code = """
openat2(b'/etc/hostname', 1 << 63 | os.O_CLOEXEC)
openat2(b'/etc/hostname', os.O_CREAT, 1 << 40 | 0o644)
openat2(b'/etc/hostname', 0, 0o644)
note('openat2', b'/etc/hostname', call(437, L(-100), b'/etc/hostname', ctypes.c_void_p(8), L(24)))
note('openat2', None, call(437, L(-100), ctypes.c_void_p(8), (ctypes.c_uint64 * 3)(), L(24)))
openat(b'?')
"""
    calls, rows = snooped(spawn, code, "-e", *variant)
    assert [seen(row) for row in rows] == [expected(call) for call in calls]
    assert [row["error"] for row in rows] == ["EINVAL"] * 3 + ["EFAULT"] * 2 + ["ENOENT"]
    assert [row["flags"] for row in rows] == [1 << 63 | os.O_CLOEXEC, os.O_CREAT, 0, None, 0, 0]
    assert [row["mode"] for row in rows] == [None, 1 << 40 | 0o644, 0o644, None, None, None]
    assert [row["unread"] for row in rows] == [None, None, None, None, "fault", None]


SLOW = """
import time
def slow(path):
    path = {base!r}.encode() + path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.mkfifo(path)
    def other():
        time.sleep(0.03)
        os.close(os.open(path, os.O_WRONLY))
    thread = threading.Thread(target=other)
    thread.start()
    begin = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    openat(path)
    log[-1] += (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - begin,)
    thread.join()
"""


@pytest.mark.parametrize("filters", [("--latency",), ("--min-us", "10000.5")], ids=" ".join)
def test_latency(spawn: Spawn, tmp_path: Path, filters: Words) -> None:
    calls, rows = snooped(
        spawn,
        "slow(b'/a'); openat(b'/etc/hostname'); slow(b'/b')",
        *filters,
        prepare=SLOW.format(base=str(tmp_path)),
        begin="slow({!r})",
        under_way=1,
    )
    slow = [call for call in calls if len(call) == 7]
    shown = {row["path"]: row["latency_ns"] for row in rows}
    fifos = [f"{tmp_path}/a", f"{tmp_path}/b"]
    assert [call[2].decode() for call in slow] == fifos
    for call, path in zip(slow, fifos, strict=True):
        assert 10_000_500 <= shown[path] <= call[6]
    if filters[0] == "--min-us":  # an emulated machine takes that long for the other one, too
        assert all(ns >= 10_000_500 for ns in shown.values())
        assert set(shown) <= {*fifos, "/etc/hostname"}
    else:
        assert shown["/etc/hostname"] > 0
