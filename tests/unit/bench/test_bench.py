"""The bench without a machine to measure: ratios, spreads, goals, sizes, pages."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import goals, measure, report, series, sizes, tables
from bench.contestants import BPFTRACE, Contestant, options, who
from bench.load import Watched
from bench.run import Failed


def row(name: str, each: int = 1) -> Contestant:
    return Contestant(name, name, "", lambda _watched: [], each=each)


def many(opens: int, rows: int, reported: int, cpu: float) -> dict[str, Any]:
    return {
        "opens": opens, "rows": rows, "reported": reported, "cpu": cpu, "peak_mb": 20.0,
        "ns": 1.0, "programs": [],
    }  # fmt: skip


def results() -> dict[str, Any]:
    """Two rounds of three contestants; bpftrace sat one out."""
    roles = {"floor": "floor", "probee": "probee", "tool 1": "old C", "tracer 1": "old bpftrace"}
    return {
        "date": "2026-01-01",
        "machine": {"cpus": "2", "cpu": "some", "kernel": "6.18", "python": "3.11"},
        "versions": {},
        "contestants": {name: {"role": role, "what": ""} for name, role in roles.items()},
        "missing": {"another": "its own words"},
        "cost": {
            "baseline_ns": [1000.0, 1100.0],
            "disturbed": 0,
            "cost": {
                "floor": [100.0, 200.0], "probee": [150.0, 200.0],
                "tool 1": [1000.0, 4000.0], "tracer 1": [300.0, None],
            },
            "filtered": {"floor": [1.0, 1.0], "probee": [90.0, 90.0], "tool 1": [100.0, 100.0]},
        },
        "every_cpu": {"probee": [many(100, 100, 0, 1), many(100, 90, 8, 1)]},
        "million": {"probee": [many(100, 100, 0, 1)], "tool 1": [many(100, 50, 0, 2)]},
        "sizes": {"probee": {"run": 2.0, "write": 2.0, "bytecode": 5.0}},
    }  # fmt: skip


def test_a_spread_is_the_middle_half() -> None:
    assert series.spread([5.0, None, 1.0, 2.0, 3.0, 100.0]) == series.Spread(3.0, 2.0, 5.0)
    assert series.spread([7.0]) == series.Spread(7.0, 7.0, 7.0)
    assert series.spread([None]) is None


def test_ratios_are_taken_within_a_round() -> None:
    assert series.ratios([1.0, 2.0, None, 4.0], [2.0, None, 3.0, 2.0]) == [0.5, 2.0]
    assert series.ratios([1.0], [0.0]) == []
    assert series.ratios(None, [1.0]) == []


def test_the_best_peer_has_the_smallest_middle() -> None:
    made = results()
    assert series.best(made, made["cost"]["cost"], *series.PEERS) == "tracer 1"
    assert series.best(made, made["cost"]["filtered"], *series.PEERS) == "tool 1"
    assert series.best(made, {}, *series.PEERS) is None


def test_goals_compare_with_their_limits() -> None:
    found = {goal.what: goal for goal in goals.goals(results())}
    assert found["added to an open+close, of tool 1"].reached == series.Spread(0.1, 0.05, 0.15)
    assert found["added to an open+close, of new C"].reached is None
    filtered = found["the same, filtered out, of the best peer (tool 1)"].reached
    assert filtered is not None
    assert filtered.middle == pytest.approx(0.9)
    lost, silent = (
        found[what].reached
        for what in ("lost of a million, every CPU busy", "of these neither shown nor reported")
    )
    assert lost is not None
    assert silent is not None
    assert (lost.middle, silent.middle) == (10, 2)
    cpu = found["CPU for a million rows, of tool 1"].reached
    assert cpu is not None
    assert cpu.middle == pytest.approx(0.25)  # of rows that were shown


def test_a_page_tells_what_was_missed_and_who_is_missing() -> None:
    page = report.markdown(results())
    assert "| lost of a million, every CPU busy | 0 | 10 | **missed** |" in page
    assert "| added to an open+close, of tool 1 | 0.1 | 0.1 (0.05–0.15) | met |" in page
    assert "- another: its own words" in page


def test_only_the_readme_between_its_marks_changes() -> None:
    text = f"before\n{report.BEGIN}old\n{report.END}\nafter\n"
    made = report.in_readme(text, results())
    assert made.startswith("before\n")
    assert made.endswith("\nafter\n")
    assert "old" not in made
    assert "| added to an open+close, ns | 175 | 2,500 |" in made
    assert report.in_readme(made, results()) == made


def test_the_readme_has_its_marks() -> None:
    text = report.README.read_text()
    assert text.count(report.BEGIN) == text.count(report.END) == 1


def test_a_lossy_crowd_is_told_by_its_worst_round() -> None:
    assert tables.crowd({}) == []
    made = results()
    runs = {"probee": [many(100, 100, 0, 1), many(100, 60, 40, 1)]}
    made["crowd"] = {"10": {"alone_ns": [1.0], "opens": 100, "with": runs}}
    assert "| probee | 40 (40 reported) |" in tables.crowd(made)


def test_each_round_begins_with_another_and_some_sit_out() -> None:
    rows = [row("a"), row("b"), row("c", each=2)]
    found = [[one.name for one in turn] for turn in measure.turns(rows, "cost", 3)]
    assert found == [["a", "b", "c"], ["b", "a"], ["c", "a", "b"]]


def test_series_have_a_place_for_each_round() -> None:
    gathered = measure.Gathered()
    gathered.next_round()
    gathered.add("a", 1.0)
    gathered.next_round()
    gathered.add("b", 2.0)
    gathered.next_round()
    assert gathered.whole() == {"a": [1.0, None, None], "b": [None, 2.0, None]}


def test_a_contestant_that_fails_once_has_no_number_then(tmp_path: Path) -> None:
    def fails(_row: Contestant) -> int:
        raise Failed("no row came")

    plan = measure.Plan(str(tmp_path), 1, 1, None, 0, [])
    assert plan.tried(fails, row("a")) is None
    assert plan.tried(lambda one: one.name, row("b")) == "b"
    assert plan.failures == ["a: no row came"]


def test_what_a_tool_says_it_lost() -> None:
    assert measure.reported("probee opensnoop: 1,234 events lost") == 1234
    assert measure.reported("lost 3 things") == 0


def test_whom_to_watch() -> None:
    assert options(Watched(pid=7)) == ["-p", "7"]
    assert options(Watched(uid=61_184)) == ["-u", "61184"]
    assert "/pid == 7/" in BPFTRACE.format(*who(Watched(pid=7)))


def test_packages_are_counted_with_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "libc6\t1000\tno\toptional\t\t\n"
        "init\t10\tyes\trequired\t\tlibc6\n"
        "python3\t500\tno\toptional\t\tlibc6\n"
        "tool\t20\tno\toptional\t\tlibc6 (>= 2.3), virtual | other, absent\n"
        "real\t300\tno\toptional\tvirtual (= 1)\tlibc6:any\n"
    )
    monkeypatch.setattr("bench.sizes.subprocess.run", lambda *_, **__: SimpleNamespace(stdout=text))
    found = sizes.Packages(Path("/"))
    assert found.megabytes("tool") == pytest.approx(320 * 1024 / 1e6)
    assert found.megabytes("tool", "nowhere") is None
    assert found.named("re.*") == ["real"]


def test_bytecode_is_counted_apart(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(bytes(1000))
    (tmp_path / "a.pyc").write_bytes(bytes(500))
    (tmp_path / "b").symlink_to("a.py")
    assert sizes.folder_megabytes(tmp_path) == pytest.approx(0.001)
    assert sizes.folder_megabytes(tmp_path, bytecode=True) == pytest.approx(0.0015)
