"""`probee top`: keys and looks in, pages out."""

from __future__ import annotations

import struct

import pytest

from probee.frame.document import Absent
from probee.introspect.loaded.code import Line as Piece
from probee.introspect.running.attached import Attachment
from probee.introspect.running.graph import graph
from probee.introspect.running.holders import Holder
from probee.introspect.running.line_costs import LineCosts
from probee.introspect.running.lines import Line, Source, gathered
from probee.introspect.running.program_page import bars
from probee.introspect.running.table import Filter
from probee.introspect.running.top import HISTORY, LEAST, MOST, SORTS, Top
from tests.unit.introspect.running_rows import running

SOURCE = Source((Line("/src/a.py", 3, "\tx = 1\x1b[2J", 4), Line("/src/b.py", 1, "y", 2)))
ROWS = [running(i, name=f"p{i}", cpu_percent=float(i)) for i in range(1, 31)]


class Costs(LineCosts):
    """Samples without a CPU: three of the first line, one of the second, at each look."""

    closed = 0

    def _open(self) -> None:
        pass

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.why_not = ""

    def collect(self) -> None:
        self.counts = [self.counts[0] + 3, self.counts[1] + 1]
        self.total += 4

    def close(self) -> None:
        Costs.closed += 1


@pytest.fixture
def top() -> Top:
    made = Top(Filter(), 1.0, lambda _: SOURCE, Costs)
    made.update(ROWS)
    return made


def text(top: Top, columns: int = 120, rows: int = 12) -> list[str]:
    return [line.text for line in top.lines(columns, rows)]


def press(top: Top, *keys: str) -> None:
    for key in keys:
        top.press(key)
        top.lines(120, 12)


def names(top: Top) -> list[str]:
    return [line.split()[2] for line in text(top)[2:-1] if line]


def test_the_list(top: Top) -> None:
    lines = top.lines(120, 12)
    assert len(lines) == 12
    assert lines[0].text.startswith(
        "probee top: 30 of 30 programs, every 1 s, 465 % of a CPU, 30,000 runs"
    )
    assert "CPU%v" in lines[1].text
    assert names(top)[:3] == ["p30", "p29", "p28"]
    assert [line.style for line in lines[:4]] == ["", "head", "chosen", ""]


def test_the_first_row_is_chosen_until_somebody_chooses(top: Top) -> None:
    text(top)
    assert top.chosen == 30
    top.update([running(i, name=f"p{i}", cpu_percent=float(-i)) for i in range(1, 31)])
    text(top)
    assert top.chosen == 1
    press(top, "down")
    assert top.chosen == 2
    top.update(ROWS)
    text(top)
    assert top.chosen == 2  # and then it stays, wherever it goes
    assert "p2" in names(top)


def test_moving(top: Top) -> None:
    text(top)
    press(top, "end")
    assert (top.chosen, names(top)[-1]) == (1, "p1")
    press(top, "home", "pagedown")
    assert top.chosen == 30 - 8
    press(top, "up", "pageup", "up")
    assert top.chosen == 30


@pytest.mark.parametrize("key", SORTS)
def test_sorting(top: Top, key: str) -> None:
    press(top, key)
    before = [row.id for row in top.shown()]
    assert sorted(before) == list(range(1, 31))
    press(top, "R")
    assert [row.id for row in top.shown()] == before[::-1]


def test_standing_still_and_how_often(top: Top) -> None:
    press(top, " ")
    assert top.paused
    assert "standing still" in text(top)[0]
    press(top, " ", *"+" * 20)
    assert top.interval == LEAST
    press(top, *"-" * 20)
    assert top.interval == MOST
    assert not top.over
    press(top, "q")
    assert top.over


def test_finding(top: Top) -> None:
    press(top, "/", *"p2q")
    assert text(top)[-1] == "find: p2q_"
    press(top, "backspace", "enter")
    assert names(top) == [f"p{i}" for i in (29, 28, 27, 26, 25, 24, 23, 22, 21)]
    assert not top.over  # q was a letter
    press(top, "/", "escape")
    assert len(top.shown()) == 30
    press(top, "/", *"openat", "enter")
    assert len(top.shown()) == 30  # it is in the hook's name
    press(top, "/", "\x1b")
    assert "\x1b" not in text(top)[-1]


def test_the_page_of_a_program(top: Top) -> None:
    press(top, "enter")
    lines = text(top, rows=40)
    assert lines[0] == "program 30: p30"
    assert "attached to tracepoint syscalls:sys_exit_openat, through link 3" in lines
    assert "held by opensnoop (42): a descriptor of the program and the link" in lines
    assert "pinned at /sys/fs/bpf/x: the link" in lines
    assert r"          4     3      x = 1\x1b[2J" in lines
    assert " COST INSNS  LINE  /src/b.py" in lines
    assert "COST: of 0 samples of it, while this page is open" in lines
    top.update(ROWS)
    lines = text(top, rows=40)
    assert r" 75 %     4     3      x = 1\x1b[2J" in lines
    assert " 25 %     2     1  y" in lines
    before = Costs.closed
    assert len(lines) == 40
    press(top, "down", "down")
    assert text(top)[0] != lines[0]
    press(top, "end")
    assert text(top)[-2].endswith("y")
    press(top, "escape")
    assert text(top)[0].startswith("probee top")
    assert Costs.closed == before + 1


def test_a_program_that_goes_away(top: Top) -> None:
    press(top, "enter")
    top.update(ROWS[:3])
    assert text(top)[0] == "program 30 is gone"
    assert set(top.history) == {1, 2, 3}
    press(top, "left")
    assert names(top) == ["p3", "p2", "p1"]
    top.update([])
    assert names(top) == []
    press(top, "enter", "down", "r")  # nothing to open, nothing to move to


def test_what_cannot_be_had(top: Top) -> None:
    none = Absent("needs CAP_SYS_ADMIN")
    bare = Top(Filter(), 1.0, lambda _: Source(why_not="no BTF"), LineCosts, "needs CAP_SYS_ADMIN")
    rates = ("cpu_percent", "runs_per_second", "ns_per_run", "missed_per_second")
    nothing = dict.fromkeys((*rates, "memory", "attached"), none)
    bare.update([running(1, **nothing, holders=(), pins=())])
    lines = text(bare)
    assert lines[-2] == "CPU%, RUNS/S, NS/RUN: needs CAP_SYS_ADMIN"
    press(bare, "enter")
    lines = text(bare, rows=30)
    assert "attached: needs CAP_SYS_ADMIN" in lines
    assert "source: no BTF" in lines
    press(top, "h")
    assert text(top)[0] == "probee top: keys"


def test_history_is_bounded(top: Top) -> None:
    for _ in range(HISTORY + 5):
        top.update(ROWS[:1])
    assert len(top.history[1]) == HISTORY


def test_bars() -> None:
    assert bars([0.0, 50.0, 100.0], 100.0) == "▁▄█"
    assert bars([0.0, 0.0], 0.0) == "▁▁"


def test_a_graph_of_several_lines() -> None:
    assert graph([0.0, 1.0, 2.0, 4.0, 0.001], 14, 2) == ["   4.00     █ ", "      0   ▄██▁"]
    assert graph([], 12, 1) == ["   0.00     "]
    assert all(len(line) == 20 for line in graph([5.0] * 100, 20, 3))


def test_the_mouse_chooses(top: Top) -> None:
    text(top)
    top.point(4)
    assert top.chosen == 28
    top.point(0)
    top.point(500)
    assert top.chosen == 28


def test_samples_count_for_the_line_that_runs_or_calls() -> None:
    lines = (Line("a", 1, "", 1, (100, 140)), Line("a", 2, "", 1, (120,)), Line("a", 3, "", 1))
    costs = Costs(Source(lines, code=((100, 50), (900, 10))))
    mark = (1 << 64) - 128

    def sample(*stack: int) -> bytes:
        return struct.pack(f"={len(stack) + 2}Q", stack[1], len(stack), *stack)

    costs.count(sample(mark, 105, 7777))
    costs.count(sample(mark, 5555, 6666, 120, 8888))  # a call that ends with the line before
    costs.count(sample(mark, 139))
    costs.count(sample(mark, 149))
    costs.count(sample(mark, 150))  # behind its end
    costs.count(sample(mark, 5))
    assert (costs.counts, costs.total) == ([3, 1, 0], 4)


def test_the_keys_fit_a_terminal_of_80_columns() -> None:
    top = Top(Filter(), 1.0, lambda _: SOURCE, Costs)
    press(top, "h")
    assert all(len(line) <= 80 for line in text(top))


def test_on_80_columns_it_is_seen_where_programs_are_attached() -> None:
    top = Top(Filter(), 1.0, lambda _: SOURCE, Costs)
    comm = Holder(4_000_000, "a" * 15, "program")
    top.update([running(400_000, name="n" * 40, type="raw_tracepoint", holders=(comm,))])
    head, row = text(top, columns=80)[1:3]
    assert head.endswith("HELD BY    ATTACHED TO")
    assert row.endswith("aaaaaaaaa… tracepoint…")
    assert len(row) <= 80


def test_why_there_are_no_samples() -> None:
    assert LineCosts(Source(why_not="no BTF")).why_not == "no BTF"
    hidden = LineCosts(Source((Line("a", 1, "", 1, (0,)),)))
    assert "kptr_restrict" in hidden.why_not
    hidden.collect()
    hidden.close()


def test_lines_come_together() -> None:
    rows = [
        Piece(0, "b.py", "x", 7, 1, 10), Piece(2, "a.py", "y", 1, 1, 20),
        Piece(5, "b.py", "x", 7, 9, 30),
    ]  # fmt: skip
    assert gathered(rows, 9) == (
        Line("a.py", 1, "y", 3, (20,)),
        Line("b.py", 7, "x", 6, (10, 30)),
    )


def test_many_places() -> None:
    many = tuple(Attachment("kprobe", f"f{i}", link=i) for i in range(1, 4))
    top = Top(Filter(), 1.0, lambda _: SOURCE, Costs)
    top.update([running(attached=many)])
    press(top, "enter")
    assert sum(line.startswith("attached to kprobe") for line in text(top, rows=40)) == 3
