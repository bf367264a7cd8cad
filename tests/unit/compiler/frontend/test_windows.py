"""Windows into buffers: what is compiled of them, and what is refused."""

from __future__ import annotations

import textwrap

import pytest

from probee.errors import CompileError
from tests.frontend_cases import compiled, names_of

HEADER = """\
from probee import (
    Chars, Context, Hash, PerCpuArray, RingBuf, Struct, array, chars, probe_read_kernel,
    probe_read_user, probe_read_user_str, read_str, tracepoint, u8, u16, u32, u64, window,
)

class Long(Struct):
    n: u64
    data: list[u8] = array(u8, 1000)
    wide: list[u16] = array(u16, 8)
    path: Chars = chars(4352)

scratch = PerCpuArray(Long, max_entries=1)
rows = Hash(u32, u64, max_entries=8)
longs = RingBuf(Long)
texts = RingBuf(Long)
"""
READ = "probe_read_user_str(window({}), 256, ctx.filename)"
REFUSED = {
    "too few arguments": ("arguments", "window(s.path, 3)", "the form is window(buffer, at, size)"),
    "a size that varies": ("arguments", READ.format("s.path, 0, ctx.mode"), "constant from 1 to"),
    "a size of nothing": ("arguments", READ.format("s.path, 0, 0"), "constant from 1 to 4352"),
    "a size past the buffer": ("arguments", READ.format("s.data, 0, 1001"), "from 1 to 1000"),
    "a place behind the end": ("index-range", READ.format("s.path, 4097, 256"), "begin at 4097"),
    "a place before the start": ("index-range", READ.format("s.path, -1, 256"), "begin at -1"),
    "no bytes": ("type", READ.format("s.wide, 0, 4"), "not into an array"),
    "a number": ("type", READ.format("s.n, 0, 4"), "not into u64"),
    "a text that a local names": (
        "type", "t = s.path\n" + READ.format("t, 0, 256"), "not into text"),
    "a helper that writes more": (
        "arguments", READ.format("s.path, 0, 255"), "may go past an array of 255 bytes"),
    "a value": ("not-yet", "w = window(s.path, 0, 8)", "a window in a local"),
    "an operand": ("type", "s.n = window(s.path, 0, 8)", "a window stands where"),
    "a text that was replaced": (
        "stale-reference", "t = s.path\n" + READ.format("s.path, 4, 256") + "\ns.n = t == 'a'",
        "what this refers to was replaced since"),
}  # fmt: skip


def program(body: str) -> str:
    head = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
    return HEADER + head + textwrap.indent(f"s = scratch[0]\n{body}", "    ") + "\n"


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    code, body, words = REFUSED[name]
    with pytest.raises(CompileError) as caught:
        compiled(names_of(program(body)))
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, words in diagnostic.message) == (code, True), str(diagnostic)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("4096", []),
        ("ctx.flags & 4095", []),
        ("ctx.flags % 4097", []),
        ("min(u32(ctx.flags), 4096)", []),
        ("ctx.flags & 8191", ["IndexError"]),
        ("ctx.flags", ["IndexError"]),
        ("u64(ctx.flags) << 33", ["IndexError"]),
    ],
)
def test_a_place_that_is_proved_does_not_trap(at: str, expected: list[str]) -> None:
    spec = compiled(names_of(program(READ.format(f"s.path, {at}, 256"))))
    assert [c.subject for c in spec.counters if c.kind == "trap"] == expected


def masks(body: str) -> int:
    shown: dict[str, str] = {}
    compiled(names_of(program(body)), dump=lambda stage, _, text: shown.update({stage: text}))
    return shown["asm"].count("&= 4095")


def test_a_mask_is_not_written_twice() -> None:
    assert masks(READ.format("s.path, ctx.flags & 4095, 256")) == 1


def test_a_mask_stays_where_it_bounds_what_is_carried_round() -> None:
    body = "at: u32 = 0\nfor i in range(8):\n    at &= 4095\n    n = " + READ.format(
        "s.path, at, 256"
    )
    assert masks(f"{body}\n    at += max(n, 0)\nlongs.output(s, 1024 + 8 + min(at, 4000))") == 1
