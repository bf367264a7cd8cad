"""Members found in types by name, and numbers written into code."""

from __future__ import annotations

import struct

import pytest

from probee.btf.reader import Btf
from probee.btf.writer import BtfBuilder
from probee.errors import NotSupportedError, UsageError
from probee.relocate.match import Mismatch, value_of
from probee.relocate.patch import POISON, patched_core
from probee.spec.programs import ABSENT, CoreReloc, ProgramSpec


def types() -> Btf:
    build = BtfBuilder()
    u32, char = build.int_("unsigned int", 4), build.int_("char", 1, signed=True)
    inner = build.struct("inner", 12, [("a", u32, 0), ("name", build.array(char, 8), 32)])
    nameless = build.struct("", 8, [("hidden", u32, 32)])
    build.struct(
        "outer",
        40,
        [
            ("x", u32, 0),
            ("", nameless, 64),
            ("in", inner, 128),
            ("next", build.ptr(inner), 256),
            ("any", build.ptr(0), 320),
            ("many", build.array(inner, 0), 384),
            ("words", build.array(u32, 2), 384),
        ],
    )
    for size in (4, 8):
        build.struct("twice", size, [("pad", u32, 0)] * (size // 8) + [("y", u32, (size - 4) * 8)])
    return Btf(build.build())


def reloc(kind: str, path: str, wants: str, name: str = "outer", **given: int) -> CoreReloc:
    return CoreReloc(given.pop("insn", 0), kind, name, path, wants, 1, "0", **given)


@pytest.mark.parametrize(
    ("path", "wants", "at"),
    [
        ("x", "int 4", 0),
        ("hidden", "int 4", 12),
        ("in", "struct inner", 16),
        ("in.a", "int 4", 16),
        ("in.name", "chars 8", 20),
        ("next", "ptr inner", 32),
        ("next", "ptr", 32),
        ("any", "ptr whatever", 40),
        ("many", "items struct inner", 48),
        ("words", "items int 4", 48),
    ],
)
def test_found(path: str, wants: str, at: int) -> None:
    btf = types()
    for name in ("outer", "outer___old"):
        assert value_of(btf, reloc("byte_off", path, wants, name)) == at
        assert value_of(btf, reloc("field_exists", path, wants, name)) == 1
        assert value_of(btf, reloc("type_exists", "", "", name)) == 1


@pytest.mark.parametrize(
    ("path", "wants", "says"),
    [
        ("gone", "int 4", "struct outer has no member gone in this kernel"),
        ("in.gone", "int 4", "struct outer.in has no member gone in this kernel"),
        ("x", "int 8", "outer.x is an integer of 4 bytes in this kernel, not an integer of 8"),
        ("x", "ptr", "outer.x is an integer of 4 bytes in this kernel, not a pointer"),
        ("x.y", "int 4", "outer.x is an integer of 4 bytes in this kernel, not a struct"),
        ("next", "ptr outer", "a pointer to struct inner in this kernel, not a pointer to struct"),
        ("in", "struct other", "outer.in is a struct inner in this kernel, not a struct other"),
        ("many", "items struct outer", "not an array of struct outer"),
        ("many", "items int 4", "not an array of an integer of 4 bytes"),
        ("words", "items int 8", "an array of 8 bytes in this kernel, not an array of an integer"),
        ("words", "chars 8", "an array of 8 bytes in this kernel, not a char array of 8"),
        ("in", "items struct inner", "outer.in is a struct inner in this kernel, not an array"),
        ("in.name", "chars 16", "an array of 8 bytes in this kernel, not a char array of 16"),
    ],
)
def test_not_found(path: str, wants: str, says: str) -> None:
    btf = types()
    with pytest.raises(Mismatch, match=says):
        value_of(btf, reloc("byte_off", path, wants))
    assert value_of(btf, reloc("field_exists", path, wants)) == 0


def test_structs_that_are_not_there_or_differ() -> None:
    btf = types()
    for kind in ("byte_off", "target_type_id", "type_size"):
        with pytest.raises(Mismatch, match="this kernel has no struct nowhere"):
            value_of(btf, reloc(kind, "x", "int 4", "nowhere"))
    assert value_of(btf, reloc("type_exists", "", "", "nowhere")) == 0
    with pytest.raises(Mismatch, match="2 structs twice that differ"):
        value_of(btf, reloc("byte_off", "y", "int 4", "twice"))
    assert btf.name(value_of(btf, reloc("target_type_id", "", ""))) == "outer"
    assert value_of(btf, reloc("type_size", "", "", "inner")) == 12


LOAD, ADD, MOV = 0x61, 0x07, 0xB4


def patched(opcode: int, value: int, insn: int = 0) -> bytes:
    code = struct.pack("<BBhi", opcode, 0x21, 0, 0)
    core = (reloc("byte_off", "x", "int 4", insn=insn, value=value),)
    return patched_core(ProgramSpec("p", 1, 0, (), code, core=core), code, "little")


def test_numbers_go_where_the_instruction_takes_them() -> None:
    assert patched(LOAD, 1268) == struct.pack("<BBhi", LOAD, 0x21, 1268, 0)
    assert patched(ADD, 70_000) == struct.pack("<BBhi", ADD, 0x21, 0, 70_000)
    assert patched(MOV, 1) == struct.pack("<BBhi", MOV, 0x21, 0, 1)
    for opcode in (LOAD, ADD):
        assert patched(opcode, ABSENT) == struct.pack("<BBhi", 0x85, 0, 0, POISON)


def test_numbers_that_have_no_place() -> None:
    with pytest.raises(NotSupportedError, match="past what a load can reach"):
        patched(LOAD, 1 << 15)
    for opcode, insn in ((0x95, 0), (LOAD, 1), (LOAD, -1)):
        with pytest.raises(UsageError, match="takes no offset of a member"):
            patched(opcode, 8, insn)
