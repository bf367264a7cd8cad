"""Stored specs: what `encode` writes comes back equal; anything else is a FormatError."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from probee.errors import FormatError
from probee.frozen import Frozen, replace
from probee.host.digest import sha256
from probee.runtime import codec
from probee.spec import (
    ArrayOf,
    Attach,
    CharArray,
    CollectionSpec,
    ContextField,
    CounterSpec,
    ExternSpec,
    Int,
    MapSpec,
    Pointer,
    ProgramSpec,
    Reloc,
    StructType,
    VariableSpec,
    layout,
)

U32 = Int("u32", 4, False)
FLAG = Int("bool", 1, False, boolean=True)
INNER = layout("Inner", (("a", U32), ("ok", FLAG)))
OPEN = layout(
    "Open",
    (
        ("pid", U32),
        ("inner", INNER),
        ("comm", CharArray(16)),
        ("at", Pointer("user", "char")),
        ("times", ArrayOf(Int("s64", 8, True), 3)),
    ),
)
SPEC = CollectionSpec(
    maps=(
        MapSpec("opens", 27, 0, 0, 1 << 21, value_type=OPEN),
        MapSpec(".rodata", 2, 4, 8, 1, flags=1152, contents=bytes(range(8)), frozen=True),
        MapSpec(".bss", 2, 4, 16, 1, contents=bytes(16)),
        MapSpec("start", 1, 4, 8, 10_240, key_type=U32, value_type=OPEN, key_btf=3, value_btf=4),
        MapSpec(
            "outer",
            12,
            4,
            4,
            2,
            extra=1 << 44,
            pinning=1,
            numa_node=1,
            autocreate=False,
            inner=(MapSpec("outer.inner", 2, 4, 8, 1),),
            values=((1, "start"),),
        ),
    ),
    programs=tuple(
        ProgramSpec(
            name,
            5,
            0,
            (Attach("tracepoint", f"syscalls:{name}"),),
            bytes(range(8)) * 90,
            tuple(Reloc(slot, "map", "opens", -slot) for slot in range(8)),
            bytes(16),
            bytes(16 * 60),
            ((name, 0), ("wanted", 60)),
            (ContextField("ret", 16, 8, True),),
            ("get_current_pid_tgid", "ringbuf_reserve"),
            section=f"tracepoint/syscalls/{name}",
            autoload=name != "exit_creat",
        )
        for name in ("exit_open", "exit_openat", "exit_openat2", "exit_creat", "exit_handle")
    ),
    variables=(VariableSpec("only", ".rodata", 0, U32),),
    counters=(CounterSpec("trap", "KeyError", ".bss", 8, "p", "f\udc80.py", 3, "del m[k]"),),
    structs=(OPEN, INNER),
    btf=bytes(3000),
    externs=(ExternSpec("CONFIG_HZ", "kconfig", 7, weak=True, value="int", offset=8, size=4),),
    version=0x60100,
)


def seal(body: bytes) -> bytes:
    return codec.MAGIC + sha256(body) + body


def body_of(spec: CollectionSpec) -> bytes:
    return codec.encode(spec)[codec._HEAD :]


def test_a_spec_comes_back_equal() -> None:
    data = codec.encode(SPEC)
    assert codec.decode(data) == SPEC
    assert codec.encode(codec.decode(data)) == data


def test_the_schema_names_every_field_of_every_record() -> None:
    todo: list[type[Frozen]] = [CollectionSpec]
    seen: set[type] = set()
    while todo:
        cls = todo.pop()
        seen.add(cls)
        name = cls.__name__
        assert codec.SCHEMA[name][0] is cls
        assert tuple(codec.SCHEMA[name][1]) == cls.__match_args__
        for kind in codec.SCHEMA[name][1].values():
            named = codec.TAGS[1:] if kind.startswith("type") else (kind.strip("[]"),)
            inner = [codec.SCHEMA[n][0] for n in named if n in codec.SCHEMA]
            todo += [cls for cls in inner if cls not in seen]
    assert seen == {cls for cls, _ in codec.SCHEMA.values()}


def test_maps_cannot_stand_in_one_another_without_end() -> None:
    nested = MapSpec("m", 12, 4, 4, 1)
    for _ in range(codec._DEEPEST):
        nested = MapSpec("m", 12, 4, 4, 1, inner=(nested,))
    with pytest.raises(FormatError, match="too deep"):
        codec.decode(codec.encode(CollectionSpec((nested,), ())))


names = st.text(max_size=8)
u32s = st.integers(0, (1 << 32) - 1)
types = st.recursive(
    st.one_of(
        st.builds(Int, names, st.sampled_from([1, 2, 4, 8]), st.booleans(), st.booleans()),
        st.builds(CharArray, st.integers(2, 4096)),
        st.builds(Pointer, names, names),
    ),
    lambda inner: st.one_of(
        st.builds(ArrayOf, inner, st.integers(0, 9)),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda members: layout("s", tuple((f"m{i}", m) for i, m in enumerate(members)))
        ),
    ),
    max_leaves=6,
)
specs = st.builds(
    CollectionSpec,
    maps=st.lists(
        st.builds(
            MapSpec,
            names,
            u32s,
            u32s,
            u32s,
            u32s,
            key_type=st.none() | types,
            value_type=st.none() | types,
            contents=st.binary(max_size=20),
            frozen=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    programs=st.lists(
        st.builds(
            ProgramSpec,
            names,
            u32s,
            u32s,
            st.lists(st.builds(Attach, names, names), max_size=2).map(tuple),
            st.binary(max_size=4).map(lambda b: b * 8),
            st.lists(
                st.builds(Reloc, u32s, names, names, st.integers(-1 << 63, (1 << 63) - 1)),
                max_size=3,
            ).map(tuple),
            functions=st.lists(st.tuples(names, u32s), max_size=2).map(tuple),
            helpers=st.lists(names, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    variables=st.lists(
        st.builds(VariableSpec, names, names, st.integers(0, 1 << 20), types), max_size=2
    ).map(tuple),
    btf=st.binary(max_size=30),
    license=names,
)


def housed(spec: CollectionSpec) -> CollectionSpec:
    """With the sections that its variables lie in."""
    ends: dict[str, int] = {}
    for variable in spec.variables:
        end = variable.offset + variable.type.size
        ends[variable.section] = max(ends.get(variable.section, 0), end)
    sections = tuple(MapSpec(name, 2, 4, end, 1) for name, end in ends.items())
    return replace(spec, maps=(*spec.maps, *sections))


@given(specs.map(housed))
def test_any_spec_comes_back_equal(spec: CollectionSpec) -> None:
    assert codec.decode(codec.encode(spec)) == spec


@given(st.data())
def test_damage_anywhere_is_found(data: st.DataObject) -> None:
    good = codec.encode(SPEC)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(FormatError):
        codec.decode(bytes(bad))


@given(st.integers(0, len(codec.encode(SPEC)) - 1))
def test_a_cut_file_is_found(length: int) -> None:
    with pytest.raises(FormatError):
        codec.decode(codec.encode(SPEC)[:length])


@given(st.binary(min_size=1, max_size=40))
def test_something_behind_the_end_is_found(tail: bytes) -> None:
    with pytest.raises(FormatError):
        codec.decode(codec.encode(SPEC) + tail)
    with pytest.raises(FormatError):
        codec.decode(seal(body_of(SPEC) + tail))


@given(st.data())
def test_damage_under_a_right_digest_gives_a_spec_or_a_format_error(data: st.DataObject) -> None:
    """Who can write the digest can write anything: still no other exception and no hang."""
    bad = bytearray(body_of(SPEC))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 16) | st.integers(0, len(bad) // 8 - 1).map(lambda i: 8 * i))
        bad[at : at + 8] = data.draw(st.binary(min_size=8, max_size=8) | st.just(bytes(8)))
    try:
        spec = codec.decode(seal(bytes(bad)))
    except FormatError:
        return
    assert codec.decode(codec.encode(spec)) == spec


@given(st.binary(max_size=300))
def test_any_bytes_under_a_right_digest(body: bytes) -> None:
    try:
        codec.decode(seal(body))
    except FormatError:
        return


def words(*numbers: int, texts: int = 0, blobs: int = 0, rest: bytes = b"") -> bytes:
    """A body by hand."""
    counts = b"".join(n.to_bytes(4, "little") for n in (texts, blobs, len(numbers), 0))
    return counts + b"".join(n.to_bytes(8, "little", signed=True) for n in numbers) + rest


@pytest.mark.parametrize(
    "body",
    [
        words(1 << 62),  # a list longer than anything
        words(-1),
        b"\xff" * 12 + bytes(4),  # counts that no file has room for
        words(0, 0, 0, 0, 0),  # ends where the texts and blobs begin
        words(0, 0, 1, -1, texts=0),
    ],
)
def test_lengths_are_checked_before_they_are_used(body: bytes) -> None:
    with pytest.raises(FormatError):
        codec.decode(seal(body))


@pytest.mark.parametrize(
    "changes",
    [
        {"counters": (CounterSpec("trap", "KeyError", ".bss", 16),)},
        {"counters": (CounterSpec("trap", "KeyError", ".bss", 9),)},
        {"counters": (CounterSpec("trap", "KeyError", ".data", 0),)},
        {"variables": (VariableSpec("only", ".rodata", 5, U32),)},
        {"variables": (VariableSpec("only", ".nowhere", 0, U32),)},
    ],
)
def test_what_lies_in_no_section_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="a stored CollectionSpec"):
        codec.decode(codec.encode(replace(SPEC, **changes)))
    codec.decode(codec.encode(replace(SPEC, variables=(VariableSpec("only", ".code", 0, U32),))))


def test_types_too_deep_in_one_another_are_refused() -> None:
    type_ = ArrayOf(U32, 1)
    for _ in range(codec._DEEPEST + 2):
        type_ = ArrayOf(type_, 1)
    deep = CollectionSpec((MapSpec("m", 1, 4, 4, 1, value_type=type_),), ())
    with pytest.raises(FormatError, match="too deep"):
        codec.decode(codec.encode(deep))


@pytest.mark.parametrize(
    "spec",
    [
        CollectionSpec((MapSpec("m", 1 << 32, 4, 4, 1),), ()),
        CollectionSpec((MapSpec("m", -1, 4, 4, 1),), ()),
        CollectionSpec((MapSpec("m", 1, 4, 4, 1, frozen=1),), ()),  # type: ignore[arg-type]
        CollectionSpec((MapSpec(3, 1, 4, 4, 1),), ()),  # type: ignore[arg-type]
        CollectionSpec((), (Attach("a", "b"),)),  # type: ignore[arg-type]
        CollectionSpec([], ()),  # type: ignore[arg-type]
    ],
)
def test_what_does_not_fit_is_not_written(spec: CollectionSpec) -> None:
    with pytest.raises(FormatError):
        codec.encode(spec)


@pytest.mark.parametrize(
    "spec",
    [
        CollectionSpec((), (ProgramSpec("p", 5, 0, (), bytes(7)),)),
        CollectionSpec((), (), structs=(StructType("s", OPEN.fields, 3, 1),)),
        CollectionSpec((), (), variables=(VariableSpec("v", ".data", 0, Int("u24", 3, False)),)),
        CollectionSpec((), (), endian="middle"),
    ],
)
def test_what_no_compiler_makes_is_not_read(spec: CollectionSpec) -> None:
    with pytest.raises(FormatError):
        codec.decode(codec.encode(spec))
