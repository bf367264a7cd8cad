"""A worker whose opens are known to the last one, and an opensnoop that watches it.

`Worker` is a child that runs the code it is sent and keeps a list of the calls it made. `Snoop`
starts the tool as a user would, waits until it sees the worker (by opens of a name of its own), and
gives back the rows of everything the worker did from `begin()` to `end()`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from probee.host.probes import probe_helper
from probee.uapi.bpf import BPF_PROG_TYPE_TRACEPOINT
from probee.uapi.bpf_func import BPF_FUNC_task_pt_regs

if TYPE_CHECKING:
    from tests.support import Spawn

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SENTINEL = "/probee-test/sentinel/"
BEGIN = "openat({!r})"  # code that opens it

WORKER = """
import ctypes, errno, os, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
log = []
def call(number, *args):
    ret = libc.syscall(ctypes.c_long(number), *args)
    return ret if ret >= 0 else -ctypes.get_errno()
def note(how, path, ret, flags=0, mode=0):
    log.append((how, os.getpid(), path, ret, flags, mode))
    if ret >= 0:
        os.close(ret)
    return ret
L = ctypes.c_long
def open_(path, flags=0, mode=0):
    return note('open', path, call(2, path, L(flags), L(mode)), flags, mode)
def creat(path, mode=0):
    return note('creat', path, call(85, path, L(mode)), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
def openat(path, flags=0, mode=0, at=-100):
    return note('openat', path, call(257, L(at), path, L(flags), L(mode)), flags, mode)
def openat2(path, flags=0, mode=0, at=-100):
    how = (ctypes.c_uint64 * 3)(flags, mode, 0)
    return note('openat2', path, call(437, L(at), path, ctypes.byref(how), L(24)), flags, mode)
def by_handle(flags=0, path=b'/etc/hostname'):
    handle = (ctypes.c_uint32 * 34)(128)
    mount = ctypes.c_int()
    call(303, L(-100), path, ctypes.byref(handle), ctypes.byref(mount), L(0))
    at = os.open('/', os.O_RDONLY)
    log.append(('openat', os.getpid(), b'/', at, os.O_RDONLY | os.O_CLOEXEC, 0))
    note('handle', None, call(304, L(at), ctypes.byref(handle), L(flags)), flags)
    os.close(at)
print('ready', flush=True)
while True:
    line = sys.stdin.readline()
    if not line:
        break
    answer = None
    exec(eval(line))
    print(repr(answer), flush=True)
"""

VARIANTS = pytest.mark.parametrize("variant", [(), ("--pair",)], ids=["exit-only", "pair"])
Words = tuple[str, ...]
Call = tuple[str, int, bytes | None, int, int, int]  # how, pid, path, result, flags, mode


def runs_pair(variant: Words) -> bool:
    """Whether the tool traces entry and exit: asked to, or on a kernel that needs it (5.14)."""
    return bool(variant) or probe_helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_task_pt_regs) is False


class Worker:
    """A child that does what it is told, and nothing else."""

    def __init__(self, spawn: Spawn) -> None:
        self.process = spawn.python(WORKER)
        self.pid = self.process.pid
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().strip()

    def do(self, code: str) -> Any:
        """Runs `code` in the child; what it assigns to `answer` comes back."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{code!r}\n".encode())
        self.process.stdin.flush()
        return eval(self._answer())

    def calls(self) -> list[Call]:
        """The calls noted since the last time."""
        calls: list[Call] = self.do("answer = log[:]; log.clear()")
        return calls


class Snoop:
    """`probee opensnoop` as a child. `lines`: what it printed so far, split by newlines.

    `under`: a command that runs another one, such as unshare, in front of it.
    """

    def __init__(
        self, spawn: Spawn, *words: str, env: dict[str, str] | None = None, under: Words = ()
    ) -> None:
        self.process = spawn(
            *under, sys.executable, "-m", "probee", "opensnoop", *words,
            stdin=subprocess.DEVNULL, cwd=ROOT, env=env,
        )  # fmt: skip
        self.lines: list[bytes] = []
        self.errors: list[bytes] = []
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.lines)),
            threading.Thread(target=self._read, args=(self.process.stderr, self.errors)),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(pipe: Any, lines: list[bytes]) -> None:
        for line in pipe:
            lines.append(line)  # noqa: PERF402 - each line is to be seen at once

    def wait_for(
        self, worker: Worker, timeout: float = 200, how: str = "exec({!r})", begin: str = BEGIN
    ) -> None:
        """Until the tool has shown an open that the worker did for this purpose.

        `how` is what the worker does with the code of such an open, where it is not to do it in
        its main thread; `begin` is the code.
        """
        deadline = time.monotonic() + timeout
        number = 0
        while not any(SENTINEL.encode() in line for line in self.lines):
            if self.process.poll() is not None:
                raise AssertionError(f"it ended: {b''.join(self.errors).decode()}")
            assert time.monotonic() < deadline, "it shows nothing"
            number += 1
            worker.do(how.format(begin.format(f"{SENTINEL}{number}".encode())))
            time.sleep(0.01)
        worker.do(how.format(begin.format(f"{SENTINEL}begin".encode())))
        worker.calls()

    def end(self, number: int = signal.SIGINT) -> int:
        """Ends it by a signal; its status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Its status, once it ended by itself."""
        status = self.process.wait(60)
        for reader in self._readers:
            reader.join()
        return status

    def after_begin(self) -> list[bytes]:
        """The lines behind that of the open which `wait_for` did last."""
        at = next(i for i, line in enumerate(self.lines) if f"{SENTINEL}begin".encode() in line)
        return self.lines[at + 1 :]

    def rows(self) -> list[dict[str, Any]]:
        """The same, as the JSON objects that they are."""
        return [json.loads(line) for line in self.after_begin()]

    @property
    def error_text(self) -> str:
        """What it said on standard error."""
        return b"".join(self.errors).decode()


def expected(call: Call) -> dict[str, Any]:
    """The JSON row that a call must give, without the task's names."""
    _, pid, path, ret, _, _ = call
    name = None if path is None else path[:4096].decode("utf-8", "surrogateescape")
    return {
        "pid": pid,
        "fd": max(ret, -1),
        "errno": max(-ret, 0),
        "path": name,
        "cut": path is not None and len(path) > 4096,
    }


def seen(row: dict[str, Any]) -> dict[str, Any]:
    """The same of a row."""
    return {key: row[key] for key in ("pid", "fd", "errno", "path", "cut")}


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


def snooped(
    spawn: Spawn, code: str, *words: str, prepare: str = "", begin: str = BEGIN, under_way: int = 0
) -> tuple[list[Any], list[dict[str, Any]]]:
    """Runs `code` in a worker under opensnoop --json: the calls made, the rows shown.

    `prepare` is run before, unseen; `begin` is code for an open that passes the filters.
    `under_way`: so many opens may have begun before the tool did, and end unseen.
    """
    worker = Worker(spawn)
    worker.do(prepare)
    snoop = Snoop(spawn, "-p", str(worker.pid), "--json", *words)
    snoop.wait_for(worker, begin=begin)
    worker.do(code)
    calls = worker.calls()
    assert snoop.end() == 0
    lost = re.match(r"probee opensnoop: (\d+) events lost\n", snoop.error_text)
    assert lost, snoop.error_text
    assert int(lost[1]) <= under_way, snoop.error_text
    return calls, snoop.rows()
