"""Metadata that does not fit the object that it is in: told, or passed over where a linker may have
changed the object.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from probee.btf.reader import Btf
from probee.btf.types import DeclTag, Func
from probee.btf.writer import BtfBuilder
from probee.errors import FormatError
from probee.frozen import replace
from probee.objfile.metadata import PREFIX
from probee.objfile.normal import normal_code
from probee.objfile.read import read_plain
from probee.objfile.restore import restore
from probee.spec import ProgramSpec, Reloc

if TYPE_CHECKING:
    from probee.spec import CollectionSpec

SEED = Path(__file__).parent / "seeds" / "probee.bpfel.o"
PLAIN = read_plain(SEED.read_bytes())


def changed(old: str, new: str, onto: str = "") -> CollectionSpec:
    """The seed with the tag that begins with `old` saying `new`, on what the tag `onto` is on.

    With `old` '' it is one more tag, on the function named `onto`.
    """
    table = Btf(PLAIN.btf)
    places = {t.value: t.type for _, t in table.types() if isinstance(t, DeclTag)}
    functions = {t.name: id for id, t in table.types() if isinstance(t, Func)}
    builder = BtfBuilder()
    builder._strings = bytearray(table.sections.strings)
    for _, type_ in table.types():
        one = type_
        if old and isinstance(type_, DeclTag) and type_.value.startswith(PREFIX + old):
            target = next(at for value, at in places.items() if value.startswith(PREFIX + onto))
            one = DeclTag(PREFIX + new, target if onto else type_.type)
        builder.define(builder.reserve(), one)
    if not old:
        builder.decl_tag(PREFIX + new, functions[onto])
    return replace(PLAIN, btf=builder.build())


def test_unchanged_it_is_restored() -> None:
    spec = restore(PLAIN)
    assert [p.name for p in PLAIN.programs] != [p.name for p in spec.programs]
    assert [p.name for p in spec.programs] == ["opening", "typed"]


@pytest.mark.parametrize(
    ("old", "new", "onto", "said"),
    [
        ("percpu", "map - - 0", "", "has 2 tags map"),
        ("map u64", "counter 7 trap x y z 1 t", "", "map counts has 0 tags"),
        ("variable 2 bool", "variable 2 u64", "", "flag has 1 bytes, not 8"),
        (
            "variable 1 u64",
            "variable 1 u64 each 1",
            "",
            "lies outside of the variables",
        ),
        ("variable 1 u64", "variable 0 u64 each 0", "", "two things have one number"),
        ("variable 1 u64", "variable 7 u64 each 0", "", "nothing has the number 1"),
        ("counter 0 ring", "counter 0 r x y z 1 t", "", "is not counter 0 of kind r"),
        ("percpu", "percpu 05zz", "", "not in hexadecimal"),
        ("percpu", "percpu 0500", "", "have 8 bytes, not 2"),
        ("program 0", "program", "", "where a number belongs"),
        ("struct 0", "struct", "", "where a number belongs"),
        ("also", "program 0 tracepoint:a\\.b", "", "two things have one number"),
    ],
)
def test_it_is_told(old: str, new: str, onto: str, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        restore(changed(old, new, onto))


@pytest.mark.parametrize(("count", "kept"), [("0 0 0", 0), ("9999 412 1", 1), ("25 412 1", 1)])
def test_types_that_a_linker_has_put_in_order_stay(count: str, kept: int) -> None:
    spec = changed("btf", f"btf {count}")
    assert restore(spec).btf == (spec.btf if kept else b"")


def test_what_is_said_twice_is_passed_over() -> None:
    spec = changed("also", "structs 0", "maps")
    assert restore(spec) == spec


def test_an_instruction_may_be_told_of_by_itself() -> None:
    (core,) = PLAIN.program("typed").core
    spec = changed("", f"core {core.insn} byte_off pid int\\_8", "typed")
    (found,) = restore(spec).program("typed").core
    assert (found.path, found.wants) == ("pid", "int 8")
    assert found.insn == core.insn


def test_a_relocation_of_no_instruction() -> None:
    program = ProgramSpec("p", 0, 0, (), b"\x95" + bytes(7), (Reloc(1, "map", "m"),))
    with pytest.raises(FormatError, match="no instruction at slot 1"):
        normal_code(program, "little")
    other = replace(program, relocs=(Reloc(0, "ksym", "m"),))
    assert normal_code(other, "little") == other.code
