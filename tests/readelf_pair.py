"""`probee readelf` beside the real one: the same words to both, what each printed.

In: words of a command line. Out: (exit status, standard output, standard error) of each.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from probee.cli.readelf import show

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCALE = "C.UTF-8"


class Printed(NamedTuple):
    """What a run left."""

    status: int
    out: bytes
    err: bytes


def ours(words: Sequence[str]) -> Printed:
    """By `probee readelf`, in this process."""
    pieces: dict[int, list[bytes]] = {1: [], 2: []}
    status = show(words, lambda stream, data: pieces[stream].append(data))
    return Printed(status, b"".join(pieces[1]), b"".join(pieces[2]))


def real(readelf: str, words: Sequence[str], locale: str = LOCALE) -> Printed:
    """By the program `readelf`. Its messages begin with `readelf:`, wherever it is."""
    environ = {**os.environ, "LC_ALL": locale}
    done = subprocess.run([readelf, *words], capture_output=True, env=environ, timeout=120)
    err = done.stderr.replace(f"{readelf}: ".encode(), b"readelf: ")
    return Printed(done.returncode, done.stdout, err)


def is_2_40(readelf: str) -> bool:
    """Whether the program is of that release, which `--compat=2.40` follows."""
    done = subprocess.run([readelf, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0].endswith(" 2.40")


def difference(theirs: Printed, mine: Printed) -> str:
    """The first lines that differ, for a message; empty if none do."""
    if theirs == mine:
        return ""
    lines = [f"status {theirs.status} and {mine.status}"]
    for name, one, other in (("out", theirs.out, mine.out), ("err", theirs.err, mine.err)):
        pairs = zip(one.splitlines() + [b""], other.splitlines() + [b""], strict=False)
        lines += [f"{name}: {a!r}\n     {b!r}" for a, b in pairs if a != b][:3]
    return "\n".join(lines)
