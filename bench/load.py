"""The load generator under control: processes that open and close files when told to.

In: CPUs to run on. Out: `Load`, whose `run` gives nanoseconds an open+close; compiled with gcc.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Self

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


class Load:
    """One process with a thread on each of `cpus`; idle until told to run.

    What is measured opens a file of another name than what only warms up, so that rows tell.
    """

    def __init__(self, folder: str, cpus: list[int]) -> None:
        self.threads = len(cpus)
        names = [os.path.join(folder, name) for name in (WARM, MEASURED)]
        for name in names:
            open(name, "wb").close()
        self._process = subprocess.Popen(
            [PROGRAM, *names, ",".join(map(str, cpus))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.pid = int(self._answer().split()[1])

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
        """Each thread opens and closes MEASURED `count` times: ns a pair, the slowest's."""
        self._say(f"run {count}")
        return float(self._answer())

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
