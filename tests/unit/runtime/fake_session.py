"""Declarations for Session to work on, and stand-ins for the compiler and the loader."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from probee.host.facts import RunningKernel
from probee.host.features import Features
from probee.lang.contexts import Context
from probee.lang.maps import Array, Hash, RingBuf
from probee.lang.programs import tracepoint
from probee.lang.types import Struct, chars, u32
from probee.lang.variables import Const, Global
from probee.runtime import cache
from probee.spec import CharArray, CollectionSpec, Int, MapSpec, VariableSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from probee.spec.debug import DebugInfo

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
slots = Array(u32, max_entries=4)


@tracepoint("syscalls:sys_exit_openat")
def exit_openat(ctx: Context) -> None:
    if only == 0 and name and loud and seen.get(1) and slots[1]:
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


def fake_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCompiler:
    fake = FakeCompiler()
    module = ModuleType("probee.compiler.pipeline")
    module.compile_programs = fake.compile_programs  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "probee.compiler.pipeline", module)
    monkeypatch.setenv("PROBEE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("PROBEE_CACHE", raising=False)
    monkeypatch.setattr(Features, "ask", lambda *_: fake.newest)
    monkeypatch.setattr(cache, "changed", lambda *_: False)
    return fake


class FakeLoaded:
    """What the loader would give."""

    def __init__(self) -> None:
        self.maps: dict[str, object] = {}
        self.programs: dict[str, object] = {"exit_openat": object()}
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def fake_loads(monkeypatch: pytest.MonkeyPatch) -> list[Load]:
    from probee.runtime import loader

    calls: list[Load] = []

    def load(
        spec: CollectionSpec,
        consts: dict[str, Any],
        sizes: dict[str, int],
        *,
        kernel: RunningKernel,
        debug: Callable[[str], DebugInfo | None],
        reuse: dict[str, int | str],
    ) -> FakeLoaded:
        assert callable(debug)
        assert not reuse
        calls.append((FakeLoaded(), consts, sizes, kernel))
        return calls[-1][0]

    monkeypatch.setattr(loader, "load", load)
    return calls
