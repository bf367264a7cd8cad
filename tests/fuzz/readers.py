"""The readers of ELF, BTF and objects under fuzzing that is guided by what it reaches.

    python -m tests.fuzz.readers TARGET [FOLDER] [options of libFuzzer]

TARGET is a word of tests/objects/judge.py: elf, btf, ext, object. FOLDER keeps what reached
something new (.output/fuzz/TARGET if it is not given). The seeds are those of the unit tests. A
finding is written to the current folder. It needs atheris: `pip install '.[fuzz]'`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

from tests.objects.mutate import mutated

SEEDS = Path(__file__).parents[1] / "unit" / "objfile" / "seeds"
OUTPUT = Path(__file__).parents[2] / ".output" / "fuzz"
NEEDS = "this needs atheris, which brings libFuzzer: pip install '.[fuzz]'"
# Of each target: which section of a seed it takes, '' for the whole file.
PARTS = {"elf": "", "btf": ".BTF", "ext": ".BTF.ext", "object": ""}


def seeds(target: str) -> list[bytes]:
    """What fuzzing starts from."""
    from probee.elf.read import ElfFile

    wholes = [path.read_bytes() for path in sorted(SEEDS.glob("*.o"))]
    if not PARTS[target]:
        return wholes
    found = [ElfFile(whole).section(PARTS[target]) for whole in wholes]
    return [bytes(section.data) for section in found if section is not None]


def main(words: list[str]) -> int:
    """Ends by libFuzzer, with its status."""
    if not words or words[0] not in PARTS:
        print(f"say one of {', '.join(PARTS)}", file=sys.stderr)
        return 2
    try:
        atheris = import_module("atheris")  # which has no types
    except ImportError:
        print(NEEDS, file=sys.stderr)
        return 2
    target, *rest = words
    folder = OUTPUT / target
    if rest and not rest[0].startswith("-"):
        folder = Path(rest.pop(0))
    with atheris.instrument_imports(include=["probee.elf", "probee.btf", "probee.objfile"]):
        from tests.objects.judge import judge
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(target)):
        (folder / f"seed-{number}").write_bytes(data)

    def mutator(data: bytes, most: int, seed: int) -> Any:
        random = Random(seed)
        if random.random() < 0.3:
            return atheris.Mutate(data, most)
        return mutated(data, random)[:most]

    atheris.Setup(
        [sys.argv[0], *rest, str(folder)],
        lambda data: judge(target, data),
        custom_mutator=mutator,
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
