"""What a spec becomes in an object file: sections, symbols, relocations, types."""

from __future__ import annotations

from struct import unpack_from

import pytest

from probee.asm import opcodes as op
from probee.asm.decode import decode
from probee.asm.encode import encode
from probee.asm.insn import Insn
from probee.btf.ext import FuncInfo, LineInfo, func_info_bytes, read_ext
from probee.btf.reader import Btf
from probee.btf.types import Datasec, Func, Var
from probee.btf.writer import BtfBuilder
from probee.compiler.pipeline import compile_programs
from probee.elf.read import ElfFile
from probee.errors import UsageError
from probee.frozen import replace
from probee.objfile.read import read
from probee.objfile.write import uninitialised, write
from probee.spec.programs import Attach, CollectionSpec, CoreReloc, ExternSpec, ProgramSpec
from probee.spec.target import Target
from probee.uapi import elf as uapi
from tests.frontend_cases import Facts, captured, compiled, names_of

SOURCE = """
from probee import Const, Context, Global, Hash, RingBuf, Struct, tracepoint, u32, u64


class Event(Struct):
    pid: u32
    size: u64


events = RingBuf(Event, size="64K")
counts = Hash(u32, u64)
only = Const(u32, 3)
total = Global(u64, 7)


@tracepoint("syscalls:sys_enter_openat", "syscalls:sys_exit_openat")
def both(ctx: Context) -> None:
    total.value += 1


@tracepoint("syscalls:sys_enter_openat")
def opening(ctx: Context) -> None:
    if only == u32(ctx.dfd):
        counts[only] = 1
        event = events.reserve()
        if event is not None:
            event.pid = only
            event.size = total.value
            event.submit()
"""


def spec(source: str = SOURCE, endian: str = "little") -> CollectionSpec:
    world = captured(names_of(source))
    return compile_programs(world, target=Target(endian=endian), facts=Facts(), frozen={})


@pytest.mark.parametrize("endian", ["little", "big"])
def test_sections_stand_as_clang_has_them(endian: str) -> None:
    elf = ElfFile(write(spec(endian=endian)))
    assert elf.header.machine == uapi.EM_BPF
    assert elf.header.type == uapi.ET_REL
    assert elf.big_endian == (endian == "big")
    assert [section.name for section in elf.sections] == [
        "", ".strtab", ".text",
        "tracepoint/syscalls/sys_enter_openat", ".reltracepoint/syscalls/sys_enter_openat",
        "tracepoint/syscalls/sys_exit_openat", ".reltracepoint/syscalls/sys_exit_openat",
        "license", ".rodata", ".data", ".bss", ".maps", ".BTF", ".BTF.ext", ".symtab",
    ]  # fmt: skip
    code = elf.section("tracepoint/syscalls/sys_enter_openat")
    assert code is not None
    assert (code.flags, code.align) == (uapi.SHF_ALLOC | uapi.SHF_EXECINSTR, 8)
    license_ = elf.section("license")
    assert license_ is not None
    assert bytes(license_.data) == b"Dual MIT/GPL\0"
    data, zeroes = elf.section(".data"), elf.section(".bss")
    assert data is not None
    assert zeroes is not None
    assert int.from_bytes(data.data[:8], endian) == 7  # type: ignore[arg-type]
    assert (zeroes.type, zeroes.size) == (uapi.SHT_NOBITS, 16)


def test_a_program_of_two_hooks_has_two_names_and_the_same_code() -> None:
    elf = ElfFile(write(spec()))
    functions = {s.name: s for s in elf.symbols if s.type == uapi.STT_FUNC}
    assert set(functions) == {"both", "both__sys_exit_openat", "opening"}
    first, again = functions["both"], functions["both__sys_exit_openat"]
    codes = [
        bytes(elf.sections[s.section].data[s.value : s.value + s.size]) for s in (first, again)
    ]
    assert codes[0] == codes[1]
    assert functions["opening"].value == first.size  # in one section, behind the other program


@pytest.mark.parametrize("endian", ["little", "big"])
def test_relocations_name_what_their_instructions_load(endian: str) -> None:
    made = spec(endian=endian)
    elf = ElfFile(write(made))
    table = elf.section(".reltracepoint/syscalls/sys_enter_openat")
    assert table is not None
    code = elf.sections[table.info].data
    found = []
    for row in elf.relocations(table):
        symbol = elf.symbols[row.symbol]
        assert row.type == uapi.R_BPF_64_64
        (insn,) = decode(bytes(code[row.offset : row.offset + 16]), endian)
        assert insn.src == 0  # the loader says what it is
        name = symbol.name or elf.sections[symbol.section].name
        found.append((name, insn.low))
    wanted = [(r.symbol, r.addend) for p in made.programs for r in p.relocs]
    assert sorted(found) == sorted(wanted)
    assert ("events", 0) in found
    assert {".data", ".rodata", ".bss"} <= {name for name, _ in found}


@pytest.mark.parametrize("endian", ["little", "big"])
def test_types_tell_of_maps_and_license(endian: str) -> None:
    elf = ElfFile(write(spec(endian=endian)))
    types = elf.section(".BTF")
    assert types is not None
    btf = Btf(types.data)
    sections = {t.name: t for _, t in btf.types() if isinstance(t, Datasec)}
    assert set(sections) == {".rodata", ".data", ".bss", "license", ".maps"}
    symbols = {s.name: s for s in elf.symbols}
    for name, datasec in sections.items():
        section = elf.section(name)
        assert section is not None
        assert datasec.size == section.size
        for item in datasec.vars:
            var = btf.type(item.type)
            assert isinstance(var, Var)
            symbol = symbols[var.name]
            assert (symbol.value, symbol.size) == (item.offset, item.size)
            assert symbol.section == section.index
            weak = var.name.startswith("probee_")  # counters: two objects may both have the first
            assert symbol.bind == (uapi.STB_WEAK if weak else uapi.STB_GLOBAL)


@pytest.mark.parametrize("endian", ["little", "big"])
def test_each_function_has_its_type_and_its_lines(endian: str) -> None:
    made = spec(endian=endian)
    elf = ElfFile(write(made))
    section, types = elf.section(".BTF.ext"), elf.section(".BTF")
    assert section is not None
    assert types is not None
    btf, ext = Btf(types.data), read_ext(section.data)
    starts = {
        (elf.sections[s.section].name, s.value): s.name
        for s in elf.symbols
        if s.type == uapi.STT_FUNC
    }
    named = {}
    for part in ext.func_info:
        for row in part.records:
            assert isinstance(row, FuncInfo)
            func = btf.type(row.type)
            assert isinstance(func, Func)
            named[btf.string(part.name), row.insn_off] = func.name
    assert named == starts
    rows = [row for part in ext.line_info for row in part.records if isinstance(row, LineInfo)]
    assert [btf.string(row.text) for row in rows].count("total.value += 1") == 2  # once a hook
    assert {btf.string(row.file) for row in rows} == {"program.py"}


def test_the_same_spec_gives_the_same_bytes() -> None:
    assert write(spec()) == write(spec())


def test_constants_in_the_code_are_refused() -> None:
    made = compiled(names_of(SOURCE), frozen={}, patched=True)
    with pytest.raises(UsageError, match="only probee can set it"):
        write(made)


def test_a_name_for_two_things_is_refused() -> None:
    clash = spec(SOURCE + "\nopening.name = 'counts'\n")
    with pytest.raises(UsageError, match="both called counts"):
        write(clash)


def test_first_values_of_each_cpu_are_told() -> None:
    source = """
from probee import Context, PerCpuGlobal, tracepoint, u64

zero = PerCpuGlobal(u64, 0)
five = PerCpuGlobal(u64, 5)


@tracepoint("syscalls:sys_enter_openat")
def opening(ctx: Context) -> None:
    zero.value += 1
    five.value += 1
"""
    made = spec(source)
    assert uninitialised(made) == ["five"]
    elf = ElfFile(write(made))
    assert "probee_percpu" in {s.name for s in elf.symbols}
    assert elf.section(".percpu") is None


def test_the_license_is_the_specs() -> None:
    elf = ElfFile(write(spec()))
    symbol = next(s for s in elf.symbols if s.name == "LICENSE")
    assert elf.sections[symbol.section].name == "license"
    types = elf.section(".BTF")
    assert types is not None
    assert unpack_from("<H", types.data) == (0xEB9F,)


def with_subprograms(endian: str) -> CollectionSpec:
    """Two programs that share a subprogram, and have another under one name, which differs.

    The first calls `shared`, which calls `own`; the second `own` and `shared`.
    """
    btf = BtfBuilder()
    proto = btf.func_proto(btf.int_("int", 4, signed=True), [("ctx", btf.ptr(0))])
    plain = btf.func_proto(btf.int_("int", 4, signed=True), [])
    types = {name: btf.func(name, proto, "global") for name in ("one", "two")}
    types |= {name: btf.func(name, plain, "static") for name in ("shared", "own")}
    call, back = op.JMP | op.CALL, op.JMP | op.EXIT
    number = op.ALU64 | op.MOV

    def program(name: str, code: list[Insn], functions: tuple[tuple[str, int], ...]) -> ProgramSpec:
        info = [FuncInfo(start, types[called]) for called, start in functions]
        return ProgramSpec(
            name, 5, 0, (Attach("tracepoint", "syscalls:sys_enter_getppid"),),
            encode(code, endian), functions=functions,
            func_info=func_info_bytes(info, big_endian=endian == "big"),
        )  # fmt: skip

    end = Insn(back)
    leaf = [Insn(number, 0, 0, 0, 7), end]
    first = [Insn(call, 0, op.CALL_LOCAL, 0, 1), end, Insn(call, 0, op.CALL_LOCAL, 0, 1), end]
    second = [
        Insn(call, 0, op.CALL_LOCAL, 0, 2), Insn(call, 0, op.CALL_LOCAL, 0, 3), end,
        Insn(number, 0, 0, 0, 9), end, *leaf,
    ]  # fmt: skip
    return CollectionSpec(
        maps=(),
        programs=(
            program("one", first + leaf, (("one", 0), ("shared", 2), ("own", 4))),
            program("two", second, (("two", 0), ("own", 3), ("shared", 5))),
        ),
        btf=btf.build(big_endian=endian == "big"),
        endian=endian,
    )


@pytest.mark.parametrize("endian", ["little", "big"])
def test_subprograms_stand_in_text(endian: str) -> None:
    made = with_subprograms(endian)
    elf = ElfFile(write(made))
    text = elf.section(".text")
    assert text is not None
    inside = [s for s in elf.symbols if s.section == text.index and s.type == uapi.STT_FUNC]
    assert all(s.bind == uapi.STB_LOCAL for s in inside)
    # the second program's `own` is the first's `shared` in what it does, and not in its name
    assert {s.name for s in inside} == {"shared", "own", "own__two", "shared__two"}
    calls = [
        (elf.symbols[row.symbol].name, row.type)
        for section in elf.sections
        if section.type == uapi.SHT_REL
        for row in elf.relocations(section)
    ]
    assert sorted(calls) == [
        (name, uapi.R_BPF_64_32) for name in ("own", "own__two", "shared", "shared__two")
    ]
    assert read(write(made)) == made


def test_equal_subprograms_stand_there_once() -> None:
    made = with_subprograms("little")
    again = replace(made.programs[0], name="again")
    elf = ElfFile(write(replace(made, programs=(made.programs[0], again))))
    inside = {s.name for s in elf.symbols if s.type == uapi.STT_FUNC and s.bind == uapi.STB_LOCAL}
    assert inside == {"own", "shared"}


def test_a_subprogram_that_calls_itself_is_refused() -> None:
    made = with_subprograms("little")
    one = made.programs[0]
    code = decode(one.code)
    code[4] = Insn(op.JMP | op.CALL, 0, op.CALL_LOCAL, 0, -3)  # `own` calls `shared`
    with pytest.raises(UsageError, match="within itself"):
        write(replace(made, programs=(replace(one, code=encode(code)),)))


FOREIGN = {
    "externs of the kernel": lambda s: replace(s, externs=(ExternSpec("HZ", "kconfig", 1),)),
    "a version of the kernel": lambda s: replace(s, version=1),
    "map events": lambda s: replace(s, maps=(replace(s.map("events"), pinning=1), *s.maps[1:])),
    "map .kconfig": lambda s: replace(s, maps=(*s.maps, replace(s.maps[0], name=".kconfig"))),
    "program both": lambda s: replace(s, programs=(replace(s.programs[0], flags=16),)),
    "program both in section fentry/x": lambda s: replace(
        s, programs=(replace(s.programs[0], attach=(Attach("fentry", "x"),), section="fentry/x"),)
    ),
    "CO-RE byte_sz in both": lambda s: replace(
        s,
        programs=(
            replace(s.programs[0], core=(CoreReloc(0, "byte_sz", "file", "f_op", "", 1, "0:0"),)),
        ),
    ),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_only_others_make_is_not_dropped_in_silence(what: str) -> None:
    made = spec(SOURCE.replace("counts[only] = 1", "pass"))
    with pytest.raises(UsageError, match=f"{what}.*not written"):
        write(FOREIGN[what](made))
