"""Session before any kernel: what it takes, when it can be used, what it gives back."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, assert_type

import pytest

from probee.errors import RelocationError, UsageError
from probee.lang.maps import Array, LruHash, PerCpuArray
from probee.runtime import links, programs
from probee.runtime.maps import LiveHash
from probee.runtime.ring import LiveRing
from probee.runtime.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.runtime.fake_session import Load


from tests.unit.runtime.fake_session import (
    FakeCompiler,
    Open,
    enter_openat,
    exit_openat,
    loud,
    name,
    only,
    opens,
    seen,
    slots,
    total,
    unused,
)


def test_values_go_to_the_loader_whole(compiler: FakeCompiler, loads: list[Load]) -> None:
    session = Session(
        exit_openat, consts={only: 5, name: "dog"}, map_sizes={opens: "8M", seen: 5}
    ).load()
    _, consts, sizes, _ = loads[0]
    assert consts == {"only": 5, "name": b"dog\0\0\0\0\0"}
    assert sizes == {"opens": 8 << 20}  # `seen` is in no code that was made
    assert session[only].value == 5
    assert session[name].value == "dog"
    assert session[only] is session[only]
    session.close()


def test_constants_read_as_declared_if_not_set(compiler: FakeCompiler, loads: list[Load]) -> None:
    with closing(Session(exit_openat).load()) as session:
        assert session[only].value == 3
        assert session[name].value == "cat"
        assert session[loud].value is True
        with pytest.raises(UsageError, match="only is a Const"):
            session[only].value = 4


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (Session, "wants the programs"),
        (lambda: Session(lambda: None), "wants the programs"),  # type: ignore[arg-type]
        (lambda: Session(exit_openat, exit_openat), "the same name"),
        (lambda: Session(exit_openat, consts={only: -1}), "only: -1 does not fit u32"),
        (lambda: Session(exit_openat, consts={only: 1 << 32}), "only: 4294967296 does"),
        (lambda: Session(exit_openat, consts={only: "1"}), "only: '1' does"),
        (lambda: Session(exit_openat, consts={name: "x" * 8}), "name: "),
        (lambda: Session(exit_openat, consts={unused: 1}), "not used by the programs"),
        (lambda: Session(exit_openat, consts={total: 1}), "is not a Const"),  # type: ignore[dict-item]
        (lambda: Session(exit_openat, map_sizes={opens: "3M"}), "power of two"),
        (lambda: Session(exit_openat, map_sizes={seen: 0}), "seen: 0 entries"),
        (lambda: Session(exit_openat, map_sizes={seen: "8M"}), "seen: '8M' entries"),
        (lambda: Session(exit_openat, map_sizes={slots: 3}), "slots: 3 entries of 4"),
        (lambda: Session(exit_openat, map_sizes={only: 3}), "is not a map"),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], Session], complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert complaint in str(caught.value)


def test_before_load_and_after_close(compiler: FakeCompiler, loads: list[Load]) -> None:
    session = Session(exit_openat)
    with pytest.raises(UsageError, match="not loaded"):
        session[opens]
    assert session.losses() == []
    session.load()
    assert session.load() is session
    assert len(loads) == 1
    session[only]
    live = session[only]
    session.close()
    session.close()
    assert loads[0][0].closed == 1
    for use in (
        session.load,
        session.attach,
        session.detach,
        session.losses,
        lambda: session[opens],
        lambda: live.value,
    ):
        with pytest.raises(UsageError, match="closed"):
            use()


def test_a_session_that_is_let_go_closes(compiler: FakeCompiler, loads: list[Load]) -> None:
    session = Session(exit_openat).load()
    live = session[only]
    del session
    assert loads[0][0].closed == 1
    with pytest.raises(UsageError, match="closed"):
        _ = live.value


def test_a_failure_inside_with_closes(
    compiler: FakeCompiler,
    loads: list[Load],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise RelocationError("no such tracepoint")

    monkeypatch.setattr(links, "attach", refuse)
    with pytest.raises(RelocationError), Session(exit_openat):
        pass
    assert loads[0][0].closed == 1


def test_another_process(compiler: FakeCompiler, loads: list[Load]) -> None:
    session = Session(exit_openat).load()
    live = session[only]
    child = os.fork()
    if child == 0:
        refused = 0
        for use in (session.load, session.losses, lambda: session[only], lambda: live.value):
            try:
                use()
            except UsageError as error:
                refused += "belongs to process" in str(error)
        session.close()
        session.close()
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4
    assert live.value == 3
    session.close()


def test_declarations_of_others(compiler: FakeCompiler, loads: list[Load]) -> None:
    with closing(Session(exit_openat).load()) as session:
        assert session[exit_openat] is loads[0][0].programs["exit_openat"]
        with pytest.raises(UsageError, match="not a program of this Session"):
            session[enter_openat]
        with pytest.raises(UsageError, match="not used by the programs"):
            session[unused]
        with pytest.raises(UsageError, match="no code of this Session's programs reaches seen"):
            session[seen]
        with pytest.raises(UsageError):
            session[3]  # type: ignore[call-overload]


def test_licenses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Session(exit_openat).license == "Dual MIT/GPL"
    monkeypatch.setitem(exit_openat.function.__globals__, "LICENSE", "GPL")
    assert Session(exit_openat).license == "GPL"
    assert Session(exit_openat, license="MIT").license == "MIT"
    for wrong in ("", "\udc80", "x" * 128, 5):
        with pytest.raises(UsageError, match="LICENSE"):
            Session(exit_openat, license=wrong)  # type: ignore[arg-type]
    for text in (3, ["GPL"]):
        monkeypatch.setitem(exit_openat.function.__globals__, "LICENSE", text)
        with pytest.raises(UsageError, match="LICENSE"):
            Session(exit_openat)


def test_type_checkers_know_what_a_declaration_gives(
    compiler: FakeCompiler, loads: list[Load]
) -> None:
    """`assert_type` is judged by mypy; here it only runs."""

    def as_checked(
        session: Session,
        array: Array[Open],
        cpus: PerCpuArray[int],
        recent: LruHash[int, Open],
    ) -> None:
        assert_type(session[opens], LiveRing[Open])
        assert_type(list(session[opens].drain()), list[Open])
        assert_type(session[seen], LiveHash[int, int])
        assert_type(session[seen].get(1), int | None)
        assert_type(session[seen].get(1, "none"), int | str)
        assert_type(session[recent][3], Open)
        assert_type(session[array][0], Open)
        assert_type(session[cpus][0], list[int])
        assert_type(session[total].value, int)
        assert_type(session[only].value, int)
        assert_type(session[exit_openat], programs.Program)

    assert callable(as_checked)
    with closing(Session(exit_openat).load()) as session:
        assert_type(session[only].value, int)
