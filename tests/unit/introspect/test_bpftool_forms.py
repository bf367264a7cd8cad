"""Pieces of bpftool's forms, without a kernel."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies

from probee.introspect.bpftool.jsonw import JsonWriter, quoted
from probee.introspect.bpftool.shared import Multi, one_line
from probee.introspect.loaded.numbers import strtoul


def written(*, pretty: bool) -> str:
    parts: list[str] = []
    writer = JsonWriter(parts.append, pretty=pretty)
    writer.begin_array()
    writer.begin_object()
    writer.field("id", 1)
    writer.name("empty")
    writer.begin_array()
    writer.end()
    writer.name("ids")
    writer.begin_array()
    writer.raw("1")
    writer.raw("2")
    writer.end()
    writer.field("on", value=True)
    writer.field("none", None)
    writer.end()
    writer.begin_object()
    writer.field("name", 'a"b')
    writer.close()
    return "".join(parts)


def test_json_stands_as_bpftool_writes_it() -> None:
    """The second form is what bpftool 7.5 -p printed for objects of this shape."""
    assert written(pretty=False) == (
        '[{"id":1,"empty":[],"ids":[1,2],"on":true,"none":null},{"name":"a\\"b"}]'
    )
    assert written(pretty=True) == (
        '[{\n        "id": 1,\n        "empty": [],\n        "ids": [1,2\n        ],\n'
        '        "on": true,\n        "none": null\n    },{\n        "name": "a\\"b"\n    }\n]'
    )


@given(strategies.text())
def test_every_string_is_json(text: str) -> None:
    assert json.loads(quoted(text)) == text
    assert quoted(text).isprintable()


def test_bytes_that_are_no_text_survive() -> None:
    text = b"a\xff\x1b[31m\n".decode("utf-8", "surrogateescape")
    assert quoted(text) == '"a\\udcff\\u001b[31m\\n"'
    assert one_line(text) == "a\\xff\\x1b[31m\\n"


@pytest.mark.parametrize(
    ("text", "base", "wanted"),
    [
        ("12", 0, (12, "")),
        ("0x1f", 0, (31, "")),
        ("017", 0, (15, "")),
        ("08", 0, (0, "8")),
        ("0xg", 0, (0, "xg")),
        ("ff", 16, (255, "")),
        ("0xff", 16, (255, "")),
        ("-1", 0, ((1 << 64) - 1, "")),
        ("  7z", 0, (7, "z")),
        ("", 0, (0, "")),
        ("z", 0, (0, "z")),
        ("9" * 30, 0, ((1 << 64) - 1, "")),
    ],
)
def test_numbers_as_strtoul_reads_them(text: str, base: int, wanted: tuple[int, str]) -> None:
    assert strtoul(text, base) == wanted


def test_several_values_come_back_in_the_order_of_the_hash_table() -> None:
    """Three values in a table of four: the last first. A fourth doubles it, and turns the rest."""
    assert Multi([(14, 1), (14, 2), (14, 3)]).get(14) == [3, 2, 1]
    assert Multi([(14, 1), (14, 2), (14, 3), (14, 4)]).get(14) == [4, 1, 2, 3]
    assert Multi().get(1) == []
    assert not Multi()
