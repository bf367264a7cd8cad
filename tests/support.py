"""What kernel tests start and set up: child processes ended by pid, a cgroup of their own.

The fixtures `spawn` and `cgroup` of conftest.py hand these out and clean up behind them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Spawn:
    """Starts child processes; whatever still runs when the test ends is killed by its pid."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def __call__(
        self,
        *command: str,
        stdin: int | None = subprocess.PIPE,
        stdout: int | None = subprocess.PIPE,
        stderr: int | None = subprocess.PIPE,
        cwd: str | Path | None = None,
        env: dict[str, str] | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> subprocess.Popen[bytes]:
        """A child with pipes on its three standard files unless told otherwise."""
        process = subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=stderr, cwd=cwd, env=env, pass_fds=pass_fds
        )
        self._running.append(process)
        return process

    def python(self, code: str, *words: str) -> subprocess.Popen[bytes]:
        """A child that runs `code` in this interpreter, in isolation, `words` its arguments."""
        return self(sys.executable, "-I", "-S", "-u", "-c", code, *words)

    def end(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    try:
                        pipe.close()
                    except BrokenPipeError:  # a write that the child never read
                        pass
            process.wait()
        self._running.clear()


class Cgroup:
    """A cgroup (version 2) of the test's own. `id` is what bpf_get_current_cgroup_id returns."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.id = os.stat(path).st_ino

    def add(self, pid: int) -> None:
        with open(f"{self.path}/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(pid))

    def pids(self) -> list[int]:
        with open(f"{self.path}/cgroup.procs", encoding="ascii") as file:
            return [int(line) for line in file]

    def remove(self) -> None:
        """Move the members back to the root and take the group away, within five seconds."""
        root = os.path.dirname(self.path)
        for pid in self.pids():
            with open(f"{root}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(pid))
        deadline = time.monotonic() + 5
        while True:
            try:
                os.rmdir(self.path)
                return
            except OSError:  # members that are still dying keep it busy
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
