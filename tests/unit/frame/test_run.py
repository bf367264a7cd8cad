"""The event loop and every end it can have, over a Session that is not there."""

from __future__ import annotations

import json
import os
import signal
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from probee import Global, u64
from probee.errors import KernelError, UsageError, VerifierError
from probee.frame.run import run_tool
from probee.frozen import replace
from probee.runtime.losses import Loss
from tests.unit.frame.fake import FakeSession, kill, ring, row, tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from probee.frame.tool import Tool

    Run: TypeAlias = Callable[..., tuple[int, str]]

COUNTER = Global(u64, 0)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> type[FakeSession]:
    class Fresh(FakeSession):
        log: list[str] = []
        drains: list[list[list[tuple[int, int, bytes]]]] = []
        late: list[list[tuple[int, int, bytes]]] = []
        lost: list[Loss] = []
        error = None
        idle = staticmethod(kill(signal.SIGINT))
        loading = staticmethod(lambda: None)

    module = ModuleType("probee.runtime.session")
    module.Session = Fresh  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "probee.runtime.session", module)
    return Fresh


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs the tool with its rows in a file: exit status, and what the file then holds."""

    def _run(*words: str, made: Callable[[], Tool] = tool) -> tuple[int, str]:
        path = tmp_path / "rows"
        status = run_tool("faketool", made, ["-o", str(path), *words])
        return status, path.read_bytes().decode() if path.exists() else ""

    return _run


def test_rows_until_sigint(
    session: type[FakeSession], run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    session.drains = [[[row(1), row(2)], [row(3)]], [[row(4)]]]
    session.late = [[row(5)]]
    status, text = run("-b", "64K")
    assert status == 0
    assert [line.split() for line in text.splitlines()] == [
        ["PID", "PATH"],
        *([str(n), "/etc/hostname"] for n in range(1, 6)),
    ]
    assert session.log[0].endswith(": 65536}")
    assert session.log[1:] == ["load", "attach", "detach", "close"]
    assert capfd.readouterr().err == "probee faketool: 0 events lost\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_sigterm(session: type[FakeSession], run: Run) -> None:
    session.idle = staticmethod(kill(signal.SIGTERM))
    assert run() == (0, "PID     PATH\n")
    assert session.log[-1] == "close"


def test_an_ignored_signal_stays_ignored(session: type[FakeSession], run: Run) -> None:
    def both() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        session.drains.append([[row(1)]])
        session.idle = staticmethod(kill(signal.SIGTERM))

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        session.idle = staticmethod(both)
        status, text = run("--count", "1")
        assert (status, text.count("\n")) == (0, 2)
    finally:
        signal.signal(signal.SIGINT, before)


def test_count_is_exact(session: type[FakeSession], run: Run) -> None:
    session.drains = [[[row(1), row(2)]], [[row(3), row(4), row(5)], [row(6)]]]
    status, text = run("--count=4", "--json")
    assert status == 0
    assert [json.loads(line)["pid"] for line in text.splitlines()] == [1, 2, 3, 4]
    assert session.log[-2:] == ["detach", "close"]


def test_rows_that_are_filtered_out_do_not_count(session: type[FakeSession], run: Run) -> None:
    session.drains = [[[row(2)], [row(1), row(2)]], [[row(3), row(4), row(5)], [row(7)]]]
    status, text = run("--odd", "--count=3", "--json")
    assert status == 0
    assert [json.loads(line)["pid"] for line in text.splitlines()] == [1, 3, 5]


def test_duration(session: type[FakeSession], run: Run) -> None:
    session.idle = staticmethod(lambda: None)
    session.drains = [[[row(1)]]]
    session.late = [[row(2)]]
    status, text = run("-d", "0.05", "--csv")
    assert (status, text) == (0, "pid,path\r\n1,/etc/hostname\r\n2,/etc/hostname\r\n")


def test_losses_are_told(
    session: type[FakeSession], run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    session.lost = [Loss("ring_full", "ring", 7), Loss("recursion", "prog", 2)]
    assert run()[0] == 0
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "probee faketool: 9 events lost"
    assert lines[1:] == [f"  {loss}" for loss in session.lost]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "probee faketool: 13 events lost"),  # late rows were in the ring until it was drained
        (("--count", "1"), "probee faketool: 9 events lost"),
    ],
)
def test_what_is_lost_while_programs_are_taken_off_is_no_loss(
    session: type[FakeSession],
    run: Run,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    line: str,
) -> None:
    unpaired = SimpleNamespace(value=2)
    off = session.detach

    def detach(self: FakeSession) -> None:
        unpaired.value = 100
        session.lost = [Loss("ring_full", "ring", 11)]
        off(self)

    monkeypatch.setattr(session, "detach", detach)
    monkeypatch.setattr(
        session, "__getitem__", lambda self, key: self.ring if key is ring else unpaired
    )
    session.drains = [[[row(1)]]]
    session.lost = [Loss("ring_full", "ring", 7)]
    plain = tool()

    def counting() -> Tool:
        return replace(plain, plan=lambda v: replace(plain.plan(v), lost={COUNTER: "unpaired"}))

    assert run(*words, made=counting)[0] == 0
    assert capfd.readouterr().err.splitlines()[0] == line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_load(
    session: type[FakeSession],
    run: Run,
    capfd: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    session.loading = staticmethod(kill(number))
    assert run() == (1, "")
    assert session.log[1:] == ["load", "close"]
    expected = f"probee faketool: ended by {number.name} before tracing began\n"
    assert capfd.readouterr().err == expected


def test_a_full_disk(session: type[FakeSession], capfd: pytest.CaptureFixture[str]) -> None:
    session.drains = [[[row(1)]]]
    assert run_tool("faketool", tool, ["-o", "/dev/full"]) == 1
    assert session.log[-1] == "close"
    assert "ENOSPC" in capfd.readouterr().err


@pytest.mark.parametrize("word", ["/", "/no/such/folder/rows"])
def test_unwritable_outputs_are_told_before_anything_is_loaded(
    session: type[FakeSession], capfd: pytest.CaptureFixture[str], word: str
) -> None:
    assert run_tool("faketool", tool, ["-o", word]) == 1
    assert session.log == []
    assert repr(word) in capfd.readouterr().err


@pytest.mark.parametrize("words", [["--nonsense"], ["operand"], ["-p"], ["--json", "--csv"]])
def test_bad_usage(
    session: type[FakeSession], capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run_tool("faketool", tool, words) == 2
    assert session.log == []
    lines = capfd.readouterr().err.splitlines()
    assert lines[0].startswith("probee faketool: ")
    assert lines[1:] == ["Try 'probee faketool --help'."]


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (KernelError("bpf", 1, cause="no rights", hint="sudo"), "probee faketool: bpf: EPERM"),
        (VerifierError("refused", log="LOG"), "probee faketool: refused"),
        (OSError(24, "Too many", "x.py"), "probee faketool: Too many (x.py)\n"),
        (ZeroDivisionError("oh"), "probee faketool: internal error: ZeroDivisionError: oh\n"),
        (UsageError("a closed Session"), "probee faketool: a closed Session"),
    ],
)
def test_errors_are_sentences(
    session: type[FakeSession],
    run: Run,
    capfd: pytest.CaptureFixture[str],
    error: Exception,
    start: str,
) -> None:
    session.error = error
    assert run() == (1, "")
    assert session.log[-1] == "close"
    text = capfd.readouterr().err
    assert text.startswith(start)
    assert "Traceback" not in text
    assert "LOG" not in text


def test_debug_and_verifier_log_say_more(
    session: type[FakeSession],
    run: Run,
    capfd: pytest.CaptureFixture[str],
) -> None:
    session.error = VerifierError("refused", log="the whole LOG")
    assert run("--debug", "--verifier-log")[0] == 1
    text = capfd.readouterr().err
    assert "the whole LOG" in text
    assert "Traceback" in text


def test_a_reader_that_leaves_ends_it_quietly(
    session: type[FakeSession], capfd: pytest.CaptureFixture[str]
) -> None:
    """Also while nothing happens: no row has to fail first."""
    read, write = os.pipe()
    keep = os.dup(1)
    os.dup2(write, 1)
    os.close(write)
    try:
        session.drains = [[[row(1)]]]
        session.idle = staticmethod(lambda: os.close(read))
        assert run_tool("faketool", tool, []) == 0
    finally:
        os.dup2(keep, 1)
        os.close(keep)
    assert session.log[-2:] == ["detach", "close"]
    assert capfd.readouterr().err == ""


def test_no_descriptor_is_left(session: type[FakeSession], run: Run) -> None:
    before = os.listdir("/proc/self/fd")
    run()
    run("--nonsense")
    assert len(os.listdir("/proc/self/fd")) == len(before)
