"""opensnoop --io-uring and --compat: what no tracepoint of a system call shows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from probee.errors import ProbeeError
from probee.tools.opensnoop import compat, uring
from tests.kernel.opensnoop_support import EVERY_WAY, VARIANTS, Snoop, Words, Worker, expected, seen
from tests.kernel.opensnoop_ways import INT80, URING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Spawn

pytestmark = pytest.mark.kernel


@pytest.fixture
def requests() -> None:
    """Tests of io_uring need a kernel whose tracepoints tell requests apart, Linux 6.1."""
    try:
        uring.uring_programs()
    except ProbeeError as error:
        pytest.skip(error.message)


@pytest.fixture
def calls32(spawn: Spawn) -> None:
    """Tests of 32-bit calls need a kernel that takes them (CONFIG_IA32_EMULATION)."""
    child = spawn.python(f"import ctypes, os\n{INT80}\nassert raw80(20, 0, 0, 0, 0) == os.getpid()")
    if child.wait():
        pytest.skip("the kernel takes no 32-bit system calls")


def watched(
    spawn: Spawn, prepare: str, code: str, *words: str, lost: int = 0
) -> tuple[list[Any], list[dict[str, Any]]]:
    """Runs `code` in a worker under opensnoop --json: the calls made, the rows shown."""
    worker = Worker(spawn)
    worker.do(prepare)
    snoop = Snoop(spawn, "-p", str(worker.pid), "--json", "--syscall", *words)
    snoop.wait_for(worker)
    worker.do(code)
    calls = worker.calls()
    assert snoop.end() == 0
    assert snoop.error_text.startswith(f"probee opensnoop: {lost} events lost\n")
    return calls, snoop.rows()


OPENS = """
base = {base!r}.encode()
for op in (18, 28):
    uring(op, b'/etc/hostname')
    uring(op, b'/no/such/file')
    uring(op, base + b'/%d' % op, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
    uring(op, base + b'/%d' % op, os.O_CREAT | os.O_EXCL, 0o600)
    uring(op, b'')
    uring(op, bytes(b for b in range(1, 256) if b != 47))
    uring(op, b'/' + b'0123456789/' * 40)
    uring(op, 8)
"""
LARGEFILE = 0o100000  # which io_uring sets by itself


@pytest.mark.usefixtures("requests")
@pytest.mark.parametrize(
    ("setup", "sqe_flags"), [(0, 0), (0, 16), (2, 0)], ids=["inline", "async", "polled"]
)
@pytest.mark.parametrize("ways", ["--io-uring", "--all-ways"])
def test_requests_of_io_uring(
    spawn: Spawn, tmp_path: Path, setup: int, sqe_flags: int, ways: str
) -> None:
    """By the submitter, by a worker of the kernel's, by a kernel thread that polls the ring."""
    code = OPENS.format(base=str(tmp_path)).replace("uring(", "open_by_uring(")
    more = f"\ndef open_by_uring(*args): uring(*args, sqe_flags={sqe_flags}, setup={setup})\n"
    start = f"{URING}{more}open_by_uring(18, b'/etc/hostname')"
    calls, rows = watched(spawn, start, code, ways, "-e")
    assert len(calls) == 16
    assert [seen(row) for row in rows] == [expected(call) for call in calls]
    names = ["openat/io_uring"] * 8 + ["openat2/io_uring"] * 8
    assert [row["syscall"] for row in rows] == names
    for row, (_, _, path, ret, flags, mode) in zip(rows, calls, strict=True):
        # One whose preparation failed is shown as it was asked for.
        assert row["flags"] == (flags | LARGEFILE if path else flags)
        assert row["mode"] == (mode if flags & os.O_CREAT else None)
        assert row["slot"] is None
        assert row["error"] is None or ret < 0
    assert {row["unread"] for row in rows} == {None, "fault"}


@pytest.mark.usefixtures("requests")
def test_slots_take_no_descriptor(spawn: Spawn) -> None:
    code = """
uring(18, b'/etc/hostname', slot=3)
uring(28, b'/etc/hostname', slot=0xffffffff)
uring(18, b'/no/such', slot=4)
uring(18, b'/etc/hostname', slot=100)
uring(18, b'/etc/hostname', os.O_CLOEXEC, slot=1)
"""
    calls, rows = watched(spawn, URING + "slots(8)", code, "--io-uring")
    results = [call[3] for call in calls]
    assert results == [0, results[1], -2, -22, -22]
    assert [row["slot"] for row in rows] == [2, results[1], None, None, None]
    assert [row["fd"] for row in rows] == [-1] * 5
    assert [row["errno"] for row in rows] == [0, 0, 2, 22, 22]
    assert [row["path"] for row in rows] == ["/etc/hostname"] * 2 + ["/no/such"] + [
        "/etc/hostname"
    ] * 2


@pytest.mark.usefixtures("requests")
def test_opens_that_nobody_is_told_of(spawn: Spawn) -> None:
    """IOSQE_CQE_SKIP_SUCCESS: counted as lost."""
    code = """
ring = ring_of(0)
for i in range(5):
    ring.submit(sqe(18, b'/etc/hostname', sqe_flags=64))
uring(18, b'/etc/hostname')
"""
    calls, rows = watched(spawn, URING + "ring_of(0)", code, "--io-uring", lost=5)
    assert [seen(row) for row in rows] == [expected(call) for call in calls]


@pytest.mark.usefixtures("requests")
def test_other_requests_are_no_opens(spawn: Spawn) -> None:
    """Reads and closes in places where opens were, and many opens at once."""
    code = """
ring = ring_of(0)
for round in range(50):
    opens = [sqe(18, b'/etc/hostname' if i % 3 else b'/none/%d' % i, data=i) for i in range(1, 20)]
    ring.submit(*opens)
    done = ring.results(19)
    for i in range(1, 20):
        path = b'/etc/hostname' if i % 3 else b'/none/%d' % i
        log.append(('uring', os.getpid(), path, done[i], 0, 0))
    fds = [fd for fd in done.values() if fd >= 0]
    close = [struct.pack('<BBHiQQIIQ', 19, 0, 0, fd, 0, 0, 0, 0, n) for n, fd in enumerate(fds)]
    ring.submit(*close)
    assert set(ring.results(len(fds)).values()) == {0}
    ring.submit(*[struct.pack('<BBH28xQ', 0, 0, 0, n) for n in range(19)])
    ring.results(19)
"""
    calls, rows = watched(spawn, URING + "ring_of(0)", code, "--io-uring")
    assert len(calls) == 950
    assert [seen(row) for row in rows] == [expected(call) for call in calls]


@pytest.mark.usefixtures("requests")
def test_filters_hold_for_requests(spawn: Spawn, tmp_path: Path) -> None:
    code = OPENS.format(base=str(tmp_path))
    start = URING + "ring_of(0)"
    for words, wanted in (
        (("-x",), lambda call: call[3] < 0),
        (("--errno", "ENOENT,EFAULT"), lambda call: call[3] in (-2, -14)),
        (("-f", "O_RDONLY"), lambda call: call[4] & 3 == 0),
    ):
        calls, rows = watched(spawn, start, code, "--io-uring", *words)
        assert [seen(row) for row in rows] == [expected(c) for c in calls if wanted(c)], words
    other = Worker(spawn)
    calls, rows = watched(spawn, start, code, "--io-uring", "-p", str(other.pid))
    assert [seen(row) for row in rows] == [expected(call) for call in calls]


@pytest.mark.usefixtures("requests")
def test_a_request_that_waits(spawn: Spawn, tmp_path: Path) -> None:
    """An open of a FIFO ends when its other end is opened: an asynchronous end and its latency."""
    code = f"""
import time
fifo = {str(tmp_path / "fifo")!r}.encode()
os.mkfifo(fifo)
ring = ring_of(0)
begin = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
ring.submit(sqe(18, fifo, sqe_flags=16))
time.sleep(0.05)
fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
ret = ring.results(1)[0]
log.append((time.clock_gettime_ns(time.CLOCK_BOOTTIME) - begin, ret))
"""
    ((took, ret),), rows = watched(
        spawn, URING + "ring_of(0)", code, "--io-uring", "--min-us", "0", "--latency"
    )
    (row,) = [row for row in rows if row["syscall"] == "openat/io_uring"]
    assert (row["fd"], row["path"]) == (ret, str(tmp_path / "fifo"))
    assert 50_000_000 <= row["latency_ns"] <= took


COMPAT = """
base = {base!r}.encode()
for way in (open80, openat80, openat2_80):
    way(b'/etc/hostname')
    way(b'/no/such/file')
    way(base + b'/' + way.__name__.encode(), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
    way(base + b'/' + way.__name__.encode(), os.O_CREAT | os.O_EXCL, 0o600)
    way(b'')
    way(b'/' + b'0123456789/' * 40)
creat80(base + b'/created', 0o604)
creat80(b'/no/such/file', 0o644)
by_handle80(os.O_RDONLY)
by_handle80(os.O_RDWR)
note('open', None, raw80(5, 8, 0, 0, 0))
raw80(20, 0, 0, 0, 0)
x32(b'/etc/hostname', os.O_CLOEXEC)
"""


@pytest.mark.usefixtures("calls32")
@VARIANTS
@pytest.mark.parametrize(
    "ways", [("--compat",), ("--all-ways",), ("--compat", "--latency")], ids=" ".join
)
def test_32_bit_calls(spawn: Spawn, tmp_path: Path, variant: Words, ways: Words) -> None:
    code = COMPAT.format(base=str(tmp_path)) + EVERY_WAY.format(base=str(tmp_path))
    calls, rows = watched(spawn, INT80, code, "-e", *ways, *variant)
    assert [seen(row) for row in rows] == [expected(call) for call in calls]
    ours = [row for row in rows if "/" in row["syscall"]]
    assert len(ours) == 24
    assert [row["syscall"] for row in ours] == [
        *["open/32"] * 6, *["openat/32"] * 6, *["openat2/32"] * 6, *["creat/32"] * 2,
        *["open_by_handle_at/32"] * 2, "open/32", "open/x32",
    ]  # fmt: skip
    for row, (how, _, _, _, flags, mode) in zip(rows, calls, strict=True):
        assert row["flags"] == flags, how
        assert row["mode"] == (mode if flags & os.O_CREAT else None), how
        assert 0 < row.get("latency_ns", 1) < 10**9
    assert rows[[call[2] for call in calls].index(None)]["unread"] == "handle"


@pytest.mark.usefixtures("calls32")
def test_filters_hold_for_32_bit_calls(spawn: Spawn, tmp_path: Path) -> None:
    code = COMPAT.format(base=str(tmp_path))
    calls, rows = watched(spawn, INT80, code, "--compat", "-x")
    assert [seen(row) for row in rows] == [expected(call) for call in calls if call[3] < 0]
    calls, rows = watched(
        spawn, INT80, code, "--compat", "--path", "/etc", "--path", "/probee-test"
    )
    assert [row["path"] for row in rows] == ["/etc/hostname"] * 4


@pytest.mark.usefixtures("requests", "calls32")
def test_full_paths(spawn: Spawn, tmp_path: Path) -> None:
    """Of what was opened, or the name in its directory: of a failure, and of what is in a slot."""
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").touch()
    code = """
uring(18, b'link')
uring(28, b'none')
uring(18, b'link', sqe_flags=16)
uring(18, b'link', slot=1)
openat80(b'link')
open80(b'none')
openat2_80(b'link')
"""
    start = f"{URING}{INT80}slots(2); os.chdir({str(tmp_path)!r})"
    for words in (("-F",), ("-F", "--latency")):
        _, rows = watched(spawn, start, code, "--all-ways", *words)
        names = ["file", "none", "file", "link", "file", "none", "file"]
        assert [row["path"] for row in rows] == [str(tmp_path / name) for name in names]
        assert [row["errno"] for row in rows] == [0, 2, 0, 0, 0, 2, 0]


@pytest.mark.usefixtures("requests")
def test_long_names_are_whole(spawn: Spawn) -> None:
    code = """
for size in (1, 255, 4095):
    uring(18, (b'/' + b'0123456789/' * 400)[:size])
uring(18, b'/' * 4096)
"""
    calls, rows = watched(spawn, URING + "ring_of(0)", code, "--io-uring", "--max-path", "4095")
    assert [row["path"] for row in rows[:3]] == [call[2].decode() for call in calls[:3]]
    assert [row["error"] for row in rows] == [None, "ENOENT", "ENOENT", "ENAMETOOLONG"]


@pytest.mark.usefixtures("requests", "calls32")
def test_without_being_asked_they_are_not_seen(spawn: Spawn, tmp_path: Path) -> None:
    code = COMPAT.format(base=str(tmp_path)) + OPENS.format(base=str(tmp_path))
    start = f"{URING}{INT80}ring_of(0)"
    calls, rows = watched(spawn, start, code)
    assert [row["path"] for row in rows] == ["/", "/"]  # for the handles
    assert len(calls) > 30


def test_on_other_machines_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = os.uname_result(("Linux", "host", "6.18", "#1", "aarch64"))
    monkeypatch.setattr(os, "uname", lambda: arm)
    with pytest.raises(ProbeeError, match="known on x86_64 only, and this is aarch64"):
        compat.compat_programs(timed=False)
