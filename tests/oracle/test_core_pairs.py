"""CO-RE: a member declared as one sort of type, and a kernel that has it as another, every pair.

In: sorts of types. Out: an object that asks for each pair and a kernel's types, which libbpf is
given too. What `inspect` answers is what libbpf answers; what a Session's own loader finds, which
is stricter, libbpf finds at the same place.
"""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

import pytest

from probee.btf.ext import CoreRelo, ExtSection
from probee.btf.reader import Btf
from probee.btf.types import Int, Member, Struct
from probee.btf.writer import BtfBuilder
from probee.relocate.match import Mismatch, value_of
from probee.relocate.resolve import Resolver
from probee.spec.programs import CoreReloc
from probee.tables.core_records import BY_NAME
from tests.oracle.test_core import agrees, log_of, said
from tests.unit.objfile.samples import EXIT, Sample

if TYPE_CHECKING:
    from pathlib import Path

SORTS = (
    "s8", "u8", "s32", "u32", "u64", "bool", "typedef", "const", "enum", "enum of names", "enum8",
    "enum64", "void *", "struct *", "declared *", "int **", "char[16]", "u8[16]", "u8[4]", "u32[4]",
    "enum[4]", "struct[4]", "[2][4]", "[]", "struct", "another struct", "union", "float", "3 bits",
    "signed bits", "enum bits", "old bits",
)  # fmt: skip
ASKED = ("byte_off", "field_exists", "byte_sz", "signed", "lshift_u64", "rshift_u64")
# What a Session's loader holds a member against, and how the compiler declares it: a sort.
WANTS = {
    "int 1": "u8", "int 4": "u32", "int 8": "u64", "enum 4": "enum", "enum 8": "enum8",
    "ptr": "void *", "ptr inner": "void *", "ptrs inner": "void *", "chars 16": "char[16]",
    "struct inner": "struct", "items int 4": "u32[4]", "items struct inner": "struct[4]",
}  # fmt: skip
LDIMM64 = 0x18
U32 = 0xFFFFFFFF


def sort(build: BtfBuilder, name: str, side: str) -> tuple[int, int]:
    """A type of that sort, and the bits of a bit field."""
    char, u32 = build.int_("char", 1, signed=True), build.int_("unsigned int", 4)
    inner = build.struct("inner", 8, [("a", u32, 0), ("b", u32, 32)])
    enum = build.enum("", [("ONE", 1)])
    bits = 3 if name.endswith(" bits") and name != "old bits" else 0
    types = {
        "s8": lambda: char,
        "u8": lambda: build.int_("unsigned char", 1),
        "s32": lambda: build.int_("int", 4, signed=True),
        "u32": lambda: u32,
        "u64": lambda: build.int_("unsigned long", 8),
        "bool": lambda: build.int_("_Bool", 1, boolean=True),
        "typedef": lambda: build.typedef(f"number_{side}", build.const(u32)),
        "const": lambda: build.const(build.volatile(u32)),
        "enum": lambda: enum,
        "enum of names": lambda: build.enum(f"names_{side}", [("TWO", 2)]),
        "enum8": lambda: build.enum("", (), size=8),
        "enum64": lambda: build.enum("", [("HIGH", 1 << 40)], size=8),
        "void *": lambda: build.ptr(0),
        "struct *": lambda: build.ptr(inner),
        "declared *": lambda: build.ptr(build.fwd(f"unknown_{side}")),
        "int **": lambda: build.ptr(build.ptr(u32)),
        "char[16]": lambda: build.array(char, 16),
        "u8[16]": lambda: build.array(build.int_("unsigned char", 1), 16),
        "u8[4]": lambda: build.array(build.int_("unsigned char", 1), 4),
        "u32[4]": lambda: build.array(u32, 4),
        "enum[4]": lambda: build.array(enum, 4),
        "struct[4]": lambda: build.array(inner, 4),
        "[2][4]": lambda: build.array(build.array(u32, 4), 2),
        "[]": lambda: build.array(u32, 0),
        "struct": lambda: inner,
        "another struct": lambda: build.struct(f"other_{side}", 4, [("x", u32, 0)]),
        "union": lambda: build.union("inner", 8, [("x", u32)]),
        "float": lambda: build.float_("double", 8),
        "3 bits": lambda: u32,
        "signed bits": lambda: build.int_("int", 4, signed=True),
        "enum bits": lambda: enum,
        "old bits": lambda: build.add(Int("unsigned int", 4, 3, 0, 5)),
    }
    return types[name](), bits


def owner(build: BtfBuilder, sorts: tuple[str, ...], side: str, space: int) -> int:
    """A struct with a member of each sort, called by its number, `space` bytes apart."""
    members = []
    for number, name in enumerate(sorts):
        type_, bits = sort(build, name, side)
        members.append(Member(f"m{number}", type_, number * space * 8, bits))
    return build.add(Struct("owner", len(sorts) * space, tuple(members)))


def asked(resolver: Resolver, type_: int, kind: str) -> list[tuple[int, str]]:
    """The records that an object can have: number of the member, what the compiler wrote."""
    found = []
    for number in range(len(SORTS)):
        outcome = resolver.resolve(BY_NAME[kind].number, type_, f"0:{number}")
        if outcome.before is not None:
            found.append((outcome.before.value, f"0:{number}"))
    return found


@pytest.mark.kernel
@pytest.mark.oracle
@pytest.mark.parametrize("kernels", SORTS)
def test_every_pair_is_answered_as_by_libbpf(kernels: str, tmp_path: Path) -> None:
    """All members of this kernel are of one sort."""
    theirs = BtfBuilder()
    owner(theirs, (kernels,) * len(SORTS), "kernel", 72)
    blob = theirs.build()
    (tmp_path / "kernel.btf").write_bytes(blob)
    sample = Sample()
    type_ = owner(sample.types, SORTS, "local", 64)
    nobody = Resolver(Btf(sample.types.build()), None, big_endian=False)
    rows = [(kind, *one) for kind in ASKED for one in asked(nobody, type_, kind)]
    code = (
        b"".join(
            pack("<BBhIII", LDIMM64, 0, 0, before & U32, 0, before >> 32) for _, before, _ in rows
        )
        + EXIT
    )
    sample.code("socket", code)
    string = sample.types.string
    records = [
        CoreRelo(16 * at, type_, string(access), BY_NAME[kind].number)
        for at, (kind, _, access) in enumerate(rows)
    ]
    sample.core.append(ExtSection(string("socket"), tuple(records)))
    path = tmp_path / "pairs.bpf.o"
    path.write_bytes(sample.build())
    logged = said(log_of(path, tmp_path / "kernel.btf"))
    assert len(logged) == len(rows)
    resolver = Resolver(Btf(sample.types.build()), Btf(blob), big_endian=False)
    for (kind, _, access), one in zip(rows, logged, strict=True):
        agrees(resolver.resolve(BY_NAME[kind].number, type_, access), LDIMM64, one)


# What libbpf takes as it comes and a Session refuses, as it would be read wrong: a number or text
# of another size, a bit field, another struct, a pointer to something else.
STRICTER = {
    "int 1": {"s32", "u32", "u64", "typedef", "const", "3 bits", "signed bits"},
    "int 4": {"s8", "u8", "u64", "bool", "3 bits", "signed bits"},
    "int 8": {"s8", "u8", "s32", "u32", "bool", "typedef", "const", "3 bits", "signed bits"},
    "enum 4": {"enum8", "enum64", "enum bits"},
    "enum 8": {"enum", "enum of names", "enum bits"},
    "ptr inner": {"declared *", "int **"},
    "ptrs inner": {"void *", "struct *", "declared *", "int **"},
    "chars 16": {"u8[4]", "u32[4]", "[]"},
    "struct inner": {"another struct"},
    "items int 4": {"char[16]", "u8[16]", "u8[4]"},
}


@pytest.mark.parametrize("wants", WANTS)
def test_what_a_session_finds_libbpf_finds(wants: str) -> None:
    stricter = set()
    for kernels in SORTS:
        ours, theirs = BtfBuilder(), BtfBuilder()
        type_ = owner(ours, (WANTS[wants],) * 2, "local", 64)
        owner(theirs, (kernels,) * 2, "kernel", 72)
        kernel = Btf(theirs.build())
        resolver = Resolver(Btf(ours.build()), kernel, big_endian=False)
        outcome = resolver.resolve(0, type_, "0:1")
        assert outcome.state in ("found", "missing")
        try:
            found = value_of(kernel, CoreReloc(0, "byte_off", "owner", "m1", wants, type_, "0:1"))
        except Mismatch:
            if outcome.state == "found":
                stricter.add(kernels)
        else:
            assert outcome.after is not None, kernels
            assert found == outcome.after.value, kernels
    assert stricter == STRICTER.get(wants, set())
