"""Program types, attach types and sections beside the enums, and beside one another."""

from __future__ import annotations

import pytest

from probee.errors import NotSupportedError
from probee.tables import programs, sections
from probee.uapi import bpf, bpf_context

TYPES = {n: v for n, v in vars(bpf).items() if n.startswith("BPF_PROG_TYPE_")}


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def test_every_program_type_has_a_row() -> None:
    named = {f"BPF_PROG_TYPE_{row.name.upper()}": row.number for row in programs.PROGRAM_TYPES}
    assert named == {n: v for n, v in TYPES.items() if n not in programs.UNSUPPORTED}


def test_every_attach_type_has_a_row() -> None:
    rows = programs.ATTACH_TYPES
    assert [row.number for row in rows] == list(range(bpf.__dict__["__MAX_BPF_ATTACH_TYPE"]))
    for row in rows:
        assert vars(bpf)[f"BPF_{row.name}"] == row.number


def test_numbers_are_given_out_in_time() -> None:
    for rows in (programs.PROGRAM_TYPES, programs.ATTACH_TYPES):
        since = [version(row.since) for row in rows]
        assert since == sorted(since)


def test_contexts_are_structs_of_the_header_or_explained() -> None:
    layouts = {name.lower() for name in vars(bpf_context)}
    others = {"pt_regs", "record", "arguments", "memory", "target", "u32", "bpf_nf_ctx"}
    for row in programs.PROGRAM_TYPES:
        assert row.context.strip("_") in layouts or row.context in others, row


def test_every_program_and_attach_type_is_said_by_a_section() -> None:
    assert {s.program_type for s in sections.SECTIONS} == {p.name for p in programs.PROGRAM_TYPES}
    said = {s.attach_type for s in sections.SECTIONS if s.attach_type}
    assert not said & set(sections.WITHOUT_SECTION)
    assert said | set(sections.WITHOUT_SECTION) == {a.name for a in programs.ATTACH_TYPES}


def test_section_names_are_unique_and_read_back() -> None:
    names = [name for row in sections.SECTIONS for name in row.names]
    assert len(set(names)) == len(names)
    for row in sections.SECTIONS:
        for name in row.names:
            said = sections.by_section(name)
            assert said == sections.ProgramSection(row, "", row.sleepable == "always")
            if row.hook:
                assert sections.by_section(f"{name}/a/b.s") == sections.ProgramSection(
                    row, "a/b.s", False
                )
            if row.sleepable == "suffix":
                assert sections.by_section(f"{name}.s/x").sleepable


@pytest.mark.parametrize(
    ("section", "program_type", "attach_type", "hook"),
    [
        ("tp/syscalls/sys_enter_openat", "tracepoint", "", "syscalls/sys_enter_openat"),
        ("raw_tp.w/nbd_send_request", "raw_tracepoint_writable", "", "nbd_send_request"),
        ("uprobe.multi.s/libc.so.6:malloc", "kprobe", "TRACE_UPROBE_MULTI", "libc.so.6:malloc"),
        ("sk_reuseport/migrate", "sk_reuseport", "SK_REUSEPORT_SELECT_OR_MIGRATE", ""),
        ("xdp.frags/devmap", "xdp", "XDP_DEVMAP", ""),
        ("iter.s/task", "tracing", "TRACE_ITER", "task"),
    ],
)
def test_sections(section: str, program_type: str, attach_type: str, hook: str) -> None:
    said = sections.by_section(section)
    assert (said.row.program_type, said.row.attach_type) == (program_type, attach_type)
    assert said.hook == hook


@pytest.mark.parametrize(
    "section", ["", "xpd", "xdp/eth0", "kprobe.s/f", "socket1", "tpx/a/b", ".s"]
)
def test_other_names_are_refused(section: str) -> None:
    with pytest.raises(NotSupportedError, match="no known program type"):
        sections.by_section(section)


def test_lookup() -> None:
    assert programs.by_name("xdp").context == "xdp_md"
    assert programs.by_number(bpf.BPF_PROG_TYPE_TRACEPOINT) == programs.by_name("tracepoint")
    assert programs.by_number(999) is None
    assert programs.attach_type("TRACE_FENTRY").since == "5.5"
    for refuse in (programs.by_name, programs.attach_type):
        with pytest.raises(NotSupportedError, match="named 'nothing'"):
            refuse("nothing")
