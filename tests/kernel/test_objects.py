"""Objects that probee builds, loaded by libbpf and by probee: the same programs, the same rows."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from probee.compiler.pipeline import compile_programs
from probee.compiler.portable import PortableFacts
from probee.host.facts import RunningKernel
from probee.introspect.build import Source, compiled, from_tool, header, object_bytes
from probee.klib.tasks import typed_task
from probee.klib.walk import beyond, walked
from probee.lang.capture import Capture, capture
from probee.lang.variables import Const
from probee.objfile.read import read
from probee.objfile.write import write
from probee.runtime.loader import load
from probee.spec.target import Target
from probee.tools.opensnoop import TOOL, rows
from probee.tools.opensnoop.calls import EXIT_ONLY
from tests.doc_examples import ROOT
from tests.kernel.opensnoop_support import EVERY_WAY, Call, Snoop, Worker, expected, seen
from tests.objects import libbpf
from tests.objects.running import START, Loader
from tests.objects.sources import WHOLE, imported
from tests.unit.objfile.test_restore import SOURCES, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from probee.spec.programs import CollectionSpec
    from tests.support import Spawn

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(libbpf.library() is None, reason="libbpf.so.1 is missing"),
]
HERE = Target(endian=sys.byteorder)


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """The programs of a page's example."""
    with imported(request.param, tmp_path) as programs:
        yield programs


def same_tags(spec: CollectionSpec, path: Path, spawn: Spawn) -> None:
    """libbpf, and our loader with what was written and with what was read, load the same."""
    data = write(spec)
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


@pytest.mark.parametrize("name", SOURCES)
def test_so_is_everything_that_a_spec_can_have(name: str, tmp_path: Path, spawn: Spawn) -> None:
    """Every type of map, first values, counters, structs and functions of the kernel, hooks."""
    if name == "kernel" and not probe_kfunc():
        pytest.skip("this kernel has no bpf_rdonly_cast (6.2)")
    same_tags(spec_of(SOURCES[name]), tmp_path / "object.bpf.o", spawn)


def probe_kfunc() -> bool:
    with RunningKernel() as kernel:
        return kernel.kfunc("bpf_rdonly_cast")


def walking(*more: Const[Any]) -> tuple[Capture, dict[str, int | bytes]]:
    """opensnoop's programs that walk paths, and their constants: these and `more` are on."""
    world = capture(EXIT_ONLY)
    on = {world.name_of(const) for const in (rows.more, rows.located, walked, *more)}
    return world, {
        name: name in on or declaration.identity()[2]
        for name, declaration in world.declarations.items()
        if isinstance(declaration, Const)
    }


def test_so_are_paths_walked_in_the_kernel(tmp_path: Path, spawn: Spawn) -> None:
    """The largest program that there is: loops counted by the kernel, dozens of CO-RE records."""
    with RunningKernel() as kernel:
        if not all(kernel.kfunc(f"bpf_iter_num_{part}") for part in ("new", "next", "destroy")):
            pytest.skip("this kernel counts no loops (6.4)")
        world, consts = walking(typed_task)
        spec = compile_programs(world, target=HERE, facts=kernel, frozen=consts)
    assert {len(program.core) > 40 for program in spec.programs} == {True}
    same_tags(spec, tmp_path / "walk.bpf.o", spawn)


@pytest.mark.parametrize("more", [(), (beyond,)], ids=["root", "host"])
def test_so_are_paths_walked_on_any_kernel(
    more: tuple[Const[Any], ...], tmp_path: Path, spawn: Spawn
) -> None:
    """The verifier goes through each of 256 rounds: it must find them alike."""
    world, consts = walking(*more)
    facts = PortableFacts("x86_64")
    spec = compile_programs(world, target=HERE, facts=facts, frozen=consts)
    with load(spec) as loaded:
        for program in loaded.programs.values():
            assert (program.info().verified_insns or 0) < 200_000, program.name
    same_tags(spec, tmp_path / "walk.bpf.o", spawn)


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


LOADALL = """
mount -t bpf bpf "$0" && mkdir "$0/pins" && exec "$1" prog loadall "$2" "$0/pins"
"""


@pytest.mark.oracle("bpftool", "bpftool-7.5")
@pytest.mark.parametrize("tool", ["bpftool", "bpftool-7.5"])
@pytest.mark.parametrize("source", WHOLE, ids=lambda example: example.place, indirect=True)
def test_bpftool_loads_examples(
    source: Source, tool: str, tmp_path: Path, oracle: Callable[[str], str]
) -> None:
    loaded_by(oracle(tool), object_bytes(compiled(source, HERE)), tmp_path)


@pytest.mark.oracle("bpftool", "bpftool-7.5")
@pytest.mark.parametrize("tool", ["bpftool", "bpftool-7.5"])
def test_bpftool_loads_opensnoop(tool: str, tmp_path: Path, oracle: Callable[[str], str]) -> None:
    spec = compiled(from_tool(TOOL, "x86_64"), HERE)
    loaded_by(oracle(tool), object_bytes(spec), tmp_path)


def loaded_by(tool: str, data: bytes, folder: Path) -> None:
    """In a mount namespace of its own, with whose end the pins are gone."""
    path, pins = folder / "object.bpf.o", folder / "bpf"
    path.write_bytes(data)
    pins.mkdir()
    words = ["unshare", "--mount", "sh", "-c", LOADALL, str(pins), tool, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert not [line for line in done.stderr.splitlines() if not line.startswith("Warning")]


@pytest.mark.oracle("gcc", "bpftool")
def test_a_c_program_reads_the_ring(
    spawn: Spawn, tmp_path: Path, oracle: Callable[[str], str]
) -> None:
    """By the header that probee writes and the skeleton that bpftool makes of the object."""
    source = from_tool(TOOL, "x86_64")
    spec = compiled(source, HERE)
    (tmp_path / "opensnoop.bpf.o").write_bytes(object_bytes(spec))
    (tmp_path / "opensnoop.bpf.h").write_text(header(spec, source), encoding="utf-8")
    words = [oracle("bpftool"), "gen", "skeleton", str(tmp_path / "opensnoop.bpf.o")]
    skeleton = subprocess.run(words, capture_output=True, check=True).stdout
    (tmp_path / "opensnoop.skel.h").write_bytes(skeleton)
    program = tmp_path / "reader"
    words = [
        "-Wall",
        "-Wextra",
        "-Werror",
        "-o",
        str(program),
        str(ROOT / "tests/objects/reader.c"),
    ]
    made = subprocess.run(
        [oracle("gcc"), f"-I{tmp_path}", *words, "-lbpf"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (made.returncode, made.stderr) == (0, "")
    worker = Worker(spawn)
    child = spawn("unshare", "--mount", "sh", "-c", START, "sh", str(program), str(worker.pid))
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.readline() == b"ready\n", child.stderr.read()
    worker.calls()
    worker.do(EVERY_WAY.format(base=str(tmp_path)))
    calls: list[Call] = worker.calls()
    child.stdin.write(b"\n")
    child.stdin.flush()
    lines = list(iter(child.stdout.readline, b"seen\n"))
    child.stdin.close()
    assert child.wait() == 0
    wanted = [
        b"%d %d %d %s\n" % (pid, ret, 2 * (path is None), b"[handle]" if path is None else path)
        for _, pid, path, ret, _, _ in calls
    ]
    assert lines == wanted
