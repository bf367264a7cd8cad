"""A map watched: elements in, what changed and how fast out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from probee.btf.reader import Btf
from probee.btf.writer import BtfBuilder
from probee.introspect.loaded.maps import Map
from probee.introspect.loaded.types import Types
from probee.introspect.running import map_watch
from probee.introspect.running.map_page import block, page, title
from probee.introspect.running.map_values import Decoder, added, leaves, shown
from probee.introspect.running.map_watch import Change, Watch

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


def test_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watching(monkeypatch, {1: 10, 300: 5, 2: 7}, {1: 30, 2: 7, 4: 1})
    assert watch.look(10, now=0) == [
        Change("1", "10", ""), Change("2", "7", ""), Change("300", "5", ""),
    ]  # fmt: skip
    assert watch.look(10, now=2 * SECOND) == [
        Change("1", "30", "changed", (("", 10.0),)),
        Change("2", "7", ""),
        Change("4", "1", "new"),
        Change("300", "5", "gone"),
    ]
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


class Known(Types):
    """One BTF object: 1 is u32, the last a struct of a count and a name."""

    def __init__(self) -> None:
        builder = BtfBuilder()
        u32, char = builder.int_("u32", 4), builder.int_("char", 1, signed=True)
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
    ("values", "sum_"),
    [
        ([1, 2, 3], 6),
        ([{"a": 1, "b": "", "c": [1, 0]}, {"a": 2, "b": "x", "c": [0, 5]}],
         {"a": 3, "b": "x", "c": [1, 5]}),
        ([False, True], True),
        ([b"\0\0", b"\0\1"], b"\0\1"),
        ([b"\0\0", b"\0\0"], b"\0\0"),
    ],
)  # fmt: skip
def test_sums(values: list[Any], sum_: Any) -> None:
    assert added(values) == sum_


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
        r"map 7 x\x1b[2J, hash, no BTF for its values: 1 elements, 0 changed, every 1 s",
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
