"""What a person gets with CAP_BPF and CAP_PERFMON alone: by pins, by processes, by iterators."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from probee.asm import make as m
from probee.asm.encode import encode
from probee.btf.writer import BtfBuilder
from probee.host import bpf
from probee.host.info import LINK, MAP, PROGRAM, read
from probee.uapi import bpf as uapi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.kernel

# Root, but for these. With CAP_SYS_PTRACE the test's own process lends its descriptors.
BORROWING, ALONE = "-sys_admin", "-sys_admin,-sys_ptrace"


class Loaded(NamedTuple):
    """Ids and descriptors of a program, its link and its map."""

    program: int
    link: int
    map: int
    fds: tuple[int, int, int]


@pytest.fixture
def loaded() -> Iterator[Loaded]:
    counts = bpf.map_create(uapi.BPF_MAP_TYPE_HASH, 4, 8, 100, name="rights_map")
    bpf.map_update(counts, bytes(4), (77).to_bytes(8, "little"))
    code = encode([m.ld_map_fd(1, counts), m.mov64_imm(0, 0), m.exit_()])
    type_ = uapi.BPF_PROG_TYPE_RAW_TRACEPOINT
    program, _ = bpf.prog_load(type_, code, "GPL", name="rights_prog")
    link = bpf.raw_tracepoint_open(program, "sched_process_exit")
    ids = [read(fd, layout)[0]["id"] for fd, layout in
           ((program, PROGRAM), (link, LINK), (counts, MAP))]  # fmt: skip
    yield Loaded(ids[0], ids[1], ids[2], (program, link, counts))
    for fd in (link, program, counts):
        os.close(fd)


def probee(rights: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["setpriv", f"--bounding-set={rights}", sys.executable, "-m", "probee", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def explained(rights: str, *words: str) -> dict[str, Any]:
    done = probee(rights, "explain", "--json", *words)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    assert isinstance(row, dict)
    return row


def test_explain_of_what_a_process_lends(loaded: Loaded) -> None:
    row = explained(BORROWING, str(loaded.program))
    assert row["name"] == "rights_prog"
    if row["attached"] is not None:  # links have no iterator before Linux 6.0
        (where,) = row["attached"]
        assert (where["kind"], where["link"]) == ("raw_tracepoint", loaded.link)
        assert where["target"] == "sched_process_exit"
    assert [one["memory"] > 0 for one in row["maps"]] == [True]
    assert row["calls"] == []
    assert row["absent"]["run_count"] == "needs CAP_SYS_ADMIN"


def test_explain_of_what_iterators_tell(loaded: Loaded) -> None:
    row = explained(ALONE, "name", "rights_*")
    assert (row["id"], row["instructions"]) == (loaded.program, 4)
    if row["attached"] is not None:  # links have no iterator before Linux 6.0
        assert [(where["kind"], where["target"]) for where in row["attached"]] == [
            ("link", "raw_tracepoint")
        ]
    (used,) = row["maps"]
    assert (used["name"], used["type"], used["memory"]) == ("rights_map", "hash", None)
    assert used["absent"] == {"memory": "needs CAP_SYS_ADMIN"}
    assert row["calls"] is None
    assert "a pin of the program" in row["absent"]["calls"]
    assert row["holders"] is None
    assert "CAP_SYS_PTRACE" in row["absent"]["holders"]
    text = probee(ALONE, "explain", str(loaded.program)).stdout
    assert "What it does is not known: needs CAP_SYS_ADMIN, or a pin" in " ".join(text.split())


def test_a_name_is_not_guessed_from_its_beginning(loaded: Loaded) -> None:
    code = encode([m.mov64_imm(0, 0), m.exit_()])
    fd, _ = bpf.prog_load(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, code, "GPL", name="abcdefghijklmno")
    try:
        for words in (
            ("prog", "show", "name", "abcdefghijklmno_first"),
            ("prog", "dump", "xlated", "name", "abcdefghijklmno_first"),
            ("explain", "abcdefghijklmno_first"), ("explain", "name", "abcdefghijklmno_first"),
        ):  # fmt: skip
            for rights in (BORROWING, ALONE):
                done = probee(rights, *words)
                assert (done.returncode, done.stdout) == (1, "")
                assert "15 characters of a name are known" in done.stderr
        assert explained(BORROWING, "abcdefghijklmno")["name"] == "abcdefghijklmno"
    finally:
        os.close(fd)


def test_explain_of_more_maps_than_an_iterator_tells(loaded: Loaded) -> None:
    maps = [bpf.map_create(uapi.BPF_MAP_TYPE_ARRAY, 4, 8, 1) for _ in range(25)]
    code = encode([*(m.ld_map_fd(1, fd) for fd in maps), m.mov64_imm(0, 0), m.exit_()])
    fd, _ = bpf.prog_load(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, code, "GPL", name="many_maps")
    try:
        assert len(explained(BORROWING, "many_maps")["maps"]) == 25
        row = explained(ALONE, "many_maps")
        assert (row["maps"], row["absent"]["maps"]) == (None, "needs CAP_SYS_ADMIN")
        text = " ".join(probee(ALONE, "explain", "many_maps").stdout.split())
        assert "Which maps it uses is not known: needs CAP_SYS_ADMIN." in text
    finally:
        for one in (fd, *maps):
            os.close(one)


def test_pins_always_do(loaded: Loaded, bpffs: Path) -> None:
    program, _, counts = loaded.fds
    bpf.obj_pin(program, str(bpffs / "program"))
    bpf.obj_pin(counts, str(bpffs / "map"))
    row = explained(ALONE, "pinned", str(bpffs / "program"))
    assert (row["id"], row["calls"]) == (loaded.program, [])
    assert row["pins"] == [{"path": str(bpffs / "program"), "of": "program"}]
    for words in (("pinned", str(bpffs / "map")), ("id", f"{loaded.map}"), ("name", "rights_map")):
        done = probee(ALONE, "map", "watch", *words, "--json", "--count", "1")
        assert done.stderr == ""
        assert [row["value"] for row in json.loads(done.stdout)["rows"]] == [77]
    assert "4d 00 00" in probee(ALONE, "map", "dump", "name", "rights_map").stdout
    assert probee(ALONE, "cfg", "pinned", str(bpffs / "program")).returncode == 0
    assert probee(ALONE, "prog", "dump", "xlated", "id", str(loaded.program)).returncode == 0


def test_where_there_is_no_way_the_error_says_what_would_be_one(loaded: Loaded) -> None:
    for words in (
        ("map", "watch", "id", str(loaded.map)), ("map", "watch", "name", "rights_map"),
        ("map", "dump", "name", "rights_map"),
        ("prog", "dump", "xlated", "id", str(loaded.program)),
        ("cfg", "id", str(loaded.program)),
    ):  # fmt: skip
        done = probee(ALONE, *words)
        assert done.returncode == 1
        assert "this process lacks CAP_SYS_ADMIN" in done.stderr
        assert "a pin of it would do (pinned PATH)" in done.stderr
    done = probee(ALONE, "map", "watch", "id", "4000000000")
    assert (done.returncode, "No such file" in done.stderr) == (1, True)
    assert "no map has the name" in probee(ALONE, "map", "watch", "name", "nothing").stderr


def test_a_row_by_its_id(loaded: Loaded) -> None:
    for kind, id in (("prog", loaded.program), ("map", loaded.map)):
        done = probee(ALONE, "-j", kind, "show", "id", str(id))
        row = json.loads(done.stdout)
        assert row["id"] == id
        assert set(row["lacking"].values()) == {"CAP_SYS_ADMIN"}


def test_btf_of_what_is_loaded(loaded: Loaded) -> None:
    builder = BtfBuilder()
    builder.int_("u32", 4)
    btf = bpf.btf_load(builder.build())
    typed = bpf.map_create(
        uapi.BPF_MAP_TYPE_ARRAY, 4, 4, 1, name="typed", btf_fd=btf, key_btf=1, value_btf=1
    )
    os.close(btf)
    try:
        id = read(typed, MAP)[0]["btf_id"]
        rows = {row["id"]: row for row in json.loads(probee(ALONE, "-j", "btf", "show").stdout)}
        done = probee("-sys_ptrace", "-j", "btf", "show")
        whole = {row["id"]: row for row in json.loads(done.stdout)}
        assert rows[id] == whole[id]
        assert "without CAP_SYS_ADMIN: only BTF of" in probee(ALONE, "btf", "show").stderr
    finally:
        os.close(typed)
