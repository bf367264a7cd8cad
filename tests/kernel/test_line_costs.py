"""Samples of a program that is kept busy: they count for the line that is worth it."""

from __future__ import annotations

import os
import time

import pytest

from probee import Const, Context, Global, Session, current, raw_tracepoint, u32, u64
from probee.host.info import PROGRAM, read
from probee.introspect.loaded.types import Types
from probee.introspect.running.line_costs import LineCosts
from probee.introspect.running.lines import source

pytestmark = pytest.mark.kernel

sampled_only = Const(u32, 0)
sampled_sum = Global(u64, 0)


@raw_tracepoint("sys_enter")
def sampled(ctx: Context) -> None:
    if sampled_only == current.pid:
        for i in range(2000):
            sampled_sum.value += i * sampled_sum.value  # where it spends its time


@pytest.mark.usefixtures("no_new_descriptors")
def test_samples_find_the_line_that_costs() -> None:
    with Session(sampled, consts={sampled_only: os.getpid()}) as session:
        found = source(read(session[sampled].fd, PROGRAM)[0]["id"], Types())
        assert found.why_not == ""
        costs = LineCosts(found)
        try:
            assert costs.why_not == ""
            end = time.monotonic() + 30
            while costs.total < 20 and time.monotonic() < end:
                for _ in range(2000):
                    os.getppid()
                costs.collect()
        finally:
            costs.close()
            costs.close()
    assert costs.total >= 20
    hottest = found.lines[costs.counts.index(max(costs.counts))]
    assert hottest.text.strip().startswith(("sampled_sum.value +=", "for i in range"))
    assert hottest.file == __file__
