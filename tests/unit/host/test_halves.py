"""Two processes that ask: the answers are those of one, also where the child gives none."""

from __future__ import annotations

import os

import pytest

from probee.host.halves import shared

ITEMS = ["a", "bc", "def", "g", "hi"]


def answer(item: str) -> bytes:
    return f"{len(item)}{item[0]}".encode()


@pytest.mark.parametrize("count", range(len(ITEMS) + 1))
def test_in_order(count: int) -> None:
    assert shared(answer, ITEMS[:count], 2) == [answer(item) for item in ITEMS[:count]]


def test_two_processes_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    here = os.getpid()
    found = shared(lambda _: bytes([os.getpid() == here]), ITEMS, 1)
    assert found == [b"\0", b"\1", b"\0", b"\1", b"\0"]


def test_one_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    here = os.getpid()
    assert shared(lambda _: bytes([os.getpid() == here]), ITEMS, 1) == [b"\1"] * 5


def test_a_child_that_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()
    made: list[int] = []
    real = os.fork

    def fork() -> int:
        made.append(real())
        return made[-1]

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(os, "fork", fork)

    def ask(item: str) -> bytes:
        if os.getpid() != here and item != "a":
            os._exit(9)
        return answer(item)

    assert shared(ask, ITEMS, 2) == [answer(item) for item in ITEMS]
    with pytest.raises(ChildProcessError):
        os.waitpid(made[0], os.WNOHANG)
