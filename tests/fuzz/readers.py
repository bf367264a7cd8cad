"""What reads bytes of others, under fuzzing that is guided by what it reaches.

    python -m tests.fuzz.readers TARGET [FOLDER] [options of libFuzzer]

TARGET is one of tests/fuzz/cases.py: elf, btf, ext, object for the readers; readelf, objdump, dump,
inspect, cfg, back for the commands. FOLDER keeps what reached something new (.output/fuzz/TARGET if
it is not given); `python -m tests.fuzz.keep` takes of it what belongs to the kept cases. Fuzzing
starts from the seeds and the kept cases. A finding is written to the current folder. It needs
atheris: `pip install '.[fuzz]'`.
"""

from __future__ import annotations

import resource
import sys
from importlib import import_module
from pathlib import Path
from random import Random

OUTPUT = Path(__file__).parents[2] / ".output" / "fuzz"
NEEDS = "this needs atheris, which brings libFuzzer: pip install '.[fuzz]'"
ROOMS = ("elf", "btf", "objfile", "asm", "introspect", "cli.inspect_text")
MEMORY = 2 << 30  # bytes of addresses, for the fuzzer too


def main(words: list[str]) -> int:
    """Ends by libFuzzer, with its status."""
    try:
        atheris = import_module("atheris")  # which has no types
    except ImportError:
        print(NEEDS, file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=[f"probee.{room}" for room in ROOMS]):
        from tests.fuzz import cases, mutators
    if not words or words[0] not in cases.TARGETS:
        print(f"say one of {', '.join(cases.TARGETS)}", file=sys.stderr)
        return 2
    target, *rest = words
    folder = OUTPUT / target
    if rest and not rest[0].startswith("-"):
        folder = Path(rest.pop(0))
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(cases.seeds(target)):
        (folder / f"seed-{number}").write_bytes(data)
    lines = [line for name, line in cases.kept() if name == target]
    for number, line in enumerate(lines):
        (folder / f"kept-{number}").write_bytes(cases.read_line(target, line))
    damage = mutators.changed if target in cases.PARTS else mutators.shown_otherwise

    def mutator(data: bytes, most: int, seed: int) -> bytes:
        return damage(data, Random(seed))[:most]

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    atheris.Setup(
        [sys.argv[0], "-max_len=20000", *rest, str(folder)],
        lambda data: cases.case(target, data) and None,
        custom_mutator=mutator,
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
