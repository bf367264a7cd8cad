"""`probee prog|map|link|btf show` beside bpftool 7.5 and 7.1, on objects of the test's own."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from probee.cli.main import main
from probee.host import bpf
from probee.introspect.loaded import rights
from probee.tables.programs import by_name
from probee.uapi import bpf as uapi
from tests.objects.build import Object
from tests.oracle.bpftool_lab import (
    FORMS,
    RETURN_0,
    RETURN_1,
    Lab,
    id_of,
    lab,
    probee,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("lab",)
pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5", "bpftool")]

SHOWN = Object(("shown",), 19)
# type, attach type; what returns 1 where 0 is refused
PROGRAMS = (
    ("socket_filter", 0), ("kprobe", 0), ("sched_cls", 0), ("sched_act", 0), ("tracepoint", 0),
    ("xdp", 0), ("perf_event", 0), ("cgroup_skb", 0), ("cgroup_sock", 0), ("lwt_in", 0),
    ("lwt_out", 0), ("lwt_xmit", 0), ("sock_ops", uapi.BPF_CGROUP_SOCK_OPS), ("sk_skb", 0),
    ("cgroup_device", 0), ("sk_msg", 0), ("raw_tracepoint", 0),
    ("cgroup_sock_addr", uapi.BPF_CGROUP_INET4_BIND), ("lwt_seg6local", 0),
    ("sk_reuseport", 0), ("flow_dissector", 0), ("cgroup_sysctl", uapi.BPF_CGROUP_SYSCTL),
    ("raw_tracepoint_writable", 0), ("cgroup_sockopt", uapi.BPF_CGROUP_GETSOCKOPT),
    ("sk_lookup", uapi.BPF_SK_LOOKUP), ("syscall", 0), ("netfilter", uapi.BPF_NETFILTER),
)  # fmt: skip


def test_programs_of_all_types(lab: Lab) -> None:
    for number, (name, attach) in enumerate(PROGRAMS):
        code = RETURN_1 if name in {"flow_dissector", "sk_lookup"} else RETURN_0
        flags = uapi.BPF_F_SLEEPABLE if name == "syscall" else 0
        title = "" if number == 3 else f"p_{name}"[:15]
        fd = lab.program(by_name(name).number, code, title, attach, flags)
        text = lab.same("prog", "show", "id", id_of(fd))
        assert f": {name}  " in text


def test_a_listing(lab: Lab) -> None:
    """Of all programs, whoever they are of: those that run have counts that differ each moment."""
    for name in ("xdp", "kprobe", "sched_cls"):
        lab.program(by_name(name).number, name=name)
    lab.same("prog")
    lab.same("prog", "list")
    lab.same("link", "show")
    lab.same("btf", "show")


def test_an_object_of_clang(lab: Lab, built: Callable[[Object], Path]) -> None:
    """Whole names, metadata, map ids, BTF, pins; every selector."""
    folder = lab.load(built(SHOWN))
    name = "a_name_of_more_than_fifteen_characters"
    text = lab.same("prog", "show", "name", name)
    assert f"name {name}  " in text
    assert "\tmetadata:\n\t\tauthor = " in text
    lab.same("-f", "prog", "show", "name", name)
    lab.same("-f", "prog", "show")
    pinned = lab.same("prog", "show", "pinned", f"{folder}/progs/{name}")
    assert pinned == text
    tag = re.search(r"tag (\w+)", text)
    assert tag
    lab.same("prog", "show", "tag", tag[1])
    for one in sorted(os.listdir(f"{folder}/maps")):
        path = f"{folder}/maps/{one}"
        lab.same("map", "show", "pinned", path)
        lab.same("-f", "map", "show", "pinned", path)
        lab.same("map", "dump", "pinned", path)
    btf = json.loads(probee("-j", "prog", "show", "name", name).out)["btf_id"]
    text = lab.same("btf", "show", "id", str(btf))
    assert text.startswith(f"{btf}: name <anon>  size ")


@pytest.mark.parametrize("source", ["data", "calls", "strings", "attached"])
def test_objects_of_the_corpus(lab: Lab, built: Callable[[Object], Path], source: str) -> None:
    folder = lab.load(built(Object((source,), 19)))
    for one in sorted(os.listdir(f"{folder}/progs")):
        lab.same("prog", "show", "pinned", f"{folder}/progs/{one}")
    for one in sorted(os.listdir(f"{folder}/maps")):
        lab.same("map", "show", "pinned", f"{folder}/maps/{one}")
        lab.same("map", "dump", "pinned", f"{folder}/maps/{one}")


def test_types_of_all_kinds(lab: Lab, built: Callable[[Object], Path]) -> None:
    folder = lab.load(built(Object(("kinds",), 19)))
    (program,) = os.listdir(f"{folder}/progs")
    words = ("prog", "show", "pinned", f"{folder}/progs/{program}")
    lab.same(*words)
    lab.same("btf", "show", "id", str(json.loads(probee("-j", *words).out)["btf_id"]))
    for one in os.listdir(f"{folder}/maps"):
        lab.same("map", "show", "pinned", f"{folder}/maps/{one}")


def test_what_runs_cost(lab: Lab) -> None:
    fd = lab.program(by_name("xdp").number, name="counted")
    statistics = bpf.enable_stats()
    for _ in range(5):
        bpf.prog_test_run(fd, bytes(64))
    os.close(statistics)
    assert " run_time_ns " in lab.same("prog", "show", "id", id_of(fd))


BATCH = """
# a comment
prog show id {prog}
  map  sh  id \\
    {map}   # continued
map dump 'id' "{map}"
version
"""


def test_batches(lab: Lab, tmp_path: Path) -> None:
    prog = id_of(lab.program(by_name("xdp").number, name="one"))
    map_ = id_of(lab.map(uapi.BPF_MAP_TYPE_ARRAY, 4, 4, 2, "two"))
    file = tmp_path / "commands"
    text = BATCH.format(prog=prog, map=map_)
    file.write_text(text.replace("version\n", ""), encoding="ascii")
    assert "processed 3 commands" in lab.same("batch", "file", str(file))
    lab.same("bat", "f", str(file))
    for form in FORMS:
        words = (*form, "batch", "file", "-")
        theirs = run(lab.bpftool, *words, stdin=f"prog show id {prog}\n")
        ours = probee(*words, stdin=f"prog show id {prog}\n")
        assert lab.as_there(ours.out, words) == theirs.out
    file.write_text(f"prog show id {prog}\nmap show id 0\nprog show id {prog}\n", encoding="ascii")
    assert "processed" not in lab.same("batch", "file", str(file))
    file.write_text("version\nprog help\ngen\n", encoding="ascii")
    rows = json.loads(probee("-j", "batch", "file", str(file)).out)
    assert [row["command"] for row in rows] == [["version"], ["prog", "help"], ["gen"]]
    assert "version" in rows[0]["output"]
    assert rows[1]["output"] is None
    assert "not built yet" in rows[2]["output"]["error"]


def test_objects_that_vanish_while_they_are_listed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = (1 << 31) - 1
    kept = {
        "prog": lab.program(by_name("xdp").number),
        "map": lab.map(uapi.BPF_MAP_TYPE_ARRAY, 4, 4, 1),
    }
    for command in ("prog", "map"):
        id = id_of(kept[command])
        monkeypatch.setattr(rights, "ids", lambda _, id=id: iter([gone, int(id), gone]))
        assert main([command, "show"]) == 0
        out, err = capfd.readouterr()
        assert (out.startswith(f"{id}: "), err) == (True, "")
