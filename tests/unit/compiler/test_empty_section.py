"""A section that holds no variable of the user's is described by no type at all."""

from __future__ import annotations

from probee import Context, Global, Hist, Session, raw_tracepoint, u64
from tests.meaning.facts import Facts

linear = Hist(linear=(0, 8, 1))
by_power = Hist(u64, max_entries=4)
number = Global(u64, 1)


@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> None:
    by_power[number.value].add(number.value)


def test_a_section_of_the_compilers_own_bytes_has_no_type() -> None:
    """Linux before 5.13 refuses a DATASEC without variables, and with it all types."""
    spec = Session(program, facts=Facts({})).spec
    sections = {map.name: map.value_btf for map in spec.maps if map.name.startswith(".")}
    assert sections[".rodata"] == 0
    assert sections[".data"] > 0
