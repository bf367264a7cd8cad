"""CO-RE in modules: types that only a module has, in made-up split BTF on made-up kernels."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

import pytest

from probee.btf.reader import Btf
from probee.btf.split import SplitBtf
from probee.btf.writer import BtfBuilder
from probee.errors import FormatError
from probee.relocate.modules import ModuleTypes
from probee.relocate.resolve import Outcome, Resolver
from probee.tables.core_records import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable


def kernel() -> bytes:
    build = BtfBuilder()
    u32 = build.int_("unsigned int", 4)
    build.struct("both", 8, [("a", u32, 32)])
    build.struct("pair", 8, [("shared", u32, 0), ("b", u32, 32), ("late___old", u32, 32)])
    return build.build()


def split(base: bytes, add: Callable[[BtfBuilder], object]) -> tuple[bytes, bytes]:
    """What `add` puts on top of `base` alone, as a module has it, and both as one blob."""
    build = BtfBuilder.resumed(base)
    add(build)
    whole = build.build()
    below, both = Btf(base).sections, Btf(whole).sections
    types = both.words[len(below.words) :].tobytes()
    strings = both.strings[len(below.strings) :].tobytes()
    header = pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    return header + types + strings, whole


def table(build: BtfBuilder) -> None:
    """A struct of the module's own; one whose name the kernel's strings have; one of both."""
    u32 = build.int_("unsigned int", 4)
    build.struct("table", 16, [("pad", u32, 0), ("use", u32, 64)])
    build.struct("shared", 8, [("x", u32, 32)])
    build.struct("both", 8, [("a", u32, 0)])
    build.struct("table___old", 4, [("gone", u32, 0)])
    build.struct("late___old", 12, [("x", u32, 64)])
    build.enum("kind", [("FIRST", 3)])


def other(build: BtfBuilder) -> None:
    u32 = build.int_("unsigned int", 4)
    build.struct("table", 16, [("use", u32, 96)])


def ask(kind: str, name: str, member: str, *modules: Callable[[BtfBuilder], object]) -> Outcome:
    """What becomes of a record about `member` of the struct or enum `name`."""
    local = BtfBuilder()
    if kind.startswith("enumval"):
        type_ = local.enum(name, [(member, 0)])
    else:
        type_ = local.struct(name, 4, [(member, local.int_("unsigned int", 4), 0)])
    base = kernel()
    types = Btf(base)
    found = [ModuleTypes(m.__name__, types, split(base, m)[0]) for m in modules]
    resolver = Resolver(Btf(local.build()), types, big_endian=False, modules=lambda: found)
    access = {"field": "0:0", "value": "0", "type": "0"}[BY_NAME[kind].about]
    return resolver.resolve(BY_NAME[kind].number, type_, access)


@pytest.mark.parametrize(
    ("kind", "name", "member", "value", "module"),
    [
        ("byte_off", "table", "use", 8, "table"),
        ("byte_off", "table___mine", "use", 8, "table"),
        ("byte_off", "table", "gone", 0, "table"),
        ("type_size", "shared", "x", 8, "table"),
        ("type_exists", "table", "use", 1, "table"),
        ("byte_off", "late", "x", 8, "table"),  # a flavour whose name the kernel's strings have
        ("enumval_value", "kind", "FIRST", 3, "table"),
        ("byte_off", "both", "a", 4, ""),  # what the kernel has itself is looked for nowhere else
        ("byte_off", "pair", "b", 4, ""),
    ],
)
def test_found(kind: str, name: str, member: str, value: int, module: str) -> None:
    outcome = ask(kind, name, member, table)
    assert outcome.state == "found", outcome.why
    assert outcome.after is not None
    assert (outcome.after.value, outcome.module) == (value, module)


def test_the_id_goes_on_where_the_kernels_end() -> None:
    outcome = ask("target_type_id", "shared", "x", table)
    assert outcome.after is not None
    assert outcome.after.value == outcome.candidate > len(Btf(kernel()))


@pytest.mark.parametrize(
    ("name", "member", "modules", "state", "why"),
    [
        ("nowhere", "x", (table, other), "missing", "this kernel has no struct nowhere"),
        ("table", "use", (), "missing", "this kernel has no struct table"),
        ("table", "never", (table,), "missing", "table has no member never in this kernel"),
        ("both", "b", (table,), "missing", "both has no member b in this kernel"),
        ("table", "use", (table, other), "refused", "this kernel has 2 types table that differ"),
    ],
)
def test_not_found(
    name: str,
    member: str,
    modules: tuple[Callable[[BtfBuilder], object], ...],
    state: str,
    why: str,
) -> None:
    outcome = ask("byte_off", name, member, *modules)
    assert (outcome.state, outcome.why) == (state, why)


def test_only_what_a_module_has_is_put_together_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Counted(SplitBtf):
        def __init__(self, base: Btf, data: bytes) -> None:
            super().__init__(base, data)
            made.append(self)

    monkeypatch.setattr("probee.btf.split.SplitBtf", Counted)
    base = kernel()
    module = ModuleTypes("table", Btf(base), split(base, table)[0])
    # The name of a member, there and here, of another kind, half of one, none.
    for kind, name in ((4, "a"), (4, "pad"), (6, "table"), (4, "tab"), (4, "")):
        assert module.candidates(kind, name) is None
    assert made == []
    for kind, name in ((4, "table"), (4, "shared"), (6, "kind"), (19, "kind")):
        assert module.candidates(kind, name) is not None
    assert len(made) == 1


def test_both_are_one_table() -> None:
    base = kernel()
    own, whole = split(base, table)
    joined, expected = SplitBtf(Btf(base), own), Btf(whole)
    assert len(joined) == len(expected)
    assert [joined.type(id) for id in range(len(joined) + 1)] == [
        expected.type(id) for id in range(len(expected) + 1)
    ]
    for id in range(1, len(joined) + 1):
        kind, name = joined.kind(id), joined.name(id)
        assert joined.by_name(kind, name) == expected.by_name(kind, name)
    assert joined.first == len(Btf(base)) + 1


def test_damaged_ones_are_refused_at_their_place() -> None:
    base = kernel()
    own, _ = split(base, table)
    for data, at in ((own[:-1], 4), (own[:10], 0), (b"", 0)):
        with pytest.raises(FormatError) as caught:
            SplitBtf(Btf(base), data)
        assert caught.value.offset == at
        with pytest.raises(FormatError):
            ModuleTypes("damaged", Btf(base), data).candidates(4, "nowhere")
    damaged = bytearray(own)
    damaged[24 + 7] = 0x7F  # the kind of its first type
    with pytest.raises(FormatError) as caught:
        SplitBtf(Btf(base), bytes(damaged))
    assert caught.value.offset == 28
    big = BtfBuilder().build(big_endian=True)
    with pytest.raises(FormatError, match="byte order"):
        SplitBtf(Btf(big), own)
