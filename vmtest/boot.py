"""Boots a kernel in QEMU without KVM, with the host's files below it, and runs one command in it.

In: a kernel, a shell script. Out: `Ended`; what the command says about itself it writes into a
folder that both sides see, for the console carries the kernel's messages too.

virtme-ng wants a terminal, so it gets a pseudo-terminal of its own. QEMU belongs to the session
that the terminal starts: ending that session's group ends all of it.
"""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

from vmtest.packages import Ready

GRACE = 5.0  # seconds between SIGTERM and SIGKILL
CPUS, MEMORY = 2, "2G"


class Ended(NamedTuple):
    """`why`: "" if the machine ended by itself, else what was waited for in vain."""

    why: str
    seconds: float


def command(kernel: Ready, script: Path, shared: Path) -> list[str]:
    """The words that boot `kernel`; inside, `shared` alone can be written for the host to see."""
    return [
        "vng", "--disable-kvm", "--run", str(kernel.image),
        "--cpus", str(CPUS), "--memory", MEMORY,
        "--qemu-opts=-accel tcg,thread=single",
        # The machine covers some of the host's folders (/tmp, /run) with empty ones of its own.
        "--rodir", sys.prefix,
        "--rwdir", str(shared), "--", f"bash {shlex.quote(str(script))}",
    ]  # fmt: skip


def boot(
    words: list[str], environment: dict[str, str], console: Path, begun: Path, limits: Limits
) -> Ended:
    """Runs `words` to the end, or until a limit is reached. `begun` appears when the command runs.

    The console's output goes to the file `console`.
    """
    start = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:  # the child: nothing but the new program
        try:
            os.nice(limits.nice)
            os.execvpe(words[0], words, environment)
        finally:
            os._exit(127)
    try:
        with console.open("wb") as out:
            why = _watch(terminal, out.fileno(), begun, limits, start)
    finally:
        _end(pid)
        os.close(terminal)
    return Ended(why, time.monotonic() - start)


class Limits(NamedTuple):
    """Seconds until the command must have begun, and for all of it; the niceness to run with."""

    begin: float = 240.0
    all: float = 900.0
    nice: int = 10


def _watch(terminal: int, out: int, begun: Path, limits: Limits, start: float) -> str:
    while True:
        ready, _, _ = select.select([terminal], [], [], 1.0)
        if ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # EIO: the other end is closed
                return ""
            if not data:
                return ""
            os.write(out, data)
        passed = time.monotonic() - start
        if passed > limits.all:
            return f"not done after {limits.all:.0f} s"
        if passed > limits.begin and not begun.exists():
            return f"not booted after {limits.begin:.0f} s"


def _end(pid: int) -> None:
    """Ends the session of `pid` with all that it started, and takes its status."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            break
        end = time.monotonic() + GRACE
        while time.monotonic() < end:
            done, _ = os.waitpid(pid, os.WNOHANG)
            if done:
                break
            time.sleep(0.05)
        else:
            continue
        break
    else:
        os.waitpid(pid, 0)
        return
    try:
        os.killpg(pid, signal.SIGKILL)  # what the leader left behind
    except ProcessLookupError:
        return
