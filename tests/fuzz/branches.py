"""Which branches of what reads bytes the kept cases reach, and which they do not.

    python -m tests.fuzz.branches [--all] [FOLDER...]

In: the kept cases, and files of folders that are named for their target, as tests.fuzz.readers
leaves them. Out: each branch that none of them reaches and that unreached.py does not tell of, each
row there that is not needed, how many branches there are; status 1 if there is anything to say.
`--all`: every branch that is not reached.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import coverage

from tests.fuzz.unreached import NOT_YET, UNREACHED, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
# What reads bytes of files.
READERS = (
    "probee/elf/raw.py", "probee/elf/read.py", "probee/objfile/read*.py",
    "probee/objfile/restore.py", "probee/objfile/normal.py",
    "probee/btf/check.py", "probee/btf/decode.py", "probee/btf/ext.py", "probee/btf/flat.py",
    "probee/btf/raw.py", "probee/btf/reader.py", "probee/btf/table.py", "probee/btf/c_*.py",
    "probee/btf/core_text.py", "probee/btf/names.py",
    "probee/asm/blocks.py", "probee/asm/decode.py", "probee/asm/disasm.py",
    "probee/introspect/btf.py", "probee/introspect/btf_c.py", "probee/introspect/btf_raw.py",
    "probee/introspect/cfg.py", "probee/introspect/objdump.py",
    "probee/introspect/objdump_notes.py", "probee/introspect/readelf/*.py",
    "probee/introspect/inspect/core.py", "probee/introspect/inspect/explain.py",
    "probee/introspect/inspect/externs.py", "probee/introspect/inspect/hook.py",
    "probee/introspect/inspect/maps.py", "probee/introspect/inspect/programs.py",
    "probee/introspect/inspect/sections.py", "probee/introspect/inspect/spelling.py",
    "probee/cli/inspect_text.py",
)  # fmt: skip
MEMORY = 2 << 30  # bytes of addresses for all cases together, one after another


class Branch(NamedTuple):
    """From a line to another; `to` is '' for the end of a function. `scope` is its name."""

    file: str
    scope: str
    line: int
    text: str
    to: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.scope}: {self.text} -> {self.to or 'the end'}"


class Missed(NamedTuple):
    """Branches without a row, rows that are not needed, counts that are too high."""

    branches: list[Branch]
    idle: list[Row]
    fewer: list[str]


def watch(data_file: str | None = None) -> coverage.Coverage:
    """What watches the readers, which nothing may have imported before. It may keep a file."""
    watching = coverage.Coverage(
        branch=True, include=[str(ROOT / pattern) for pattern in READERS], data_file=data_file,
        config_file=False,
    )  # fmt: skip
    watching.exclude("if TYPE_CHECKING:")
    watching.start()
    return watching


def found(watching: coverage.Coverage) -> tuple[int, list[Branch]]:
    """How many branches there are, and those that were not reached."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        watching.json_report(outfile=file.name)
        report = json.load(file)
    missed: list[Branch] = []
    for name, rows in report["files"].items():
        lines = (ROOT / name).read_text().splitlines()
        missed += _branches(name, rows, lines)
    return report["totals"]["num_branches"], missed


def _branches(name: str, rows: Any, lines: Sequence[str]) -> Iterator[Branch]:
    for start, end in rows["missing_branches"]:
        scope = _scope(lines, start)
        to = lines[end - 1].strip() if end > 0 else ""
        yield Branch(name, scope, start, lines[start - 1].strip(), to)


def _scope(lines: Sequence[str], number: int) -> str:
    """The innermost function around a line, by what is indented less."""
    indent = len(lines[number - 1]) - len(lines[number - 1].lstrip())
    for line in reversed(lines[: number - 1]):
        text = line.lstrip()
        if text and text[0] != ")" and len(line) - len(text) < indent:
            indent = len(line) - len(text)
            if text.startswith("def "):
                return text[4:].partition("(")[0]
    return ""


def judged(missed: Sequence[Branch], rows: Sequence[Row], not_yet: Mapping[str, int]) -> Missed:
    """What of the missed branches is to be told."""
    used: set[Row] = set()
    left: dict[str, list[Branch]] = {}
    for branch in missed:
        allowing = [row for row in rows if allows(row, branch)]
        used |= set(allowing)
        if not allowing:
            left.setdefault(branch.file, []).append(branch)
    fewer = [
        f"{file}: {len(left.get(file, ()))} and not {count}"
        for file, count in not_yet.items()
        if len(left.get(file, ())) < count
    ]
    more = [found for file, found in left.items() if len(found) > not_yet.get(file, 0)]
    return Missed([b for found in more for b in found], [r for r in rows if r not in used], fewer)


def allows(row: Row, branch: Branch) -> bool:
    """Whether a row is of that branch."""
    same = row.file == branch.file and row.scope == branch.scope
    return same and branch.text.startswith(row.text) and branch.to.startswith(row.to)


def main(words: list[str]) -> int:
    """The exit status."""
    watching = watch()
    from tests.fuzz.cases import TARGETS, case, in_all_ways, kept, read_line

    for path in (path for pattern in READERS for path in ROOT.glob(pattern)):
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    folders = [Path(word) for word in words if word != "--all"]
    count = 0
    for target in TARGETS:
        for data in in_all_ways(target):
            count += 1
            case(target, data)
    for target, line in kept():
        count += 1
        case(target, read_line(target, line))
    for folder in folders:
        for path in sorted(folder.iterdir()):
            count += 1
            case(folder.name, path.read_bytes())
    watching.stop()
    total, missed = found(watching)
    said = judged(missed, UNREACHED, NOT_YET)
    for branch in missed if "--all" in words else said.branches:
        print(branch)
    for row in said.idle:
        print(f"reached after all: {row.file} {row.scope}: {row.text} -> {row.to}")
    for text in said.fewer:
        print(f"fewer are left in {text}")
    print(f"{count} cases reach {total - len(missed)} of {total} branches")
    return 1 if any(said) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
