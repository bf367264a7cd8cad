"""Session before any kernel: what it asks the compiler and the cache for."""

from __future__ import annotations

import os
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from probee.errors import RelocationError
from probee.host.facts import RunningKernel
from probee.lang import capture as capture_module
from probee.runtime import cache, links
from probee.runtime.session import Session
from probee.spec import Target

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.runtime.fake_session import Load


from tests.unit.runtime.fake_session import (
    FakeCompiler,
    enter_openat,
    exit_openat,
    loud,
    name,
    only,
    total,
)


def test_the_constants_that_are_not_set_are_folded(compiler: FakeCompiler) -> None:
    _ = Session(exit_openat, consts={only: 5}).spec
    _ = Session(exit_openat).spec
    declared = {"name": b"cat", "loud": 1}
    assert [call["frozen"] for call in compiler.calls] == [declared, {"only": 3, **declared}]
    assert all(call["patched"] for call in compiler.calls)
    assert compiler.calls[0]["target"] == Target(arch=os.uname().machine, isa=4)


def test_the_set_of_constants_is_in_the_key_and_their_values_are_not(
    compiler: FakeCompiler,
) -> None:
    for consts in ({only: 5}, {only: 6}, {only: 0}):
        assert Session(exit_openat, consts=consts).spec == compiler.spec
    assert len(compiler.calls) == 1
    _ = Session(exit_openat, consts={only: 5, name: "dog"}).spec
    assert len(compiler.calls) == 2
    _ = Session(exit_openat, license="GPL").spec
    _ = Session(exit_openat, target=Target(isa=1)).spec
    _ = Session(exit_openat, enter_openat).spec
    assert len(compiler.calls) == 5


def test_a_switch_is_folded_at_the_value_it_is_set_to(compiler: FakeCompiler) -> None:
    for value in (False, True, False):
        _ = Session(exit_openat, consts={only: 5, loud: value}).spec
    assert [call["frozen"] for call in compiler.calls] == [
        {"name": b"cat", "loud": 0},
        {"name": b"cat", "loud": 1},
    ]


@pytest.mark.parametrize(("newest", "isa"), [(True, 4), (False, 3), (None, 3)])
def test_it_compiles_for_the_instructions_that_the_kernel_takes(
    compiler: FakeCompiler, newest: bool | None, isa: int
) -> None:
    """Where nobody knows, nothing is kept: the kernel may tell next time."""
    compiler.newest = newest
    session = Session(exit_openat)
    _ = session.spec
    assert [call["target"].isa for call in compiler.calls] == [isa]
    assert ("did not tell" in "".join(session.problems)) == (newest is None)
    _ = Session(exit_openat).spec
    assert len(compiler.calls) == (2 if newest is None else 1)


def test_what_changes_while_it_is_compiled_is_not_kept(
    compiler: FakeCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler.meanwhile = lambda: monkeypatch.setattr(total, "_first", 7)
    session = Session(exit_openat)
    _ = session.spec
    assert "was changed meanwhile" in session.problems[0]
    monkeypatch.setattr(total, "_first", 0)
    _ = Session(exit_openat).spec
    assert len(compiler.calls) == 2


def test_nothing_of_a_compiler_older_than_its_files_is_kept(
    compiler: FakeCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[int] = []

    def changed(_: object, moment: int) -> bool:
        began.append(moment)
        return True

    monkeypatch.setattr(cache, "changed", changed)
    session = Session(exit_openat)
    _ = session.spec
    assert "compiler's files were changed" in session.problems[0]
    assert 0 < began[0] <= time.time_ns()
    _ = Session(exit_openat).spec
    assert len(compiler.calls) == 2


def test_nothing_is_cached_without_the_source(
    compiler: FakeCompiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_module, "_read", lambda _: None)
    session = Session(exit_openat)
    _ = session.spec
    assert "does not lie in plain files" in session.problems[0]
    assert not (tmp_path / "cache").exists()


def test_one_kernel_serves_the_whole_way(
    compiler: FakeCompiler,
    loads: list[Load],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tracefs is opened once for compiling, loading and attaching, and then closed."""
    closed: list[RunningKernel] = []
    attached: list[object] = []

    def close(kernel: RunningKernel) -> None:
        closed.append(kernel)

    monkeypatch.setattr(RunningKernel, "close", close)
    monkeypatch.setattr(links, "attach", lambda _, kernel: attached.append(kernel))
    with Session(exit_openat):
        assert closed == attached == [compiler.calls[0]["facts"]] == [loads[0][3]]


def test_without_the_cache_it_compiles_each_time(
    compiler: FakeCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        _ = Session(exit_openat, cache=False).spec
    assert len(compiler.calls) == 2
    monkeypatch.setenv("PROBEE_CACHE", "off")
    session = Session(exit_openat)
    assert (session.spec, len(compiler.calls)) == (compiler.spec, 3)
    assert "PROBEE_CACHE=off" in session.problems[0]


def test_a_poisoned_cache_file_means_compiling_again(
    compiler: FakeCompiler, tmp_path: Path
) -> None:
    _ = Session(exit_openat).spec
    (entry,) = (tmp_path / "cache").iterdir()
    entry.write_bytes(b"\0" * 500)
    session = Session(exit_openat)
    assert (session.spec, len(compiler.calls)) == (compiler.spec, 2)
    assert "damaged" in session.problems[0]
    assert Session(exit_openat).spec == compiler.spec
    assert len(compiler.calls) == 2


class Facts:
    """Facts of a test: what they say is not in the key."""

    def tracepoint(self, category: str, name: str) -> None:
        return None

    def kfunc(self, name: str) -> bool:
        return False

    def saved_registers(self) -> int | None:
        return None

    def helper(self, program_type: int, function: int) -> bool:
        return False

    def raw_tracepoint(self, name: str) -> None:
        return None


def test_other_facts_are_not_cached(compiler: FakeCompiler, tmp_path: Path) -> None:
    facts = Facts()
    _ = Session(exit_openat, facts=facts).spec
    assert compiler.calls[0]["facts"] is facts
    assert not (tmp_path / "cache").exists()


def test_what_is_out_of_date_in_the_cache_is_compiled_once_more(
    compiler: FakeCompiler,
    loads: list[Load],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from probee.runtime import loader

    fine = loader.load
    state = {"changed": False}

    def load(*arguments: Any, **options: Any) -> Any:
        if state.pop("changed", False):
            raise RelocationError("the format is another one")
        return fine(*arguments, **options)

    monkeypatch.setattr(loader, "load", load)
    with closing(Session(exit_openat).load()):
        assert len(compiler.calls) == 1
    state["changed"] = True
    session = Session(exit_openat).load()
    assert (len(compiler.calls), len(loads)) == (2, 2)
    session.close()
    assert Session(exit_openat).spec == compiler.spec
    assert len(compiler.calls) == 2  # the new one is in the cache
    state["changed"] = True
    with pytest.raises(RelocationError):
        Session(exit_openat, cache=False).load()
