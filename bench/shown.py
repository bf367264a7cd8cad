"""`probee prog show`, `map dump` and `btf dump` beside bpftool 7.5.

    sudo python -m bench.shown [--rounds N] [--elements N] [--write]

In: bpftool 7.5 (scripts/fetched.py); 200 programs and a hash of 1,000,000 elements, loaded here and
let go again; the kernel's types. Out: milliseconds of whole processes, their output thrown away,
and the memory of the dump; for the list the quickest rounds and the processor's time too, which
others on the machine disturb less. Rounds are interleaved; differences and ratios are taken within
a round. `--write` keeps the table in bench/shown.txt.

The goals: at most 25 ms more than bpftool for the list, at most 2 times its time for the dump of a
map, at most 2.5 times for that of the types as C.
"""

from __future__ import annotations

import argparse
import array
import os
import statistics
import sys
import time
from pathlib import Path

from probee.host import bpf
from probee.host.attributes import Attributes, demand
from probee.host.info import MAP, read
from probee.uapi import bpf as uapi
from scripts import fetched

Run = tuple[float, float, int]

ROOT = Path(__file__).parent.parent
TABLE = Path(__file__).parent / "shown.txt"
PROGRAMS = 200
VMLINUX = "/sys/kernel/btf/vmlinux"
STEP = 50_000  # elements set by one call
PROBEE = [sys.executable, "-IS", str(ROOT / "bin" / "probee")]
RETURN_0 = bytes.fromhex("b7000000000000009500000000000000")


def one_run(words: list[str]) -> tuple[float, float, int]:
    """Seconds, those of the processor, and the largest memory in KiB of one process."""
    before = time.perf_counter()
    pid = os.fork()
    if not pid:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.execv(words[0], words)
    _, status, used = os.wait4(pid, 0)
    assert not status, words
    return time.perf_counter() - before, used.ru_utime + used.ru_stime, used.ru_maxrss


def beside(bpftool: str, words: list[str], rounds: int) -> list[tuple[Run, Run]]:
    """One run of bpftool and one of probee for each round; the first warms up."""
    pairs = [(one_run([bpftool, *words]), one_run([*PROBEE, *words])) for _ in range(rounds + 1)]
    return pairs[1:]


def middle(pairs: list[tuple[Run, Run]], column: int) -> tuple[float, float, float, float]:
    """Medians of bpftool's and probee's, of the differences and of the ratios."""
    theirs, ours = [a[column] for a, _ in pairs], [b[column] for _, b in pairs]
    return (
        statistics.median(theirs),
        statistics.median(ours),
        statistics.median(b - a for a, b in zip(theirs, ours, strict=True)),
        statistics.median(b / a for a, b in zip(theirs, ours, strict=True)),
    )


def filled(count: int) -> int:
    """A hash with `count` elements of 4 and 8 bytes."""
    fd = bpf.map_create(uapi.BPF_MAP_TYPE_HASH, 4, 8, count, name="bench")
    for first in range(0, count, STEP):
        numbers = range(first, min(first + STEP, count))
        fields: dict[str, int | bytes] = {
            "map_fd": fd, "count": len(numbers), "keys": array.array("I", numbers).tobytes(),
            "values": array.array("Q", numbers).tobytes(),
        }  # fmt: skip
        demand(Attributes("BPF_MAP_UPDATE_BATCH", fields))
    return fd


def programs(bpftool: str, rounds: int) -> list[str]:
    """Rows of the list of 200 programs."""
    held = [
        bpf.prog_load(uapi.BPF_PROG_TYPE_XDP, RETURN_0, "GPL", name=f"bench_{number}")[0]
        for number in range(PROGRAMS)
    ]
    lines = []
    try:
        for words in ["prog", "show"], ["-j", "prog", "show"]:
            pairs = beside(bpftool, words, rounds)
            quickest = [min(run[who][0] for run in pairs) for who in (0, 1)]
            rows = [
                (middle(pairs, 0)[:3], ""),
                ((*quickest, quickest[1] - quickest[0]), " in the quickest rounds"),
                (middle(pairs, 1)[:3], " of the processor"),
            ]
            for numbers, what in rows:
                theirs, ours, more = (1000 * number for number in numbers)
                lines.append(
                    f"{' '.join(words):16} {PROGRAMS} programs: bpftool {theirs:.1f} ms, probee "
                    f"{ours:.1f} ms, {more:+.1f} ms{what} (goal: +25.0)"
                )
    finally:
        for fd in held:
            os.close(fd)
    return lines


def elements(bpftool: str, rounds: int, count: int) -> list[str]:
    """Rows of the dump."""
    fd = filled(count)
    lines = []
    try:
        id = str(read(fd, MAP)[0]["id"])
        for options in [], ["-j"], ["-p"]:
            words = [*options, "map", "dump", "id", id]
            pairs = beside(bpftool, words, rounds)
            theirs, ours, _, ratio = middle(pairs, 0)
            memory = max(run[2] for _, run in pairs)
            lines.append(
                f"{' '.join([*options, 'map dump']):16} {count:,} elements: bpftool "
                f"{theirs:.2f} s, probee {ours:.2f} s, "
                f"{ratio:.2f} times (goal: 2.00), {memory / 1024:.0f} MiB"
            )
    finally:
        os.close(fd)
    return lines


def types(bpftool: str, rounds: int) -> list[str]:
    """Rows of the kernel's types, as records and as C."""
    lines = []
    for form, goal in ("raw", ""), ("c", " (goal: 2.50)"):
        pairs = beside(bpftool, ["btf", "dump", "file", VMLINUX, "format", form], rounds)
        for column, what in (0, ""), (1, " of the processor"):
            theirs, ours, _, ratio = middle(pairs, column)
            lines.append(
                f"{f'btf dump {form}':16} {VMLINUX}: bpftool {theirs:.3f} s, probee {ours:.3f} s, "
                f"{ratio:.2f} times{what}{goal}"
            )
    return lines


def main(words: list[str]) -> int:
    """Prints the table; the status is 0 whatever it says."""
    parser = argparse.ArgumentParser(description="probee's listings beside bpftool's")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--elements", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(words)
    bpftool = fetched.find("bpftool-7.5") or fetched.fetch("bpftool-7.5")
    processes = sum(name.isdigit() for name in os.listdir("/proc"))
    lines = [
        (
            f"python -m bench.shown, {time.strftime('%Y-%m-%d')}, Linux {os.uname().release}, "
            f"{os.cpu_count()} CPUs, {processes} processes, load {os.getloadavg()[0]:.1f}; medians"
        ),
        *programs(bpftool, options.rounds),
        *types(bpftool, options.rounds),
        *(
            elements(bpftool, max(options.rounds // 5, 2), options.elements)
            if options.elements
            else ()
        ),
    ]
    print("\n".join(lines))
    if options.write:
        TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
