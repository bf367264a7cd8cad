"""CO-RE by libbpf's rules: records of every kind against a small kernel. (What libbpf itself finds
on the running kernel is compared in tests/oracle/test_core.py.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from probee.btf.reader import Btf
from probee.btf.types import Member, Struct
from probee.btf.writer import BtfBuilder
from probee.relocate.resolve import Outcome, Resolver
from probee.relocate.view import View, essential_name
from probee.tables.core_records import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable


class Both(NamedTuple):
    """Types by name: of an object, and of a kernel."""

    local: Btf
    kernel: Btf
    ids: dict[str, int]

    def ask(self, kind: str, type_: str, access: str, *, big: bool = False) -> Outcome:
        resolver = Resolver(self.local, self.kernel, big_endian=big)
        return resolver.resolve(BY_NAME[kind].number, self.ids[type_], access)


def made(
    local: Callable[[BtfBuilder], dict[str, int]], kernel: Callable[[BtfBuilder], object]
) -> Both:
    ours, theirs = BtfBuilder(), BtfBuilder()
    ids = local(ours)
    kernel(theirs)
    return Both(Btf(ours.build()), Btf(theirs.build()), ids)


def _local(build: BtfBuilder) -> dict[str, int]:
    u32, s32 = build.int_("unsigned int", 4), build.int_("int", 4, signed=True)
    u64 = build.int_("unsigned long", 8)
    inner = build.struct("inner", 8, [("x", u32, 0), ("y", u32, 32)])
    task = build.add(
        Struct(
            "task___mine",
            64,
            (
                Member("pid", s32, 0),
                Member("flag", u32, 33, 3),
                Member("inner", inner, 64),
                Member("many", build.array(inner, 4), 128),
                Member("gone", u32, 384),
                Member("wide", u32, 416),
                Member("next", build.ptr(inner), 448),
            ),
        )
    )
    return {
        "task": task,
        "inner": inner,
        "state": build.enum("state___v2", [("RUN", 1), ("GONE", 2), ("NEGATIVE", -1)], signed=True),
        "high": build.enum("high", [("TOP", 1)]),
        "count_t": build.typedef("count_t", u64),
        "nowhere": build.struct("nowhere", 4, [("x", u32, 0)]),
        "anonymous": build.struct("", 4, [("x", u32, 0)]),
        "two": build.struct("two", 4, [("x", u32, 0)]),
        "same": build.struct("same", 8, [("p", build.ptr(inner), 0)]),
        "other": build.struct("other", 4, [("x", u32, 0)]),
        "load": build.struct("load", 4, [("word", u32, 0), ("signed", s32, 0)]),
    }


def _kernel(build: BtfBuilder) -> None:
    u32, s32 = build.int_("unsigned int", 4), build.int_("int", 4, signed=True)
    u64 = build.int_("unsigned long", 8)
    s64 = build.int_("long", 8, signed=True)
    inner = build.struct("inner", 16, [("y", u32, 0), ("x", u32, 64)])
    nameless = build.add(Struct("", 8, (Member("flag", s32, 35, 2),)))
    build.add(
        Struct(
            "task",
            200,
            (
                Member("", nameless, 64),
                Member("inner", build.const(inner), 256),
                Member("pid", s32, 512),
                Member("many", build.array(inner, 3), 576),
                Member("wide", build.ptr(0), 1000),
            ),
        )
    )
    build.enum("state", [("NEGATIVE", -7), ("RUN", 5)], signed=True)
    build.enum("high", [("TOP", 0x80000000)])
    build.typedef("count_t", u64)
    build.struct("two", 4, [("x", u32, 0)])
    build.struct("two___2", 8, [("x", u32, 32)])
    build.struct("same", 16, [("other", u32, 0), ("p", build.ptr(inner), 64)])
    build.struct("other", 4, [("x", s32, 0)])
    build.struct("load", 16, [("word", u64, 0), ("signed", s64, 64)])


BOTH = made(_local, _kernel)


@pytest.mark.parametrize(
    ("kind", "type_", "access", "value"),
    [
        ("byte_off", "task", "0:0", 64),
        ("byte_off", "task", "0:2", 32),
        ("byte_off", "task", "0:2:0", 40),
        ("byte_off", "task", "0:3:2:1", 72 + 32),
        ("byte_off", "inner", "2:1", 32),
        ("byte_sz", "task", "0:3", 48),
        ("byte_sz", "task", "0:3:1", 16),
        ("byte_sz", "inner", "1", 16),
        ("field_exists", "task", "0:0", 1),
        ("signed", "task", "0:1", 1),
        ("byte_off", "task", "0:1", 12),
        ("byte_sz", "task", "0:1", 4),
        ("lshift_u64", "task", "0:1", 64 - (3 + 2)),
        ("rshift_u64", "task", "0:1", 62),
        ("type_exists", "task", "0", 1),
        ("type_size", "task", "0", 200),
        ("type_size", "count_t", "0", 8),
        ("local_type_id", "nowhere", "0", BOTH.ids["nowhere"]),
        ("enumval_exists", "state", "0", 1),
        ("enumval_value", "state", "2", (1 << 64) - 7),
        ("enumval_value", "state", "0", 5),
        ("enumval_value", "high", "0", (1 << 64) - (1 << 31)),
        ("type_matches", "same", "0", 1),
    ],
)
def test_found(kind: str, type_: str, access: str, value: int) -> None:
    outcome = BOTH.ask(kind, type_, access)
    assert outcome.state == "found", outcome
    assert outcome.after is not None
    assert outcome.after.value == value


def test_big_endian_counts_bits_from_the_top() -> None:
    outcome = BOTH.ask("lshift_u64", "task", "0:1", big=True)
    assert outcome.after is not None
    assert outcome.after.value == 4 * 8 + 3


def test_the_kernels_type_id() -> None:
    outcome = BOTH.ask("target_type_id", "task", "0")
    assert outcome.after is not None
    assert BOTH.kernel.name(outcome.after.value) == "task"


@pytest.mark.parametrize(
    ("kind", "type_", "access", "value", "why"),
    [
        ("field_exists", "task", "0:4", 0, "task has no member gone in this kernel"),
        ("byte_off", "task", "0:4", None, "task has no member gone in this kernel"),
        ("byte_off", "task", "0:3:3", None, "task.many has 3 elements in this kernel"),
        ("byte_off", "task", "0:5", None, "task.wide is a pointer in this kernel, not an integer"),
        ("type_exists", "nowhere", "0", 0, "this kernel has no struct nowhere"),
        ("type_size", "nowhere", "0", 0, "this kernel has no struct nowhere"),
        ("target_type_id", "nowhere", "0", 0, "this kernel has no struct nowhere"),
        ("byte_off", "nowhere", "0:0", None, "this kernel has no struct nowhere"),
        ("enumval_exists", "state", "1", 0, "enum state has no GONE in this kernel"),
        ("enumval_value", "state", "1", None, "enum state has no GONE in this kernel"),
        ("type_matches", "other", "0", 0, "other does not match the kernel's"),
    ],
)
def test_missing(kind: str, type_: str, access: str, value: int | None, why: str) -> None:
    outcome = BOTH.ask(kind, type_, access)
    assert (outcome.state, outcome.why) == ("missing", why)
    assert outcome.poisons == (value is None)
    assert (outcome.after.value if outcome.after else None) == value


@pytest.mark.parametrize(
    ("kind", "type_", "access", "why"),
    [
        ("byte_off", "two", "0:0", "this kernel has 2 types two that differ"),
        ("byte_off", "anonymous", "0:0", "a type without a name is in no kernel"),
        ("byte_off", "task", "0:9", "it has 7 members"),
        ("byte_off", "task", "0:0:0", "neither members nor elements"),
        ("byte_off", "task", "0:x", "expected numbers between colons"),
        ("byte_off", "task", ":".join("0" * 65), "more than 64 steps"),
        ("type_size", "task", "1", "a question about a type says 0"),
        ("enumval_value", "task", "0", "expected an enum and one number"),
        ("enumval_value", "state", "3", "the enum has 3 names"),
        ("signed", "task", "0:3:1", "only members have it"),
    ],
)
def test_refused(kind: str, type_: str, access: str, why: str) -> None:
    outcome = BOTH.ask(kind, type_, access)
    assert outcome.state == "refused"
    assert why in outcome.why


def test_a_kind_that_nobody_knows() -> None:
    assert Resolver(BOTH.local, BOTH.kernel, big_endian=False).resolve(13, 1, "0").kind is None


def test_loads_take_another_size_only_of_unsigned_numbers_and_pointers() -> None:
    assert BOTH.ask("byte_off", "load", "0:0").load_fits
    assert not BOTH.ask("byte_off", "load", "0:1").load_fits


def test_without_a_kernel_the_compilers_number_is_told() -> None:
    outcome = Resolver(BOTH.local, None, big_endian=False).resolve(0, BOTH.ids["task"], "0:2:1")
    assert outcome.state == "not asked"
    assert outcome.before is not None
    assert outcome.before.value == 12


@pytest.mark.parametrize(
    ("name", "essential"),
    [
        ("task_struct", "task_struct"),
        ("task_struct___old", "task_struct"),
        ("a___b___c", "a___b"),
        ("a____b", "a____b"),
        ("___x", "___x"),
        ("x___", "x___"),
        ("", ""),
    ],
)
def test_essential_names(name: str, essential: str) -> None:
    assert essential_name(name) == essential


def test_flavours_of_the_kernel_are_candidates() -> None:
    found = View(BOTH.kernel).candidates(4, "two___mine")
    assert [BOTH.kernel.name(id) for id in found] == ["two", "two___2"]


def test_what_a_record_ruled_out_stays_so() -> None:
    """As in libbpf: of `two`, the flavour alone has `only`; then `x` is no longer in doubt."""

    def local(build: BtfBuilder) -> dict[str, int]:
        u32 = build.int_("unsigned int", 4)
        return {"two": build.struct("two", 8, [("x", u32, 0), ("only", u32, 32)])}

    def kernel(build: BtfBuilder) -> None:
        u32 = build.int_("unsigned int", 4)
        build.struct("two", 4, [("x", u32, 0)])
        build.struct("two___2", 12, [("only", u32, 0), ("x", u32, 32)])

    both = made(local, kernel)
    resolver = Resolver(both.local, both.kernel, big_endian=False)
    assert resolver.resolve(0, both.ids["two"], "0:0").state == "refused"
    assert resolver.resolve(0, both.ids["two"], "0:1").state == "found"
    outcome = resolver.resolve(0, both.ids["two"], "0:0")
    assert outcome.after is not None
    assert outcome.after.value == 4
