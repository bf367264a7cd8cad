"""The compiled program, run in the kernel by BPF_PROG_TEST_RUN.

In: the source of a program. Out: a `Machine` with the same `run` and `state` as a `Model`.
"""

from __future__ import annotations

import importlib.util
import os
import struct
import sys
from collections import abc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from probee.lang.hist import Hist
from probee.lang.maps import Array, Mapping, PerCpuArray, RingBuf
from probee.lang.percpu import LruPerCpuHash, PerCpuHash
from probee.lang.programs import Program
from probee.lang.queues import Queue, Stack
from probee.lang.variables import Const, Global, PerCpuGlobal
from probee.runtime.session import Session
from probee.spec.target import Target
from tests.meaning.facts import Facts
from tests.meaning.model import Trap

if TYPE_CHECKING:
    from probee.runtime.queues import LiveQueue


ON_CPU = 1  # BPF_F_TEST_RUN_ON_CPU


def load_module(path: Path, source: str) -> dict[str, Any]:
    """The names of a module whose file says `source`."""
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[path.stem]
    return vars(module)


class Machine:
    """The program `program` of a module, loaded."""

    def __init__(
        self,
        names: abc.Mapping[str, Any],
        arguments: abc.Mapping[str, str],
        consts: abc.Mapping[str, int],
        *,
        isa: int,
    ) -> None:
        self.arguments = arguments
        self.names = names
        program = names["program"]
        assert isinstance(program, Program)
        used = {name: names[name] for name in consts}
        target = Target(arch=os.uname().machine, isa=isa, endian=sys.byteorder)
        self.session = Session(program, facts=Facts(arguments), target=target)
        captured = self.session._capture.declarations.values()
        given: dict[Const[Any], object] = {
            const: consts[name] for name, const in used.items() if const in captured
        }
        if given:
            self.session = Session(program, facts=Facts(arguments), consts=given, target=target)
        self._traps: dict[tuple[str, int], int] = {}
        self._records: dict[str, list[Any]] = {}

    def load(self) -> Self:
        """Raises CompileError, VerifierError."""
        self.session.load()
        return self

    def run(self, inputs: abc.Mapping[str, int]) -> tuple[int, Trap | None]:
        words = [inputs[name] & 0xFFFFFFFFFFFFFFFF for name in self.arguments]
        context = struct.pack(f"={len(words)}Q", *words)
        result = (
            self.session[self.names["program"]]
            .test_run(context=context, flags=ON_CPU, cpu=0)
            .result
        )
        trap = None
        for loss in self.session.losses():
            key = loss.subject, loss.line
            if loss.kind == "trap" and loss.count > self._traps.get(key, 0):
                assert trap is None, f"{loss} beside {trap}"
                assert loss.count == self._traps.get(key, 0) + 1, f"counted too often: {loss}"
                self._traps[key] = loss.count
                trap = Trap(*key)
        return result, trap

    def refused(self) -> dict[str, int]:
        """How often each map took no more; nothing else was lost but for traps."""
        losses = [loss for loss in self.session.losses() if loss.kind != "trap"]
        assert {loss.kind for loss in losses} <= {"map_update"}, losses
        return {loss.subject: loss.count for loss in losses}

    def state(self) -> dict[str, Any]:
        """Every map, ring and variable that the code still refers to, as data."""
        spec = self.session.spec
        used = {m.name for m in spec.maps} | {v.name for v in spec.variables}
        found: dict[str, Any] = {}
        for name, declaration in self.session._capture.declarations.items():
            if name not in used:
                continue
            match declaration:
                case PerCpuHash() | LruPerCpuHash():
                    per_cpu = self.session[declaration].items()
                    found[name] = {_plain(k): _on_cpu_0(v) for k, v in per_cpu}
                case Mapping():
                    whatever: Any = declaration
                    items = self.session[whatever].items()
                    found[name] = {_plain(k): _plain(v) for k, v in items}
                case PerCpuArray():
                    found[name] = [_on_cpu_0(v) for v in self.session[declaration]]
                case Array():
                    found[name] = [_plain(v) for v in self.session[declaration]]
                case Queue():
                    found[name] = _held(self.session[declaration], isinstance(declaration, Stack))
                case Hist():
                    counted: Any = self.session[declaration]
                    if declaration.keyed:
                        found[name] = {_plain(k): v.counts for k, v in counted.items()}
                    else:
                        found[name] = [counted.read().counts]
                case RingBuf():
                    records = self._records.setdefault(name, [])
                    records += [_plain(r) for r in self.session[declaration].drain()]
                    found[name] = list(records)
                case PerCpuGlobal():
                    found[name], *others = self.session[declaration].values
                    assert set(others) <= {declaration.identity()[2]}
                case Global():
                    found[name] = int(self.session[declaration].value)
        return found

    def __enter__(self) -> Self:
        return self.load()

    def __exit__(self, *_: object) -> None:
        self.session.close()


def _on_cpu_0(values: list[Any]) -> Any:
    """Programs run on the first CPU; the copies of all others are as they were made."""
    first, *others = (_plain(value) for value in values)
    assert not any(flat for other in others for flat in _numbers(other))
    return first


def _numbers(value: Any) -> list[Any]:
    return [n for part in value for n in _numbers(part)] if isinstance(value, tuple) else [value]


def _held(queue: LiveQueue[Any], stack: bool) -> list[Any]:
    """What is in a queue, the oldest first: taken out, and put back."""
    values = list(queue.drain())
    if stack:
        values.reverse()
    for value in values:
        assert queue.push(value)
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return tuple(_plain(v) for v in value)
    return tuple(_plain(v) for v in vars(value).values())
