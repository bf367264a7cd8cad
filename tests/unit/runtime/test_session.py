"""Session before any kernel: what it takes, what it asks the compiler and the cache for."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from types import ModuleType
from typing import TYPE_CHECKING, Any, assert_type

import pytest

from probee.errors import RelocationError, UsageError
from probee.host.facts import RunningKernel
from probee.host.features import Features
from probee.lang import capture as capture_module
from probee.lang.maps import Array, Const, Global, Hash, LruHash, PerCpuArray, RingBuf
from probee.lang.programs import Context, tracepoint
from probee.lang.types import Struct, chars, u32
from probee.runtime import cache, links, programs
from probee.runtime.maps import LiveHash
from probee.runtime.ring import LiveRing
from probee.runtime.session import Session
from probee.spec import CharArray, CollectionSpec, Int, MapSpec, Target, VariableSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    Load: TypeAlias = "tuple[FakeLoaded, dict[str, Any], dict[str, int], RunningKernel]"

U32 = Int("u32", 4, False)


class Open(Struct):
    pid: u32


only = Const(u32, 3)
name = Const(chars(8), "cat")
loud = Const(bool, True)
unused = Const(u32, 0)
total = Global(u32, 0)
opens = RingBuf(Open, size="64K")
seen = Hash(u32, u32)


@tracepoint("syscalls:sys_exit_openat")
def exit_openat(ctx: Context) -> None:
    if only == 0 and name and loud and seen.get(1):
        total.value += 1
        if (e := opens.reserve()) is not None:
            e.submit()


@tracepoint("syscalls:sys_enter_openat")
def enter_openat(ctx: Context) -> None:
    pass


class FakeCompiler:
    """Stands for the compiler: says what it was asked for. `newest`: whether ISA v4 is taken."""

    def __init__(self) -> None:
        self.newest: bool | None = True
        self.meanwhile: Callable[[], object] = int
        self.calls: list[dict[str, Any]] = []
        self.spec = CollectionSpec(
            maps=(
                MapSpec("opens", 27, 0, 0, 1 << 16),
                MapSpec(".rodata", 2, 4, 12, 1, contents=bytes(12), frozen=True),
            ),
            programs=(),
            variables=(
                VariableSpec("only", ".rodata", 0, U32),
                VariableSpec("name", ".rodata", 4, CharArray(8)),
            ),
        )

    def compile_programs(self, capture: object, **options: Any) -> CollectionSpec:
        self.calls.append(options)
        self.meanwhile()
        return self.spec


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCompiler:
    fake = FakeCompiler()
    module = ModuleType("probee.compiler.pipeline")
    module.compile_programs = fake.compile_programs  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "probee.compiler.pipeline", module)
    monkeypatch.setenv("PROBEE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("PROBEE_CACHE", raising=False)
    monkeypatch.setattr(Features, "ask", lambda *_: fake.newest)
    monkeypatch.setattr(cache, "changed_since", lambda _: False)
    return fake


class FakeLoaded:
    """What the loader would give."""

    def __init__(self) -> None:
        self.maps: dict[str, object] = {}
        self.programs: dict[str, object] = {"exit_openat": object()}
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Load]:
    from probee.runtime import loader

    calls: list[Load] = []

    def load(
        spec: CollectionSpec,
        consts: dict[str, Any],
        sizes: dict[str, int],
        *,
        kernel: RunningKernel,
    ) -> FakeLoaded:
        calls.append((FakeLoaded(), consts, sizes, kernel))
        return calls[-1][0]

    monkeypatch.setattr(loader, "load", load)
    return calls


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
    compiler.meanwhile = lambda: monkeypatch.setattr(total, "value", 7)
    session = Session(exit_openat)
    _ = session.spec
    assert "was changed meanwhile" in session.problems[0]
    monkeypatch.setattr(total, "value", 0)
    _ = Session(exit_openat).spec
    assert len(compiler.calls) == 2


def test_nothing_of_a_compiler_older_than_its_files_is_kept(
    compiler: FakeCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[int] = []

    def changed_since(moment: int) -> bool:
        began.append(moment)
        return True

    monkeypatch.setattr(cache, "changed_since", changed_since)
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
        (lambda: Session(exit_openat, map_sizes={only: 3}), "is not a map"),  # type: ignore[dict-item]
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
    monkeypatch.setitem(globals(), "LICENSE", "GPL")
    assert Session(exit_openat).license == "GPL"
    assert Session(exit_openat, license="MIT").license == "MIT"
    for wrong in (3, ["GPL"]):
        monkeypatch.setitem(globals(), "LICENSE", wrong)
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
