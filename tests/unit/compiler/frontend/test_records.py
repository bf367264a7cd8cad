"""Records of varying length: what is compiled of them, and what is refused."""

from __future__ import annotations

import textwrap

import pytest

from probee.errors import CompileError
from tests.frontend_cases import compiled, names_of

HEADER = """\
from probee import (
    Chars, Context, PerCpuArray, RingBuf, Struct, UserStr, array, chars, current, offsetof,
    probe_read_user_str, read_str, sizeof, tracepoint, u8, u16, u32, u64,
)

class Pair(Struct):
    x: u32
    y: u32

class Named(Struct):
    n: u64
    path: Chars = chars(4096)

class Outer(Struct):
    kind: u8
    named: Named

class Slots(Struct):
    n: u32
    slots: list[u16] = array(u16, 6)

pairs = RingBuf(Pair)
names = RingBuf(Named)
outers = RingBuf(Outer)
lists = RingBuf(Slots)
scratch = PerCpuArray(Named, max_entries=1)
places = PerCpuArray(Outer, max_entries=1)
"""
PATH = "p: UserStr = ctx.filename\ns = scratch[0]\n"
REFUSED = {
    "a record of one length": (
        "record-size", "pairs.output(Pair(), 4)", "a record of Pair has one length, 8 bytes"),
    "a length that is not known": (
        "record-size", "pairs.output(Pair(), ctx.mode)", "a record of Pair has one length"),
    "too long": ("record-size", PATH + "names.output(s, sizeof(Named) + 1)", "it takes 8 to 4104"),
    "without its fixed part": ("record-size", PATH + "names.output(s, 7)", "it takes 8 to 4104"),
    "never long enough": (
        "record-size", "lists.output(Slots(), min(u32(ctx.mode), 3))", "it takes 4 to 16"),
    "no argument": ("arguments", "pairs.output()", "the form is ring.output(record, size)"),
    "a keyword": ("arguments", "pairs.output(Pair(), size=8)", "output() takes no keywords"),
    "another record": ("type", "pairs.output(Slots())", "a Pair is needed"),
    "a field that is not there": (
        "no-attribute", 'x = offsetof(Named, "pth")', "Named has no field 'pth'"),
    "a field of a number": (
        "no-attribute", 'x = offsetof(Named, "n.x")', "Named has no field 'n.x'"),
    "a place in no struct": ("type", 'x = offsetof(u32, "n")', "has no fields"),
    "a name that is a number": ("type", "x = offsetof(Named, 3)", "a field's name is needed"),
}  # fmt: skip


def program(body: str) -> str:
    head = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
    return HEADER + head + textwrap.indent(body, "    ") + "\n"


def calls(body: str) -> list[str]:
    """The optimised code's calls and tests, in the order in which they stand."""
    shown: dict[str, str] = {}
    compiled(names_of(program(body)), dump=lambda stage, _, text: shown.update({stage: text}))
    return shown["asm"].splitlines()


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    code, body, words = REFUSED[name]
    with pytest.raises(CompileError) as caught:
        compiled(names_of(program(body)))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code
    assert words in diagnostic.message


def traps(body: str) -> list[str]:
    """What the program counts, but for a full ring."""
    spec = compiled(names_of(program(body)))
    return [c.subject for c in spec.counters if c.kind == "trap"]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("sizeof(Named)", []),
        ("8", []),
        ("8 + (ctx.flags & 4095)", []),
        ("min(8 + (ctx.flags & 8191), sizeof(Named))", []),
        ('offsetof(Named, "path") + max(probe_read_user_str(s.path, 4096, p), 0)', []),
        ('offsetof(Named, "path") + len(s.path.raw)', []),
        ("8 + (ctx.flags & 8191)", ["ValueError"]),
        ("ctx.flags & 8191", ["ValueError"]),
        ("ctx.flags", ["ValueError"]),
    ],
)
def test_a_length_that_is_proved_does_not_trap(size: str, expected: list[str]) -> None:
    known = 's.path = read_str(p, default="")\n'
    assert traps(f"{PATH}{known}names.output(s, {size})") == expected


def sent(body: str) -> str:
    """The size that the last output is given, as the IR has it: a number, or a value."""
    shown: list[str] = []

    def dump(stage: str, _: str, text: str) -> None:
        if stage == "ir":
            shown.append(text)

    compiled(names_of(program(body)), dump=dump)
    (line,) = [line for line in shown[-1].splitlines() if "ringbuf_output" in line][-1:]
    return line.split("ringbuf_output ")[1].split(", ")[2]


READ = 's.path = read_str(p, default="?")\n'
CHOSEN = f'if ctx.flags:\n    s.path = "a"\nelse:\n    {READ}names.output(s)'
ALIASED = f's.path = "ab"\nt = scratch[0]\nt.path = s.path\n{READ}t.path = "a"\nnames.output(s)'


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ('s.path = read_str(p, default="?")\nnames.output(s)', True),
        ('s.path = read_str(p, default="?")\ns.n = 3\ns.n += 4\nnames.output(s)', True),
        (CHOSEN, True),
        (f"{READ}if s.path == '?' and read_str(p, 2) is None:\n    s.n = 1\nnames.output(s)", True),
        ('for i in range(3):\n    s.path = read_str(p, default="?")\n    names.output(s)', True),
        ('o = places[0]\no.named.path = read_str(p, default="?")\nouters.output(o)', True),
        (ALIASED, False),
        ("names.output(s)", False),
        ('if ctx.flags:\n    s.path = read_str(p, default="?")\nnames.output(s)', False),
        (f"{READ}probe_read_user_str(s.path, 4096, p)\nnames.output(s)", False),
        (f"{READ}probe_read_user_str(s, sizeof(Named), p)\nnames.output(s)", False),
        ('s.path = read_str(p, default="?")\nfor i in range(3):\n    names.output(s)', False),
    ],
)  # fmt: skip
def test_what_is_known_of_a_texts_length(body: str, known: bool) -> None:
    assert (not sent(PATH + body).isdigit()) == known


def test_the_length_of_a_text_that_was_just_read_looks_at_no_byte() -> None:
    assert not any("= *(u8 *)" in line for line in calls(f"{PATH}{READ}s.n = len(s.path.raw)"))
    assert any("= *(u8 *)" in line for line in calls(f"{PATH}s.n = len(s.path.raw)"))


def test_a_constant_texts_record_has_a_constant_length() -> None:
    assert sent('s = scratch[0]\ns.path = "abc"\nnames.output(s)').isdigit() is False
    asm = calls('s = scratch[0]\ns.path = "abc"\nnames.output(s)')
    assert any("w3 = 12" in line for line in asm)
