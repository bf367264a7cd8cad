"""A map watched: elements in, what changed and how fast out."""

from __future__ import annotations

import json
from math import nan
from struct import pack
from typing import TYPE_CHECKING, Any

import pytest

from probee.btf.reader import Btf
from probee.btf.writer import BtfBuilder
from probee.introspect.loaded.maps import Map
from probee.introspect.loaded.types import Types
from probee.introspect.running import map_json, map_watch
from probee.introspect.running.map_page import block, page, title
from probee.introspect.running.map_values import Decoder, added, leaves, shown
from probee.introspect.running.map_watch import Change, Watch, why_not
from probee.tables.maps import MAP_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 1_000_000_000
HASH, PERCPU_ARRAY = 1, 6


def a_map(type_: int = HASH, value: int = 8, key: int = 4) -> Map:
    name = {HASH: "hash", PERCPU_ARRAY: "percpu_array"}[type_]
    return Map(
        7, type_, name, "x\x1b[2J", 0, 0, 0, 0, key, value, 100, "", "", "", False, 0, 0, 0, 0
    )


class Elements:
    """Looks in turn."""

    def __init__(self, *looks: dict[int, int]) -> None:
        self.looks = list(looks)

    def __call__(self, fd: int, row: Map) -> Iterator[list[tuple[bytes, bytes | int]]]:
        now = self.looks.pop(0)
        yield [(k.to_bytes(4, "little"), v.to_bytes(8, "little")) for k, v in now.items()]
        yield [(b"gone", 2)]  # an element that vanished before its value was read


def watching(monkeypatch: pytest.MonkeyPatch, *looks: dict[int, int]) -> Watch:
    monkeypatch.setattr(map_watch, "elements", Elements(*looks))
    return Watch(3, a_map(), Types())


def told(rows: list[Change]) -> list[tuple[str, str, str]]:
    return [(row.key, row.value, row.state) for row in rows]


def test_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watching(monkeypatch, {1: 10, 300: 5, 2: 7}, {1: 30, 2: 7, 4: 1})
    assert told(watch.look(10, now=0)) == [("1", "10", ""), ("2", "7", ""), ("300", "5", "")]
    rows = watch.look(10, now=2 * SECOND)
    assert told(rows) == [
        ("1", "30", "changed"), ("2", "7", ""), ("4", "1", "new"), ("300", "5", "gone"),
    ]  # fmt: skip
    assert rows[0].rates == (("", 10.0),)
    assert (rows[0].key_bytes, rows[0].value_bytes) == (b"\1\0\0\0", b"\x1e" + bytes(7))
    assert watch.seconds == 2.0
    assert (watch.count, watch.changed, watch.whole, watch.typed) == (3, 3, True, False)


def test_of_a_large_map_the_largest_changes_and_then_the_latest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = dict.fromkeys(range(100), 50)
    watch = watching(
        monkeypatch, first, first | {5: 60, 6: 10, 7: 51}, first | {5: 60, 6: 10, 7: 51, 8: 49}
    )
    watch.look(4, now=0)
    assert [row.key for row in watch.look(4, now=SECOND)] == ["6", "5", "7", "0"]
    again = watch.look(4, now=2 * SECOND)
    assert again[0].key == "8"
    assert {row.key for row in again} == {"5", "6", "7", "8"}
    assert again[0].rates == (("", -1.0),)


def test_no_more_is_read_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_watch, "MOST", 10)
    watch = watching(monkeypatch, dict.fromkeys(range(20), 1))
    assert len(watch.look(100, now=0)) == 10
    assert not watch.whole
    assert "the first 10 elements" in title(a_map(), watch, "every 1 s")


def test_thousands_of_changes_are_not_all_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    many = dict.fromkeys(range(5000), 1)
    watch = watching(monkeypatch, many, {key: key + 1 for key in many})
    watch.look(10, now=0)
    decoded: list[bytes] = []
    whole = Decoder.value

    def counted(decoder: Decoder, data: bytes) -> Any:
        decoded.append(data)
        return whole(decoder, data)

    monkeypatch.setattr(Decoder, "value", counted)
    rows = watch.look(10, now=SECOND)
    assert [row.key for row in rows] == [str(4999 - i) for i in range(10)]
    assert len(decoded) < 2500


def test_per_cpu_values_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probee.introspect.running.map_values.possible", lambda: [0, 1, 2])
    decoder = Decoder(a_map(PERCPU_ARRAY, value=4), Types())
    data = b"".join(n.to_bytes(8, "little") for n in (1, 2, 39))
    assert decoder.value(data) == 42


@pytest.mark.parametrize(("states", "state"), [((0, 1), "BUSY"), ((7, 7), "7"), ((0, 0), "IDLE")])
def test_enumerators_of_cpus_are_not_added(
    states: tuple[int, int], state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probee.introspect.running.map_values.possible", lambda: [0, 1])
    types = Known()
    fields = {name: getattr(a_map(PERCPU_ARRAY), name) for name in Map.__match_args__}
    row = Map(**(fields | {"btf_id": 1, "value_type": types.odd}))
    data = b"".join(number.to_bytes(8, "little") for number in states)
    assert Decoder(row, types).value(data) == {"state": state, "on": False}


class Known(Types):
    """One BTF object: 1 is u32, the last a struct of a count and a name.

    `odd`: a struct of an enum and a bool; `real`: one of two floats.
    """

    def __init__(self) -> None:
        builder = BtfBuilder()
        u32, char = builder.int_("u32", 4), builder.int_("char", 1, signed=True)
        state = builder.enum("state", [("IDLE", 0), ("BUSY", 1)])
        truth = builder.int_("bool", 1, boolean=True)
        self.odd = builder.struct("odd", 8, [("state", state, 0), ("on", truth, 32)])
        single = builder.float_("float", 4)
        self.real = builder.struct("real", 8, [("a", builder.array(single, 2), 0)])
        members = [("count", u32, 0), ("comm", builder.array(char, 8), 32)]
        self.last = builder.struct("stat", 12, members)
        self.table = Btf(builder.build())

    def of(self, id: int) -> Btf:
        return self.table


def test_typed_values() -> None:
    types = Known()
    fields = {name: getattr(a_map(value=12), name) for name in Map.__match_args__}
    row = Map(**(fields | {"btf_id": 1, "key_type": 1, "value_type": types.last}))
    decoder = Decoder(row, types)
    assert decoder.typed
    assert decoder.key(b"\x07\0\0\0") == 7
    value = decoder.value(b"\x05\0\0\0ab\x1b\0\0\0\0\0")
    assert value == {"count": 5, "comm": "ab\x1b"}
    assert shown(value) == r'count 5, comm "ab\x1b"'
    assert list(leaves(value)) == [("count", 5), ("comm", "ab\x1b")]
    wrong = Decoder(Map(**(fields | {"btf_id": 1, "value_type": 1})), types)
    assert not wrong.typed  # BTF that says another size


@pytest.mark.parametrize(
    ("values", "zero", "sum_"),
    [
        ([1, 2, 3], 0, 6),
        ([{"a": 1, "b": "", "c": [1, 0]}, {"a": 2, "b": "x", "c": [0, 5]}],
         {"a": 0, "b": "", "c": [0, 0]}, {"a": 3, "b": "x", "c": [1, 5]}),
        ([False, True], False, True),
        ([b"\0\0", b"\0\1"], b"\0\0", b"\0\1"),
        ([b"\0\0", b"\0\0"], b"\0\0", b"\0\0"),
        ([{"state": "IDLE"}, {"state": "BUSY"}], {"state": "IDLE"}, {"state": "BUSY"}),
        ([{"state": "IDLE", "on": True}, b"\1\0"], {"state": "IDLE", "on": False},
         {"state": "IDLE", "on": True}),  # bytes that are no value of the type
    ],
)  # fmt: skip
def test_sums(values: list[Any], zero: Any, sum_: Any) -> None:
    assert added(values, zero) == sum_


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        ("a\nb", r"a\nb"),
        (b"\1\2", "01 02"),
        (bytes(40), "00 " * 31 + "00 …"),
        ([0, 1, 0, 0], "[0, 1, …]"),
        ({"a\x1b": {"b": True}}, r"a\x1b {b true}"),
        ("x" * 1000, "x" * 399 + "…"),
    ],
)
def test_shown(value: Any, text: str) -> None:
    assert shown(value) == text


def test_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watching(monkeypatch, {1: 10}, {1: 30}, {1: 30})
    first = block(a_map(), watch, watch.look(10, now=0), "every 1 s", first=True)
    assert first.splitlines() == [
        r"map 7 x\x1b[2J, hash: 1 element, 0 changed, every 1 s; no BTF of its values",
        "  KEY CHANGE         VALUE",
        "  1                  10",
        "",
    ]
    rows = watch.look(10, now=SECOND)
    lines = page(a_map(), watch, rows, "every 1 s", 10)
    assert len(lines) == 10
    assert (lines[2].text, lines[2].style) == ("* 1   +20/s          30", "head")
    assert "* 1   +20/s          30" in block(a_map(), watch, rows, "", first=False)
    rows = watch.look(10, now=2 * SECOND)
    assert block(a_map(), watch, rows, "", first=False).count("\n") == 2


def test_elements_that_cannot_be_read_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_watch, "elements", lambda *_: iter([[(b"k", 95), (b"gone", 2)]]))
    watch = Watch(3, a_map(), Types())
    assert watch.look(10, now=0) == []
    assert "0 elements, 1 cannot be read (Operation not supported)" in title(a_map(), watch, "")


def test_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    types = Known()
    fields = {name: getattr(a_map(), name) for name in Map.__match_args__}
    row = Map(**(fields | {"btf_id": 1, "key_type": 1, "value_type": types.odd}))
    known, nameless, wrong = (
        bytes([n, 0, 0, 0, on, 0, 0, 0]) for n, on in ((1, 1), (9, 0), (0, 2))
    )
    looks = [{b"\1\0\0\0": known}, {b"\1\0\0\0": nameless, b"\2\0\0\0": wrong}]
    monkeypatch.setattr(map_watch, "elements", lambda *_: iter([list(looks.pop(0).items())]))
    watch = Watch(3, row, types, exact=True)
    text = map_json.look(row, watch, watch.look(10, now=0), first=True, line=True)
    assert text.count("\n") == 1
    first = json.loads(text)
    assert first["map"] == {
        "id": 7, "type": "hash", "name": "x\x1b[2J", "per_cpu": False, "typed": True,
    }  # fmt: skip
    assert (first["seconds"], first["elements"], first["changed"]) == (0.0, 1, 0)
    assert first["rows"] == [
        {"state": "there", "key": 1, "value": {"state": "BUSY", "on": True}, "rates": [],
         "key_bytes": "01000000", "value_bytes": known.hex()},
    ]  # fmt: skip
    rows = watch.look(10, now=SECOND)
    changed, new = json.loads(map_json.look(row, watch, rows, first=False, line=True))["rows"]
    assert changed["value"] == {"state": "9", "on": False}  # a text, with or without a name
    assert (new["state"], new["value"]) == ("new", None)
    assert new["absent"] == {"value": "its bytes are no value of its type"}


def test_what_json_has_no_word_for_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    types = Known()
    fields = {name: getattr(a_map(), name) for name in Map.__match_args__}
    row = Map(**(fields | {"btf_id": 1, "key_type": 1, "value_type": types.real}))
    look = [(b"\1\0\0\0", pack("<ff", 1.5, nan))]
    monkeypatch.setattr(map_watch, "elements", lambda *_: iter([look]))
    watch = Watch(3, row, types, exact=True)
    text = map_json.look(row, watch, watch.look(10, now=0), first=True, line=True)
    (shown,) = json.loads(text)["rows"]
    why = {"a": "it is nan, which JSON has no word for"}
    assert shown["value"] == {"a": [1.5, None], "absent": why}


def test_types_that_cannot_be_watched_say_why() -> None:
    fields = {name: getattr(a_map(), name) for name in Map.__match_args__}
    for type_ in MAP_TYPES:
        row = Map(**(fields | {"type": type_.number, "type_name": type_.name}))
        why, _ = why_not(row)
        assert bool(why) == (not {"next", "lookup"} <= set(type_.user)), type_.name
        assert why != "the kernel does not list its elements", type_.name
