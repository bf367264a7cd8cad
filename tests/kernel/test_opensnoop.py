"""opensnoop on the running kernel: its rows are what the traced processes did, no more, no less."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.kernel.opensnoop_support import ROOT, Snoop, Worker, expected, seen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support import Spawn

pytestmark = pytest.mark.kernel

VARIANTS = pytest.mark.parametrize("variant", [(), ("--pair",)], ids=["exit-only", "pair"])
Words = tuple[str, ...]

EVERY_WAY = """
base = {base!r}.encode()
for way in (open_, openat, openat2):
    way(b'/etc/hostname')
    way(b'/no/such/file')
    way(base + b'/made', os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
    way(base + b'/made', os.O_CREAT | os.O_EXCL, 0o600)
    way(b'/', os.O_RDONLY | os.O_DIRECTORY)
    way(b'', 0)
creat(base + b'/created', 0o604)
creat(b'/no/such/file', 0o644)
by_handle(os.O_RDONLY)
by_handle(os.O_RDWR)
"""


def snooped(spawn: Spawn, code: str, *words: str) -> tuple[list[Any], list[dict[str, Any]]]:
    """Runs `code` in a worker under opensnoop --json: the calls made, the rows shown."""
    worker = Worker(spawn)
    snoop = Snoop(spawn, "-p", str(worker.pid), "--json", *words)
    snoop.wait_for(worker)
    worker.do(code)
    calls = worker.calls()
    assert snoop.end() == 0
    assert snoop.error_text == "probee opensnoop: 0 events lost\n"
    return calls, snoop.rows()


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
for size in (253, 254, 255, 256, 257, 4095):
    openat((b'/' + b'0123456789/' * 400)[:size])
    openat(b'/short')
openat(b'/' * 5000)
"""
    calls, rows = snooped(spawn, code, *variant)
    assert [seen(row) for row in rows] == [expected(call) for call in calls]
    assert [row["cut"] for row in rows].count(True) == 5


@VARIANTS
def test_names_that_cannot_be_read(spawn: Spawn, variant: Words) -> None:
    code = """
for address in (0, 1, 0xffff800000000000, 0x7ffffffff000):
    note('openat', b'?', call(257, L(-100), ctypes.c_void_p(address), L(0), L(0)))
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
    paths = [row["path"] for row in rows]
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
        assert os.fsencode(row["path"]) == path[:254]
        assert row["flags"] == int(match[2], 16)
        assert row["fd"] == int(match[3], 0)


def _status(pid: int) -> str:
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return file.read()


# ------------------------------------------------------------------------------------- options


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
    with pytest.raises(AssertionError, match="it shows nothing"):
        snoop.wait_for(worker, timeout=3)
    worker.do("""
tasks.put("openat(b'/no/other')"); tasks.join()
openat(b'/no/main')
""")
    assert snoop.end() == 0
    import json

    rows = [json.loads(line) for line in snoop.lines]
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
    assert rows.lines[0] == b"pid,comm,fd,errno,error,path,cut\r\n"
    assert rows.lines[-2].endswith(b',-1,2,ENOENT,"/etc/a,""b\\n",false\r\n')


# ------------------------------------------------------------------------- ends and surroundings


@VARIANTS
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signals_end_it_and_nothing_stays(
    spawn: Spawn, variant: Words, number: signal.Signals
) -> None:
    """That nothing stays loaded is what the fixture of all kernel tests checks."""
    worker = Worker(spawn)
    snoop = Snoop(spawn, "-p", str(worker.pid), "--json", *variant)
    snoop.wait_for(worker)
    worker.do("for i in range(100): openat(b'/no/%d' % i)")
    if number == signal.SIGKILL:
        assert snoop.end(number) == -number
    else:
        assert snoop.end(number) == 0
        assert [row["path"] for row in snoop.rows()] == [f"/no/{i}" for i in range(100)]


@pytest.mark.parametrize("delay", [0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_sigterm_at_any_time_of_the_start(spawn: Spawn, tmp_path: Path, delay: float) -> None:
    env = {**os.environ, "PROBEE_CACHE_DIR": str(tmp_path)}
    snoop = Snoop(spawn, "-p", str(os.getpid()), env=env)
    time.sleep(delay)
    status = snoop.end(signal.SIGTERM)
    text = snoop.error_text
    if status == 1:
        assert text == "probee opensnoop: ended by SIGTERM before tracing began\n"
    elif status == 0:
        assert text == "probee opensnoop: 0 events lost\n"
    else:  # before Python could know what to do
        assert (status, text) == (-signal.SIGTERM, "")


def test_count_and_duration(spawn: Spawn) -> None:
    worker = Worker(spawn)
    snoop = Snoop(spawn, "-p", str(worker.pid), "--count", "50", "--json")
    snoop.wait_for(worker)
    worker.do("for i in range(100): openat(b'/no/%d' % i)")
    assert snoop.wait() == 0
    assert len(snoop.lines) == 50
    start = time.monotonic()
    snoop = Snoop(spawn, "-p", str(worker.pid), "-d", "0.5")
    assert snoop.wait() == 0
    assert 0.5 <= time.monotonic() - start < 20
    assert snoop.lines == [b"PID     COMM               FD ERR PATH\n"]


def test_head(spawn: Spawn, tmp_path: Path) -> None:
    """`| head -1` ends it, without a word, and even if nothing else is opened any more."""
    worker = Worker(spawn)
    errors = tmp_path / "errors"
    command = f"{sys.executable} -m probee opensnoop -p {worker.pid} 2>{errors} | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"cd {ROOT}; {command}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()[0]) == (0, b"PID")
    assert errors.read_text() == ""


def test_a_full_disk(spawn: Spawn) -> None:
    worker = Worker(spawn)
    snoop = Snoop(spawn, "-p", str(worker.pid), "-o", "/dev/full")
    assert snoop.wait() == 1
    assert snoop.error_text.startswith("probee opensnoop: write to '/dev/full': ENOSPC")


def test_what_is_lost_is_counted(spawn: Spawn) -> None:
    """A reader that stands still, a ring of one page: rows and losses add up to the opens."""
    worker = Worker(spawn)
    snoop = Snoop(spawn, "-p", str(worker.pid), "-b", "4K", "--json")
    snoop.wait_for(worker)
    snoop.process.send_signal(signal.SIGSTOP)
    worker.do("for i in range(1000): openat(b'/no/%d' % i)")
    snoop.process.send_signal(signal.SIGCONT)
    assert snoop.end() == 0
    rows = snoop.rows()
    lost = int(snoop.error_text.split()[2])
    assert 0 < len(rows) < 100
    assert len(rows) + lost == 1000
    assert [row["path"] for row in rows] == [f"/no/{i}" for i in range(len(rows))]
    assert "ring" in snoop.error_text.splitlines()[1]


@VARIANTS
def test_a_call_that_began_before_the_tracing(spawn: Spawn, tmp_path: Path, variant: Words) -> None:
    """A pipe without a writer holds its opener: the exit alone shows it, the pair counts it."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    worker = Worker(spawn)
    worker.do(f"threading.Thread(target=lambda: openat({str(fifo)!r}.encode())).start()")
    while "257" not in _system_calls(worker.pid):
        time.sleep(0.01)
    snoop = Snoop(spawn, "-p", str(worker.pid), "--json", *variant)
    snoop.wait_for(worker)
    os.close(os.open(fifo, os.O_WRONLY))
    worker.do("while threading.active_count() > 1: pass")
    assert snoop.end() == 0
    paths = [row["path"] for row in snoop.rows()]
    if variant:
        assert paths == []
        assert "1 calls whose beginning was not seen" in snoop.error_text
    else:
        assert paths == [str(fifo)]


def _system_calls(pid: int) -> list[str]:
    """The numbers of the system calls that the process's threads are in."""
    calls = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/syscall", encoding="ascii") as file:
            calls.append(file.read().split()[0])
    return calls


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, None])
def test_a_poisoned_cache(spawn: Spawn, tmp_path: Path, content: bytes | None) -> None:
    env = {**os.environ, "PROBEE_CACHE_DIR": str(tmp_path)}
    worker = Worker(spawn)
    words = ("-p", str(worker.pid), "--count", "1")
    for _ in range(2):
        snoop = Snoop(spawn, *words, env=env)
        snoop.wait_for(worker) if content is None else _poke(worker, snoop)
        assert snoop.wait() == 0
        poisoned = 0
        for folder, _, names in os.walk(tmp_path):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    data = file.read()
                flipped = data[:-1] + bytes([data[-1] ^ 1]) if data else b""
                with open(path, "wb") as file:
                    file.write(flipped if content is None else content)
                poisoned += 1
        assert poisoned


def _poke(worker: Worker, snoop: Snoop) -> None:
    while snoop.process.poll() is None:
        worker.do("openat(b'/no')")
        time.sleep(0.01)


def test_a_process_that_is_not_there(spawn: Spawn) -> None:
    gone = spawn.python("")
    gone.wait()
    snoop = Snoop(spawn, "-p", str(gone.pid))
    assert snoop.wait() == 1
    assert snoop.error_text == f"probee opensnoop: there is no process {gone.pid}\n"


def test_without_rights(spawn: Spawn, tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o777)
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
         sys.executable, "-m", "probee", "opensnoop"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PROBEE_CACHE_DIR": str(tmp_path / "cache")},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "this process lacks CAP_" in done.stderr
    assert "sudo" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 3


@pytest.mark.parametrize("words", [("--nonsense",), ("-p", "x"), ("--json", "--csv"), ("word",)])
def test_bad_options(spawn: Spawn, words: Words) -> None:
    snoop = Snoop(spawn, *words)
    assert snoop.wait() == 2
    assert snoop.lines == []
    assert snoop.error_text.endswith("Try 'probee opensnoop --help'.\n")


def test_in_a_container_ids_are_the_containers(spawn: Spawn) -> None:
    """`unshare --pid`: the worker there calls itself by a small number, and so does the tool."""
    script = (
        f'cd {ROOT}; sleep 1000 & {sys.executable} -c "\n'
        "import os, subprocess, sys, time\n"
        "me = str(os.getpid())\n"
        "words = ['-m', 'probee', 'opensnoop', '-p', me, '--count', '3']\n"
        "snoop = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE)\n"
        "while snoop.poll() is None:\n"
        "    try: os.close(os.open('/no/container', os.O_RDONLY))\n"
        "    except OSError: pass\n"
        "    time.sleep(0.01)\n"
        "print(me, snoop.returncode, snoop.stdout.read().decode())\n"
        '"'
    )
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c", script],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    me, status, *rest = done.stdout.split(maxsplit=2)
    assert int(status) == 0, done.stderr
    assert int(me) < 100
    lines = rest[0].strip().splitlines()
    assert [line.split()[0] for line in lines[1:]] == [me] * 3
    assert {line.split()[-1] for line in lines[1:]} == {"/no/container"}


def test_imports_before_the_first_row(spawn: Spawn) -> None:
    """What is loaded when the first row leaves: nothing that costs milliseconds."""
    from tests.unit.cli.test_main import HEAVY

    worker = Worker(spawn)
    code = (
        "import sys, os; before = set(sys.modules); sys.path.insert(0, '.')\n"
        "from probee.frame import loop\n"
        "from probee.cli.main import main\n"
        "run = loop.Loop.drain\n"
        "def drain(self):\n"
        "    done = run(self)\n"
        "    if self.rows:\n"
        "        print(*sorted(set(sys.modules) - before), flush=True)\n"
        "        os._exit(7)\n"
        "    return done\n"
        "loop.Loop.drain = drain\n"
        f"main(['opensnoop', '-p', '{worker.pid}', '-o', '/dev/null'])"
    )
    for _ in range(2):  # the first fills the cache
        tool = spawn(sys.executable, "-S", "-E", "-c", code, cwd=ROOT)
        while tool.poll() is None:
            worker.do("openat(b'/no')")
            time.sleep(0.01)
        assert tool.stdout is not None
        loaded = tool.stdout.read().decode().split()
        assert tool.returncode == 7
    assert "probee.runtime.session" in loaded
    assert [m for m in loaded if m in HEAVY or m.startswith("probee.compiler")] == []
