"""What bpftool 7.1, Debian 12's, prints otherwise than 7.5: one row a difference.

In: what probee prints, as 7.5 does. Out: the same as 7.1 prints it. What is younger is left out, or
has a number for a name; a backslash in JSON is a fault of 7.1's own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

# Numbers of types that have no name there.
PROGRAMS = {"netfilter": 32}
MAPS = {"cgrp_storage": 32}
LINKS = {"netfilter": 10, "tcx": 11, "uprobe_multi": 12, "netkit": 13, "sockmap": 14}
# Links of these types have a name there, but nothing of where they are attached.
BARE_LINKS = ("xdp", "perf_event", "kprobe_multi", *LINKS)
_BARE = "|".join(BARE_LINKS)


class Older(NamedTuple):
    """`where`: "text" or "json". `wanted` stands in place of what `pattern` matches."""

    where: str
    pattern: str
    wanted: str | Callable[[re.Match[str]], str]
    why: str


def _number(match: re.Match[str]) -> str:
    """An id as the four bytes of a map's value."""
    return int(match["id"]).to_bytes(4, "little").hex(" ")


def _link(match: re.Match[str]) -> str:
    return match["head"] + f"type {LINKS[match['type']]}  prog"


# fmt: off
ROWS = (
    Older("json", r'"orphaned": ?false,\s*', "", "`orphaned` came with 7.3"),
    Older("json", r',\s*"inner_map_id": ?\d+', "", "`inner_map_id` came with 7.2"),
    Older("text", r"inner_map_id:\n(?P<id>\d+) (?=\n)", lambda m: f"value:\n{_number(m)}",
          "the same"),
    Older("text", r"inner_map_id: (?P<id>\d+) (?=\n)", lambda m: f"value: {_number(m)}",
          "the same"),
    Older("text", r'(?<=[ \[,])"(\(nil\)|0x[0-9a-f]+)"', r"\1",
          "pointers in maps stand between quotes since 7.2"),
    Older("text", r"&\(void __percpu \*\)\((r\d)\)", r"\1", "came with Linux 6.10"),
    Older("json", r"&\(void __percpu \*\)\((r\d)\)", r"\1", "the same"),
    Older("json", r"\\\\", r"\\n", "a backslash is a line feed in the JSON of 7.1"),
    Older("text", rf"(?m)^(\d+: (?:{_BARE})  prog \d+  \n)(?:\t(?!pinned|bpf_cookie|pids).*\n)+",
          r"\1", "how these links are attached came later"),
    Older("text", rf"(?m)^(?P<head>\d+: )(?P<type>{'|'.join(LINKS)})  prog", _link,
          "types younger than 7.1"),
    Older("json", rf'("type": ?"(?:{_BARE}|struct_ops)",\s*"prog_id": ?\d+),.*?(\s*\}}\]?\s*)\Z',
          r"\1\2", "how these links are attached came later"),
    Older("json", rf'"type": ?"(?P<type>{"|".join(LINKS)})"(?=,\s*"prog_id")',
          lambda m: m[0].replace(f'"{m["type"]}"', str(LINKS[m["type"]])), "younger types"),
    *(Older("text", rf"(?m)^(\d+: ){name}(?=  name)", rf"\1type {number}", "a younger type")
      for name, number in (PROGRAMS | MAPS).items()),
    *(Older("json", rf'("type": ?)"{name}"', rf"\g<1>{number}", "a younger type")
      for name, number in (PROGRAMS | MAPS).items()),
    Older("text", r"(?m)^(\d{4,}: \()", r" \1", "numbers have a column for a sign"),
    Older("text", r"(?<=: struct_ops  )map \d+", "prog 0", "a program was expected"),
)
# fmt: on


def as_7_1(printed: str, *, json: bool) -> str:
    """`printed` by probee, in the words of 7.1."""
    for row in ROWS:
        if (row.where == "json") == json:
            printed = re.sub(row.pattern, row.wanted, printed, flags=re.DOTALL * json)
    return printed
