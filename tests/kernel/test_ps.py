"""`probee ps` on programs of the test's own, which this process loads and another one lists."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from probee.host import bpf
from tests.kernel import live_programs as live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.kernel


def ps(*words: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "probee", "ps", "--json", "-p", str(os.getpid()), *words]
    done = subprocess.run(command, capture_output=True, check=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return rows


@pytest.fixture
def loaded() -> Iterator[int]:
    """The id of a program that runs when this process calls the kernel."""
    with live.session(hook=True, consts={live.only: os.getpid()}) as session:
        fd = session[live.probe].fd
        info = bytearray(8)
        bpf.obj_get_info(fd, info)
        yield int.from_bytes(info[4:8], "little")


def test_a_program_of_ours(loaded: int) -> None:
    (row,) = ps("--no-stats")
    assert row["id"] == loaded
    assert row["type"] == "raw_tracepoint"
    assert row["name"] == "probe"
    assert [one["words"] for one in row["attached"]] == ["raw_tracepoint sys_enter"]
    assert {"program", "link"} == {holder["by"] for holder in row["holders"]}
    assert {holder["pid"] for holder in row["holders"]} == {os.getpid()}
    assert row["memory"] > 0
    assert row["maps_memory"] > 0
    assert abs(row["loaded_at"] - time.time()) < 3600
    if row["cpu_percent"] is None:
        assert set(row["absent"]) >= {"cpu_percent", "runs_per_second", "ns_per_run"}


def test_what_it_costs(loaded: int) -> None:
    (row,) = ps("-i", "0.3")
    assert row["id"] == loaded
    assert row["runs_per_second"] > 0  # sys_enter is hit by every process
    assert row["ns_per_run"] > 0
    assert row["cpu_percent"] == pytest.approx(
        row["runs_per_second"] * row["ns_per_run"] / 1e7, rel=0.01
    )


def test_a_document_a_look(loaded: int) -> None:
    command = [sys.executable, "-m", "probee", "ps", "--json", "-w", "-i", "0.1", "--count", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [document["command"] for document in documents] == ["ps", "ps"]
    assert all(loaded in [row["id"] for row in document["rows"]] for document in documents)


@pytest.mark.parametrize("name", ["of the\ttest", "\udcff\x1b[2J"])
def test_a_pin_is_told(loaded: int, bpffs: Path, name: str) -> None:
    path = bpffs / name
    fd = bpf.open_by_id("PROG", loaded)
    assert fd is not None
    bpf.obj_pin(fd, str(path))
    os.close(fd)
    try:
        (row,) = ps("--no-stats")
        assert row["pins"] == [{"path": str(path), "of": "program"}]
        command = [sys.executable, "-m", "probee", "ps", "-p", str(os.getpid()), "--no-stats"]
        shown = subprocess.run(command, capture_output=True, check=True).stdout
        assert b"pinned " in shown
        assert b"\x1b" not in shown
        assert b"\t" not in shown
    finally:
        path.unlink()


def test_its_maps(loaded: int) -> None:
    rows = {row["name"]: row for row in ps("-m")}
    assert {"events", "by_pid", "by_key"} <= set(rows)
    row = rows["by_key"]
    assert (row["type"], row["key_size"], row["value_size"]) == ("hash", 12, 24)
    assert row["max_entries"] == 5000
    assert row["memory"] > 5000 * 36
    assert loaded in [user["id"] for user in rows["events"]["users"]]
    assert {holder["pid"] for holder in row["holders"]} == {os.getpid()}


def test_a_program_that_goes_away_is_no_error(loaded: int) -> None:
    from probee.introspect.running.machine import Machine

    with Machine() as machine:
        machine.look()
        gone = dict(machine.known)[loaded]
        machine.known[1 << 31] = gone  # as if it had been there a moment ago
        machine.look()
        assert loaded in {row.id for row in machine.rows()}
        assert 1 << 31 not in {row.id for row in machine.rows()}


def test_without_cap_sys_admin_iterators_tell_what_they_can(loaded: int) -> None:
    command = ["setpriv", "--bounding-set=-sys_admin", sys.executable, "-m", "probee", "ps"]
    command += ["-p", str(os.getpid())]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    rows = {row["id"]: row for row in json.loads(done.stdout)["rows"]}
    row = rows[loaded]
    assert (row["name"], row["type"]) == ("probe", "raw_tracepoint")
    if row["attached"] is None:  # links have no iterator before Linux 6.0
        assert row["absent"]["attached"] == "needs CAP_SYS_ADMIN"
    else:
        assert [one["words"] for one in row["attached"]] == ["a link of type raw_tracepoint"]
    assert os.getpid() in {holder["pid"] for holder in row["holders"]}
    assert row["memory"] > 0
    absent = ["cpu_percent", "maps_memory", "run_count"]
    assert [row[name] for name in absent] == [None, None, None]
    assert {row["absent"][name] for name in absent} == {"needs CAP_SYS_ADMIN"}
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (note,) = [line for line in text.splitlines() if line.endswith(": needs CAP_SYS_ADMIN")]
    assert {"CPU%", "RUNS/S", "NS/RUN", "MEM"} <= set(note.partition(":")[0].split(", "))
    assert "NAME: at most 15 characters" in text


def test_a_user_without_rights_is_told_what_is_missing() -> None:
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run(
        [*words, "/usr/bin/python3", "-S", "-m", "probee", "ps"], capture_output=True, text=True,
        check=False, env={"PROBEE_CACHE": "off", "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    if "No module named" in done.stderr or "Permission denied" in done.stderr:
        pytest.skip("strangers cannot read this checkout")
    assert done.returncode == 1
    assert "CAP_SYS_ADMIN" in done.stderr
    assert "Traceback" not in done.stderr
