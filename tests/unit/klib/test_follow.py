"""Processes that are followed, and their command, without a kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from select import POLLIN, poll
from typing import TYPE_CHECKING, Any

import pytest

from probee.errors import KernelError, ProbeeError, UsageError
from probee.frame.command import Command, executable
from probee.frame.options import parse
from probee.frame.tool import Plan
from probee.klib import filters, follow, namespaces, tasks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def nested(monkeypatch: pytest.MonkeyPatch) -> None:
    """As inside of a pid namespace."""
    consts = {tasks.namespace: 7}
    monkeypatch.setattr(tasks, "namespace_consts", lambda: dict(consts))
    monkeypatch.setattr(tasks, "task_is_typed", lambda: False)
    monkeypatch.setattr(follow, "namespace_consts", lambda: dict(consts))


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside of all of them."""
    monkeypatch.setattr(tasks, "namespace_consts", dict)
    monkeypatch.setattr(tasks, "task_is_typed", lambda: False)
    monkeypatch.setattr(follow, "namespace_consts", dict)


def plan(*words: str) -> Plan:
    values, _ = parse(filters.FILTER_OPTIONS, words)
    return filters.filtered(values, Plan((), follow.followed, {}))  # type: ignore[arg-type]


@pytest.mark.usefixtures("first")
def test_plans() -> None:
    own = str(os.getpid())
    assert plan("-p", own).consts == {tasks.one_pid: True, tasks.only_pid: os.getpid()}
    assert (plan("-p", own).programs, plan("-p", own).attached) == ((), None)
    both = plan("-p", own, "--follow")
    assert both.consts == {follow.following: True}
    assert both.fill == {follow.followed: {os.getpid(): 1}}
    assert both.programs == follow.FOLLOW_PROGRAMS
    command = plan("--", "a", "-b")
    assert (command.command, command.command_pid) == (("a", "-b"), follow.followed)
    assert command.consts == {follow.following: True}
    with pytest.raises(UsageError, match="--follow needs processes"):
        plan("--follow")


@pytest.mark.usefixtures("nested")
def test_plans_in_a_pid_namespace() -> None:
    inside = plan("-p", str(os.getpid()), "--", "a")
    assert {follow.following: True, follow.seeds_apart: True}.items() <= inside.consts.items()
    assert inside.fill == {follow.seeds: {os.getpid(): 1}}
    assert inside.command_pid is follow.seeds


@pytest.mark.usefixtures("first")
def test_descendants_are_found_in_proc() -> None:
    code = "import os, sys; os.fork() or os.fork(); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdin=subprocess.PIPE) as child:
        live: dict[int, int] = {4_194_304: 1}  # a process that is gone
        session: Any = {follow.followed: live}
        while len(live) < 2:
            follow.follow_descendants(session, (child.pid, 4_194_304))
        while len(live) < 2 or 4_194_304 in live:
            follow.follow_descendants(session, (child.pid,))
        assert child.pid not in live  # it stands in the map already
        assert child.stdin is not None
        child.stdin.close()


def test_numbers_of_mount_namespaces(tmp_path: Path) -> None:
    assert namespaces.namespace_name("4026531841") == 4026531841
    assert namespaces.namespace_name("mnt:[12]") == 12
    assert namespaces.namespace_name("12") == "/proc/12/ns/mnt"
    assert namespaces.namespace_name("/a/b") == "/a/b"
    for text in ("", "word", "0", "99999999999", "mnt:[x]"):
        with pytest.raises(UsageError, match="is no process"):
            namespaces.namespace_name(text)
    own = "/proc/self/ns/mnt"
    assert namespaces.number_of(own) == os.stat(own).st_ino
    with pytest.raises(ProbeeError, match="not of mounts"):
        namespaces.number_of("/proc/self/ns/net")
    with pytest.raises(ProbeeError, match="is not the file of a namespace"):
        namespaces.number_of(str(tmp_path))


def ended(command: Command) -> int:
    waiter = poll()
    waiter.register(command.fd, POLLIN)
    assert waiter.poll(60_000)
    return command.status()


def test_a_command_waits_until_it_may(tmp_path: Path) -> None:
    note = tmp_path / "note"
    command = Command(["sh", "-c", f"echo $$ > {note}; exit 5"])
    assert os.path.exists(f"/proc/{command.pid}")
    assert not note.exists()
    command.go()
    assert ended(command) == 5
    assert int(note.read_text()) == command.pid
    command.close()


def test_a_command_that_never_may(tmp_path: Path) -> None:
    note = tmp_path / "note"
    command = Command(["sh", "-c", f"touch {note}"])
    command.close()
    assert not note.exists()
    with pytest.raises(ChildProcessError):
        os.waitpid(command.pid, 0)


def test_a_command_that_is_ended() -> None:
    command = Command(["sleep", "60"])
    command.go()
    command.close()
    _, status = os.waitpid(command.pid, 0)
    assert os.WTERMSIG(status) == signal.SIGTERM


def test_commands_that_cannot_run(tmp_path: Path) -> None:
    with pytest.raises(ProbeeError, match="there is no command 'no-such-command'"):
        Command(["no-such-command"])
    command = Command([str(tmp_path)])
    with pytest.raises(KernelError, match="EACCES"):
        command.go()
    assert ended(command) == 127
    command.close()


def test_where_commands_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").write_text("")
    (tmp_path / "two").mkdir()
    monkeypatch.setenv("PATH", f"/no/such:{tmp_path}")
    for name in ("one", "two"):
        with pytest.raises(ProbeeError, match="no command"):
            executable(name)
    (tmp_path / "one").chmod(0o700)
    assert executable("one") == str(tmp_path / "one")
    assert executable("./x") == "./x"
