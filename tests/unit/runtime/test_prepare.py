"""What the loader makes ready: section contents, sizes, names, relocated code, offsets."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from probee.errors import NotSupportedError, RelocationError, UsageError
from probee.frozen import replace
from probee.runtime import prepare
from probee.spec import (
    Attach,
    CharArray,
    CollectionSpec,
    ContextField,
    FormatField,
    Int,
    MapSpec,
    Pointer,
    ProgramSpec,
    RawArgument,
    Reloc,
    TracepointFormat,
    VariableSpec,
)
from probee.spec.programs import ABSENT, UNPLACED, CoreReloc

if TYPE_CHECKING:
    from probee.spec.types import ValueType

U32, S16 = Int("u32", 4, False), Int("s16", 2, True)
SPEC = CollectionSpec(
    maps=(
        MapSpec(".rodata", 2, 4, 16, 1, contents=bytes(range(16)), frozen=True),
        MapSpec("opens", 27, 0, 0, 4096),
    ),
    programs=(),
    variables=(
        VariableSpec("only", ".rodata", 0, U32),
        VariableSpec("delta", ".rodata", 4, S16),
        VariableSpec("name", ".rodata", 8, CharArray(8)),
        VariableSpec("beyond", ".rodata", 14, U32),
        VariableSpec("nowhere", ".bss", 0, U32),
    ),
)


def program(code: bytes, *relocs: Reloc, context: tuple[ContextField, ...] = ()) -> ProgramSpec:
    return ProgramSpec("p", 5, 0, (Attach("tracepoint", "c:e"),), code, relocs, context=context)


def test_constants_are_written_where_their_variables_are() -> None:
    contents = prepare.section_contents(SPEC, {"only": 7, "delta": -2, "name": b"abcdefgh"})
    assert contents == {".rodata": struct.pack("<Ih", 7, -2) + b"\6\7abcdefgh"}
    assert SPEC.maps[0].contents == bytes(range(16))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("none", 1, "no constant or variable 'none'"),
        ("only", 1 << 32, "only = 4294967296 does not fit in u32: 0 to 4294967295"),
        ("only", -1, "does not fit"),
        ("delta", 1 << 15, "does not fit in s16"),
        ("name", b"short", "takes 8 bytes, not 5"),
        ("name", 3, "takes 8 bytes, not a number"),
        ("beyond", 1, "lies outside of section"),
        ("nowhere", 1, "lies outside of section"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: int | bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        prepare.section_contents(SPEC, {name: value})


@pytest.mark.parametrize(
    ("type_", "value", "data"),
    [
        (Int("bool", 1, False, True), 1, b"\1"),
        (Pointer("user"), (1 << 64) - 1, b"\xff" * 8),
        (Int("s64", 8, True), -1, b"\xff" * 8),
    ],
)
def test_values_of_each_kind(type_: ValueType, value: int, data: bytes) -> None:
    assert prepare.encode_value(VariableSpec("v", ".data", 0, type_), value, "little") == data


def test_big_endian_values() -> None:
    variable = VariableSpec("v", ".data", 0, U32)
    assert prepare.encode_value(variable, 1, "big") == b"\0\0\0\1"


@given(st.integers(1, 1 << 31))
def test_a_ring_holds_what_was_asked_for_in_whole_pages(wanted: int) -> None:
    size = prepare.ring_size(wanted)
    assert size >= wanted
    assert size % 4096 == 0
    assert size & (size - 1) == 0
    assert size < 2 * max(wanted, 4096)


@pytest.mark.parametrize("wanted", [0, -1, (1 << 31) + 1])
def test_a_ring_of_no_possible_size(wanted: int) -> None:
    with pytest.raises(UsageError):
        prepare.ring_size(wanted)


def test_names_are_what_the_kernel_takes() -> None:
    assert prepare.kernel_name("exit_openat_and_more") == "exit_openat_and"
    assert prepare.kernel_name(".rodata") == ".rodata"
    assert prepare.kernel_name("größe x") == "gr__e_x"


LOAD = struct.pack("<BBhiBBhi", 0x18, 0x07, 0, 0, 0, 0, 0, 0)
EXIT = bytes.fromhex("9500000000000000")


def test_maps_and_values_are_written_into_the_code() -> None:
    code = prepare.patched(
        program(
            LOAD + EXIT + LOAD,
            Reloc(0, "map", "opens"),
            Reloc(3, "value", ".rodata", 12),
        ),
        {"opens": 5, ".rodata": 0x1234},
        {},
        "little",
    )
    assert code[:16] == struct.pack("<BBhiBBhi", 0x18, 0x17, 0, 5, 0, 0, 0, 0)
    assert code[24:] == struct.pack("<BBhiBBhi", 0x18, 0x27, 0, 0x1234, 0, 0, 0, 12)
    assert code[16:24] == EXIT


@pytest.mark.parametrize(
    ("reloc", "error"),
    [
        (Reloc(0, "core", "task_struct.pid"), NotSupportedError),
        (Reloc(0, "map", "unknown"), UsageError),
        (Reloc(2, "map", "opens"), UsageError),
        (Reloc(3, "map", "opens"), UsageError),
        (Reloc(-1, "map", "opens"), UsageError),
        (Reloc(0, "value", "opens", -1), UsageError),
        (Reloc(0, "value", "opens", 1 << 32), UsageError),
    ],
)
def test_a_reference_that_cannot_be_resolved(reloc: Reloc, error: type[Exception]) -> None:
    with pytest.raises(error):
        prepare.patched(program(LOAD + EXIT, reloc), {"opens": 3}, {}, "little")


MOV32, MOV64 = (struct.pack("<BBhi", code, 0, 0, 0) for code in (0xB4, 0xB7))


@pytest.mark.parametrize(
    ("code", "slot"),
    [(EXIT, 0), (MOV32, 1), (MOV64, -1), (LOAD, 1), (EXIT + LOAD[:8], 1)],
)
def test_a_constant_that_has_no_place(code: bytes, slot: int) -> None:
    """Half of a 64-bit load at the end among them: code never grows."""
    with pytest.raises(UsageError, match="takes no constant"):
        prepare.patched(program(code, Reloc(slot, "const", "pid")), {}, {"pid": 7}, "little")


FORMAT = TracepointFormat("c", "e", (FormatField("ret", "long", 16, 8, True),))


def test_fields_are_held_against_the_kernels() -> None:
    prepare.check_context(program(EXIT, context=(ContextField("ret", 16, 8, True),)), FORMAT)
    for context in (
        ContextField("ret", 8, 8, True),
        ContextField("ret", 16, 4, True),
        ContextField("ret", 16, 8, False),
    ):
        with pytest.raises(RelocationError, match=r"reads ret of c:e as .*; here it is 8 signed"):
            prepare.check_context(program(EXIT, context=(context,)), FORMAT)
    with pytest.raises(RelocationError, match="reads gone of c:e, which has no such field"):
        prepare.check_context(program(EXIT, context=(ContextField("gone", 0, 4, True),)), FORMAT)


KFUNC = struct.pack("<BBhiBBhi", 0x85, 0x20, 0, 0, 0x95, 0, 0, 0)


def test_functions_of_the_kernel_are_written_into_calls() -> None:
    call = program(KFUNC, Reloc(0, "kfunc", "bpf_iter_num_new", 70_000))
    patched = prepare.patched(call, {}, {}, "little")
    assert patched == KFUNC[:4] + struct.pack("<i", 70_000) + KFUNC[8:]
    with pytest.raises(UsageError, match="was not looked up"):
        prepare.patched(program(KFUNC, Reloc(0, "kfunc", "bpf_iter_num_new")), {}, {}, "little")


@pytest.mark.parametrize("slot", [-1, 1, 2])
def test_a_kfunc_that_is_not_called(slot: int) -> None:
    with pytest.raises(UsageError, match=f"slot {slot} calls no function"):
        prepare.patched(program(KFUNC, Reloc(slot, "kfunc", "f", 1)), {}, {}, "little")


def core(value: int, path: str = "ret") -> CoreReloc:
    return CoreReloc(1, "byte_off", "trace_event_raw_one", path, "int 8", 1, "0:0", value)


def test_a_field_that_core_found_lies_where_the_format_says() -> None:
    wanted = (ContextField("ret", UNPLACED, 8, True),)
    prepare.check_context(replace(program(EXIT, context=wanted), core=(core(16),)), FORMAT)
    for found in (core(8), core(16, "other"), core(ABSENT)):
        with pytest.raises(RelocationError, match="reads ret"):
            prepare.check_context(replace(program(EXIT, context=wanted), core=(found,)), FORMAT)


def test_arguments_are_held_against_the_kernels() -> None:
    wanted = program(EXIT, context=(ContextField("id", 8, 8, True),))
    regs = RawArgument("regs", "pointer", 8, False, "pt_regs")
    for name in ("id", "arg1"):
        prepare.check_arguments(wanted, "sys_enter", (regs, RawArgument(name, "int", 8, True)))
    for other in (
        (),
        (regs,),
        (RawArgument("id", "int", 8, True), regs),
        (regs, RawArgument("number", "int", 8, True)),
        (regs, RawArgument("id", "int", 4, True)),
        (regs, RawArgument("id", "int", 8, False)),
    ):
        with pytest.raises(RelocationError, match="reads id, argument 1 of raw tracepoint sys_en"):
            prepare.check_arguments(wanted, "sys_enter", other)
