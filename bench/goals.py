"""What was to be reached, beside what this run reached.

In: results. Out: `Goal` rows; those of generated code come from bench/codegen.
"""

from __future__ import annotations

from typing import NamedTuple

from bench.codegen import report as codegen
from bench.contestants import FLOOR, OURS, OURS_JSON
from bench.measure import NO_CACHE
from bench.series import PEERS, Results, Spread, best, named, per_million, ratios, spread

C_TOOLS, BPFTRACES = ("old C", "new C"), ("old bpftrace", "new bpftrace")


class Goal(NamedTuple):
    """`reached` is None where it was not measured."""

    what: str
    limit: float
    reached: Spread | None


def goals(results: Results) -> list[Goal]:
    """All of them."""
    made = results.get("codegen")
    generated = (
        [Goal(what, limit, _one(value)) for what, limit, value in codegen.targets(made)]
        if made
        else []
    )
    return [
        *_cost(results),
        *_losses(results),
        *_use(results),
        *_start(results),
        *_code(results),
        *generated,
    ]


def _one(value: float | None) -> Spread | None:
    return None if value is None else Spread(value, value, value)


def _against(
    results: Results, series: dict[str, list[float | None]], roles: tuple[str, ...], one: str = OURS
) -> tuple[str, Spread | None]:
    """The best of these roles, and the ratio of `one` to it."""
    other = best(results, series, *roles)
    if other is None:
        return "/".join(roles), None
    return other, spread(ratios(series.get(one), series[other]))


def _cost(results: Results) -> list[Goal]:
    cost, filtered = (results.get("cost", {}).get(kind, {}) for kind in ("cost", "filtered"))
    found = []
    for limit, role in ((0.1, "old C"), (0.3, "new C"), (1.4, FLOOR)):
        name, ratio = _against(results, cost, (role,))
        found.append(Goal(f"added to an open+close, of {name}", limit, ratio))
    name, ratio = _against(results, filtered, PEERS)
    return [*found, Goal(f"the same, filtered out, of the best peer ({name})", 1, ratio)]


def _losses(results: Results) -> list[Goal]:
    rounds = results.get("every_cpu", {}).get(OURS, [])
    lost = max((row["opens"] - row["rows"] for row in rounds), default=None)
    silent = max((row["opens"] - row["rows"] - row["reported"] for row in rounds), default=None)
    return [
        Goal("lost of a million, every CPU busy", 0, _one(lost)),
        Goal("of these neither shown nor reported", 0, _one(silent)),
    ]


def _use(results: Results) -> list[Goal]:
    cpu = per_million(results, "million", "cpu")
    name, text = _against(results, cpu, ("old C",))
    _, json = _against(results, cpu, ("old C",), OURS_JSON)
    peaks = [row["peak_mb"] for row in results.get("million", {}).get(OURS, [])]
    size = results.get("sizes", {}).get(OURS, {}).get("write")
    return [
        Goal(f"CPU for a million rows, of {name}", 0.6, text),
        Goal(f"CPU for a million JSON rows, of {name}'s text", 1, json),
        Goal("peak memory, MB", 25, _one(max(peaks, default=None))),
        Goal("installed with all that a new tool needs, MB beside Python", 3, _one(size)),
    ]


def _start(results: Results) -> list[Goal]:
    first, end = (results.get("start", {}).get(kind, {}) for kind in ("first", "end"))
    c_tool, start = _against(results, first, C_TOOLS)
    tracer, start_t = _against(results, first, BPFTRACES)
    _, cold = _against(results, first, BPFTRACES, NO_CACHE)
    c_end, prompt = _against(results, end, C_TOOLS)
    return [
        Goal(f"start to first row, of {c_tool}", 1.3, start),
        Goal(f"start to first row, of {tracer}", 0.3, start_t),
        Goal(f"the same without compiled programs, of {tracer}", 1.5, cold),
        Goal(f"Ctrl-C to prompt, of {c_end}", 1, prompt),
    ]


def _code(results: Results) -> list[Goal]:
    """Sizes of programs."""
    pair = (named(results, "pair") or [""])[0]
    return [
        Goal("xlated bytes, exit only", 360, _biggest(results, OURS, "")),
        Goal("xlated bytes, entry of the pair", 240, _biggest(results, pair, "enter")),
        Goal("xlated bytes, exit of the pair", 792, _biggest(results, pair, "end")),
    ]


def _biggest(results: Results, name: str, part: str) -> Spread | None:
    rounds = results.get("million", {}).get(name, [])
    sizes = [
        row["xlated"] for row in (rounds[0]["programs"] if rounds else []) if part in row["name"]
    ]
    return _one(max(sizes, default=None))
