"""What is fuzzed, what fuzzing starts from, and the cases that are kept.

In: a target and bytes. Out: whether they were taken. A kept case is a line of a file in `corpus`,
one file a target: the name of a seed and what is over it. `at=bytes` stands over what the seed
has there, `cut=size` ends it, `add=bytes` comes behind. All numbers are hexadecimal.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from probee.errors import FormatError
from tests.btf_random import random_btf
from tests.fuzz import made
from tests.fuzz.linked import SEEDS as LINKED
from tests.fuzz.parts import SEEDS as PARTS_OF_SOME
from tests.fuzz.shown import SHOWN, WAYS, within
from tests.objects.judge import JUDGES, judge
from tests.readelf_objects import dynamic_of, one_of_each_relocation, sample, types_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[1] / "unit" / "objfile" / "seeds"
CORPUS = Path(__file__).parent / "corpus"
# Of each target: which section of a seed it takes, '' for the whole file.
PARTS = {"elf": "", "btf": ".BTF", "ext": ".BTF.ext", "object": ""}
TARGETS = (*PARTS, *SHOWN)
# Machines that `readelf` knows, with a byte order each.
OTHERS = {8: ">", 21: "<", 22: ">", 43: ">", 243: "<", 258: "<"}
ABIS = (0, 3, 9)
TYPES = [*range(9), 0x60000000, 0x6474E550, 0x6474E551, 0x6474E552, 0x6474E553, 0x65A3DBE6,
         0x65A41BE6, 0x6FFFFFF5, 0x6FFFFFF6, 0x6FFFFFFA, 0x6FFFFFFF, 0x70000000, 0x70000001,
         0x70000003, 0x7FFFFFFF, 0x80000000]  # fmt: skip
TAGS = (*range(1, 40), 0x6000000D, 0x60000010, 0x6FFFFD00, *range(0x6FFFFDF4, 0x6FFFFE01),
        0x6FFFFE34, *range(0x6FFFFEF3, 0x6FFFFF01), *range(0x6FFFFFF0, 0x70000002),
        *range(0x7FFFFFFD, 0x80000000), 0)  # fmt: skip
_OWN = "probee.bpfel", "percpu.bpfeb"  # which `build` can have made


def case(target: str, data: bytes) -> bool:
    """Whether `target` took `data`; False where it was refused as it should be."""
    with within():
        if target in JUDGES:
            return judge(target, data)
        try:
            return SHOWN[target](data)
        except FormatError:
            return False


@cache
def named_seeds(target: str) -> dict[str, bytes]:
    """What fuzzing starts from, by name. What is shown has one byte more, which says how."""
    from probee.elf.read import ElfFile

    wholes = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.o"))}
    if target in PARTS:
        if not PARTS[target]:
            return wholes | (made.objects() | made.large_objects() if target == "object" else {})
        found = {name: ElfFile(whole).section(PARTS[target]) for name, whole in wholes.items()}
        parts = {name: bytes(part.data) for name, part in found.items() if part is not None}
        return parts | (made.types() if target == "btf" else {})
    if target == "back":
        wholes = {name: wholes[name] for name in _OWN}
    elif target == "readelf":
        wholes |= {
            "sample": sample(), "sample-big": sample(">"), "sample-x86": sample("<", 62),
            "sample-arm": sample(">", 183), "relocations": one_of_each_relocation(62, 12, ">"),
            **{f"sample-{machine}": sample(order, machine) for machine, order in OTHERS.items()},
            **{f"types-{m}-{abi}": types_of(m, abi, TYPES) for m in (62, 183, 247) for abi in ABIS},
            **{f"tags-{m}": dynamic_of(m, [(tag, 1) for tag in TAGS]) for m in (62, 183, 247)},
            **LINKED, **PARTS_OF_SOME,
        }  # fmt: skip
    elif target == "dump":
        parts = named_seeds("btf")
        wholes |= {f"{name}.btf": parts[name] for name in parts}
        wholes |= {f"random-{seed}": random_btf(seed) for seed in range(12)}
    if target in ("objdump", "dump", "inspect", "cfg"):
        wholes |= made.objects()
    return {name: whole + b"\0" for name, whole in wholes.items()}


def in_all_ways(target: str) -> Iterator[bytes]:
    """The seeds, shown in each way."""
    for data in seeds(target):
        yield data
        for how in range(1, WAYS.get(target, 1)):
            yield data[:-1] + bytes([how])


def seeds(target: str) -> list[bytes]:
    """What fuzzing starts from."""
    return list(named_seeds(target).values())


def kept() -> Iterator[tuple[str, str]]:
    """The kept cases: a target and a line."""
    for path in sorted(CORPUS.glob("*.txt")):
        for line in path.read_text().splitlines():
            yield path.stem, line


def read_line(target: str, line: str) -> bytes:
    """The bytes of a kept case."""
    name, *changes = line.split(" ")
    data = bytearray(named_seeds(target)[name])
    for place, written in (change.split("=") for change in changes):
        if place == "cut":
            del data[int(written, 16) :]
        elif place == "add":
            data += bytes.fromhex(written)
        else:
            at, new = int(place, 16), bytes.fromhex(written)
            data[at : at + len(new)] = new
    return bytes(data)


def line_of(target: str, data: bytes) -> str:
    """The shortest line that `read_line` makes `data` of."""
    nearest = sorted(named_seeds(target).items(), key=lambda row: _distance(row[1], data))[:3]
    lines = (" ".join((name, *_changes(seed, data))) for name, seed in nearest)
    return min(lines, key=len)


def _distance(seed: bytes, data: bytes) -> int:
    """How many bytes differ, about."""
    one, other = seed[::16], data[::16]
    differing = sum(a != b for a, b in zip(one, other, strict=False))
    return differing + abs(len(one) - len(other))


def _changes(seed: bytes, data: bytes) -> Iterator[str]:
    """Runs of other bytes; those that a few equal ones part are one."""
    both = min(len(seed), len(data))
    at = 0
    differing = [place for place in range(both) if seed[place] != data[place]]
    while at < len(differing):
        end = at
        while end + 1 < len(differing) and differing[end + 1] - differing[end] < 4:
            end += 1
        start, stop = differing[at], differing[end] + 1
        yield f"{start:x}={data[start:stop].hex()}"
        at = end + 1
    if len(data) < len(seed):
        yield f"cut={len(data):x}"
    elif len(data) > len(seed):
        yield f"add={data[len(seed) :].hex()}"
