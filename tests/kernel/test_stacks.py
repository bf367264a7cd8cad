"""Stacks that programs take, against what the kernel and the process themselves say."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from probee import (
    Const,
    Context,
    Global,
    Session,
    StackTrace,
    Struct,
    array,
    current,
    get_stack,
    raw_tracepoint,
    s64,
    sizeof,
    tp_btf,
    tracepoint,
    u32,
    u64,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.lang.programs import Program

pytestmark = pytest.mark.kernel

stacks = StackTrace(max_entries=4096, depth=30)  # few enough that no two share a place
tiny = StackTrace(max_entries=1, depth=4)
only = Const(u32, 0)
of_kernel = Global(s64, -2)
of_user = Global(s64, -2)
skipped = Global(s64, -2)
plain = Global(s64, 0)


class Frames(Struct):
    addresses: list[u64] = array(u64, 8)


def take() -> None:
    k = stacks.kernel()
    of_kernel.value = -1 if k is None else k
    u = stacks.user()
    of_user.value = -1 if u is None else u
    if (id := stacks.kernel(skip=2)) is not None:
        skipped.value = id


@raw_tracepoint("sys_enter")
def raw(ctx: Context) -> None:
    take()


@tracepoint("syscalls:sys_enter_getpgid")
def hooked(ctx: Context) -> None:
    if current.pid == only:
        take()
        frames = Frames()
        plain.value = get_stack(ctx, frames, sizeof(Frames), 0)


@tp_btf("sys_enter")
def typed(ctx: Context) -> None:
    if current.pid == only and ctx.id == 121:  # getpgid on x86-64
        take()


@raw_tracepoint("sys_enter")
def crowded(ctx: Context) -> None:
    if (id := tiny.kernel()) is not None:
        of_kernel.value = id
    if (id := tiny.user()) is not None:
        of_user.value = id


@pytest.fixture
def live() -> Iterator[Session]:
    with closing(Session(raw).load()) as session:
        session[raw].test_run(context=bytes(16))
        yield session


def test_a_kernel_stack_by_name(live: Session) -> None:
    frames = live[stacks].kernel(live[of_kernel].value)
    names = [frame.name for frame in frames]
    assert "bpf_prog_test_run_raw_tp" in names
    call = next(place for place, name in enumerate(names) if "sys_bpf" in name)
    assert names.index("bpf_prog_test_run_raw_tp") < call
    assert str(frames[-1]) == f"{frames[-1].name}+{frames[-1].offset:#x}"
    assert not live[stacks].hidden
    later = live[stacks][live[skipped].value]
    assert later == live[stacks][live[of_kernel].value][2:]


def test_the_map_as_the_user_sees_it(live: Session) -> None:
    table = live[stacks]
    numbers = list(table)
    assert live[of_kernel].value in numbers
    assert len(table) == len(numbers) >= 2
    assert all(table[number] for number in numbers)
    assert live.losses() == []
    del table[numbers[0]]
    assert numbers[0] not in table
    with pytest.raises(KeyError):
        _ = table[numbers[0]]
    table.clear()
    assert len(table) == 0


@pytest.mark.parametrize("one", [hooked, typed], ids=["tracepoint", "tp_btf"])
def test_the_user_stack_begins_at_the_system_call(one: Program) -> None:
    """Before Linux 6.12 a system call's own tracepoint has no kernel stack, by any helper."""
    with Session(one, consts={only: os.getpid()}) as session:
        os.getpgid(0)
        session.detach()
        none = one is hooked and session[plain].value <= 0
        assert (session[of_kernel].value == -1) == none
        kernel = [] if none else session[stacks].kernel(session[of_kernel].value)
        user = session[stacks].user(session[of_user].value, os.getpid())
        losses = session.losses()
    assert losses == []
    assert none or any("do_syscall_64" in frame.name for frame in kernel)
    assert "libc" in user[0].name
    with open(user[0].name, "rb") as library:  # in front of the address stands the instruction
        library.seek(user[0].offset - 2)
        assert library.read(2) == b"\x0f\x05"


def test_a_stack_without_room_is_a_loss() -> None:
    with closing(Session(crowded).load()) as session:
        for _ in range(2):
            session[crowded].test_run(context=bytes(16))
        assert session[of_kernel].value == 0
        assert session[of_user].value == -2
        (loss,) = session.losses()
        assert (loss.kind, loss.subject, loss.count) == ("stack", "tiny", 2)
        assert "tiny had no room" in str(loss)
