"""What is known without a kernel: records of system calls by table, others by CO-RE."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from probee.compiler.frontend.context import field_type
from probee.compiler.pipeline import compile_programs
from probee.compiler.portable import PortableFacts
from probee.errors import CompileError, NotSupportedError
from probee.spec.programs import UNPLACED, CollectionSpec
from probee.spec.target import FormatField, Target
from probee.tables.contexts_data import ROWS
from probee.tables.tracepoints import CLASSES
from tests.frontend_cases import captured, names_of

FACTS = PortableFacts()
RECORDED = json.loads(
    (Path(__file__).parents[3] / "scripts/recorded/tracepoints.json").read_text(encoding="utf-8")
)["tracepoints"]
# Calls that the table, made from a newer kernel's source, has otherwise than the recorded formats.
DIFFER = {"bpf": "two arguments more", "getcpu": "void *", "semop": "unsigned int"}


def compiled(source: str, endian: str = "little", arch: str = "x86_64") -> CollectionSpec:
    target = Target(arch=arch, endian=endian)
    world = captured(names_of("from probee import *\n" + source))
    return compile_programs(world, target=target, facts=PortableFacts(arch), frozen={})


def test_records_of_system_calls_are_those_of_a_kernel() -> None:
    """The second source: the format files of a running kernel."""
    calls = [hook for hook in RECORDED if hook.startswith("syscalls:")]
    assert len(calls) > 700
    for hook in calls:
        name = hook.partition(":")[2]
        found = FACTS.tracepoint("syscalls", name)
        assert found is not None
        assert not found.struct
        rows = [[f.name, f.type, f.size, int(f.signed)] for f in found.fields]
        if name.removeprefix("sys_enter_") in DIFFER:
            assert rows != RECORDED[hook]
        else:
            assert rows == RECORDED[hook]
        offsets = [f.offset for f in found.fields]
        assert offsets == [8, *(16 + 8 * n for n in range(len(offsets) - 1))]


def test_other_records_are_read_as_recorded_formats_are() -> None:
    """Of each field the type in the language is the one that the format file would give."""
    others = [row.split(" ")[0] for row in ROWS.values() if not row.startswith("syscalls:")]
    assert len(others) > 100
    for hook in others:
        category, _, name = hook.partition(":")
        found = FACTS.tracepoint(category, name)
        assert found is not None
        assert found.struct == f"trace_event_raw_{CLASSES.get(hook, name)}"
        there = {
            row[0]: field_type(FormatField(row[0], row[1], 8, row[2], bool(row[3])), category)
            for row in RECORDED[hook]
        }
        wanted = {name: type_ for name, type_ in there.items() if type_ is not None}
        assert {f.name: field_type(f, category) for f in found.fields} == wanted


def test_a_field_of_another_record_is_found_at_the_load() -> None:
    spec = compiled("""
total = Global(u64, 0)

@tracepoint("block:block_rq_issue", "block:block_rq_insert")
def issued(ctx: Context) -> None:
    total.value += ctx.bytes

@tracepoint("skb:kfree_skb")
def freed(ctx: Context) -> None:
    if ctx.reason != 2:
        total.value += 1
""")
    issued, freed = spec.programs
    assert [(c.struct, c.path, c.wants) for c in issued.core] == [
        ("trace_event_raw_block_rq", "bytes", "int 4")
    ]
    assert [(c.struct, c.path, c.wants) for c in freed.core] == [
        ("trace_event_raw_kfree_skb", "reason", "enum 4")
    ]
    assert [f.offset for p in spec.programs for f in p.context] == [UNPLACED, UNPLACED]


def test_records_of_two_kinds_are_no_one_program() -> None:
    with pytest.raises(CompileError, match="hooks-differ"):
        compiled("""
total = Global(u64, 0)

@tracepoint("block:block_rq_issue", "block:block_rq_complete")
def issued(ctx: Context) -> None:
    total.value += ctx.sector
""")


def test_arguments_of_raw_tracepoints_are_as_recorded() -> None:
    spec = compiled("""
total = Global(u64, 0)

@raw_tracepoint("sys_exit")
def ended(ctx: Context) -> None:
    total.value += u64(ctx.ret)
""")
    assert [(f.name, f.offset, f.size) for f in spec.programs[0].context] == [("ret", 8, 8)]


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ('tracepoint("ext4:ext4_sync_file_enter")', "tracepoint ext4:ext4_sync_file_enter"),
        ('tracepoint("syscalls:sys_enter_nothing")', "tracepoint syscalls:sys_enter_nothing"),
        ('tracepoint("syscalls:sys_leave_openat")', "tracepoint syscalls:sys_leave_openat"),
        ('raw_tracepoint("ext4_sync_file_enter")', "raw tracepoint ext4_sync_file_enter"),
    ],
)
def test_what_no_table_has_is_told(hook: str, words: str) -> None:
    source = f"@{hook}\ndef program(ctx: Context) -> None:\n    print(ctx.ret)\n"
    with pytest.raises(NotSupportedError, match=f"{words} without a kernel to ask"):
        compiled(source)


def test_arm64_has_its_own_calls() -> None:
    facts = PortableFacts("aarch64")
    assert facts.tracepoint("syscalls", "sys_enter_openat") is not None
    with pytest.raises(NotSupportedError, match="sys_enter_open "):
        facts.tracepoint("syscalls", "sys_enter_open")
    clone = facts.tracepoint("syscalls", "sys_enter_clone")
    assert clone is not None
    assert [f.name for f in clone.fields][4:] == ["tls", "child_tidptr"]
    with pytest.raises(NotSupportedError, match="riscv64"):
        PortableFacts("riscv64")


def test_nothing_that_only_some_kernels_have_is_called() -> None:
    spec = compiled("""
total = Global(u64, 0)

@tracepoint("syscalls:sys_enter_openat")
def opening(ctx: Context) -> None:
    total.value += u64(current.task.real_parent.tgid)
""")
    assert not [r for p in spec.programs for r in p.relocs if r.kind == "kfunc"]
    assert spec.programs[0].helpers == ("get_current_task", "probe_read_kernel")
