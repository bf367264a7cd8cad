"""`probee explain` on a program that is compiled here: what it says is what the source does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from probee import (
    Chars,
    Const,
    Global,
    Hash,
    RingBuf,
    Session,
    Struct,
    chars,
    current,
    read_str,
    tracepoint,
    u32,
    u64,
)
from probee.contexts import SysEnterOpenat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.kernel


class Seen(Struct):
    pid: u32
    path: Chars = chars(64)


counted_opens = Hash(u32, u64, max_entries=100)
seen_opens = RingBuf(Seen, size="64K")
explained_total = Global(u64, 0)
explained_only = Const(u32, 0)


@tracepoint("syscalls:sys_enter_openat")
def a_name_of_more_than_15_letters(ctx: SysEnterOpenat) -> None:
    explained_total.value += 1
    if explained_only == current.pid:
        counted_opens[current.pid] = 1
        if (e := seen_opens.reserve()) is not None:
            e.pid = current.pid
            e.path = read_str(ctx.filename, default="?")
            e.submit()


@pytest.fixture
def loaded() -> Iterator[None]:
    consts = {explained_only: os.getpid()}
    with Session(a_name_of_more_than_15_letters, consts=consts):
        yield


def explain(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "probee", "explain", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_says_what_the_source_does(loaded: None) -> None:
    done = explain("a_name_*", "--json", "-i", "0.1")
    assert done.stderr == ""
    (row,) = json.loads(done.stdout)["rows"]
    assert row["name"] == "a_name_of_more_than_15_letters"
    assert row["fields"] == ["filename"]
    assert row["when"] == [
        "each time a task enters openat(2), before the kernel reads its arguments"
    ]
    assert {"reads memory of processes", "sends records through a ring buffer"} <= set(row["does"])
    assert {"map_update_elem", "probe_read_user_str", "ringbuf_submit"} <= set(row["calls"])
    maps: dict[str, Any] = {one["name"]: one for one in row["maps"]}
    assert maps["counted_opens"]["uses"] == ["updates"]
    assert maps["seen_opens"]["uses"] == ["sends through"]
    assert "explained_total" in maps[".data"]["writes"]
    assert [one["file"] for one in row["sources"]] == [__file__]


def test_prose(loaded: None) -> None:
    done = explain("a_name_*", "--no-stats")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    assert "is a tracepoint program. It runs each time a task enters openat(2)" in text
    held = f"({os.getpid()}), by descriptors of the program and "
    assert held in text
    assert text.partition(held)[2].startswith(("link.", "perf event."))  # as the kernel has links
    assert f"It comes from {__file__} lines" in text or "It comes from" in text
    assert max(map(len, done.stdout.splitlines())) <= max(80, len(__file__) + 30)


def test_what_is_not_there() -> None:
    done = explain("4000000000", "no\x1bsuch", "--no-stats")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "'4000000000'" in done.stderr
    assert "\x1b" not in done.stderr
    assert explain().returncode == 2


def test_its_control_flow(loaded: None, oracle: Callable[[str], str]) -> None:
    done = explain("a_name_*", "--json", "--no-stats")
    (row,) = json.loads(done.stdout)["rows"]
    command = [sys.executable, "-m", "probee", "cfg", "id", str(row["id"])]
    graph = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert graph.startswith('digraph "a_name_of_more_than_15_letters"')
    assert "map[seen_opens]" in graph
    assert "bpf_ringbuf_submit" in graph
    assert "; counted_opens[current.pid] = 1" in graph
    slots = [int(slot) for slot in re.findall(r"(?:\\l|\")\s*(\d+): ", graph)]
    assert len(slots) <= row["instructions"]
    assert slots == sorted(set(slots))
    drawn = subprocess.run(
        [oracle("dot"), "-Tsvg"], input=graph, capture_output=True, text=True, check=True
    )
    assert drawn.stderr == ""
    done = subprocess.run(
        [*command[:-1], "4000000000"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "no loaded program has the id 4000000000" in done.stderr
