"""`perf show` beside bpftool's, with events of the test's own."""

from __future__ import annotations

import json
import os
import sys

import pytest

from probee.host import bpf, perf
from probee.host.rights import without
from probee.host.syscall import address, perf_event_open
from probee.host.tracefs import Tracefs
from probee.uapi import bpf as uapi
from tests.kernel.side_by_side import Owned, Pair, id_of, owned, pair

__all__ = ("owned", "pair")
pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5")]


def uprobe(path: str, offset: int, *, leaving: bool) -> int:
    """A perf event at an offset of a file, of this process alone (struct perf_event_attr)."""
    with open("/sys/bus/event_source/devices/uprobe/type", encoding="ascii") as file:
        kind = int(file.read())
    name = bytearray(os.fsencode(path) + b"\0")
    attributes = bytearray(112)
    for at, size, value in (
        (0, 4, kind), (4, 4, len(attributes)), (8, 8, int(leaving)), (56, 8, address(name)),
        (64, 8, offset),
    ):  # fmt: skip
        attributes[at : at + size] = value.to_bytes(size, sys.byteorder)
    fd = perf_event_open(attributes, os.getpid(), -1)
    assert fd >= 0, os.strerror(-fd)
    return fd


@pytest.fixture
def events(owned: Owned) -> dict[str, tuple[int, int]]:
    """Name of a kind -> descriptor and program."""
    found = {}
    with Tracefs() as tracefs:
        event = owned.add(perf.open_tracepoint(tracefs.tracepoint_id("sched", "sched_switch")))
    program = owned.program(uapi.BPF_PROG_TYPE_TRACEPOINT)
    perf.attach_program(event, program)
    found["tracepoint"] = event, program
    program = owned.program(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT)
    found["raw_tracepoint"] = owned.add(bpf.raw_tracepoint_open(program, "sched_switch")), program
    python = os.path.realpath(sys.executable)
    for name, leaving in (("uprobe", False), ("uretprobe", True)):
        event = owned.add(uprobe(python, 4096, leaving=leaving))
        program = owned.program(uapi.BPF_PROG_TYPE_KPROBE)
        perf.attach_program(event, program)
        found[name] = event, program
    return found


def test_show(events: dict[str, tuple[int, int]], pair: Pair) -> None:
    text = pair.alike_in_all_forms("perf", "show")
    for kind, (fd, program) in events.items():
        assert f"pid {os.getpid()}  fd {fd}: prog_id {id_of(program)}  {kind}  " in text
    assert pair.alike("pe", "l") == pair.alike("perf")
    rows = {
        row["fd"]: row for row in json.loads(pair.alike("-j", "perf")) if row["pid"] == os.getpid()
    }
    assert set(rows) == {fd for fd, _ in events.values()}
    fd = events["uretprobe"][0]
    assert (rows[fd]["fd_type"], rows[fd]["offset"]) == ("uretprobe", 4096)
    assert rows[fd]["filename"] == os.path.realpath(sys.executable)


def test_without_rights(pair: Pair) -> None:
    with without(("CAP_SYS_ADMIN",)):
        ours = pair.ours("perf", "show")
    assert (ours.out, ours.status) == ("", 1)
    assert "BPF_TASK_FD_QUERY" in ours.err
    assert "CAP_SYS_ADMIN" in ours.err


def test_one_word_too_many(pair: Pair) -> None:
    ours = pair.ours("perf", "show", "all")
    assert (ours.out, ours.status) == ("", 2)
    assert "'all' is one word too many" in ours.err
