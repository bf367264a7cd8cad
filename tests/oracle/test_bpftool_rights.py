"""Listing without CAP_SYS_ADMIN: bpftool cannot; probee asks iterators, and says what they lack."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from probee.host import bpf
from probee.uapi import bpf as uapi
from tests.objects.build import Object
from tests.oracle.bpftool_lab import PROBEE, Lab, Printed, id_of, probee, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5")]

SHOWN = Object(("shown",), 19)


@pytest.fixture
def lab(oracle: Callable[[str], str], tmp_path: Path) -> Iterator[Lab]:
    with Lab(oracle("bpftool-7.5"), tmp_path) as lab:
        yield lab


def without(capabilities: str, *command: str) -> Printed:
    """Runs a command whose bounding set lacks some capabilities: root, but for those."""
    return run("setpriv", f"--bounding-set={capabilities}", *command)


def listed(*words: str) -> dict[int, Any]:
    """Rows of a list by id, from a probee without CAP_SYS_ADMIN."""
    done = without("-sys_admin", sys.executable, "-IS", "-c", PROBEE, "-j", *words)
    assert done.status == 0, done.err
    return {row["id"]: row for row in json.loads(done.out)}


@pytest.mark.parametrize("command", ["prog", "map", "link"])
def test_what_iterators_give_is_what_the_ids_give(
    lab: Lab, built: Callable[[Object], Path], command: str
) -> None:
    lab.load(built(SHOWN))
    program = lab.program(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, name="mine")
    fds = {
        "prog": program,
        "link": lab.keep(bpf.raw_tracepoint_open(program, "sys_enter")),
        "map": lab.map(uapi.BPF_MAP_TYPE_HASH, 4, 8, 16, "mine"),
    }
    assert without("-sys_admin", lab.bpftool, command, "show").out == ""
    rows = listed(command, "show")
    assert int(id_of(fds[command])) in rows
    whole = {row["id"]: row for row in json.loads(probee("-j", command, "show").out)}
    for id in rows.keys() & whole.keys():
        row = rows[id]
        lacking = row.pop("lacking")
        assert set(lacking.values()) == {"CAP_SYS_ADMIN"}
        for key, value in row.items():
            if key == "name" and "name" in lacking:
                assert whole[id][key].startswith(value)
            elif (command, key) != ("map", "btf_id") and key not in lacking:
                assert whole[id][key] == value, (id, key)
        told = set(whole[id]) - set(row) - set(lacking)
        if command == "link":
            told = set() if "hook" in lacking else told
        assert told <= {"btf_id"}, (id, told)


def test_the_text_says_what_is_missing(lab: Lab) -> None:
    program = lab.program(uapi.BPF_PROG_TYPE_XDP, name="mine")
    done = without("-sys_admin", sys.executable, "-IS", "-c", PROBEE, "prog", "show")
    _, found, rest = done.out.partition(f"{id_of(program)}: xdp  name mine  ")
    assert found
    assert "\n\twithout CAP_SYS_ADMIN: no run_time_ns, run_cnt, " in rest


@pytest.mark.parametrize(
    "words", [("btf", "show"), ("prog", "show", "id", "1"), ("prog", "show", "name", "x"),
              ("struct_ops", "show")]
)  # fmt: skip
def test_what_needs_the_right_names_it(lab: Lab, words: tuple[str, ...]) -> None:
    done = without("-sys_admin,-bpf", sys.executable, "-IS", "-c", PROBEE, *words)
    assert (done.out, done.status) == ("", 1)
    assert "this process lacks CAP_SYS_ADMIN" in done.err


def test_without_any_right(lab: Lab) -> None:
    rights = "-sys_admin,-bpf,-perfmon"
    done = without(rights, sys.executable, "-IS", "-c", PROBEE, "prog", "show")
    assert (done.out, done.status) == ("", 1)
    assert "this process lacks CAP_SYS_ADMIN" in done.err
