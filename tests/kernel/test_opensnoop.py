"""opensnoop on the running kernel: its rows are what the traced processes did, no more, no less."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.kernel.opensnoop_support import (
    EVERY_WAY,
    VARIANTS,
    Snoop,
    Words,
    Worker,
    expected,
    seen,
    snooped,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support import Spawn

pytestmark = pytest.mark.kernel


@VARIANTS
def test_every_way_to_open(spawn: Spawn, tmp_path: Path, variant: Words) -> None:
    code = EVERY_WAY.format(base=str(tmp_path))
    calls, rows = snooped(spawn, code, "-e", *variant)
    assert [seen(row) for row in rows] == [expected(call) for call in calls]
    for row, (how, _, _, ret, flags, mode) in zip(rows, calls, strict=True):
        assert (row["flags"], row["error"] is None) == (flags, ret >= 0), how
        creates = flags & os.O_CREAT
        assert row["mode"] == (mode if creates else None), how
        assert row["comm"] == "python"[:15] or row["comm"].startswith("python")


@VARIANTS
def test_names_of_every_byte(spawn: Spawn, tmp_path: Path, variant: Words) -> None:
    code = f"""
base = {str(tmp_path)!r}.encode() + b'/'
for byte in range(1, 256):
    if byte != 47:
        openat(base + bytes([byte]), os.O_CREAT | os.O_WRONLY, 0o600)
for start in (0, 127):
    openat(b'/none' + bytes(b for b in range(1, 256) if b != 47)[start:][:127])
openat(base + '\u202eé漢\u0085'.encode() + b'\\xff\\xc3', os.O_CREAT | os.O_RDWR, 0o600)
"""
    calls, rows = snooped(spawn, code, *variant)
    assert len(calls) == 257
    assert [seen(row) for row in rows] == [expected(call) for call in calls]
    names = [os.fsencode(row["path"]) for row in rows]
    assert names == [call[2] for call in calls]


@VARIANTS
def test_long_names(spawn: Spawn, variant: Words) -> None:
    code = """
for size in (253, 254, 255, 256, 257, 4094, 4095):
    openat((b'/' + b'0123456789/' * 400)[:size])
    openat(b'/short')
openat(b'/' * 5000)
"""
    calls, rows = snooped(spawn, code, *variant)
    assert [seen(row) for row in rows] == [expected(call) for call in calls]
    assert [row["cut"] for row in rows].count(True) == 1


@VARIANTS
def test_names_that_cannot_be_read(spawn: Spawn, variant: Words) -> None:
    code = """
for address in (0, 1, 0xffff800000000000, 0x7ffffffff000):
    note('openat', None, call(257, L(-100), ctypes.c_void_p(address), L(0), L(0)))
    openat(b'/etc/hostname')
"""
    calls, rows = snooped(spawn, code, *variant)
    assert [seen(row) for row in rows] == [expected(call) for call in calls]
    assert [row["error"] for row in rows[::2]] == ["EFAULT"] * 4


@VARIANTS
def test_a_name_on_an_untouched_page(spawn: Spawn, tmp_path: Path, variant: Words) -> None:
    names = tmp_path / "names"
    names.write_bytes(b"/etc/hostname\0".ljust(4096, b"x") * 8)
    code = f"""
import mmap
file = open({str(names)!r}, 'rb')
both = mmap.PROT_READ | mmap.PROT_WRITE
pages = mmap.mmap(file.fileno(), 8 * 4096, prot=both, flags=mmap.MAP_PRIVATE)
start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
for page in range(8):
    name = ctypes.c_void_p(start + page * 4096)
    note('openat', b'/etc/hostname', call(257, L(-100), name, L(0), L(0)))
"""
    calls, rows = snooped(spawn, code, *variant)
    assert [row["path"] for row in rows if row["path"] == "/etc/hostname"] == ["/etc/hostname"] * 8
    assert [seen(row) for row in rows[-8:]] == [expected(call) for call in calls[-8:]]


@VARIANTS
def test_thousands_of_opens_in_their_order(spawn: Spawn, variant: Words) -> None:
    code = """
for i in range(2000):
    openat(b'/etc/hostname')
    openat(b'/no/such/' + str(i).encode())
    open_(b'/etc/passwd') if i % 7 == 0 else openat2(b'/none')
"""
    calls, rows = snooped(spawn, code, *variant)
    assert len(calls) == 6000
    assert [seen(row) for row in rows] == [expected(call) for call in calls]


THREADS = """
def many(n):
    for i in range(50):
        openat(b'/etc/hostname' if i % 2 else b'/no/thread/%d/%d' % (n, i))
threads = [threading.Thread(target=many, args=(n,)) for n in range(200)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@VARIANTS
def test_200_threads(spawn: Spawn, variant: Words) -> None:
    calls, rows = snooped(spawn, THREADS, *variant)
    assert len(calls) == 10_000
    # The C library opens a file of its own when it gives the threads' memory back.
    ours = [row for row in map(seen, rows) if row["path"].startswith(("/etc/", "/no/"))]
    assert sorted(map(str, ours)) == sorted(map(str, map(expected, calls)))


STORM = """
read, write = os.pipe()
children = []
for n in range(300):
    child = os.fork()
    if child == 0:
        for i in range(3):
            openat(b'/no/child/%d/%d' % (n, i))
        openat(b'/etc/hostname')
        os._exit(0)
    children.append(child)
    if len(children) >= 20:
        os.waitpid(children.pop(0), 0)
for child in children:
    os.waitpid(child, 0)
"""


@VARIANTS
def test_a_fork_storm_by_name(spawn: Spawn, variant: Words) -> None:
    name = f"st{os.getpid()}m"
    worker = Worker(spawn)
    worker.do(f"libc.prctl(15, {name.encode()!r}, 0, 0, 0)")
    snoop = Snoop(spawn, "-n", name[1:-1], "--json", *variant)
    snoop.wait_for(worker)
    worker.do(STORM)
    assert snoop.end() == 0
    rows = snoop.rows()
    assert {row["comm"] for row in rows} == {name}
    wanted = {f"/no/child/{n}/{i}" for n in range(300) for i in range(3)}
    # Python 3.12 counts its threads at each fork, in /proc.
    paths = [row["path"] for row in rows if not row["path"].startswith("/proc/")]
    assert sorted(paths) == sorted([*wanted, *["/etc/hostname"] * 300])
    assert len({row["pid"] for row in rows}) > 200


def test_strace_says_the_same(spawn: Spawn, tmp_path: Path, oracle: Callable[[str], str]) -> None:
    """Every row of a program that nobody wrote for this test, `python -c`, against strace's."""
    worker = Worker(spawn)
    snoop = Snoop(spawn, "-p", str(worker.pid), "--json", "-e")
    snoop.wait_for(worker)
    trace = tmp_path / "trace"
    calls = "open,openat,openat2,creat,open_by_handle_at"
    tracer = spawn(
        oracle("strace"), "-o", str(trace), "-e", f"trace={calls}", "-xx", "-s", "4096",
        "-X", "raw", "-p", str(worker.pid),
    )  # fmt: skip
    while not trace.exists() or "TracerPid:\t0\n" in _status(worker.pid):
        time.sleep(0.01)
    worker.do("import json.tool, email.mime.text, sqlite3, urllib.request")
    worker.do("openat(b'/no/\\x01\\xff'); open_(b'/etc/passwd', os.O_CLOEXEC)")
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    assert snoop.end() == 0
    told = [line for line in trace.read_text().splitlines() if re.match(r"open|creat", line)]
    rows = snoop.rows()
    assert len(told) > 20
    for line, row in zip(told, rows, strict=True):
        match = re.match(r'open(?:at)?\(.*?"([^"]*)", (0x[0-9a-f]+|0).*\) = (\S+)', line)
        assert match, line
        path = bytes.fromhex(match[1].replace("\\x", "").strip('"'))
        assert os.fsencode(row["path"]) == path[:4096]
        assert row["flags"] == int(match[2], 16)
        assert row["fd"] == int(match[3], 0)


def _status(pid: int) -> str:
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return file.read()
