"""Who is measured: one row a contestant, and how one runs.

In: the process to watch. Out: `Run`, a started contestant that can be waited for, asked what it
loaded, and ended with what it used.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench import load
from scripts import oracles

if TYPE_CHECKING:
    import resource
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
# The interpreter that a person would have, not this virtual environment's.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
BPFTRACE = 'tracepoint:syscalls:sys_enter_openat /pid == {}/ {{ printf("%d %s %s\\n", pid, comm, str(args->filename)); }}'  # noqa: E501
PATIENCE = 20.0


class Contestant(NamedTuple):
    """`command` makes the words for a pid; `rows` is false for what prints none."""

    name: str
    what: str
    tool: str  # the oracle that it needs, or ""
    command: Callable[[int], list[str]]
    rows: bool = True


class Used(NamedTuple):
    """What a contestant cost its side of the kernel line, once it has ended."""

    status: int
    user: float  # seconds of CPU in user space
    system: float
    peak_mb: float
    said: str  # on standard error


def environment(**more: str) -> dict[str, str]:
    """A person's: without what tells Python not to keep compiled modules, or not to buffer."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**own, **more}


def probee(*options: str) -> Callable[[int], list[str]]:
    """The bare checkout, under the system's interpreter."""
    return lambda pid: [PYTHON, "-m", "probee", "opensnoop", "-p", str(pid), *options]


def peers(record_bytes: int) -> list[Contestant]:
    """Every contestant whose tool is here; `record_bytes` is what the floor submits."""

    def floor(pid: int) -> list[str]:
        return [sys.executable, "-m", "bench.floor", str(pid), str(record_bytes)]

    def c_tool(pid: int) -> list[str]:
        return [str(oracles.find("opensnoop")), "-p", str(pid)]

    def bpftrace(pid: int) -> list[str]:
        return [str(oracles.find("bpftrace")), "-e", BPFTRACE.format(pid)]

    rows = [
        Contestant("floor", f"an empty program and a {record_bytes}-byte record", "", floor, False),
        Contestant("probee", "probee opensnoop", "", probee()),
        Contestant("probee --pair", "the portable entry and exit pair", "", probee("--pair")),
        Contestant("libbpf-tools", "opensnoop, in C", "opensnoop", c_tool),
        Contestant("bpftrace", "a one-liner at entry, no result", "bpftrace", bpftrace),
    ]
    return [row for row in rows if not row.tool or oracles.find(row.tool)]


class Run:
    """A contestant at work on `pid`, its rows going to the file `output`."""

    def __init__(self, contestant: Contestant, pid: int, output: Path) -> None:
        self.contestant, self.output = contestant, output
        self._errors = output.with_suffix(".err")
        with output.open("wb") as rows, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                contestant.command(pid), stdin=subprocess.DEVNULL, stdout=rows, stderr=errors,
                cwd=ROOT, env=environment(),
            )  # fmt: skip

    def wait_until_it_sees(self, watched: load.Load) -> None:
        """Let `watched` open files until a row of it is there."""
        token = f"/{load.WARM}".encode() if self.contestant.rows else b"attached"
        deadline = time.monotonic() + PATIENCE
        watched.go()
        try:
            while token not in self.output.read_bytes():
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{self.contestant.name}: {self._errors.read_text()}")
                time.sleep(0.02)
        finally:
            watched.halt()
        time.sleep(0.1)

    def wait_until_quiet(self) -> None:
        """Until no row has come for half a second."""
        size, since = -1, time.monotonic()
        while time.monotonic() - since < 0.5:
            now = self.output.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(0.02)

    def programs(self, bpftool: str) -> list[dict[str, object]]:
        """name, xlated and jited bytes of each program that it holds, as bpftool tells them."""
        held = set()
        for entry in Path(f"/proc/{self._process.pid}/fdinfo").iterdir():
            words = entry.read_text().split()
            held |= {words[i + 1] for i, word in enumerate(words) if word == "prog_id:"}
        found = []
        for number in sorted(held, key=int):
            text = subprocess.run(
                [bpftool, "-j", "prog", "show", "id", number], capture_output=True, check=True
            ).stdout
            row = json.loads(text)
            found.append({
                "name": row["name"], "xlated": row["bytes_xlated"], "jited": row["bytes_jited"],
            })  # fmt: skip
        return found

    def end(self) -> Used:
        """SIGINT, then what it used. The peak is its own: rusage would count its parent's too."""
        peak = Path(f"/proc/{self._process.pid}/status").read_text().partition("VmHWM:")[2]
        status, usage = self._interrupt()
        said = self._errors.read_text(errors="replace").strip()
        megabytes = int(peak.split()[0]) / 1024
        return Used(status, usage.ru_utime, usage.ru_stime, megabytes, said)

    def _interrupt(self) -> tuple[int, resource.struct_rusage]:
        """SIGINT until it ends: bpftrace misses one that comes while it is not in epoll_wait."""
        deadline = time.monotonic() + PATIENCE
        again = 0.0
        while True:
            if time.monotonic() > deadline:
                self._process.kill()
            elif time.monotonic() > again:
                self._process.send_signal(signal.SIGINT)
                again = time.monotonic() + 1
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                return self._process.returncode, usage
            time.sleep(0.005)

    def rows(self) -> int:
        """How many rows name the measured file."""
        token = f"/{load.MEASURED}".encode()
        with self.output.open("rb") as file:
            return sum(token in line for line in file)
