"""What every example tells, told by libbpf too: its object's maps hold what probee's own run holds.

In: the examples of the docs. Each is loaded by libbpf, of its object file, and by a Session, of its
source; both watch the same process do the same things. Rings, perf buffers, hashes, counters,
histograms, queues, stacks, variables and printed lines are read by either and compared.
"""

from __future__ import annotations

import sys
from pathlib import Path
from struct import unpack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from probee.introspect.build import Source, compiled, object_bytes
from probee.lang.capture import capture
from probee.lang.hist import Hist
from probee.lang.maps import Mapping, RingBuf
from probee.lang.perf import PerfEventArray
from probee.lang.queues import Queue
from probee.lang.stacks import StackTrace
from probee.lang.variables import Const, Variable
from probee.runtime.cpus import possible_cpus
from probee.runtime.decode import ValueCodec
from probee.runtime.session import Session
from probee.runtime.tracepipe import TracePipe
from probee.spec.target import Target
from tests.kernel.opensnoop_support import Worker
from tests.objects import libbpf
from tests.objects.running import Loader, Running
from tests.objects.sources import WHOLE, imported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.lang.maps import MapDeclaration
    from probee.spec.programs import CollectionSpec, VariableSpec
    from tests.support import Spawn

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(libbpf.library() is None, reason="libbpf.so.1 is missing"),
]
HERE = Target(endian=sys.byteorder)
USER = 54321  # nobody else starts programs as that one

# What the examples watch, done by one process. Its answer: of whom the rows may be.
WORK = f"""
import subprocess
os.chdir('/'); os.chdir('/tmp')
for path in ('/etc/hostname', '/no/such/file'):
    try:
        at = os.open(path, os.O_RDONLY)
        os.read(at, 3)
        os.close(at)
    except OSError:
        pass
    try:
        os.unlink('/no/such/file', dir_fd=3)
    except OSError:
        pass
for process in (0, os.getpid(), 1 << 22):
    try:
        os.getpgid(process)
    except OSError:
        pass
runs = subprocess.Popen(['/bin/true', 'one', 'two'], user={USER})
runs.wait()
sleeps = os.posix_spawn('/bin/sleep', ['/bin/sleep', '60'], {{}})
os.kill(sleeps, 9)
os.waitpid(sleeps, 0)
null = os.open('/dev/null', os.O_WRONLY)
named = os.open('/proc/self/comm', os.O_WRONLY)
os.write(named, b'hist_example')
for size in (1, 5, 6, 70, 700):
    os.write(null, bytes(size))
os.write(named, b'python3')
os.close(named)
os.close(null)
answer = [os.getpid(), runs.pid, {USER}]
"""

# What is no result, or cannot be the same, with the reason.
SCRATCH = ("scratch",)  # where a record is put together: of whom, is chance
TIMES = ("began", "took")  # measured by the clock: one program runs before the other
EVERYBODY = ("closed", "renamed")  # counts what the whole machine does
UNDER_WAY = ("start",)  # calls that have begun: none is left when all is done
OF_SOMEBODY = ("by_user", "counts")  # everybody's, by a key that says whose


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """The programs of a page's example."""
    with imported(request.param, tmp_path) as programs:
        yield programs


class Both:
    """One example, loaded by libbpf and by probee, on the work of one process."""

    def __init__(self, source: Source, path: Path, spawn: Spawn) -> None:
        self.spec: CollectionSpec = compiled(source, HERE)
        self.worker = Worker(spawn)
        path.write_bytes(object_bytes(self.spec))
        self.world = capture(source.programs)
        only = [d for d in self.world.declarations.values() if isinstance(d, Const)]
        constants = [v for v in self.spec.variables if v.section == ".rodata"]
        word = self.worker.pid.to_bytes(4, sys.byteorder)
        self.loader = Loader(spawn, path, {v.offset: word for v in constants})
        self.seen: dict[str, object] = {}  # what both told, by what it is
        self.session = Session(*source.programs, consts=dict.fromkeys(only, self.worker.pid))

    def live(self, name: str) -> Any:
        return self.session[self.world.declarations[name]]  # type: ignore[call-overload]

    def is_asleep(self) -> bool:
        told = Path(f"/proc/{self.worker.pid}/stat").read_text(encoding="utf-8")
        return told.rpartition(")")[2].split()[0] == "S"

    def watch(self) -> list[int]:
        """Both watch the work; who did it."""
        for name, declaration in self.world.declarations.items():
            if isinstance(declaration, PerfEventArray):
                self.loader.taken("perf", name)  # opens the buffers
        self.loader.do("attach")
        with TracePipe() as pipe:
            who: list[int] = self.worker.do(WORK)
            while not self.is_asleep():  # in the read of its next work
                pass
            printed = [line.text for line in pipe.drain() if line.pid == self.worker.pid]
        if any(counter.kind == "print" for counter in self.spec.counters):
            self.saw("print", printed[::2], printed[1::2])
        self._count()
        self.loader.do("detach")
        self.session.detach()
        return who

    def saw(self, name: str, ours: object, theirs: object) -> None:
        assert ours == theirs, name
        assert ours or name in UNDER_WAY, f"nothing was seen in {name}"
        self.seen[name] = ours

    def _count(self) -> None:
        """What counts everybody's doings counts the same in a moment when nobody else does any."""
        counts = [v for v in self.spec.variables if v.name in EVERYBODY]
        more: list[tuple[int, int]] = []
        for _ in range(200 if counts else 0):
            before = [self.variable(count) for count in counts]
            self.worker.do(WORK)
            after = [self.variable(count) for count in counts]
            pairs = zip(before, after, strict=True)
            more = [(new[0] - old[0], new[1] - old[1]) for old, new in pairs]
            if all(ours == theirs for ours, theirs in more):
                break
        for count, (ours, theirs) in zip(counts, more, strict=True):
            self.saw(count.name, ours, theirs)

    def variable(self, spec: VariableSpec) -> tuple[int, int]:
        """What it holds here and there."""
        (section,) = (m for m in self.spec.maps if m.name == spec.section)
        data = bytes.fromhex(self.loader.do("section", section.name, str(section.value_size)))
        raw = data[spec.offset : spec.offset + spec.type.size]
        return self.live(spec.name).value, ValueCodec(spec.type).decode(raw)

    def results(self, name: str, declaration: MapDeclaration) -> tuple[Any, Any]:
        """What map `name` holds here and there."""
        live, loader = self.live(name), self.loader
        match declaration:
            case RingBuf() | PerfEventArray():
                word = "ring" if isinstance(declaration, RingBuf) else "perf"
                value = ValueCodec(declaration.value_class.layout_, declaration.value_class)  # type: ignore[attr-defined]
                size = value.size
                raw = [data.ljust(size, b"\0")[:size] for data in loader.taken(word, name)]
                return list(live.drain()), [value.decode(data) for data in raw]
            case Queue():
                assert declaration.value is not None
                value = ValueCodec(declaration.value, declaration.value_class)
                return list(live.drain()), [
                    value.decode(data) for data in loader.taken("taken", name)
                ]
            case StackTrace():
                there = {unpack("=I", key)[0]: data for key, data in loader.elements(name)}
                return {n: live[n] for n in live}, {n: _stack(data) for n, data in there.items()}
            case Hist() if not declaration.keyed:
                ((_, data),) = loader.elements(name)
                return live.read().counts, _summed(data)
            case Hist():
                there = _decoded(declaration, loader.elements(name), _numbers)
                return {key: one.counts for key, one in live.items()}, there
            case Mapping():
                assert declaration.value is not None
                value = ValueCodec(declaration.value, declaration.value_class)
                return dict(live.items()), _decoded(
                    declaration, loader.elements(name), value.decode
                )
            case _:
                raise AssertionError(f"how is {declaration} read?")


def _decoded(declaration: MapDeclaration, elements: list[tuple[bytes, bytes]], value: Any) -> Any:
    assert declaration.key is not None
    key = ValueCodec(declaration.key, declaration.key_class)
    return {key.decode(k): value(v) for k, v in elements}


def _numbers(data: bytes) -> tuple[int, ...]:
    return unpack(f"={len(data) // 8}Q", data)


def _summed(data: bytes) -> tuple[int, ...]:
    """One histogram of those of all CPUs."""
    numbers = _numbers(data)
    slots = len(numbers) // possible_cpus()
    return tuple(sum(numbers[i::slots]) for i in range(slots))


def _stack(data: bytes) -> tuple[int, ...]:
    addresses = _numbers(data)
    return addresses[: addresses.index(0)] if 0 in addresses else addresses


def _of(who: list[int], name: str, rows: Any) -> Any:
    """What is the worker's doing, and is the same at whatever time."""
    match rows:
        case dict() if name in OF_SOMEBODY:
            return {key: value for key, value in rows.items() if key in who}
        case dict() if name in TIMES:
            return set(rows)
        case tuple() if name in TIMES:
            return sum(rows)
        case list():
            return [row for row in rows if next(iter(vars(row).values())) in who]
        case _:
            return rows


@pytest.mark.parametrize("source", WHOLE, ids=lambda example: example.place, indirect=True)
def test_examples_give_libbpf_the_same_rows(source: Source, tmp_path: Path, spawn: Spawn) -> None:
    """Whatever a program keeps or sends, of one process's work."""
    both = Both(source, tmp_path / "object.bpf.o", spawn)
    with both.session:
        who = both.watch()
        for name, declaration in both.world.declarations.items():
            if not isinstance(declaration, Variable) and name not in SCRATCH:
                ours, theirs = both.results(name, declaration)
                both.saw(name, _of(who, name, ours), _of(who, name, theirs))
        for variable in both.spec.variables:
            if variable.section == ".data" and variable.name not in EVERYBODY:
                both.saw(variable.name, *both.variable(variable))
    assert both.seen
    both.loader.do("end")


def test_lost_records_are_a_failure() -> None:
    """Told by a libbpf of wood: as the real one does, it calls back from C."""
    running = Running.__new__(Running)
    wooden: Any = SimpleNamespace(
        bpf_object__find_map_by_name=lambda *_: 1, bpf_map__fd=lambda _: 1, perf_buffer__free=None
    )
    wooden.perf_buffer__new = lambda _, __, ___, lost, *____: lost
    wooden.perf_buffer__consume = lambda lost: lost(None, 0, 3) or 1
    running._lib, running._buffers, running._object = wooden, [], 0
    with pytest.raises(AssertionError, match=r"^3 records were lost"):
        running.perf("events", [])()
