"""Forms of rows that no test can load here: as bpftool's sources print them."""

from __future__ import annotations

import os
from typing import Any

import pytest

from probee.btf import types as t
from probee.btf.reader import Btf
from probee.btf.writer import BtfBuilder
from probee.frozen import replace
from probee.introspect.bpftool import link_forms, link_names, map_forms, program_forms
from probee.introspect.bpftool.element_forms import error_text, hexadecimal
from probee.introspect.bpftool.jsonw import JsonWriter
from probee.introspect.bpftool.shared import Multi
from probee.introspect.bpftool.values import Values
from probee.introspect.loaded.links import Link
from probee.introspect.loaded.maps import Map
from probee.introspect.loaded.programs import Program

PROGRAM = Program(
    7, 6, "xdp", "mine", "0011223344556677", False, 0, 0, 0, 0, 0, 0, 0, 0, False, 16, 0, "", (), 0
)
MAP = Map(8, 1, "hash", "mine", 0, 0, 0, 0, 4, 8, 2, "", "", "", False, 0, 0, 0, 0)


def text(row: Program, **changes: Any) -> str:
    return program_forms.text(replace(row, **changes), {}, Multi())


def json(form: Any, row: Any) -> str:
    parts: list[str] = []
    form(JsonWriter(parts.append), row, {}, Multi())
    return "".join(parts)


def test_programs() -> None:
    head = "7: xdp  name mine  tag 0011223344556677"
    assert text(PROGRAM) == f"{head}\n\txlated 16B  not jited\n"
    assert text(PROGRAM, type=99, type_name="", name="").startswith("7: type 99  tag 0011")
    assert text(PROGRAM, gpl=True, run_time_ns=5, run_cnt=2, recursion_misses=1) == (
        f"{head}  gpl run_time_ns 5 run_cnt 2 recursion_misses 1\n\txlated 16B  not jited\n"
    )
    assert text(PROGRAM, jited=20, memlock="4096", orphaned=True, map_ids=(3, 1), btf_id=9) == (
        f"{head}\n\txlated 16B  jited 20B  memlock 4096B  orphaned  map_ids 3,1\n\tbtf_id 9\n"
    )


def test_programs_of_a_device() -> None:
    ours = os.stat("/proc/self/ns/net")
    away = {"ifindex": 3, "netns_dev": 1, "netns_ino": 2}
    here = {"ifindex": 1, "netns_dev": ours.st_dev, "netns_ino": ours.st_ino}
    assert "  offloaded_to ifindex 3 ns_dev 1 ns_ino 2\n" in text(PROGRAM, **away)
    assert "  offloaded_to lo\n" in text(PROGRAM, **here)
    assert json(program_forms.json, replace(PROGRAM, **away)) == (
        '{"id":7,"type":"xdp","name":"mine","tag":"0011223344556677","gpl_compatible":false,'
        '"dev":{"ifindex":3,"ns_dev":1,"ns_inode":2},"orphaned":false,"bytes_xlated":16,'
        '"jited":false}'
    )
    assert '"ifname":"lo"}' in json(program_forms.json, replace(PROGRAM, **here))


def test_maps() -> None:
    big = replace(MAP, flags=0x8000_0000, frozen=True)
    assert map_forms.text(big, {}, Multi()) == (
        "8: hash  name mine  flags 0x80000000\n\tkey 4B  value 8B  max_entries 2\n\tfrozen\n"
    )
    assert '"flags":-2147483648,' in json(map_forms.json, big)
    programs = replace(MAP, type=3, type_name="prog_array", owner_type="6", owner_jited="0")
    assert "\n\towner_prog_type xdp  owner not jited\n" in map_forms.text(programs, {}, Multi())
    assert '"owner_prog_type":"xdp","owner_jited":false' in json(map_forms.json, programs)


def test_types_younger_than_bpftool_have_names() -> None:
    from probee.tables import links, maps

    insns, multi = maps.by_number(34), links.by_number(15)
    assert insns
    assert multi
    row = replace(MAP, type=34, type_name=insns.name)
    assert map_forms.text(row, {}, Multi()).startswith("8: insn_array  ")
    link = Link(9, 15, multi.name, 7, {})
    assert link_forms.text(link, {}, Multi()) == "9: tracing_multi  prog 7  \n"
    assert link_forms.text(replace(link, type=77, type_name=""), {}, Multi()) == (
        "9: type 77  prog 7  \n"
    )


@pytest.mark.parametrize(
    ("type_", "config", "wanted"),
    [
        (0, 0, "cpu-cycles"), (0, 99, None), (1, 9, "dummy"), (4, 1, None),
        (3, 0x0000, "L1-dcache-load-refs"), (3, 0x10102, "LLC-store-misses"),
        (3, 0x50907, "7-9-5"),
    ],
)  # fmt: skip
def test_perf_events(type_: int, config: int, wanted: str | None) -> None:
    assert link_names.event_config(type_, config) == wanted


def test_probes() -> None:
    details = {"type_of_event": 4, "addr": 0xFFFF_8000, "offset": 16, "missed": 3, "cookie": 5}
    link = Link(9, 7, "perf_event", 7, details, "do_it")
    assert link_forms.text(link, {}, Multi()) == (
        "9: perf_event  prog 7  \n\tkretprobe ffff8000 do_it+0x10  missed 3  cookie 5  \n"
    )
    assert json(link_forms.json, link) == (
        '{"id":9,"type":"perf_event","prog_id":7,"retprobe":true,"addr":4294934528,'
        '"func":"do_it","offset":16,"missed":3,"cookie":5}'
    )


def test_many_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    from probee.host import kallsyms

    known = {16: ("one", ""), 32: ("two", "module")}
    monkeypatch.setattr(kallsyms, "exactly", lambda _: known)
    details = {"count": 3, "flags": 1, "missed": 2}
    link = Link(9, 8, "kprobe_multi", 7, details, rows=((32, 5), (16, 0), (48, 1)))
    assert link_forms.text(link, {}, Multi()) == (
        "9: kprobe_multi  prog 7  \n\tkretprobe.multi  func_cnt 3  missed 2  "
        "\n\taddr             cookie           func [module]"
        "\n\t0000000000000010 0                one  "
        "\n\t0000000000000020 5                two [module]  \n"
    )
    assert '"funcs":[{"addr":16,"func":"one","module":null,"cookie":0},' in json(
        link_forms.json, link
    )


def test_elements() -> None:
    assert hexadecimal(bytes(range(18))) == (
        "00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f\n10 11"
    )
    assert hexadecimal(b"") == ""
    assert error_text(MAP, b"\1\0\0\0", 2) == "key: 01 00 00 00  value: <no entry>\n"
    assert error_text(MAP, b"\1\0\0\0", 95) == (
        "key:\n01 00 00 00\nvalue:\nOperation not supported\n"
    )
    assert error_text(replace(MAP, type=12), b"\1\0\0\0", 2) == ""


@pytest.mark.parametrize(
    ("data", "wanted"),
    [(b"\0\0\0\0", "0.0"), (b"\xcd\xcc\xcc\x3d", "0.1"), (b"\0\0\x80\x7f", "null"),
     (b"\0\0\xc0\x7f", "null"), (b"\0\0\x20\xc1", "-10.0")],
)  # fmt: skip
def test_floats(data: bytes, wanted: str) -> None:
    b = BtfBuilder()
    id = b.float_("float", 4)
    values = Values(Btf(b.build()), plain=False, pretty=False)
    assert values.form(id, 0)(data, 0) == wanted


def test_pointers_to_programs() -> None:
    b = BtfBuilder()
    proto = b.add(t.FuncProto(0, ()))
    pointer = b.add(t.Ptr(proto))
    types = Btf(b.build())
    named = {7: "int (void) seven/prog_id:7"}
    values = Values(types, plain=True, pretty=True, function=lambda _, value: named.get(value))
    form = values.form(pointer, 0)
    assert form((7).to_bytes(8, "little"), 0) == '"int (void) seven/prog_id:7"'
    assert form((8).to_bytes(8, "little"), 0) == '"0x8"'
    assert form(bytes(8), 0) == '"(nil)"'
