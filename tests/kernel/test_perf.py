"""Perf event arrays against the kernel's: every record comes, or is counted."""

from __future__ import annotations

import os
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from probee import (
    Chars,
    Const,
    Context,
    Global,
    PerfEventArray,
    Session,
    Struct,
    chars,
    current,
    get_smp_processor_id,
    raw_tracepoint,
    tp_btf,
    tracepoint,
    u8,
    u32,
    u64,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.lang.programs import Program

pytestmark = pytest.mark.kernel


class Event(Struct):
    number: u64
    cpu: u32
    comm: Chars = chars(16)
    tail: u8


events = PerfEventArray(Event, size="8K")
sent = Global(u64, 0)
only = Const(u32, 0)


def send() -> None:
    sent.value += 1
    e = Event(number=sent.value, cpu=get_smp_processor_id(), tail=9)
    e.comm = current.comm
    events.output(e)


@raw_tracepoint("sys_enter")
def program(ctx: Context) -> None:
    send()


@tracepoint("syscalls:sys_enter_getpgid")
def hooked(ctx: Context) -> None:
    if current.pid == only:
        send()


@tp_btf("sys_enter")
def typed(ctx: Context) -> None:
    if current.pid == only and ctx.id == 121:  # getpgid on x86-64
        send()


@pytest.fixture
def live() -> Iterator[Session]:
    with closing(Session(program).load()) as session:
        yield session


def run(live: Session, count: int) -> None:
    for _ in range(count):
        live[program].test_run(context=bytes(16))


def test_each_record_comes_once(live: Session) -> None:
    seen: list[Event] = []
    for _ in range(50):  # 2500 records of 56 bytes: the buffer of 8192 goes round many times
        run(live, 50)
        seen += live[events].drain()
    assert sorted(event.number for event in seen) == list(range(1, 2501))
    assert {(event.tail, str(event.comm)) for event in seen} == {(9, str(seen[0].comm))}
    assert live.losses() == []
    assert live[events].lost == 0


def test_a_full_buffer_is_counted(live: Session) -> None:
    run(live, 1000)
    got = len(list(live[events].drain()))
    (loss,) = live.losses()
    assert 100 < got < 1000
    assert (loss.kind, loss.subject, loss.count) == ("perf_full", "events", 1000 - got)
    assert "events had no room" in str(loss)
    for cpu in sorted(os.sched_getaffinity(0)):  # each buffer's next record tells its losses
        os.sched_setaffinity(0, {cpu})
        run(live, 1)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    list(live[events].drain())
    assert live[events].lost == loss.count


def test_the_size_of_a_session(live: Session) -> None:
    with closing(Session(program, map_sizes={events: "256K"}).load()) as larger:
        run(larger, 1000)
        assert len(list(larger[events].drain())) == 1000


@pytest.mark.parametrize("one", [hooked, typed], ids=["tracepoint", "tp_btf"])
def test_from_each_kind_of_program(one: Program) -> None:
    with Session(one, consts={only: os.getpid()}) as session:
        for _ in range(3):
            os.getpgid(0)
        assert session[events].wait(5)
        session.detach()
        assert len(list(session[events].drain())) == session[sent].value == 3


def test_a_wait_ends_with_a_record(live: Session) -> None:
    assert not live[events].wait(0.01)
    child = os.fork()
    if not child:
        os._exit(0)  # its copies of the buffers are gone already
    os.waitpid(child, 0)
    run(live, 1)
    began = time.monotonic()
    assert live[events].wait(30)
    assert time.monotonic() - began < 30
    assert len(list(live[events].drain())) == 1
    assert not live[events].wait(0)


@pytest.mark.usefixtures("no_new_descriptors")
def test_nothing_stays_open() -> None:
    session = Session(program).load()
    run(session, 3)
    session.close()
