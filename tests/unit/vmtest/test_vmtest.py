"""vmtest without a machine to boot: which release is the newest, what a table tells, what fails."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from probee.host.probes import PROBES
from tests import kernel_state
from vmtest import boot, features, report, rows, selection
from vmtest.kernels import KERNELS, by_series
from vmtest.packages import newest

ROOT = Path(__file__).parents[3]
ROW = {"test": "tests/kernel/test_x.py::test_a", "seconds": 1.0, "why": ""}


def test_the_newest_release_is_so_by_number_and_of_the_plain_flavour() -> None:
    names = [
        "linux-image-6.1.0-9-amd64", "linux-image-6.1.0-56-amd64", "linux-image-6.12.1-1-amd64",
        "linux-image-6.1.0-57-cloud-amd64", "linux-image-6.1.0-58-rt-amd64",
        "linux-image-6.1.0-59-amd64-unsigned", "linux-image-6.1.0-60-amd64-dbg",
    ]  # fmt: skip
    assert newest("6.1", "amd64", names) == "6.1.0-56-amd64"
    assert newest("6.12", "amd64", names) == "6.12.1-1-amd64"
    assert newest("7.3", "amd64", ["linux-image-7.3.4+deb13-amd64"]) == "7.3.4+deb13-amd64"
    assert newest("5.10", "amd64", names) is None


def test_a_series_without_a_row_is_refused_with_those_that_there_are() -> None:
    assert [by_series(row.series) for row in KERNELS] == list(KERNELS)
    with pytest.raises(ValueError, match=r"no row for kernel 4\.19, only for 5\.10, "):
        by_series("4.19")


def test_every_probe_has_a_version_and_every_chosen_test_is_there() -> None:
    assert set(features.SINCE) == set(PROBES)
    for name in (*selection.pytest_words(all=False), *selection.pytest_words(all=True)):
        path, _, test = name.partition("::")
        assert (ROOT / path).exists(), name
        if test:
            function = test.partition("[")[0]
            assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), name


def test_a_probe_that_its_version_contradicts_is_told() -> None:
    judge = features._judge
    assert list(judge("feature x", True, "5.10", (5, 10))) == []
    assert list(judge("feature x", False, "5.11", (5, 10))) == []
    said = {
        answer: list(judge("feature x", answer, since, (5, 10)))
        for answer, since in ((True, "6.0"), (False, "5.9"), (None, "5.9"))
    }
    assert said == {
        True: ["feature x: the probe says yes, the table since 6.0"],
        False: ["feature x: the probe says no, the table since 5.9"],
        None: ["feature x: the probe says unknown, the table since 5.9"],
    }


def shown(variant: str, *changed: dict[str, object]) -> dict[str, object]:
    """What rows.py writes: two rows in the first view, one in the others."""
    row = {"path": "BASE/made", "fd": 6}
    views = {view: [row] for view in rows.VIEWS}
    views["names"] = [row, *(changed or [row | {"path": "none"}])]
    return {"variant": variant, "views": views}


def write(folder: Path, *outcomes: str, features: str = "", random: str = "0") -> None:
    rows = [{**ROW, "outcome": outcome, "why": f"why {outcome}"} for outcome in outcomes]
    (folder / "begun").write_text("5.10.0-32-amd64")
    (folder / "features").write_text(features)
    (folder / "results").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "rows").write_text(json.dumps(shown("pair")))
    (folder / "random").write_text(random)
    (folder / "done").write_text("")


def test_a_table_of_what_passed_and_what_did_not(tmp_path: Path) -> None:
    write(tmp_path, "passed", "passed", "failed", "error", "skipped", features="x: yes, 6.0\n")
    result = report.read("5.10", tmp_path, "", 61.4)
    assert result.bad
    assert report.lines([result, report.Result("7.3", "", "no such suite")]) == [
        "kernel  release          probes   opensnoop     passed  failed  skipped  random  seconds",
        "5.10    5.10.0-32-amd64  1 wrong  pair, 4 rows  2       2       1        ok      61",
        "7.3     -                -        -             0       0       0        -       0",
        "",
        "5.10:",
        "  PROBE   x: yes, 6.0",
        "  FAILED  tests/kernel/test_x.py::test_a: why failed",
        "  ERROR   tests/kernel/test_x.py::test_a: why error",
        "  skipped 1 times: why skipped",
        "",
        "7.3:",
        "  TROUBLE no such suite",
    ]


@pytest.mark.parametrize(
    "how", ["probe", "failed", "error", "random", "rows", "unfinished", "empty"]
)
def test_each_thing_that_goes_wrong_fails_the_run(how: str, tmp_path: Path) -> None:
    write(tmp_path, "passed", "skipped")
    assert not report.read("5.10", tmp_path, "", 1).bad
    match how:
        case "probe":
            write(tmp_path, "passed", features="x\n")
        case "failed" | "error":
            write(tmp_path, "passed", how)
        case "random":
            write(tmp_path, "passed", random="1")
        case "rows":
            (tmp_path / "rows").unlink()
        case "unfinished":
            (tmp_path / "done").unlink()
        case "empty":
            write(tmp_path)
    assert report.read("5.10", tmp_path, "", 1).bad


def test_rows_that_another_kernel_shows_otherwise_fail_the_run(tmp_path: Path) -> None:
    write(tmp_path, "passed")
    result = report.read("5.10", tmp_path, "", 1)
    for same in (shown("exit-only"), None):
        assert not report.compared([result], same)[0].bad
    row = {"path": "none", "fd": -1}
    for other, told in (
        (shown("pair", row), "row 1: 'none': fd 6, elsewhere -1"),
        (shown("pair", row | {"fd": 6}, row), f"row 2: None, elsewhere {row}"),
    ):
        (found,) = report.compared([result], other)
        assert found.bad
        assert found.differences == (f"opensnoop -e --syscall, {told}",)
        text = "\n".join(report.lines([found]))
        assert "pair, WRONG" in text
        assert f"  ROWS    {found.differences[0]}" in text
    second = report.Result("7.3", "", "", rows=shown("exit-only", row))
    assert [r.bad for r in report.compared([result, second], None)] == [False, True]


def test_rows_of_this_machine_that_are_missing_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_state, "why_no_bpf", lambda: "not root")
    assert rows.of_this_machine(tmp_path / "rows") is None
    monkeypatch.setattr(kernel_state, "why_no_bpf", lambda: "")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(rows.Unseen, match="status 1"):
        rows.of_this_machine(tmp_path / "rows")


def test_what_was_not_done_in_time_names_the_last_test(tmp_path: Path) -> None:
    write(tmp_path, "passed")
    assert report.read("5.10", tmp_path, "not done after 9 s", 9).trouble == (
        "not done after 9 s; the last test that ended was tests/kernel/test_x.py::test_a"
    )


def run(tmp_path: Path, script: str, limits: boot.Limits) -> boot.Ended:
    words = ["/bin/sh", "-c", script]
    return boot.boot(words, dict(os.environ), tmp_path / "console", tmp_path / "begun", limits)


def test_what_runs_has_a_terminal_and_its_output_is_kept(tmp_path: Path) -> None:
    ended = run(tmp_path, "test -t 0 && test -t 1 && echo hello", boot.Limits(10, 10, 0))
    assert ended.why == ""
    assert (tmp_path / "console").read_bytes() == b"hello\r\n"


def test_what_does_not_begin_or_end_is_ended_with_what_it_started(tmp_path: Path) -> None:
    script = f"{sys.executable} -c 'import time; time.sleep(600)' & echo $! >pid; wait"
    for limits, why in (
        (boot.Limits(0.2, 60, 0), "not booted after 0 s"),
        (boot.Limits(60, 0.2, 0), "not done after 0 s"),
    ):
        ended = run(tmp_path, f"cd {tmp_path}; {script}", limits)
        assert ended.why == why
        pid = int((tmp_path / "pid").read_text())
        while runs(pid):
            time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
