"""Which tests are asked about a mutant, by kind of evidence.

In: a mutant's file. Out: for each kind what Python runs, without its first word.

    meaning    what programs do, CPython and others compared (see judge.py)
    refusal    what the front end refuses, and in which words
    unit       what one room promises; compiled programs in a simulated world
    golden     text that somebody looked at: weak, since it fails for every change
"""

from __future__ import annotations

from tests.mutation.mutant import ROOT

_UNIT = "tests/unit/compiler"
_PYTEST = ("-m", "pytest", "-x", "-q", "--tb=no", "--no-header", "-p", "no:cacheprovider",
           "--durations=0", "--durations-min=100")  # fmt: skip
KINDS = ("meaning", "refusal", "unit", "golden")
STRONG = KINDS[:-1]


def command(kind: str, file: str) -> list[str]:
    """What asks the tests of a kind about a bug in a file of the compiler."""
    if kind == "meaning":
        return ["-m", "tests.mutation.judge", file.partition("/")[0]]
    return [*_PYTEST, *_tests(kind)]


def of_tests(tests: list[str]) -> list[str]:
    """What runs just these."""
    return [*_PYTEST, *tests]


def _tests(kind: str) -> list[str]:
    golden = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/**/test_golden.py"))
    apart = [f"--ignore={path}" for path in golden]
    match kind:
        case "refusal":
            return [f"{_UNIT}/frontend", *apart]
        case "unit":
            world = "tests/unit/sim/test_compiled.py"
            files = ("test_spec.py", "test_portable.py", "codegen/test_generate.py")
            return [world, *(f"{_UNIT}/{file}" for file in files)]
        case _:
            return golden
