"""Takes of what fuzzing found what the kept cases lack: the fewest and shortest that reach as much.

    python -m tests.fuzz.keep [--anew] FOLDER...

In: folders as tests.fuzz.readers leaves them, each named for its target; the kept cases. Out: the
files of tests/fuzz/corpus with what they lacked. `--anew`: without what others make needless.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.fuzz.branches import watch


def main(words: list[str]) -> int:
    """The exit status."""
    with tempfile.TemporaryDirectory() as own:
        data_file = f"{own}/reached"
        watching = watch(data_file)
        from tests.fuzz import cases

        rows = list(cases.kept())
        known = 0 if "--anew" in words else len(rows)
        for target in cases.TARGETS:  # first of all, what needs no line
            watching.switch_context("")
            for data in cases.in_all_ways(target):
                cases.case(target, data)
        folders = [Path(word) for word in words if word != "--anew"]
        for path in (path for folder in folders for path in sorted(folder.iterdir())):
            rows.append((path.parent.name, cases.line_of(path.parent.name, path.read_bytes())))
        for number, (target, line) in enumerate(rows):
            watching.switch_context(str(number) if number >= known else "")
            cases.case(target, cases.read_line(target, line))
        watching.stop()
        watching.save()
        reached = _reached(data_file)
    chosen = rows[:known] + [
        rows[number] for number in _fewest(reached, [len(line) for _, line in rows])
    ]
    for target in cases.TARGETS:
        lines = sorted({line for name, line in chosen if name == target})
        cases.CORPUS.joinpath(f"{target}.txt").write_text("".join(f"{line}\n" for line in lines))
    print(f"{len(chosen)} of {len(rows)} cases are kept")
    return 0


def _reached(path: str) -> dict[int, set[tuple[int, int, int]]]:
    """Of each case by its number: steps from line to line; -1 are those that stay."""
    found: dict[int, set[tuple[int, int, int]]] = {}
    with sqlite3.connect(path) as data:
        names = dict(data.execute("select id, context from context"))
        steps = data.execute("select context_id, file_id, fromno, tono from arc")
        for context, *step in steps:
            number = int(names[context]) if names[context] else -1
            found.setdefault(number, set()).add((step[0], step[1], step[2]))
    return found


def _fewest(reached: dict[int, set[tuple[int, int, int]]], sizes: list[int]) -> list[int]:
    """Numbers of cases that reach all there is: most steps for their length first."""
    missing = set().union(*reached.values()) - reached.pop(-1, set())
    chosen = []
    left = {number: steps & missing for number, steps in reached.items()}
    while missing:
        best = max(left, key=lambda number: len(left[number]) / (sizes[number] + 20))
        chosen.append(best)
        missing -= left.pop(best)
        left = {number: rest for number, steps in left.items() if (rest := steps & missing)}
    return chosen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
