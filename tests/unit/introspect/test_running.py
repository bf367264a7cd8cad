"""Rates, words and rows of running programs, from literals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from probee.frame.document import Absent, document
from probee.introspect.running import forms, rates
from probee.introspect.running.attached import Attachment, cgroup_hook, summary, tracing_hook
from probee.introspect.running.holders import Holder
from probee.introspect.running.rates import Rate, Sampler, Statistics, rate
from probee.introspect.running.table import NOT_RUN, ORDERS, Filter, ordered
from probee.tables.programs import ATTACH_TYPES
from tests.unit.introspect.running_rows import running

if TYPE_CHECKING:
    from probee.host.runcounts import Counts

MILLION, SECOND = 1_000_000, 1_000_000_000


def test_a_rate_is_of_the_time_between_two_looks() -> None:
    found = rate((MILLION, 100, 1), (3 * MILLION, 300, 5), 2 * SECOND)
    assert found == Rate(runs=100.0, ns_per_run=10_000.0, cpu=0.1, missed=2.0)
    assert rate((5, 5, 0), (5, 5, 0), SECOND) == Rate(0.0, 0.0, 0.0, 0.0)


def test_an_id_that_another_program_got_begins_anew() -> None:
    assert rate((5 * MILLION, 500, 0), (1000, 2, 0), SECOND).runs == 2
    assert rate((1, 1, 0), (2, 2, 0), 0).cpu > 0  # no time at all divides nothing by zero


class Counters:
    def __init__(self, *looks: dict[int, Counts | None]) -> None:
        self.looks = list(looks)

    def read(self, id: int) -> Counts | None:
        return self.looks[0].get(id)


def test_a_sampler_leaves_out_what_comes_and_goes() -> None:
    reader = Counters({1: (0, 0, 0), 2: (0, 0, 0)}, {1: (50, 5, 0), 3: (9, 9, 9), 2: None})
    sampler = Sampler(reader)
    assert sampler.look([1, 2], now=0) == {}
    reader.looks.pop(0)
    assert sampler.look([1, 2, 3], now=SECOND) == {1: Rate(5.0, 10.0, 50 * 100 / SECOND)}
    assert sampler.counts == {1: (50, 5, 0), 3: (9, 9, 9)}


def test_statistics_that_may_not_be_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from probee.errors import KernelError

    monkeypatch.setattr(rates, "on_for_good", lambda: False)
    with Statistics(wanted=False) as left:
        assert "--no-stats" in left.why_not

    def refuse(errno: int) -> None:
        def fail() -> int:
            raise KernelError("bpf(BPF_ENABLE_STATS)", errno)

        monkeypatch.setattr("probee.host.bpf.enable_stats", fail)

    for errno, word in ((1, "CAP_SYS_ADMIN"), (22, "sysctl"), (12, "ENOMEM")):
        refuse(errno)
        with Statistics() as refused:
            assert word in refused.why_not
    monkeypatch.setattr(rates, "on_for_good", lambda: True)
    with Statistics(wanted=False) as on:
        assert on.why_not == ""


def test_words_of_hooks() -> None:
    for row in ATTACH_TYPES:
        assert cgroup_hook(row.name)
        assert tracing_hook(row.name)
    assert Attachment("cgroup", "/app", cgroup_hook("CGROUP_INET_EGRESS")).words == (
        "cgroup /app egress"
    )
    assert tracing_hook("TRACE_FENTRY") == "fentry"
    many = tuple(Attachment("kprobe", f"f{i}") for i in range(5))
    assert summary(many) == "kprobe f0, kprobe f1, kprobe f2, 2 more"
    assert summary((many[0], many[0])) == "kprobe f0"
    assert summary(()) == ""


def test_filters() -> None:
    row = running()
    assert Filter().fits(row)
    assert Filter(types=("xdp", "tracepoint"), names=("exit_*",), pids=(42,)).fits(row)
    assert not Filter(types=("xdp",)).fits(row)
    assert not Filter(names=("openat",)).fits(row)
    assert not Filter(pids=(43,)).fits(row)
    assert Filter(comms=("open*",)).fits(row)
    assert not Filter(comms=("open*",)).fits(running(holders=()))


def test_every_order() -> None:
    none = Absent("no")
    rows = [
        running(1, cpu_percent=0.5, name="b"),
        running(2, cpu_percent=none, ns_per_run=none, memory=none, holders=()),
        running(3, cpu_percent=90.0, name="a"),
    ]
    assert [row.id for row in ordered(rows, ["cpu"])] == [3, 1, 2]
    assert [row.id for row in ordered(rows, ["type", "name"])] == [3, 1, 2]
    assert [row.id for row in ordered(rows, ["mem"])] == [1, 3, 2]
    assert [row.id for row in ordered(rows, ["pid"])] == [1, 3, 2]
    for order in ORDERS:
        assert sorted(row.id for row in ordered(rows, [order])) == [1, 2, 3]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1023, "1023"), (4096, "4.0K"), (2_138_840, "2.0M"), (500 << 20, "500M"),
     (3 << 40, "3.0T"), (Absent("x"), "-")],
)  # fmt: skip
def test_sizes(value: int | Absent, text: str) -> None:
    assert forms.size(value) == text


def test_numbers() -> None:
    assert [forms.number(value) for value in (0, 0.44, 9.96, 16039.4, Absent("x"))] == [
        "0", "0.4", "10.0", "16,039", "-",
    ]  # fmt: skip
    assert [forms.percent(value) for value in (0.0, 0.854, 12.34, 140.0, Absent("x"))] == [
        "0.00", "0.85", "12.3", "140", "-",
    ]  # fmt: skip


def test_who_holds_it() -> None:
    row = running()
    assert forms.held((row.holders, row.pins)) == "opensnoop(42), pinned /sys/fs/bpf/x"
    assert forms.held(((), ())) == "-"
    many = tuple(Holder(pid, "x\x1b[2J", "link") for pid in range(5))
    assert forms.held((many, ())) == r"x\x1b[2J(0), x\x1b[2J(1), x\x1b[2J(2), 2 more"


def test_json_says_what_is_absent_and_why() -> None:
    row = running(cpu_percent=Absent("needs CAP_SYS_ADMIN"), attached=Absent("nobody tells"))
    (found,) = json.loads(document("ps", [forms.json_row(row)]))["rows"]
    assert found["cpu_percent"] is None
    assert found["absent"] == {"cpu_percent": "needs CAP_SYS_ADMIN", "attached": "nobody tells"}
    assert found["pins"] == [{"path": "/sys/fs/bpf/x", "of": "link"}]
    (whole,) = json.loads(document("ps", [forms.json_row(running())]))["rows"]
    assert whole["attached"][0]["words"] == "tracepoint syscalls:sys_exit_openat"
    assert "absent" not in whole
    assert set(whole) == set(found) - {"absent"}


def test_holders_that_cannot_be_seen_are_not_said_to_be_none() -> None:
    hidden, no_bpffs = Absent("needs CAP_SYS_PTRACE"), Absent("no bpf file system is mounted here")
    row = running(holders=hidden, pins=no_bpffs)
    (found,) = json.loads(document("ps", [forms.json_row(row)]))["rows"]
    assert (found["holders"], found["pins"]) == (None, None)
    assert found["absent"] == {"holders": hidden.why, "pins": no_bpffs.why}
    assert forms.held((row.holders, row.pins)) == "-"
    assert forms.notes([row]) == []  # it is told of all rows at once
    assert Filter(pids=(42,)).fits(running())
    assert not Filter(pids=(42,)).fits(row)
    assert ordered([row, running(3)], ["pid"])[0].id == 3


def test_a_program_that_did_not_run_has_no_time_of_a_run() -> None:
    row = running(ns_per_run=Absent(NOT_RUN))
    (found,) = json.loads(document("ps", [forms.json_row(row)]))["rows"]
    assert (found["ns_per_run"], found["absent"]) == (None, {"ns_per_run": NOT_RUN})
    assert forms.notes([row]) == []


def test_rows_within_a_row_say_what_is_absent_too() -> None:
    inside = {"id": 1, "memory": Absent("needs CAP_SYS_ADMIN")}
    (found,) = json.loads(document("explain", [{"maps": [inside]}]))["rows"]
    assert found["maps"] == [
        {"id": 1, "memory": None, "absent": {"memory": "needs CAP_SYS_ADMIN"}},
    ]


def test_reasons_stand_once() -> None:
    none = Absent("needs CAP_SYS_ADMIN")
    rows = [running(i, cpu_percent=none, runs_per_second=none) for i in range(3)]
    assert forms.notes(rows) == ["CPU%, RUNS/S: needs CAP_SYS_ADMIN"]
    assert forms.notes([running()]) == []
