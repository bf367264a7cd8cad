"""What is in an object, read: held against the C files of tests/objects, whose seeds these are."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from probee.asm.decode import decode
from probee.btf.ext import read_func_info, read_line_info
from probee.btf.reader import Btf
from probee.btf.types import Datasec, Func, Var
from probee.objfile.read import read_file
from probee.spec import ArrayOf, Attach, CharArray, ExternSpec, Int, Pointer, Reloc, StructType
from probee.uapi import bpf as uapi

if TYPE_CHECKING:
    from probee.spec import CollectionSpec

SEEDS = Path(__file__).parent / "seeds"
FILES = sorted(SEEDS.glob("*.o"))
OURS = ("probee.bpfel", "percpu.bpfeb")  # which probee built
U32, U64 = Int("unsigned int", 4, False), Int("unsigned long long", 8, False)
ORDERS = {"bpfel": "little", "bpfeb": "big"}


@cache
def seed(name: str) -> CollectionSpec:
    return read_file(SEEDS / f"{name}.o")


def relocs(spec: CollectionSpec, name: str) -> list[tuple[str, str, int]]:
    return [(r.kind, r.symbol, r.addend) for r in spec.program(name).relocs]


@pytest.mark.parametrize("path", [p for p in FILES if p.stem not in OURS], ids=lambda p: p.stem)
def test_each_seed_is_whole(path: Path) -> None:
    spec = read_file(path)
    types = Btf(spec.btf)
    assert spec.endian == ORDERS[path.stem.rpartition(".")[2]]
    assert types.big_endian == (spec.endian == "big")
    for program in spec.programs:
        insns = decode(program.code, spec.endian)
        assert insns[-1].code in (0x95, 0x05)
        funcs = read_func_info(program.func_info, big_endian=types.big_endian)
        named = [(types.name(row.type), row.insn_off) for row in funcs]
        assert named == list(program.functions)
        lines = read_line_info(program.line_info, big_endian=types.big_endian)
        assert lines[0].insn_off == 0
        assert all(types.string(line.file).endswith(".c") for line in lines)
        assert {line.insn_off for line in lines} >= {start for _, start in program.functions}
    for map_ in spec.maps:
        if map_.name.startswith("."):
            datasec = types.type(map_.value_btf)
            assert isinstance(datasec, Datasec)
            assert (datasec.name, datasec.size) == (map_.name, map_.value_size)


def test_subprograms_stand_behind_the_program_that_calls_them() -> None:
    spec = seed("calls.bpfel")
    chain = spec.program("with_chain")
    names = [name for name, _ in chain.functions]
    assert names == ["with_chain", "own", "hidden_one", "deep", "deeper", "deepest", "weak_one"]
    starts = {start: name for name, start in chain.functions}
    calls, slot = [], 0
    for insn in decode(chain.code):
        if insn.code == 0x85 and insn.src == 1:
            calls.append(starts[slot + 1 + insn.imm])
        slot += insn.slots
    assert calls == ["own", "hidden_one", "deep", "weak_one", "deeper", "deepest", "deepest"]
    assert chain.helpers == ("get_current_pid_tgid", "ktime_get_ns")


def test_the_address_of_a_function_is_a_distance() -> None:
    program = seed("calls.bpfel").program("with_callbacks")
    starts = {start: name for name, start in program.functions}
    found, slot = {}, 0
    for insn in decode(program.code):
        if insn.code == 0x18 and insn.src == 4:
            found[slot] = starts[slot + 1 + insn.low]
            assert insn.high == 0
        slot += insn.slots
    assert list(found.values()) == ["again", "add"]


def test_a_hidden_function_is_static_to_the_kernel() -> None:
    types = Btf(seed("calls.bpfel").btf)
    linkages = {t.name: t.linkage for _, t in types.types() if isinstance(t, Func)}
    assert linkages["hidden_one"] == "static"
    assert (linkages["weak_one"], linkages["with_chain"]) == ("global", "global")


def test_a_static_function_beside_a_program_is_its_subprogram() -> None:
    spec = seed("own_section.bpfel")
    assert [p.name for p in spec.programs] == ["near", "far"]
    assert [[name for name, _ in p.functions] for p in spec.programs] == [
        ["near", "own"], ["far", "own"]
    ]  # fmt: skip


def test_maps_and_places_in_data_are_referred_to() -> None:
    spec = seed("relocs.bpfeb")
    assert [m.name for m in spec.maps] == ["last", "counts", ".data", ".rodata", ".bss"]
    assert [p.section for p in spec.programs] == ["tracepoint/one", "tracepoint/one", "raw_tp/two"]
    assert spec.program("other").relocs == (
        Reloc(4, "map", "last"), Reloc(8, "value", ".bss", 0)
    )  # fmt: skip
    places = {v.name: (v.section, v.offset) for v in spec.variables}
    step, limit = places["step"], places["limit"]
    assert ("value", *step) in relocs(spec, "second")
    assert ("value", *limit) in relocs(spec, "second")  # of the subprogram `loud`
    code = spec.program("other").code
    for reloc in spec.program("other").relocs:
        insn = code[8 * reloc.insn : 8 * reloc.insn + 16]
        assert insn[1] & 15 == 0  # big-endian: the source register
        assert insn[4:8] == insn[12:16] == bytes(4)
    assert spec.version == 0x060100


def test_variables_of_all_sections() -> None:
    spec = seed("data.bpfeb")
    found = {v.name: v for v in spec.variables}
    assert spec.map(".data").contents[:4] == b"\0\0\0\1"
    assert spec.map(".data.custom").contents == b"\0\0\0\5\0\0\0\x0a"
    assert spec.map(".rodata.custom").frozen
    assert spec.map(".rodata.custom").flags == uapi.BPF_F_RDONLY_PROG
    assert spec.map(".bss").contents == bytes(spec.map(".bss").value_size)
    assert found["secret"].section == ".data.custom"
    assert found["prefix"].type == CharArray(16)
    assert found["zeroes"].type == ArrayOf(U64, 17)
    point = found["points"].type
    assert isinstance(point, ArrayOf)
    assert isinstance(point.element, StructType)
    assert [(f.name, f.offset) for f in point.element.fields] == [("x", 0), ("y", 4), ("name", 8)]
    at = found["points"].offset + 16 + 8
    assert spec.map(".data").contents[at : at + 3] == b"two"
    types = Btf(spec.btf)
    var = types.type(found["secret"].btf)
    assert isinstance(var, Var)
    assert (var.name, var.linkage) == ("secret", "static")  # hidden


def test_maps_in_maps_and_programs_in_arrays() -> None:
    spec = seed("nested.bpfel")
    outer = spec.map("outer")
    assert outer.values == ((0, "one"), (3, "two"), (4, "one"))
    assert (outer.type, outer.max_entries, outer.key_size, outer.value_size) == (12, 5, 4, 4)
    (inner,) = outer.inner
    assert (inner.name, inner.type, inner.max_entries) == ("outer.inner", 2, 4)
    assert (inner.key_type, inner.value_type) == (U32, U64)
    assert spec.map("jumps").values == ((1, "leaf"),)
    (other,) = spec.map("empty_outer").inner
    assert (other.flags, other.value_size) == (uapi.BPF_F_NO_PREALLOC, 8)
    assert isinstance(other.value_type, StructType)
    assert spec.map("one").key_btf == inner.key_btf


def test_the_configuration_of_the_kernel() -> None:
    spec = seed("kconfig.bpfel")
    rows = {e.name: e for e in spec.externs}
    assert {e.kind for e in spec.externs} == {"kconfig"}
    assert rows["LINUX_KERNEL_VERSION"].value == "int"
    assert rows["CONFIG_BPF_SYSCALL"].value == "bool"
    assert rows["CONFIG_IKCONFIG"].value == "tristate"
    assert rows["CONFIG_MODULES"].value == "char"
    text = rows["CONFIG_DEFAULT_HOSTNAME"]
    assert (text.value, text.size, text.weak) == ("chars", 16, True)
    assert not rows["CONFIG_HZ"].weak
    ends = sorted((e.offset, e.offset + e.size) for e in spec.externs)
    assert all(end <= start for (_, end), (start, _) in pairwise(ends))
    assert spec.map(".kconfig").value_size == ends[-1][1]
    assert ("value", ".kconfig", rows["CONFIG_HZ"].offset) in relocs(spec, "look")
    types = Btf(spec.btf)
    datasec = types.type(spec.map(".kconfig").value_btf)
    assert isinstance(datasec, Datasec)
    assert {(types.name(v.type), v.offset) for v in datasec.vars} == {
        (e.name, e.offset) for e in spec.externs
    }


def test_symbols_of_the_kernel() -> None:
    spec = seed("ksyms.bpfeb")
    rows = {e.name: (e.kind, e.typed, e.weak) for e in spec.externs}
    assert rows == {
        "runqueues": ("ksym", True, False),
        "bpf_prog_active": ("ksym", True, False),
        "bpf_link_fops": ("ksym", False, False),
        "__per_cpu_start": ("ksym", False, True),
        "no_such_variable": ("ksym", True, True),
        "bpf_task_acquire": ("kfunc", True, False),
        "bpf_task_release": ("kfunc", True, False),
        "no_such_function": ("kfunc", True, True),
    }
    program = spec.program("use")
    calls = {r.symbol: r.insn for r in program.relocs if r.kind == "kfunc"}
    assert set(calls) == {"bpf_task_acquire", "bpf_task_release", "no_such_function"}
    for slot in calls.values():
        assert program.code[8 * slot : 8 * slot + 8] == b"\x85\x02" + bytes(6)
    assert ("ksym", "no_such_function", 0) in relocs(spec, "use")
    assert spec.asks_kernel


def test_struct_ops() -> None:
    spec = seed("struct_ops.bpfel")
    assert spec.map("plain").values == ((0, "ssthresh"), (8, "cong_avoid"), (24, "undo_cwnd"))
    assert spec.map("linked").values[2] == (16, "set_state")
    assert spec.map("linked").flags == uapi.BPF_F_LINK
    plain = spec.map("plain")
    assert (plain.type, plain.value_size, plain.flags) == (26, 64, 0)
    assert Btf(spec.btf).name(plain.value_btf) == "tcp_congestion_ops"
    assert plain.contents[32:36] == b"\2\0\0\0"
    assert plain.contents[36:48] == b"probee_plain"
    undo = spec.program("undo_cwnd")
    assert undo.attach == (Attach("struct_ops", "tcp_congestion_ops.undo_cwnd"),)
    assert spec.program("set_state").flags == uapi.BPF_F_SLEEPABLE


def test_what_fields_are_asked_of_the_kernel() -> None:
    spec = seed("core_fields.bpfel")
    direct = {(c.struct, c.path, c.access) for c in spec.program("direct").core}
    assert direct == {
        ("task_struct", "real_parent", "0:2"),
        ("task_struct", "tgid", "0:1"),
        ("task_struct", "flags", "0:0"),
        ("task_struct", "thread_pid", "0:3"),
        ("task_struct", "comm[5]", "0:4:5"),
        ("pid", "numbers[2].nr", "0:1:2:0"),
        ("task_struct", "anonymous", "0:9:0"),
        ("task_struct", "either", "0:9:1:0"),
        ("task_struct", "or[1]", "0:9:1:1:1"),
        ("task_struct", "deep.deeper[2].deepest", "0:10:0:2:0"),
    }
    read = {(c.struct, c.path) for c in spec.program("by_read").core}
    assert read >= {
        ("thread_info___x86", "status"), ("atomic_t", "counter"), ("union number", "parts[3]")
    }  # fmt: skip
    kinds = {(c.kind, c.path) for c in spec.program("of_fields").core}
    assert kinds >= {
        ("byte_off", "sched_class"), ("byte_sz", "sched_class"), ("signed", "sched_class"),
        ("lshift_u64", "wide_bits"), ("rshift_u64", "wide_bits"), ("field_exists", "in_execve"),
    }  # fmt: skip
    types = Btf(spec.btf)
    for program in spec.programs:
        assert all(types.name(c.type) in c.struct for c in program.core)


def test_what_types_and_values_are_asked_of_the_kernel() -> None:
    spec = seed("core_types.bpfeb")
    found = {(c.kind, c.struct) for c in spec.program("types").core}
    assert found == {
        ("local_type_id", "task_struct"), ("target_type_id", "task_struct"),
        ("target_type_id", "counter_t"),
        ("local_type_id", "union thing"), ("type_exists", "no_such_struct"),
        ("type_exists", "task_struct"), ("type_size", "task_struct"), ("type_size", "union thing"),
        ("type_exists", "enum state"), ("type_exists", "task_t"), ("type_size", "counter_t"),
        ("type_exists", "function_t"), ("type_size", "array_t"),
    }  # fmt: skip
    values = {(c.kind, c.struct, c.path, c.access) for c in spec.program("values").core}
    assert values == {
        ("enumval_exists", "enum state", "STATE_A", "0"),
        ("enumval_value", "enum state", "STATE_A", "0"),
        ("enumval_value", "enum state", "STATE_B", "1"),
        ("enumval_exists", "enum state", "STATE_B", "1"),
    }


def test_an_arena_has_the_data_of_its_address_space() -> None:
    spec = seed("arena.bpfel")
    arena = spec.map("arena")
    assert (arena.type, arena.extra, arena.max_entries) == (33, 1 << 44, 100)
    assert arena.contents == bytes(24)
    places = {v.name: (v.section, v.offset) for v in spec.variables}
    assert places == {"list": (".bss", 0), "numbers": ("arena", 0), "in_arena": ("arena", 16)}
    assert ("value", "arena", 16) in relocs(spec, "walk")
    assert ("map", "arena", 0) in relocs(spec, "walk")
    assert spec.variables[0].type == Pointer("kernel", "node")


def test_what_the_linker_made_of_two_objects() -> None:
    spec = seed("link_one+link_two.bpfel")
    assert [p.name for p in spec.programs] == ["one", "two", "three"]
    assert [name for name, _ in spec.program("one").functions] == [
        "one", "other_half", "helper", "either", "helper"
    ]  # fmt: skip
    same = [v for v in spec.variables if v.name == "same_name"]
    assert [spec.map(".data").contents[v.offset] for v in same] == [1, 10]
    assert spec.externs == (ExternSpec("LINUX_KERNEL_VERSION", "kconfig", 27, value="int", size=4),)
    assert spec.program("three").attach == (Attach("tracepoint", "sched:sched_switch"),)


def test_what_probee_built_is_what_its_compiler_made() -> None:
    spec = seed("probee.bpfel")
    assert [[a.target for a in p.attach] for p in spec.programs] == [
        ["syscalls:sys_enter_openat", "syscalls:sys_exit_openat"], ["sys_enter"]
    ]  # fmt: skip
    assert {v.name for v in spec.variables} == {"flag", "last", "each"}
    assert [s.name for s in spec.structs] == ["Event"]
    (core,) = spec.program("typed").core
    assert (core.struct, core.path, core.wants) == ("task_struct", "tgid", "int 4")
    assert seed("percpu.bpfeb").map(".percpu").contents == b"\3" + bytes(7)
