"""One program in the kernel, whoever compiled it: run it, and look at all that it left.

In: a `CollectionSpec`. Out: `Side`.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import random
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from bench.codegen import objects
from probee.compiler.pipeline import compile_programs
from probee.host import bpf
from probee.lang.capture import capture
from probee.runtime.cpus import possible_cpus
from probee.runtime.loader import load
from probee.runtime.programs import program_info
from probee.runtime.ring import Ring
from probee.spec.target import RawArgument, Target
from probee.spec.types import CharArray, StructType
from probee.uapi import bpf as uapi

if TYPE_CHECKING:
    from probee.runtime.loader import LoadedMap
    from probee.spec.programs import CollectionSpec
    from probee.spec.target import TracepointFormat

HERE = Path(__file__).parent / "pairs"
NAMES = tuple(sorted(path.stem for path in HERE.glob("*.c")))
RUNS = 400
MASK64 = (1 << 64) - 1
State = dict[str, Any]


class Facts:
    """A kernel whose one raw tracepoint has these arguments."""

    def __init__(self, arguments: dict[str, tuple[str, Any]]) -> None:
        self.arguments = arguments

    def tracepoint(self, category: str, name: str) -> TracepointFormat | None:
        """None: there is no such tracepoint."""
        return None

    def kfunc(self, name: str) -> bool:
        """False: loops are those that clang makes too."""
        return False

    def saved_registers(self) -> int | None:
        """None: as above."""
        return None

    def helper(self, program_type: int, function: int) -> bool:
        """False: the oldest way is taken."""
        return False

    def raw_tracepoint(self, name: str) -> tuple[RawArgument, ...] | None:
        """The arguments."""
        return tuple(
            RawArgument(name, "int", int(kind[1:]) // 8, kind[0] == "s")
            for name, (kind, _) in self.arguments.items()
        )


class Pair(NamedTuple):
    """A program that exists twice."""

    name: str
    module: Any

    def ours(self, isa: int) -> CollectionSpec:
        """What probee makes of it. Constants live in .rodata, as C's do."""
        return compile_programs(
            capture((self.module.program,)),
            target=Target("x86_64", isa),
            facts=Facts(self.module.ARGUMENTS),
        )

    def theirs(self, clang: str, isa: int, ours: CollectionSpec) -> CollectionSpec:
        """What clang makes of it, over the same maps."""
        maps = [m for m in ours.maps if not m.name.startswith(".")]
        return objects.collection(objects.compile_c(clang, HERE / f"{self.name}.c", isa), maps)

    def inputs(self, count: int = RUNS) -> Inputs:
        """Arguments drawn from what the pair offers: the same ones each time."""
        return Inputs(self, count)


class Inputs:
    """`contexts`: the bytes of each run's context; `buffers` keeps alive what they point to."""

    def __init__(self, pair: Pair, count: int) -> None:
        self.buffers: dict[bytes, Any] = {}
        dice = random.Random(zlib.crc32(pair.name.encode()))
        arguments = pair.module.ARGUMENTS
        self.contexts = []
        for _ in range(count):
            words = [self._word(kind, dice.choice(pool)) for kind, pool in arguments.values()]
            self.contexts.append(struct.pack("=12Q", *words, *bytes(12 - len(words))))

    def _word(self, kind: str, value: int | bytes) -> int:
        """As the kernel passes it: an argument of 32 bits may have anything above."""
        if isinstance(value, bytes):
            kept = self.buffers.setdefault(value, ctypes.create_string_buffer(value, 256))
            return ctypes.addressof(kept)
        word = value & MASK64
        return word if kind.endswith("64") else word & 0xFFFFFFFF | 0xDEAD << 48


def pair(name: str) -> Pair:
    """The pair of that name."""
    return Pair(name, importlib.import_module(f"bench.codegen.pairs.{name}"))


def instructions(spec: CollectionSpec) -> int:
    """Slots of 8 bytes, as the kernel counts them."""
    return len(spec.programs[0].code) // 8


class Side:
    """The program in the kernel. Use it in a `with`."""

    def __init__(self, spec: CollectionSpec) -> None:
        self.spec = spec
        self._rings: dict[str, Ring] = {}

    def __enter__(self) -> Self:
        self.loaded = load(self.spec)
        self.program = next(iter(self.loaded.programs.values()))
        return self

    def __exit__(self, *_: object) -> None:
        for ring in self._rings.values():
            ring.close()
        self.loaded.close()

    @property
    def verified(self) -> int:
        """How many instructions the verifier looked at, each as often as it did."""
        return program_info(self.program.fd).verified_insns or 0

    def run(self, context: bytes) -> int:
        """What it returns, 32 bits."""
        return self.program.test_run(context=context).result

    def state(self) -> State:
        """The contents of every map, new records of every ring, and how much was lost."""
        out: State = {"lost": self._lost()}
        for name, live in self.loaded.maps.items():
            if live.spec.type == uapi.BPF_MAP_TYPE_RINGBUF:
                if name not in self._rings:
                    self._rings[name] = Ring.map(live.fd, live.max_entries)
                out[name] = self._records(self._rings[name], live.spec.value_type)
            elif not name.startswith("."):
                out[name] = _elements(live)
        return out

    @staticmethod
    def _records(ring: Ring, type_: object) -> list[bytes]:
        end, out = ring.end, []
        while records := ring.records(end):
            out += [_without_rests(record, type_) for record in records]
        return out

    def _lost(self) -> int:
        section = self.loaded.maps.get(objects.LOST)
        if section is None:
            return 0
        value = bpf.map_lookup(section.fd, bytes(4), section.spec.value_size) or b""
        return sum(struct.unpack(f"={len(value) // 8}Q", value))


def _elements(live: LoadedMap) -> dict[bytes, bytes]:
    size = live.spec.value_size
    if live.spec.type == uapi.BPF_MAP_TYPE_PERCPU_ARRAY:
        size = -(-size // 8) * 8 * possible_cpus()
    out, key = {}, bpf.map_get_next_key(live.fd, None, live.spec.key_size)
    while key is not None:
        value, each = bpf.map_lookup(live.fd, key, size) or b"", -(-live.spec.value_size // 8) * 8
        copies = [value[at : at + each] for at in range(0, len(value), each)]
        out[key] = b"".join(_without_rests(copy, live.spec.value_type) for copy in copies)
        key = bpf.map_get_next_key(live.fd, key, live.spec.key_size)
    return out


def _without_rests(record: bytes, type_: object) -> bytes:
    """What stands behind the NUL of a text means nothing; but the mark of a cut has no NUL."""
    out = bytearray(record)
    for field in type_.fields if isinstance(type_, StructType) else ():
        if isinstance(field.type, CharArray):
            place = slice(field.offset, field.offset + field.type.size)
            held = record[place]  # of the last field as much as was sent
            out[place] = held.split(b"\0")[0].ljust(len(held), b"\0")
    return bytes(out)


def differences(ours: Side, theirs: Side, inputs: Inputs, state_each: int) -> list[str]:
    """Where two programs do not do the same on the same inputs, in words; nothing if they do.

    They run on one CPU, for what a map holds for each CPU is compared too.
    """
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        return _compared(ours, theirs, inputs.contexts, state_each)
    finally:
        os.sched_setaffinity(0, allowed)


def _compared(ours: Side, theirs: Side, contexts: list[bytes], state_each: int) -> list[str]:
    found: list[str] = []
    for number, context in enumerate(contexts):
        results = ours.run(context), theirs.run(context)
        if results[0] != results[1]:
            found.append(f"run {number}: {results[0]} and {results[1]}")
        if number % state_each == state_each - 1 or number == len(contexts) - 1:
            states = ours.state(), theirs.state()
            found += [
                f"run {number}, {name}: {states[0].get(name)} and {states[1].get(name)}"
                for name in {**states[0], **states[1]}
                if states[0].get(name) != states[1].get(name)
            ]
        if found:
            break
    return found
