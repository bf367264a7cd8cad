"""The section of RESULTS.md about generated code and about the compiler's own time.

In: `measured()`: counts and times of every pair, milliseconds of compilations. Out: Markdown.
"""

from __future__ import annotations

from math import exp, log
from statistics import median
from typing import Any

Numbers = dict[str, Any]

ABOUT = (
    "Each pair of `bench/codegen/pairs`, with equal results, maps, records and losses. A run is "
    "one BPF_PROG_TEST_RUN of a raw tracepoint, as the kernel's statistics count it: medians of "
    "interleaved rounds. The same programs are a test: `tests/oracle/test_clang.py`."
)

CODE = (
    "C and probee, the same program and behaviour",
    "instructions, v3",
    "clang -O2",
    "ratio",
    "v4",
    "processed by the verifier",
    "clang's",
    "ns a run",
    "clang's",
)


def mean(ratios: list[float]) -> float:
    """The geometric mean."""
    return exp(sum(map(log, ratios)) / len(ratios))


def ratios(pairs: dict[str, Numbers], what: str) -> list[float]:
    """Ours by clang's, of each pair."""
    return [row[what][0] / row[what][1] for row in pairs.values()]


def markdown(found: Numbers) -> list[str]:
    """Lines: a table of the pairs, the means, a table of compile times."""
    pairs = found["pairs"]
    lines = [
        "## Generated code",
        "",
        ABOUT,
        "",
        f"| {' | '.join(CODE)} |",
        f"|---|{'--:|' * (len(CODE) - 1)}",
    ]
    for name, row in pairs.items():
        (ours, theirs), (times, their_times) = row["v3"], row["ns"]
        lines.append(
            f"| {name} | {ours} | {theirs} | {ours / theirs:.2f} | "
            f"{row['v4'][0]}/{row['v4'][1]} | {row['verified'][0]:,} | {row['verified'][1]:,} | "
            f"{median(times):.0f} | {median(their_times):.0f} |"
        )
    verified = mean(ratios(pairs, "verified"))
    ns = mean([median(a) / median(b) for a, b in (row["ns"] for row in pairs.values())])
    v3, v4 = ratios(pairs, "v3"), ratios(pairs, "v4")
    means = (
        f"Geometric means: instructions {mean(v3):.3f} on v3 (worst {max(v3):.2f}), "
        f"{mean(v4):.3f} on v4 (worst {max(v4):.2f}), verifier {verified:.2f}, time {ns:.2f}."
    )
    lines += [
        f"| (an empty program) | | | | | | | {median(found['empty']):.0f} | |",
        "",
        means,
        "",
        "## Compile time",
        "",
        "| program | instructions | ms | µs an instruction |",
        "|---|--:|--:|--:|",
    ]
    for name, (count, milliseconds) in found["compile"].items():
        lines.append(
            f"| {name} | {count:,} | {milliseconds:,.0f} | {1000 * milliseconds / count:.0f} |"
        )
    return [*lines, ""]


def targets(found: Numbers) -> list[tuple[str, float, float]]:
    """(what, at most, reached)."""
    pairs = found["pairs"]
    v3 = ratios(pairs, "v3")
    straight = found["compile"]["straight, large"]
    most = max(1000 * ms / count for count, ms in found["compile"].values())
    return [
        ("instructions of clang -O2's, geometric mean", 1.05, mean(v3)),
        ("instructions of clang -O2's, worst", 1.25, max(v3)),
        ("compile time of an instruction, µs", 200, most),
        ("10,000 straight-line instructions, s", 3, straight[1] * 10 / straight[0]),
    ]
