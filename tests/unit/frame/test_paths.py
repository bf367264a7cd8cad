"""Paths put together of what was found on the way up, and what a table says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from probee.frame import paths
from probee.frame.paths import (
    BAD,
    BELOW,
    CLOSED,
    CUT,
    DISK,
    GONE,
    LOST,
    NOWHERE,
    ROOT,
    SHORT,
    TOP,
    UNREAD,
)

NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: not {0, 47} & set(name))


def raw(place: int, *parts: bytes, name: bytes = b"", magic: int = 0, inode: int = 0) -> Any:
    """A record's fields; `parts` from the root on, as a person reads them."""
    walk = b"".join(part + b"\0" for part in reversed(parts))
    return place, (name + b"\0" + walk).ljust(8448, b"\0"), magic, inode


def told(fields: Any) -> tuple[bytes, bool, bool, bool]:
    flags = (paths.cut(fields[0]), paths.deleted(fields), paths.unreachable(fields))
    return (paths.whole(fields), *flags)


@pytest.mark.parametrize(
    ("fields", "path", "text"),
    [
        (raw(ROOT, b"etc", b"passwd"), b"/etc/passwd", "/etc/passwd"),
        (raw(ROOT), b"/", "/"),
        (raw(ROOT | BELOW, name=b"x"), b"/x", "/x"),
        (raw(ROOT | BELOW, b"a", name=b""), b"/a/", "/a/"),
        (raw(ROOT | BELOW, b"a", name=b"../x"), b"/a/../x", "/a/../x"),
        (raw(ROOT | BELOW, b"a", name=b"//x"), b"/a/x", "/a/x"),  # RESOLVE_IN_ROOT
        (raw(0, name=b"/no"), b"/no", "/no"),
        (raw(0, name=b"?"), b"?", "?"),
        (raw(BAD, name=b"x"), b"?/x", "?/x"),
        (raw(ROOT | GONE, b"a"), b"/a", "/a (deleted)"),
        (raw(ROOT | GONE | BELOW, b"a", name=b"x"), b"/a/x", "/a/x (deleted)"),
        (raw(ROOT, b"a (deleted)"), b"/a (deleted)", "/a \\x28deleted)"),
        (raw(ROOT | GONE, b"a (deleted)"), b"/a (deleted)", "/a \\x28deleted) (deleted)"),
        (raw(TOP, b"a"), b"/a", "(unreachable)/a"),
        (raw(LOST | BELOW, b"a", name=b"x"), b"/a/x", "(unreachable)/a/x"),
        (raw(SHORT, b"a", b"b"), b"a/b", "…/a/b"),
        (raw(SHORT | BELOW, b"a", name=b"x"), b"a/x", "…/a/x"),
        (raw(ROOT, b"a\n", b"\xff\\"), b"/a\n/\xff\\", "/a\\n/\\xff\\\\"),
        (raw(NOWHERE, b"/", magic=paths.PIPEFS, inode=7), b"pipe:[7]", "pipe:[7]"),
        (raw(NOWHERE, b"UNIX", magic=paths.SOCKFS, inode=7), b"socket:[7]", "socket:[7]"),
        (raw(NOWHERE, b"mnt", magic=paths.NSFS, inode=7), b"mnt:[7]", "mnt:[7]"),
        (raw(NOWHERE, b"[eventfd]", magic=paths.ANON_INODES), b"anon_inode:[eventfd]",
         "anon_inode:[eventfd]"),
        (raw(NOWHERE, b"/", magic=paths.PIDFS), b"anon_inode:[pidfd]", "anon_inode:[pidfd]"),
        (raw(NOWHERE, b"memfd:a", magic=0x0102_1994), b"/memfd:a", "/memfd:a (deleted)"),
        (raw(NOWHERE, b"/", magic=0xEF53), b"/", "(unreachable)/"),
    ],
)  # fmt: skip
def test_by_hand(fields: Any, path: bytes, text: str) -> None:
    assert told(fields)[0] == path
    assert paths.shown(fields) == text


def test_cut() -> None:
    long = b"x" * 254
    assert told(raw(CUT, name=long)) == (long, True, False, False)
    assert paths.shown(raw(CUT, name=long)) == "x" * 254 + "…"
    both = raw(SHORT | BELOW | CUT, b"a", name=b"xy")
    assert (told(both)[:2], paths.shown(both)) == ((b"a/xy", True), "…/a/xy…")
    assert told(raw(SHORT, b"a"))[1] is True
    assert (told(raw(CLOSED))[0], paths.shown(raw(UNREAD, name=b"?"))) == (b"?", "?")


class Mounts:
    """One file system, 8:1, whose /srv is mounted on /data."""

    def find(self, device: int, path: bytes) -> bytes | None:
        known = device == 8 << 20 | 1 and path.startswith(b"/srv")
        return b"/data" + path[4:] if known else None


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (raw(DISK, b"srv", b"x", inode=8 << 20 | 1), "/data/x"),
        (raw(DISK, b"srv", inode=8 << 20 | 1), "/data"),
        (raw(DISK | BELOW, b"srv", b"x", name=b"../y", inode=8 << 20 | 1), "/data/x/../y"),
        (raw(DISK | GONE, b"srv", b"x", inode=8 << 20 | 1), "/data/x (deleted)"),
        (raw(DISK, b"home", b"x", inode=8 << 20 | 1), "(unreachable)/home/x"),
        (raw(DISK, inode=8 << 20 | 2), "(unreachable)/"),
        (raw(DISK | BELOW | CUT, name=b"y", inode=8 << 20 | 2), "(unreachable)/y…"),
        (raw(ROOT, b"srv", b"x", inode=8 << 20 | 1), "/srv/x"),
    ],
)
def test_on_host(monkeypatch: pytest.MonkeyPatch, fields: Any, text: str) -> None:
    monkeypatch.setattr("probee.host.mounts.Mounts", Mounts)
    found = paths.on_host()(fields)
    assert paths.shown(found) == text
    assert paths.unreachable(found) is text.startswith("(unreachable)")


@pytest.mark.parametrize("size", [0, 1, 2, 100])
@pytest.mark.parametrize("name", [b"", b"x"])
@pytest.mark.parametrize("parts", [(), (b"a",), (b"a", b"bc")])
def test_text_with_and_without_zeroes_behind_it(
    size: int, name: bytes, parts: tuple[bytes, ...]
) -> None:
    place, text, _, _ = raw(ROOT | BELOW, *parts, name=name)
    used = text[: len(name) + 1 + sum(len(part) + 1 for part in parts)]
    assert paths.whole((place, used + bytes(size), 0, 0)) == b"/".join([b"", *parts, name])


@given(st.lists(NAMES, max_size=8), st.booleans())
@example([b"a (deleted)"], False)
@example([b"(unreachable)"], True)
@example([b"\xe2\x80\xa6"], True)
def test_no_name_passes_for_a_mark(parts: list[bytes], gone: bool) -> None:
    fields = raw(ROOT | (GONE if gone else 0), *parts)
    path, cut, deleted, unreachable = told(fields)
    assert (path, cut, deleted, unreachable) == (b"/" + b"/".join(parts), False, gone, False)
    text = paths.shown(fields)
    assert text.startswith("/")
    assert text.endswith(" (deleted)") is gone
    back = text.removesuffix(" (deleted)") if gone else text
    unescaped = json.loads('"' + _as_json(back) + '"')
    assert unescaped.encode("utf-8", "surrogateescape") == path


def _as_json(text: str) -> str:
    """The table's escapes as JSON's."""
    out, at = "", 0
    while at < len(text):
        if text[at : at + 2] == "\\x":
            code = int(text[at + 2 : at + 4], 16)
            out += f"\\udc{code:02x}" if code >= 0x80 else f"\\u00{code:02x}"
            at += 4
        elif text[at : at + 2] == "\\U":
            out += json.dumps(chr(int(text[at + 2 : at + 10], 16)))[1:-1]
            at += 10
        elif text[at] == "\\":
            out += text[at : at + 2]
            at += 2
        else:
            out += json.dumps(text[at])[1:-1]
            at += 1
    return out
