"""opensnoop's options on the running kernel: filters, columns, formats."""

from __future__ import annotations

import re
import time
from datetime import datetime
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
    from pathlib import Path

    from tests.support import Spawn

pytestmark = pytest.mark.kernel


@VARIANTS
def test_only_failed(spawn: Spawn, tmp_path: Path, variant: Words) -> None:
    calls, rows = snooped(spawn, EVERY_WAY.format(base=str(tmp_path)), "-x", *variant)
    assert [seen(row) for row in rows] == [expected(c) for c in calls if c[3] < 0]


@VARIANTS
@pytest.mark.parametrize("how", ["-p", "-t"])
def test_several_processes(spawn: Spawn, variant: Words, how: str) -> None:
    workers = [Worker(spawn) for _ in range(3)]
    numbers = ",".join(str(worker.pid) for worker in workers[:2])
    snoop = Snoop(spawn, how, numbers, "--json", *variant)
    snoop.wait_for(workers[0])
    for worker in workers:
        worker.do("for i in range(20): openat(b'/no/%d' % i)")
    assert snoop.end() == 0
    pids = [row["pid"] for row in snoop.rows()]
    assert [pids.count(worker.pid) for worker in workers] == [20, 20, 0]


def test_one_thread(spawn: Spawn) -> None:
    worker = Worker(spawn)
    tid = worker.do("""
import queue
tasks = queue.Queue()
def other():
    while True: exec(tasks.get()); tasks.task_done()
thread = threading.Thread(target=other, daemon=True); thread.start()
answer = thread.native_id
""")
    snoop = Snoop(spawn, "-t", str(tid), "--json")
    snoop.wait_for(worker, how="tasks.put({!r}); tasks.join()")
    worker.do("""
openat(b'/no/main/1')
tasks.put("openat(b'/no/other')"); tasks.join()
openat(b'/no/main/2')
""")
    assert snoop.end() == 0
    rows = snoop.rows()
    assert [(r["pid"], r["tid"], r["path"]) for r in rows] == [(worker.pid, tid, "/no/other")]


def test_users(spawn: Spawn) -> None:
    worker = Worker(spawn)
    for number in (54321, 54322):
        worker.do(f"""
if os.fork() == 0:
    os.setuid({number})
    import time
    while os.getppid() == {worker.pid}:
        openat(b'/no/user/{number}')
        time.sleep(0.01)
    os._exit(0)
""")
    snoop = Snoop(spawn, "-u", "54322", "-U", "--count", "5")
    assert snoop.wait() == 0
    rows = [line.split() for line in snoop.lines]
    assert rows[0] == [b"UID", b"PID", b"COMM", b"FD", b"ERR", b"PATH"]
    assert {(row[0], row[-1]) for row in rows[1:]} == {(b"54322", b"/no/user/54322")}
    assert len(rows) == 6


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("bcdefgh", 1), ("^abc", 1), ("^bcd", 0), ("ijklmno", 1), ("^abcdefghijklmno", 1), ("abd", 0)],
)
def test_names_of_tasks(spawn: Spawn, pattern: str, found: int) -> None:
    worker = Worker(spawn)
    worker.do("libc.prctl(15, b'abcdefghijklmno', 0, 0, 0)")
    snoop = Snoop(spawn, "-n", pattern, "-d", "1.5", "--json")
    if found:
        snoop.wait_for(worker)
    else:
        with pytest.raises(AssertionError, match=r"ended|nothing"):
            snoop.wait_for(worker)
    assert snoop.wait() == 0
    assert bool(snoop.lines) is bool(found)


def test_times(spawn: Spawn) -> None:
    worker = Worker(spawn)
    snoop = Snoop(spawn, "-p", str(worker.pid), "-TT", "--boot-ns", "--json")
    snoop.wait_for(worker)
    spans = []
    for _ in range(3):
        before = time.time(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        worker.do("openat(b'/no')")
        spans.append((before, (time.time(), time.clock_gettime_ns(time.CLOCK_BOOTTIME))))
        time.sleep(0.02)
    assert snoop.end() == 0
    rows = snoop.rows()
    for row, ((low, low_boot), (high, high_boot)) in zip(rows, spans, strict=True):
        assert low - 0.001 <= datetime.fromisoformat(row["time"]).timestamp() <= high + 0.001
        assert low_boot <= row["boot_ns"] <= high_boot


def test_table_and_csv(spawn: Spawn) -> None:
    worker = Worker(spawn)
    table = Snoop(spawn, "-p", str(worker.pid), "-T", "-e")
    table.wait_for(worker)
    rows = Snoop(spawn, "-p", str(worker.pid), "--csv")
    rows.wait_for(worker)
    worker.do("openat(b'/etc/a,\"b\\n', os.O_CLOEXEC); openat(b'/etc/hostname')")
    for snoop in (table, rows):
        assert snoop.end() == 0
    assert table.lines[0].split() == b"TIME PID COMM FD ERR FLAGS MODE PATH".split()
    last = table.lines[-2:]
    start = rb"\d\d:\d\d:\d\d\.\d{6} \d+ +\S+ +-1   2 "
    assert re.match(start + rb'O_RDONLY\|O_CLOEXEC +- +/etc/a,"b\\n\n', last[0])
    assert last[1].endswith(b" /etc/hostname\n")
    assert rows.lines[0] == b"pid,comm,fd,errno,error,path,cut,unread\r\n"
    assert rows.lines[-2].endswith(b',-1,2,ENOENT,"/etc/a,""b\\n",false,\r\n')
