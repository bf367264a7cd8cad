"""`probee map watch` on maps that the test makes, and changes while it is watched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from probee.host import bpf
from probee.host.info import MAP, read
from probee.tables.maps import by_name
from probee.uapi import bpf as uapi
from tests.kernel.test_top import ENTER, LEAVE, Terminal
from tests.older import has_map

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.kernel


@pytest.fixture
def counts() -> Iterator[tuple[int, int]]:
    """A hash of counters: its descriptor and id."""
    fd = bpf.map_create(uapi.BPF_MAP_TYPE_HASH, 4, 8, 100, name="counts")
    put(fd, 1, 10)
    yield fd, read(fd, MAP)[0]["id"]
    os.close(fd)


def put(fd: int, key: int, value: int) -> None:
    bpf.map_update(fd, key.to_bytes(4, "little"), value.to_bytes(8, "little"))


def probee(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "probee", "map", *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip


def test_a_change_and_how_it_ends(counts: tuple[int, int]) -> None:
    fd, id = counts
    with probee("watch", "id", str(id), "-i", "0.05") as child:
        assert child.stdout is not None
        lines = iter(child.stdout.readline, "")
        assert next(lines).startswith(f"map {id} counts, hash: 1 element, 0 changed,")
        put(fd, 1, 60)
        put(fd, 2, 7)
        changed = next(line for line in lines if line.startswith("* "))
        assert changed.split()[:2] == ["*", "1"]
        assert changed.split()[2].endswith("/s")
        assert changed.split()[-1] == "60"
        assert next(lines).split() == ["+", "2", "7"]
        bpf.map_delete(fd, (2).to_bytes(4, "little"))
        assert next(line for line in lines if line.startswith("- ")).split() == ["-", "2", "7"]
        child.send_signal(signal.SIGINT)
        child.stdout.read()
        assert child.wait() == 0


def test_on_a_terminal(counts: tuple[int, int]) -> None:
    fd, id = counts
    terminal = Terminal("id", str(id), "-i", "0.05", command=("map", "watch"))
    try:
        terminal.until(ENTER, b"counts", b"10")
        put(fd, 1, 123456)
        terminal.until(b"123456", b"\x1b[1m* 1")
        terminal.press(b" ")
        terminal.until(b"standing still")
        terminal.press(b"q")
        assert terminal.end() == 0
        assert LEAVE in terminal.seen
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("watch",), 2, "a map is wanted"),
        (("watch", "id", "{id}", "now"), 2, "what is 'now'?"),
        (("watch", "id", "{id}", "--csv"), 2, "unrecognized option '--csv'"),
        (("watch", "id", "{id}", "-f"), 2, "watch has no option --bpffs"),
        (("-L", "watch", "id", "{id}"), 2, "watch has no option --use-loader"),
        (
            ("watch", "id", "{id}", "-B", "/sys/kernel/btf/vmlinux"),
            2,
            "watch has no option --base-btf",
        ),
        (("show", "-i", "1"), 2, "option --interval goes with watch"),
        (("watch", "id", "4000000000"), 1, "No such file"),
    ],
)
def test_what_it_does_not_take(
    counts: tuple[int, int], words: tuple[str, ...], status: int, message: str
) -> None:
    with probee(*(word.format(id=counts[1]) for word in words)) as child:
        out, err = child.communicate()
        assert child.returncode == status
        assert message in out + err


def test_json_is_a_document_a_look(counts: tuple[int, int]) -> None:
    fd, id = counts
    with probee("watch", "id", str(id), "-i", "0.05", "--json") as child:
        assert child.stdout is not None
        documents = (json.loads(line) for line in child.stdout)
        first = next(documents)
        assert (first["schema"], first["version"], first["command"]) == ("probee", 1, "map watch")
        assert first["map"]["id"] == id
        assert first["seconds"] == 0
        (row,) = first["rows"]
        assert (row["state"], row["key"], row["value"], row["rates"]) == ("there", 1, 10, [])
        assert row["value_bytes"] == (10).to_bytes(8, "little").hex()
        put(fd, 1, 60)
        bpf.map_update(fd, (2).to_bytes(4, "little"), (2**64 - 1).to_bytes(8, "little"))
        rows = {row["key"]: row for _, row in zip(range(2), changes(documents), strict=False)}
        assert (rows[1]["state"], rows[1]["value"]) == ("changed", 60)
        assert [rate["field"] for rate in rows[1]["rates"]] == [""]
        assert rows[1]["rates"][0]["per_second"] > 0
        assert (rows[2]["state"], rows[2]["value"]) == ("new", 2**64 - 1)
        child.send_signal(signal.SIGINT)
        child.stdout.read()
        assert child.wait() == 0


def changes(documents: Iterator[Any]) -> Iterator[Any]:
    for document in documents:
        yield from document["rows"]


def test_json_of_one_look(counts: tuple[int, int]) -> None:
    with probee("watch", "id", str(counts[1]), "--pretty", "--count", "1") as child:
        out, err = child.communicate()
    assert err == ""
    assert json.loads(out)["elements"] == 1
    assert out.count("\n") > 10
    with probee("-j", "watch", "id", "4000000000") as child:
        out, err = child.communicate()
    assert (out, child.returncode) == ("", 1)
    assert "No such file" in err


@pytest.mark.parametrize(
    ("type_", "sizes", "why"),
    [
        ("queue", (0, 8, 10), "a queue, cannot be watched: it has no keys"),
        ("ringbuf", (0, 0, 4096), "a ringbuf, cannot be watched: it has no elements"),
        ("perf_event_array", (4, 4, 2), "probee map event_pipe id {id}"),
        ("cgroup_array", (4, 4, 2), "does not tell which cgroups are in it"),
    ],
)
def test_what_has_no_elements(type_: str, sizes: tuple[int, int, int], why: str) -> None:
    if not has_map(type_):
        pytest.skip(f"this kernel has no {type_}")
    fd = bpf.map_create(by_name(type_).number, *sizes, name="strange")
    id = read(fd, MAP)[0]["id"]
    try:
        with probee("watch", "name", "strange", "--count", "1") as child:
            out, err = child.communicate()
        assert (out, child.returncode) == ("", 1)
        assert f"map {id} 'strange'" in err
        assert why.format(id=id) in err
    finally:
        os.close(fd)


def test_per_cpu_values_are_added_up() -> None:
    fd = bpf.map_create(uapi.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 2, name="each")
    try:
        from probee.host.cpus import possible

        cpus = len(possible())
        bpf.map_update(fd, bytes(4), (5).to_bytes(8, "little") * cpus)
        with probee("watch", "id", str(read(fd, MAP)[0]["id"]), "--count", "1") as child:
            out, err = child.communicate()
        assert err == ""
        assert out.splitlines()[2].split() == ["0", str(5 * cpus)]
    finally:
        os.close(fd)
