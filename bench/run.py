"""A contestant at work: started, waited for, asked what it loaded, ended with what it used.

In: a `Contestant` and whom it is to watch. Out: `Run`, then `Used`.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench import load
from bench.contestants import ROOT, environment
from bench.floor import RINGBUF, map_by_id

if TYPE_CHECKING:
    import resource

    from bench.contestants import Contestant
    from bench.load import Load, Watched

PATIENCE = 20.0


class Used(NamedTuple):
    """What a contestant cost its side of the kernel line, once it has ended."""

    status: int
    user: float  # seconds of CPU in user space
    system: float
    peak_mb: float
    end_ms: float  # from SIGINT until it was gone
    said: str  # on standard error


class Failed(Exception):
    """A contestant does not work here; the message is what it said last."""


class Run:
    """A contestant at work on whom it watches, its rows going to the file `output` or to `pipe`.

    `cache`: where probee keeps what it compiled, if not in its place.
    """

    def __init__(
        self,
        contestant: Contestant,
        watched: Watched,
        output: Path,
        cache: str | None = None,
        pipe: int | None = None,
    ) -> None:
        self.contestant, self.output = contestant, output
        self._errors = output.with_suffix(".err")
        more = {} if cache is None else {"PROBEE_CACHE_DIR": cache}
        with output.open("wb") as rows, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                contestant.command(watched), stdin=subprocess.DEVNULL,
                stdout=rows if pipe is None else pipe, stderr=errors, cwd=ROOT,
                env=environment(**more),
            )  # fmt: skip

    def said(self) -> str:
        """What it wrote to standard error so far."""
        return self._errors.read_text(errors="replace").strip()

    def wait_until_it_sees(self, loaded: Load, patience: float = PATIENCE) -> None:
        """Let `loaded` open files until a row of it is there. Raises Failed, and ends it."""
        token = f"{self.contestant.mark}{load.WARM}" if self.contestant.rows else "attached"
        deadline = time.monotonic() + patience
        loaded.go()
        try:
            while token.encode() not in self.output.read_bytes():
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self._process.kill()
                    self._process.wait()
                    last = [line.strip() for line in self.said().splitlines() if line.strip()]
                    raise Failed(" / ".join(last[:1] + last[1:][-1:]) or "no row came")
                time.sleep(0.02)
        finally:
            loaded.halt()
        time.sleep(0.1)

    def wait_until_quiet(self) -> None:
        """Until no row has come for half a second."""
        size, since = -1, time.monotonic()
        while time.monotonic() - since < 0.5:
            now = self.output.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(0.02)

    def _held(self, key: str) -> list[int]:
        """Ids of the programs (`prog_id`) or maps (`map_id`) whose descriptors it holds."""
        held = set()
        for entry in Path(f"/proc/{self._process.pid}/fdinfo").iterdir():
            words = entry.read_text().split()
            held |= {int(words[i + 1]) for i, word in enumerate(words) if word == f"{key}:"}
        return sorted(held)

    def programs(self, bpftool: str) -> list[dict[str, Any]]:
        """name, xlated and jited bytes of each program that it holds, as bpftool tells them.

        Also `ns` and `runs`, all zero unless the kernel keeps statistics.
        """
        found = []
        for number in self._held("prog_id"):
            text = subprocess.run(
                [bpftool, "-j", "prog", "show", "id", str(number)], capture_output=True, check=True
            ).stdout
            row = json.loads(text)
            found.append({
                "name": row["name"], "xlated": row["bytes_xlated"], "jited": row["bytes_jited"],
                "ns": row.get("run_time_ns", 0), "runs": row.get("run_cnt", 0),
            })  # fmt: skip
        return found

    def written(self) -> int:
        """Bytes that its programs ever sent through ring buffers: where the writers stand."""
        total = 0
        for number in self._held("map_id"):
            fd, kind = map_by_id(number)
            try:
                if kind == RINGBUF:
                    page = mmap.PAGESIZE
                    shown = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
                    total += int.from_bytes(shown[:8], "little")
                    shown.close()
            finally:
                os.close(fd)
        return total

    def cpu(self) -> float:
        """Seconds of CPU that its threads have used so far."""
        total = 0
        for entry in Path(f"/proc/{self._process.pid}/task").iterdir():
            total += int((entry / "schedstat").read_text().split()[0])
        return total / 1e9

    def end(self) -> Used:
        """SIGINT, then what it used. The peak is its own: rusage would count its parent's too."""
        peak = Path(f"/proc/{self._process.pid}/status").read_text().partition("VmHWM:")[2]
        begin = time.perf_counter()
        status, usage = self._interrupt()
        took = 1000 * (time.perf_counter() - begin)
        megabytes = int(peak.split()[0]) / 1024
        return Used(status, usage.ru_utime, usage.ru_stime, megabytes, took, self.said())

    def _interrupt(self) -> tuple[int, resource.struct_rusage]:
        """SIGINT until it ends: bpftrace misses one that comes while it is not in epoll_wait."""
        deadline = time.monotonic() + PATIENCE
        pidfd = os.pidfd_open(self._process.pid)
        try:
            gone = select.poll()
            gone.register(pidfd, select.POLLIN)
            self._process.send_signal(signal.SIGINT)
            while not gone.poll(1000):
                late = time.monotonic() > deadline
                self._process.send_signal(signal.SIGKILL if late else signal.SIGINT)
        finally:
            os.close(pidfd)
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return self._process.returncode, usage

    def rows(self) -> int:
        """How many rows name what was measured."""
        token = f"{self.contestant.mark}{load.MEASURED}".encode()
        with self.output.open("rb") as file:
            return sum(token in line for line in file)
