"""`probee ps` on rows that are made of literals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from probee.cli.main import main
from probee.frame.document import Absent
from probee.frame.output import Output
from probee.introspect.running import machine, rates
from tests.unit.introspect.running_rows import running

ROWS = [
    running(1, name="quiet", cpu_percent=0.0),
    running(2, name="busy\x1b[31m\n", cpu_percent=50.0, holders=(), pins=(), attached=()),
    running(3, name="filter", type="socket_filter", attached=Absent("nobody tells")),
]


class Faked:
    def __init__(self, why: str) -> None:
        self.why = why

    def __enter__(self) -> Faked:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    notes = ("HELD BY: not all",)

    def look(self) -> None:
        pass

    def rows(self) -> list[Any]:
        return ROWS


class NoStatistics:
    def __init__(self, *, wanted: bool) -> None:
        self.why_not = ""

    def __enter__(self) -> NoStatistics:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _faked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "Machine", Faked)
    monkeypatch.setattr(rates, "Statistics", NoStatistics)


def test_the_table(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "-i", "0.001"]) == 0
    shown = capfd.readouterr().out
    assert "\x1b" not in shown
    heads, first, second, third, note, last = shown.splitlines()
    assert heads.split() == [
        "ID", "TYPE", "NAME", "CPU%", "RUNS/S", "NS/RUN", "MEM", "HELD", "BY", "ATTACHED", "TO",
    ]  # fmt: skip
    assert first.startswith(r" 2 tracepoint    busy\x1b[31m\n 50.0")
    assert first.endswith(" - " + " " * 34 + "not attached")
    assert second.split()[2] == "filter"
    assert second.endswith(" ?")
    assert third.endswith(" tracepoint syscalls:sys_exit_openat")
    assert (note, last) == ("ATTACHED TO: nobody tells", "HELD BY: not all")


def test_filters_and_orders(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "-i", "0.001", "-t", "tracepoint", "-s", "id", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["schema"], found["command"]) == ("probee", "ps")
    assert found["notes"] == ["HELD BY: not all"]
    assert [row["id"] for row in found["rows"]] == [1, 2]


def test_again_and_again(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "-w", "-i", "0.01", "--count", "3", "-n", "quiet"]) == 0
    tables = capfd.readouterr().out.split("\n\n")
    assert tables.pop() == ""
    assert [table.splitlines()[1].split()[2] for table in tables] == ["quiet"] * 3


@pytest.mark.parametrize(("height", "left"), [(6, None), (5, 2), (4, 3), (3, 3)])
def test_a_page_fits_the_terminal(
    height: int,
    left: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Three programs, a heading and two notes, of which one is wider."""
    monkeypatch.setattr("probee.frame.output.os.isatty", lambda fd: fd == 1)
    monkeypatch.setattr(Output, "size", property(lambda _: (20, height + 1)))
    monkeypatch.setattr(Faked, "notes", ("HELD BY: not all, which takes a right",))
    assert main(["ps", "-w", "-i", "0.01", "--count", "1"]) == 0
    page = capfd.readouterr().out.removeprefix("\x1b[H\x1b[2J").splitlines()
    assert all(len(line) <= 20 for line in page)
    assert len(page) == max(height, 4)
    told = [line for line in page if "more program" in line]
    assert told == ([f"{left} more programs: pr…"] if left else [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ps", "now"], "takes only options"),
        (["ps", "-t", "xpd"], "'xpd' is no type of program; did you mean xdp?"),
        (["ps", "-s", "cpus"], "is no order of programs; did you mean cpu?"),
        (["ps", "--count", "3"], "goes with --watch"),
        (["ps", "-m", "-t", "xdp"], "'xdp' is no type of map"),
        (["ps", "-m", "-s", "cpu"], "'cpu' is no order of maps"),
        (["ps", "-m", "-w"], "exclude each other"),
        (["ps", "-m", "--no-stats"], "exclude each other"),
        (["ps", "-i", "0"], "is not a time in seconds"),
    ],
)
def test_wrong_words(words: list[str], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert message in capfd.readouterr().err


def test_maps(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    from probee.introspect.running import maps
    from probee.introspect.running.holders import Holder
    from probee.introspect.running.maps import MapRow, User

    users = tuple(User(i, f"p{i}\x1b") for i in range(6))
    rows = [
        MapRow(1, "hash", "small", 4, 8, 1000, 4096, False, users, (), ()),
        MapRow(2, "ringbuf", "large\x1b[2J", 0, 0, 1 << 20, 1 << 21, False, (),
               (Holder(42, "x", "map"),), ()),
        MapRow(3, "array", "unknown", 4, 8, 1, Absent("needs CAP_SYS_ADMIN"), True, (), (), ()),
    ]  # fmt: skip
    monkeypatch.setattr(maps, "map_rows", lambda: rows)
    assert main(["ps", "-m"]) == 0
    shown = capfd.readouterr().out
    assert "\x1b" not in shown
    heads, *lines, note = shown.splitlines()
    assert heads.split() == ["ID", "TYPE", "NAME", "KEY", "VALUE", "ENTRIES", "MEM", "HELD", "BY",
                             "USED", "BY"]  # fmt: skip
    assert [line.split()[0] for line in lines] == ["2", "1", "3"]
    assert lines[0].split()[-4:] == ["1,048,576", "2.0M", "x(42)", "-"]
    assert lines[1].endswith(r"- p0\x1b, p1\x1b, p2\x1b, p3\x1b, 2 more".replace("- ", " "))
    assert note == "MEM: needs CAP_SYS_ADMIN"
    assert main(["ps", "-m", "-n", "s*", "--json"]) == 0
    (row,) = json.loads(capfd.readouterr().out)["rows"]
    assert (row["name"], row["users"][0]) == ("small", {"id": 0, "name": "p0\x1b"})
    assert main(["ps", "-m", "-s", "type", "-p", "42"]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 2
