"""Every kind of end of opensnoop, and surroundings that are against it: nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.kernel.opensnoop_support import (
    ROOT,
    VARIANTS,
    Snoop,
    Words,
    Worker,
    runs_pair,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support import Spawn

pytestmark = pytest.mark.kernel


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
    if runs_pair(variant):
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


@VARIANTS
def test_producers_on_every_cpu(spawn: Spawn, variant: Words) -> None:
    """However many are lost of a flood: rows and losses are all opens, to the last one."""
    workers = [Worker(spawn) for _ in range(os.cpu_count() or 1)]
    pids = ",".join(str(worker.pid) for worker in workers)
    snoop = Snoop(spawn, "-p", pids, "-b", "16K", "--json", *variant)
    for worker in workers:
        snoop.wait_for(worker)
    shown = len(snoop.lines)
    flood = "for i in range(20000): call(257, L(-100), b'/no', L(0), L(0))"
    threads = [threading.Thread(target=worker.do, args=(flood,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert snoop.end() == 0
    lost = int(snoop.error_text.split()[2])
    rows = sum(json.loads(line)["path"] == "/no" for line in snoop.lines[shown:])
    assert rows + lost == 20_000 * len(workers)


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
    everybodys = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
         everybodys, "-m", "probee", "opensnoop"],
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


@VARIANTS
def test_bpftool_shows_small_programs_with_their_lines(
    spawn: Spawn, oracle: Callable[[str], str], variant: Words
) -> None:
    """With the filter that -p asks for.

    Helpers' calls would be smaller than the loads that stand in their place, and slower.
    """
    bpftool = oracle("bpftool")
    limits = {"enter": 304, "end": 960} if runs_pair(variant) else {"exit": 640}

    def shown() -> dict[int, dict[str, Any]]:
        done = subprocess.run([bpftool, "-j", "prog", "show"], capture_output=True, check=True)
        return {row["id"]: row for row in json.loads(done.stdout)}

    before = shown()
    worker = Worker(spawn)
    snoop = Snoop(spawn, "-p", str(worker.pid), "--json", *variant)
    snoop.wait_for(worker)
    rows = [row for number, row in shown().items() if number not in before]
    ours = [row for row in rows if re.match(r"(enter|exit|end)_", row["name"])]
    assert len(ours) >= 5
    for row in ours:
        assert row["type"] == "tracepoint"
        assert row["tag"]
        assert row["btf_id"]
        assert row["map_ids"]
        assert row["bytes_xlated"] <= limits[row["name"].partition("_")[0]], row["name"]
    dump = [bpftool, "prog", "dump", "xlated", "id", str(ours[0]["id"]), "linum"]
    text = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
    assert re.search(r"\n; .+ \[file:.*opensnoop/(calls|rows).py line_num:\d+", text)
    assert snoop.end() == 0


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
    loaded: list[str] = []
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
