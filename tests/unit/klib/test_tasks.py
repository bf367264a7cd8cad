"""Filters on tasks: what the command line says becomes constants and entries that mean it."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from hypothesis import given, strategies as st

from probee.errors import ProbeeError, UsageError
from probee.frame.options import parse
from probee.host.features import Features
from probee.klib import tasks

COMMS = st.binary(max_size=15).filter(lambda comm: 0 not in comm)
M64 = (1 << 64) - 1


@pytest.fixture(autouse=True)
def _the_first_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the tests run, and whichever processes there are."""
    monkeypatch.setattr(tasks, "namespace_consts", dict)
    monkeypatch.setattr(tasks, "task_is_typed", lambda: False)
    monkeypatch.setattr("os.kill", lambda *_: None)


def filters(*words: str) -> tuple[dict[Any, Any], dict[Any, Any]]:
    values, _ = parse(tasks.TASK_OPTIONS, words)
    return tasks.task_filter(values)


def matches(name: bytes, comm: bytes) -> bool:
    """What `name_wanted()` does in the kernel, on Python's integers cut to 64 bits."""
    consts = tasks._name_consts(name)
    padded = comm.ljust(16, b"\0")
    low, high = (int.from_bytes(padded[i : i + 8], "little") for i in (0, 8))
    for place in range(tasks.NAME_SIZE):
        if place >= consts[tasks.name_places]:
            break
        if (
            low & consts[tasks.mask_low] == consts[tasks.name_low]
            and high & consts[tasks.mask_high] == consts[tasks.name_high]
        ):
            return True
        low = (low >> 8 | high << 56) & M64
        high >>= 8
    return False


@given(COMMS.filter(lambda text: text[:1] not in (b"", b"^")), COMMS)
def test_name_is_a_substring(text: bytes, comm: bytes) -> None:
    assert matches(text, comm) is (text in comm)
    assert matches(b"^" + text, comm) is comm.startswith(text)


@given(COMMS.filter(len), st.data())
def test_every_part_of_a_name_is_found(comm: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(comm) - 1))
    end = data.draw(st.integers(start + 1, len(comm)))
    if comm[start : start + 1] != b"^":
        assert matches(comm[start:end], comm)
    assert matches(b"^" + comm[:end], comm)


def test_nothing_asked() -> None:
    assert filters() == ({}, {})


def test_a_kernel_whose_tasks_can_be_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "task_is_typed", lambda: True)
    assert filters() == ({tasks.typed_task: True}, {})


@pytest.mark.parametrize("helper", [True, False, None])
@pytest.mark.parametrize("types", [True, False])
def test_looking_into_tasks_needs_helper_and_types(
    monkeypatch: pytest.MonkeyPatch, helper: bool | None, types: bool
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(Features, "helper", lambda *_: helper)
    monkeypatch.setattr(os, "access", lambda *_: types)
    assert tasks.task_is_typed() is (types and helper is not False)


def test_one_value_is_a_constant_several_are_a_map() -> None:
    assert filters("-p", "7", "-u", "0") == (
        {tasks.one_pid: True, tasks.only_pid: 7, tasks.one_uid: True, tasks.only_uid: 0}, {},
    )  # fmt: skip
    assert filters("-p", "7,8", "-t9", "-u1,2") == (
        {tasks.some_pids: True, tasks.one_tid: True, tasks.only_tid: 9, tasks.some_uids: True},
        {tasks.pids: {7: 1, 8: 1}, tasks.uids: {1: 1, 2: 1}},
    )


def test_refusals() -> None:
    with pytest.raises(UsageError, match="more than 1024 values"):
        filters("-p", ",".join(str(n) for n in range(1, 1026)))
    for name in ("", "^", "sixteen-bytes-xx", "^sixteen-bytes-xx"):
        with pytest.raises(UsageError, match="1 to 15 bytes"):
            filters("-n", name)


def test_somebody_who_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> None:
        raise ProcessLookupError

    monkeypatch.setattr("os.kill", absent)
    with pytest.raises(ProbeeError, match="there is no process 4194304"):
        filters("-p", "4194304")
    with pytest.raises(ProbeeError, match="there is no thread 7"):
        filters("-t", "7")


def test_a_thread_is_no_process() -> None:
    ready, go = threading.Event(), threading.Event()
    numbers: list[int] = []

    def thread() -> None:
        numbers.append(threading.get_native_id())
        ready.set()
        go.wait()

    other = threading.Thread(target=thread)
    other.start()
    ready.wait()
    try:
        number = numbers[0]
        for option in ("-p", "--ppid"):
            with pytest.raises(ProbeeError, match=f"{number} is a thread of process {os.getpid()}"):
                filters(option, str(number))
        filters("-p", str(os.getpid()), "-t", str(number))
    finally:
        go.set()
        other.join()


def test_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def stat(inode: int) -> None:
        result = os.stat_result((0, inode, os.makedev(3, 300), *[0] * 7))
        monkeypatch.setattr("os.stat", lambda _: result)

    stat(tasks.FIRST_PID_NAMESPACE)
    assert tasks.namespace_consts() == {}
    stat(4026532000)
    assert tasks.namespace_consts() == {
        tasks.namespace: 4026532000,
        tasks.namespace_device: 3 << 20 | 300,
    }
