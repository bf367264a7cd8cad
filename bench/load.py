"""The load generator under control: processes that open and close files when told to.

In: CPUs to run on, or a number of processes. Out: `Load`, whose `run` gives the time that its opens
took, and `Watched`, whom a contestant is to show. load.c is compiled with gcc.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple, Self

HERE = Path(__file__).parent
PROGRAM = HERE / ".build" / "load"
WARM, MEASURED = "warm", "measured"


def build(gcc: str) -> None:
    """Compile load.c, unless that has been done since it changed."""
    source = HERE / "load.c"
    if PROGRAM.exists() and PROGRAM.stat().st_mtime > source.stat().st_mtime:
        return
    PROGRAM.parent.mkdir(exist_ok=True)
    subprocess.run([gcc, "-O2", "-Wall", "-pthread", "-o", PROGRAM, source], check=True)


class Watched(NamedTuple):
    """Whom a contestant is to show: one process, or, if `uid` is not 0, all that this user runs."""

    pid: int = 0
    uid: int = 0


class Load:
    """A thread on each of `cpus`, or `processes` of the user `uid`; idle until told to run.

    What is measured opens a file of another name than what only warms up, so that rows tell.
    """

    def __init__(self, folder: str, cpus: list[int], processes: int = 0, uid: int = 0) -> None:
        self.workers = processes or len(cpus)
        names = [os.path.join(folder, name) for name in (WARM, MEASURED)]
        for name in names:
            with open(name, "wb") as file:
                os.fchmod(file.fileno(), 0o644)
        crowd = [str(processes), str(uid)] if processes else []
        self._process = subprocess.Popen(
            [PROGRAM, *names, ",".join(map(str, cpus)), *crowd],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        pid = int(self._answer().split()[1])
        self.watched = Watched(uid=uid) if processes else Watched(pid=pid)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        if not line:
            raise RuntimeError("the load generator ended")
        return line

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    def run(self, count: int) -> float:
        """Each worker opens and closes MEASURED `count` times: ns until the last had done so."""
        self._say(f"run {count}")
        return float(self._answer())

    def pair(self, count: int) -> float:
        """The same: ns for one open and close."""
        return self.run(count) / count

    def go(self) -> None:
        """Open and close WARM in the background until `halt`."""
        self._say("go")

    def halt(self) -> int:
        """End what `go` began: how many opens that were."""
        self._say("")
        return int(self._answer())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def cpus() -> list[int]:
    """The CPUs this process may use."""
    return sorted(os.sched_getaffinity(0))


def unused_uid() -> int:
    """A user id that no process has."""
    used = set()
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                used.add(entry.stat().st_uid)
            except FileNotFoundError:
                continue
    return next(uid for uid in range(61_184, 65_519) if uid not in used)
