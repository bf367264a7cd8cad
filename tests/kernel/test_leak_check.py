"""The leak check itself: it sees what a test leaves, and nothing that others hold."""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import pytest

from tests import kernel_state
from tests.support import Cgroup, Spawn

pytestmark = pytest.mark.kernel

MAP_CREATE, ARRAY = 0, 2


def make_map() -> int:
    """An array map of four bytes: its descriptor."""
    return kernel_state.bpf(
        MAP_CREATE, struct.pack("<IIIIIII16s", ARRAY, 4, 4, 1, 0, 0, 0, b"leak")
    )[0]


HOLDER = f"""
import sys; sys.path.insert(0, {os.getcwd()!r})
from tests.kernel.test_leak_check import make_map
fd = make_map(); print(fd, flush=True); sys.stdin.read()
"""


def test_a_map_that_stays_open_is_a_leak() -> None:
    before = kernel_state.Snapshot.take()
    fd = make_map()
    try:
        left = kernel_state.leaks(before, seconds=0.1)
    finally:
        os.close(fd)
    assert [row.split()[0] for row in left] == ["map"]
    assert "(leak)" in left[0]
    assert kernel_state.leaks(before) == []


def test_a_child_that_stays_is_a_leak_and_so_is_what_it_holds() -> None:
    before = kernel_state.Snapshot.take()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        left = kernel_state.leaks(before, seconds=0.1)
    assert {row.split()[0] for row in left} == {"map", "child"}


def test_what_an_unrelated_process_holds_is_not_held_against_the_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = kernel_state.Snapshot.take()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        monkeypatch.setattr(kernel_state, "_is_ours", lambda pid: pid == os.getpid())
        left = kernel_state.leaks(before, seconds=0.1)
    assert [row.split()[0] for row in left] == ["child"]


def test_a_child_in_the_cgroup_is_counted_and_let_go(cgroup: Cgroup, spawn: Spawn) -> None:
    child = spawn.python("input()")
    cgroup.add(child.pid)
    assert cgroup.pids() == [child.pid]
    assert cgroup.id == os.stat(cgroup.path).st_ino
