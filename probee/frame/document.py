"""What commands print with `--json`: one document, under a schema that docs/json.md tells.

In: a command's rows. Out: the text. Each document says which schema it follows and in which
version; within a version fields are only added. A field has one type in every document; where it
cannot be had it is null, and `absent` says why.
"""

from __future__ import annotations

from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

VERSION = 1


class Absent(Frozen):
    """In place of a value that cannot be had: `why` is a sentence."""

    why: str


def fields(row: Frozen) -> dict[str, Any]:
    """A record's fields by their names, nested records likewise."""
    names: tuple[str, ...] = row.__match_args__
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: object) -> object:
    match value:
        case Absent():
            return value
        case Frozen():
            return fields(value)
        case tuple() | list():
            return [_plain(item) for item in value]
        case bytes():
            return value.hex()
        case _:
            return value


def document(
    command: str, rows: Iterable[Mapping[str, Any]], *, line: bool = False, **more: Any
) -> str:
    """The text: `schema`, `version`, `command`, what else is given, and the rows.

    `line`: on one line, for documents that come one after the other.
    """
    from json import dumps

    whole = {
        "schema": "probee",
        "version": VERSION,
        "command": command,
        **more,
        "rows": [_row(row) for row in rows],
    }
    return dumps(whole, indent=None if line else 1) + "\n"


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row, and those within it: what is absent is null, with the reasons beside it."""
    absent = {name: why for name, value in row.items() if (why := _why(value))}
    out = {name: _inside(value) for name, value in row.items()}
    return {**out, "absent": absent} if absent else out


def _why(value: object) -> str:
    """Why a field is absent, or the first that is so of a list; ''."""
    match value:
        case Absent():
            return value.why
        case list():
            return next(filter(None, map(_why, value)), "")
        case _:
            return ""


def _inside(value: object) -> object:
    match value:
        case Absent():
            return None
        case dict():
            return _row(value)
        case list():
            return [_inside(item) for item in value]
        case _:
            return value
