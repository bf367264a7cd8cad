"""What commands print with `--json` is what docs/json.md says: fields, types, what is absent.

The tables of that page are read as the schema. Every document here is one that a command printed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from probee.frozen import Frozen
from probee.host import bpf
from probee.host.info import MAP, PROGRAM, read
from probee.introspect.inspect import report
from probee.introspect.running.attached import KINDS
from probee.uapi import bpf as uapi
from tests.kernel import live_programs as live
from tests.kernel.test_rights import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCS = Path(__file__).parents[2] / "docs"
HEADS = {"of the whole": "whole", "field": "row"}
IS: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "true or false": lambda value: isinstance(value, bool),
    "texts": lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value),
    "numbers": lambda value: isinstance(value, list) and all(isinstance(v, int) for v in value),
    "rows": lambda value: isinstance(value, list) and all(isinstance(v, dict) for v in value),
    "one row": lambda value: isinstance(value, dict),
    "by the map": lambda _: True,
}
Fields = dict[str, str]


def schema() -> dict[str, dict[str, Fields]]:
    """By section of the page, `whole` and `row`: types by the ways to the fields."""
    found: dict[str, dict[str, Fields]] = {}
    section, part = "", ""
    for line in (DOCS / "json.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
            found[section] = {"whole": {}, "row": {}}
        elif line.startswith("| ") and (cells := line.strip("| ").split(" | "))[0] in HEADS:
            part = HEADS[cells[0]]
        elif line.startswith("| `"):
            names, types, *_ = line.strip("| ").split(" | ")
            ways = re.findall(r"`([^`]+)`", names)
            kinds = [types] if types in IS else types.split(", ")
            kinds = kinds * len(ways) if len(kinds) == 1 else kinds
            assert set(kinds) <= set(IS), line
            found[section][part] |= dict(zip(ways, kinds, strict=True))
    found["explain"]["row"] |= found["ps"]["row"]
    return found


SCHEMA = schema()


def check(text: str, section: str) -> Any:
    """The document, which has the documented fields and no other, each of its type."""
    document = json.loads(text)
    whole, row = SCHEMA[section]["whole"], SCHEMA[section]["row"]
    assert (document["schema"], document["version"]) == ("probee", 1)
    assert document["command"] == section.partition(" --")[0]
    own = {"schema", "version", "command", "rows"}
    check_fields({k: v for k, v in document.items() if k not in own}, whole, "")
    for one in document["rows"]:
        check_fields(one, row, "")
    return document


def check_fields(found: dict[str, Any], types: Fields, start: str) -> None:
    absent = found.get("absent", {})
    assert "absent" not in found or absent
    wanted = {way[len(start) :] for way in types if way.startswith(start)}
    wanted = {name for name in wanted if not {".", "["} & set(name)}
    assert set(found) - {"absent"} == wanted, start
    for name, value in found.items():
        way = f"{start}{name}"
        if name == "absent":
            assert all(isinstance(why, str) and why for why in value.values())
        elif value is None:
            assert name in absent, f"{way} is null, and nothing says why"
        else:
            assert name not in absent, way
            assert IS[types[way]](value), (way, types[way], value)
            if types[way] == "rows":
                for inside in value:
                    check_fields(inside, types, f"{way}[].")
            elif types[way] == "one row":
                check_fields(value, types, f"{way}.")


def probee(*words: str, rights: str = "", status: int | None = 0) -> str:
    command = ["setpriv", f"--bounding-set={rights}"] if rights else []
    command += [sys.executable, "-m", "probee", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert status is None or done.returncode == status, done.stderr
    return done.stdout


@pytest.fixture
def loaded() -> Iterator[int]:
    """The id of a program that runs, with maps of several types and a link."""
    with live.session(hook=True, consts={live.only: os.getpid()}) as session:
        yield read(session[live.probe].fd, PROGRAM)[0]["id"]


def kinds(document: Any) -> set[str]:
    return {where["kind"] for row in document["rows"] for where in row["attached"] or ()}


pytestmark = pytest.mark.kernel


def test_doctor() -> None:
    rows = check(probee("doctor", "--json", status=None), "doctor")["rows"]
    assert {row["state"] for row in rows} <= {"ok", "note", "problem", "unknown"}


def test_ps(loaded: int) -> None:
    for words in (("-i", "0.1"), ("--no-stats",)):
        document = check(probee("ps", "--json", *words), "ps")
        assert loaded in {row["id"] for row in document["rows"]}
        assert kinds(document) <= set(KINDS)
    document = check(probee("ps", "--json", rights=ALONE), "ps")
    (row,) = [row for row in document["rows"] if row["id"] == loaded]
    assert row["holders"] is None
    assert kinds(document) <= set(KINDS)


def test_ps_of_maps(loaded: int) -> None:
    for rights in ("", ALONE):
        document = check(probee("ps", "--maps", "--json", rights=rights), "ps --maps")
        rows = [row for row in document["rows"] if loaded in {user["id"] for user in row["users"]}]
        assert rows
        assert all((row["holders"] is None) == bool(rights) for row in rows)


def test_explain(loaded: int) -> None:
    for rights in ("", ALONE):
        text = probee("explain", str(loaded), "--json", "--no-stats", rights=rights)
        (row,) = check(text, "explain")["rows"]
        assert row["maps"]


def test_map_watch(loaded: int) -> None:
    fd = bpf.map_create(uapi.BPF_MAP_TYPE_HASH, 4, 12, 4, name="schema")
    try:
        bpf.map_update(fd, bytes(4), bytes(12))
        text = probee(
            "map", "watch", "id", f"{read(fd, MAP)[0]['id']}", "-j", "--count", "2", "-i", "0.1"
        )
        for line in text.splitlines():
            check(line, "map watch")
    finally:
        os.close(fd)


def test_the_words_of_kind_are_listed() -> None:
    text = (DOCS / "json.md").read_text(encoding="utf-8")
    listed = text.partition("`kind` is one of these words:")[2].partition("\n\n##")[0]
    assert set(re.findall(r"`([^`]+)`", listed)) - {"target"} == set(KINDS)


def test_the_fields_of_inspect_are_documented() -> None:
    text = (DOCS / "inspect.md").read_text(encoding="utf-8").partition("## JSON")[2]
    for row in vars(report).values():
        if isinstance(row, type) and issubclass(row, Frozen) and row is not Frozen:
            names: tuple[str, ...] = row.__match_args__
            for name in names:
                assert f"`{name}`" in text, (row.__name__, name)
