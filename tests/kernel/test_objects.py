"""Objects that probee builds, loaded by libbpf and by probee: the same programs, the same rows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from probee.introspect.build import Source, compiled, from_file, from_tool, object_bytes
from probee.objfile.read import read
from probee.runtime.loader import load
from probee.spec.target import Target
from probee.tools.opensnoop import TOOL
from tests.doc_examples import Example, examples
from tests.kernel.opensnoop_support import EVERY_WAY, Call, Snoop, Worker, expected, seen
from tests.objects import libbpf
from tests.objects.running import Loader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from probee.spec.programs import CollectionSpec
    from tests.support import Spawn

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(libbpf.library() is None, reason="libbpf.so.1 is missing"),
]
WHOLE = [example for example in examples() if example.whole]
HERE = Target(endian=sys.byteorder)


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """The programs of a page's example."""
    example: Example = request.param
    name = f"example_{WHOLE.index(example)}"
    path = tmp_path / f"{name}.py"
    path.write_text(example.source, encoding="utf-8")
    before = list(sys.path)
    yield from_file(str(path))
    sys.path[:] = before
    del sys.modules[name]


def same_tags(spec: CollectionSpec, path: Path, spawn: Spawn) -> None:
    """libbpf, and our loader with what was written and with what was read, load the same."""
    data = object_bytes(spec)
    path.write_bytes(data)
    loader = Loader(spawn, path)
    loader.do("attach")
    theirs = loader.tags
    loader.do("end")
    for one in (spec, read(data)):
        with load(one) as loaded:
            ours = {name: program.info().tag for name, program in loaded.programs.items()}
        for program in one.programs:
            symbols = [name for name in theirs if name.split("__sys_")[0] == program.name]
            assert len(symbols) == len(program.attach)
            assert {theirs[symbol] for symbol in symbols} == {ours[program.name]}


@pytest.mark.parametrize("source", WHOLE, ids=lambda example: example.place, indirect=True)
def test_examples_are_the_same_programs_to_all_loaders(
    source: Source, tmp_path: Path, spawn: Spawn
) -> None:
    same_tags(compiled(source, HERE), tmp_path / "example.bpf.o", spawn)


def test_so_is_opensnoop(tmp_path: Path, spawn: Spawn) -> None:
    same_tags(compiled(from_tool(TOOL, "x86_64"), HERE), tmp_path / "opensnoop.bpf.o", spawn)


def row(record: bytes, spec: CollectionSpec) -> dict[str, object]:
    """A record of opensnoop's as the tool's JSON shows it."""
    struct = spec.map("opens").value_type
    assert struct is not None
    fields = {field.name: field for field in struct.fields}  # type: ignore[union-attr]
    full = record.ljust(struct.size, b"\0")

    def number(name: str, *, signed: bool = False) -> int:
        at, size = fields[name].offset, fields[name].type.size
        return int.from_bytes(full[at : at + size], sys.byteorder, signed=signed)

    at = fields["path"].offset
    raw = full[at:].partition(b"\0")[0]
    ret = number("ret", signed=True)
    return {
        "pid": number("ids") >> 32,
        "fd": max(ret, -1),
        "errno": max(-ret, 0),
        "path": None if number("unread") else raw[:4096].decode("utf-8", "surrogateescape"),
        "cut": len(raw) > 4096,
    }


def test_libbpf_sees_what_opensnoop_sees(spawn: Spawn, tmp_path: Path) -> None:
    spec = compiled(from_tool(TOOL, "x86_64"), HERE)
    worker = Worker(spawn)
    places = {variable.name: variable.offset for variable in spec.variables}
    written = {
        places["one_pid"]: b"\1",
        places["only_pid"]: worker.pid.to_bytes(4, sys.byteorder),
    }
    path = tmp_path / "opensnoop.bpf.o"
    path.write_bytes(object_bytes(spec))
    loader = Loader(spawn, path, written)
    loader.do("attach")
    snoop = Snoop(spawn, "--pair", "-p", str(worker.pid), "--json")
    snoop.wait_for(worker)
    loader.records("opens")
    worker.do(EVERY_WAY.format(base=str(tmp_path)))
    calls: list[Call] = worker.calls()
    loader.do("detach")
    records = loader.records("opens")
    loader.do("end")
    assert snoop.end() == 0
    rows = [row(record, spec) for record in records]
    assert len(calls) > 20
    assert rows == [expected(call) for call in calls]
    assert rows == [seen(one) for one in snoop.rows()]
