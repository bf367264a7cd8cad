"""Descriptors are closed once, by their process only, and a forked child keeps none."""

from __future__ import annotations

import os
import time

import pytest

from probee.errors import KernelError, UsageError
from probee.runtime.descriptors import Descriptors
from probee.runtime.links import close_together


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def null() -> int:
    return os.open("/dev/null", os.O_RDONLY)


def test_each_is_closed_once() -> None:
    owner = Descriptors()
    fd = owner.own(null())
    assert owner.demand(fd) == fd
    owner.close(fd)
    assert not is_open(fd)
    other = null()  # the same number, somebody else's
    assert other == fd
    owner.close(fd)
    owner.close_all()
    assert is_open(other)
    os.close(other)
    with pytest.raises(UsageError, match="closed already"):
        owner.demand(fd)


def test_a_failure_closes_all_and_success_keeps_them() -> None:
    with Descriptors() as owner:
        kept = owner.own(null())
    assert is_open(kept)
    owner.close_all()
    assert not is_open(kept)

    def fails(fds: list[int]) -> None:
        with Descriptors() as owner:
            fds += [owner.own(null()), owner.own(null())]
            raise KeyError

    fds: list[int] = []
    with pytest.raises(KeyError):
        fails(fds)
    assert [fd for fd in fds if is_open(fd)] == []


def test_a_forked_child_has_no_copy_and_says_whose_it_is() -> None:
    owner = Descriptors()
    fd = owner.own(null())
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            owner.demand(fd)
        except UsageError as error:
            status = 0 if "belongs to process" in str(error) and not is_open(fd) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert owner.demand(fd) == fd
    owner.close_all()


def test_an_owner_that_is_gone_does_not_trouble_a_fork() -> None:
    fd = Descriptors().own(null())
    assert not is_open(fd)  # nobody else could close it
    other = null()
    assert other == fd
    pid = os.fork()
    if pid == 0:
        os._exit(0 if is_open(other) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(other)


def test_closing_together_closes_all_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    fds = [null() for _ in range(8)]
    close = os.close

    def slow_close(fd: int) -> None:
        time.sleep(0.2)
        close(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", slow_close)
        start = time.monotonic()
        close_together(fds)
        assert time.monotonic() - start < 0.8
    assert [fd for fd in fds if is_open(fd)] == []


def test_a_descriptor_that_somebody_closed_is_reported_and_the_rest_closed() -> None:
    fds = [null() for _ in range(3)]
    os.close(fds[1])
    with pytest.raises(KernelError, match="closed by somebody else"):
        close_together(fds)
    assert [fd for fd in fds if is_open(fd)] == []
    close_together([])
