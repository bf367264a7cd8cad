"""Numbers that stand apart from their table, so that a start need not import all of it."""

from __future__ import annotations

from probee.host import perf
from probee.klib import stacks
from probee.uapi import bpf_flags, perf_event


def test_they_are_the_tables_own() -> None:
    assert perf.PERF_TYPE_TRACEPOINT == perf_event.PERF_TYPE_TRACEPOINT
    assert perf.PERF_ATTR_SIZE_VER0 == perf_event.PERF_ATTR_SIZE_VER0
    assert stacks.BPF_F_USER_STACK == bpf_flags.BPF_F_USER_STACK
