"""What print accepts and refuses, by code, and what it becomes."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from probee.errors import CompileError
from tests.frontend_cases import compiled, ir_of, names_of

DECLARATIONS = """
from probee import Chars, Context, Global, Hash, Struct, UserStr, chars, current, read_str
from probee import s64, tracepoint, trace_printk, u8, u32, u64

class Row(Struct):
    n: u32
    name: Chars = chars(16)
    page: Chars = chars(600)

rows = Hash(u32, Row)
flag = Global(bool, False)
WIDTH = 8
LONG = "x" * 1100

def label() -> u32:
    print("inside")
    return 1
"""
ACCEPTED = {
    "nothing": "print()",
    "text that is read": 'print(read_str(ctx.filename, 32, default="?"))',
    "a word": 'print("a")',
    "a line of many values": "n: u8 = ctx.flags\nprint(n, n, n, n, n, n, n, n, n, n, n, n)",
    "a call that prints": "print(label(), label())",
    "a separator": 'print(1, ctx.flags, sep=", ")',
    "text of a record": "if (row := rows.get(1)) is not None:\n    print(row.name, label())",
    "a truth value": "print(ctx.flags > 3, flag.value)",
}
REFUSED = {
    "grouped": ("print-form", 'print(f"{ctx.flags:,}")'),
    "hexadecimal that may be negative": ("print-form", 'x: s64 = ctx.flags\nprint(f"{x:x}")'),
    "what Python refuses itself": ("print-form", 'print(f"{WIDTH:.3}")'),
    "text with a width": ("print-form", 'print(f"{current.comm:>16}")'),
    "text quoted": ("print-form", 'print(f"{current.comm!r}")'),
    "another ending": ("print-form", 'print("a", end="")'),
    "another file": ("print-form", 'print("a", file=None)'),
    "a separator of bytes": ("print-form", 'print(1, 2, sep=b",")'),
    "a separator that is not known": ("print-form", "print(1, 2, sep=current.comm)"),
    "a computed width": ("not-yet", 'print(f"{ctx.flags:{WIDTH}}")'),
    "an f-string elsewhere": ("not-yet", 'x = f"{ctx.flags}"'),
    "text from an address": ("not-yet", "print(ctx.filename)"),
    "text that is read, of no size": ("text-size", 'print(read_str(ctx.filename, default="?"))'),
    "text that may be None": ("maybe-none", "print(read_str(ctx.filename, 32))"),
    "what may be None": ("maybe-none", "print(rows.get(1))"),
    "a struct": ("type", "print(Row(n=1))"),
    "a map": ("type", "print(rows)"),
    "too many values": (
        "print-size", "n: u8 = ctx.flags\nprint(n, n, n, n, n, n, n, n, n, n, n, n, n)"),
    "a text too long": ("print-size", "if (row := rows.get(1)) is not None:\n    print(row.page)"),
    "a line too long": ("print-size", "print(LONG)"),
    "a NUL": ("text-nul", 'print("a\\0b")'),
    "by the helper's name": ("helper-word", 'trace_printk("a", 2)'),
}  # fmt: skip


def _names(body: str) -> dict[str, Any]:
    head = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
    return names_of(head + textwrap.indent(body, "    "), **names_of(DECLARATIONS, "declared.py"))


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert compiled(_names(ACCEPTED[name])).programs


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    code, body = REFUSED[name]
    with pytest.raises(CompileError) as refusal:
        compiled(_names(body))
    (diagnostic,) = refusal.value.diagnostics
    assert diagnostic.code == code
    assert diagnostic.why
    assert diagnostic.fix


@pytest.mark.parametrize(
    ("body", "helper"),
    [
        ('print("a", ctx.flags, ctx.mode, ctx.dfd)', "trace_printk"),
        ('print(f"{current.comm}: {ctx.mode:d}")', "trace_printk"),
        ("print(ctx.flags, ctx.mode, ctx.dfd, ctx.flags)", "trace_vprintk"),
        ('print(f"{ctx.flags:8}")', "trace_vprintk"),
        ('print("100 %")', "trace_vprintk"),
        ("print(current.comm, ctx.flags > 3)", "trace_vprintk"),
    ],
)
def test_what_linux_5_10_can_write_goes_by_its_helper(body: str, helper: str) -> None:
    ir = ir_of(_names(body))
    assert [name for name in ("trace_printk", "trace_vprintk") if name in ir] == [helper]


def test_what_is_known_is_formatted_when_it_is_compiled() -> None:
    spec = compiled(_names('print(f"{WIDTH:>4}|{WIDTH:#b}|{None}|{True!r:^8}|")'))
    (rodata,) = [map_ for map_ in spec.maps if map_.name == ".rodata"]
    assert b"   8|0b1000|None|  True  |\0" in rodata.contents


def test_a_line_that_is_not_written_is_counted_at_its_place() -> None:
    spec = compiled(_names("x: u32 = ctx.flags\nprint(x)"))
    (counter,) = spec.counters
    assert (counter.kind, counter.subject, counter.line) == ("print", "program", 4)
