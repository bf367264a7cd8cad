"""`probee top` on a terminal: a pseudo-terminal is what it draws on, and whose keys it reads."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING

import pytest

from tests.kernel import live_programs as live

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.kernel
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """A child on a terminal of 100 columns and 30 rows."""

    def __init__(self, *words: str, command: tuple[str, ...] = ("top",)) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.seen = b""
        # Who runs the tests may have some ignored, as nohup does, and a child would do the same.
        heard = ["env", "--default-signal=HUP,INT,QUIT,TERM"]
        self.child = subprocess.Popen(
            [*heard, sys.executable, "-m", "probee", *command, *words],
            stdin=slave, stdout=slave,
            stderr=slave if "--textual" in words else subprocess.PIPE,  # it draws there
            env={**os.environ, "TERM": "xterm"}, start_new_session=True,
        )  # fmt: skip

    def until(self, *texts: bytes) -> None:
        """Reads until all of these were seen since the last call."""
        while not all(text in self.seen for text in texts):
            data = os.read(self.master, 65536)
            assert data, self.seen
            self.seen += data

    def press(self, keys: bytes) -> None:
        self.seen = b""
        os.write(self.master, keys)

    def end(self) -> int:
        """The exit status; what was drawn until then is in `seen`."""
        os.set_blocking(self.master, False)
        while self.child.poll() is None:
            self._drain()
            time.sleep(0.01)
        self._drain()
        if self.child.stderr is not None:
            assert self.child.stderr.read() == b""
        return self.child.returncode

    def _drain(self) -> None:
        try:
            self.seen += os.read(self.master, 65536)
        except OSError:
            pass

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        if self.child.stderr is not None:
            self.child.stderr.close()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """`top` on a program of ours, which is busy."""
    with live.session(hook=True, consts={live.only: os.getpid()}):
        made = Terminal("-p", str(os.getpid()), "-i", "0.1")
        try:
            yield made
        finally:
            made.close()


def test_keys_and_pages(terminal: Terminal) -> None:
    terminal.until(ENTER, b"probee top: 1 of", b"raw_tracepoint sys_enter", b"probe ")
    terminal.press(b"\r")
    terminal.until(b"attached to raw_tracepoint sys_enter, through link", b"CPU% of the last")
    terminal.press(b"\x1b[D")
    terminal.until(b"probee top: 1 of")
    terminal.press(b"/nothing like it\r")
    terminal.until(b"0 of")
    terminal.press(b"q")
    assert terminal.end() == 0
    assert LEAVE in terminal.seen
    assert termios.tcgetattr(terminal.slave)[3] == terminal.before[3]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_gives_the_terminal_back(terminal: Terminal, number: int) -> None:
    terminal.until(b"probee top: 1 of")
    terminal.child.send_signal(number)
    assert terminal.end() == 0
    assert LEAVE in terminal.seen
    assert termios.tcgetattr(terminal.slave)[3] == terminal.before[3]


def test_it_ends_after_so_many_looks_and_keeps_no_program() -> None:
    terminal = Terminal("--count", "2", "-i", "0.05")
    try:
        terminal.until(ENTER)
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_no_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "probee", "top"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "no terminal" in done.stderr
    assert "probee ps --watch" in done.stderr


def test_the_larger_form() -> None:
    with live.session(hook=True, consts={live.only: os.getpid()}):
        terminal = Terminal("-p", str(os.getpid()), "-i", "0.1", "--textual")
        try:
            terminal.until(
                ENTER, b"probee top: 1 of", b"raw_tracepoint sys_enter", b"CPU% of probe"
            )
            terminal.press(b"\r")
            terminal.until(b"attached to raw_tracepoint sys_enter, through link")
            terminal.press(b" ")
            terminal.press(b"\x1b[D")
            terminal.until(b"standing still")
            terminal.press(b"q")
            assert terminal.end() == 0
            assert LEAVE in terminal.seen
        finally:
            terminal.close()


def test_the_larger_form_on_a_terminal_that_changes_its_size() -> None:
    with live.session(hook=True, consts={live.only: os.getpid()}):
        terminal = Terminal("-p", str(os.getpid()), "-i", "0.1", "--textual")
        try:
            terminal.until(ENTER, b"probee top: 1 of", b"ATTACHED TO")
            terminal.seen = b""
            fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
            terminal.child.send_signal(signal.SIGWINCH)
            terminal.until(b"probee top: 1 of")
            assert terminal.child.poll() is None
            terminal.press(b"h")
            terminal.until(b"probee top: keys")
            terminal.press(b"q")
            assert terminal.end() == 0
        finally:
            terminal.close()


def test_the_larger_form_ends_by_a_signal_and_by_count() -> None:
    for words, number in ((("--count", "2"), 0), ((), signal.SIGTERM)):
        terminal = Terminal("-i", "0.05", "--textual", *words)
        try:
            terminal.until(ENTER, b"probee top: ")
            if number:
                terminal.child.send_signal(number)
            assert terminal.end() == 0
            assert LEAVE in terminal.seen
        finally:
            terminal.close()
