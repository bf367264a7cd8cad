"""The forms of `prog dump`, from code made by hand."""

from __future__ import annotations

import json as js
from typing import TYPE_CHECKING

import pytest

from probee.asm import make as m
from probee.asm.encode import encode
from probee.introspect.bpftool import jited, xlated
from probee.introspect.bpftool.jsonw import JsonWriter
from probee.introspect.bpftool.symbols import Symbols
from probee.introspect.bpftool.xlated_graph import graph
from probee.introspect.loaded.code import Code, Line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KALLSYMS = """\
0000000000000000 A nowhere
ffffffff81000000 T __bpf_call_base
ffffffff81000010 T first_name
ffffffff81000010 t second_name
ffffffff81000020 T alone\t[module]
ffffffffc0000100 t bpf_prog_0011223344556677_main\t[bpf]
"""
LINES = (
    Line(0, "a.c", "\tint a;", 3, 2, 0xFFFFFFFFC0000100),
    Line(0, "a.c", "", 4, 0, 0xFFFFFFFFC0000100),
    Line(2, "a.c", "if (a < {b})\x1b", 5, 1, 0xFFFFFFFFC0000101),
)


@pytest.fixture
def symbols(tmp_path: Path) -> Symbols:
    path = tmp_path / "kallsyms"
    path.write_text(KALLSYMS, encoding="ascii")
    return Symbols(str(path))


def code(lines: tuple[Line, ...] = LINES) -> Code:
    insns = [m.mov64_imm(0, 0), m.mov64_imm(1, 2), m.jmp_imm("jlt", 1, 7, 1), m.mov64_imm(0, 1),
             m.exit_()]  # fmt: skip
    return Code(encode(insns), None, (), lines, (0xFFFFFFFFC0000100,), (2,))


def disassemble(data: bytes) -> Iterator[tuple[int, str, str]]:
    return ((1, f"op{byte}", "" if byte else "%rax") for byte in data)


def test_symbols(symbols: Symbols, tmp_path: Path) -> None:
    assert symbols.base == 0xFFFFFFFF81000000
    assert symbols.find(0xFFFFFFFF81000020) == "alone"
    assert symbols.find(0xFFFFFFFF81000010) in {"first_name", "second_name"}
    assert symbols.find(0xFFFFFFFF81000011) == ""
    assert symbols.find(0) == ""
    hidden = tmp_path / "hidden"
    hidden.write_text("0000000000000000 T __bpf_call_base\n", encoding="ascii")
    assert Symbols(str(hidden)).base == 0
    assert Symbols(str(tmp_path / "none")).base == 0


def test_lines_of_source_come_as_bpftool_finds_them(symbols: Symbols) -> None:
    listing = xlated.Listing(code(), symbols)
    text = "".join(xlated.text(listing, opcodes=False, linum=True))
    assert text == (
        "; " + " [file:a.c line_num:4 line_col:0]\n"
        "   0: (b7) r0 = 0\n"
        "; " + " [file:a.c line_num:4 line_col:0]\n"
        "   1: (b7) r1 = 2\n"
        "; if (a < {b})\\x1b [file:a.c line_num:5 line_col:1]\n"
        "   2: (a5) if r1 < 0x7 goto pc+1\n"
        "   3: (b7) r0 = 1\n"
        "   4: (95) exit\n"
    )


def test_a_line_that_begins_later_is_not_shown() -> None:
    assert xlated.line_at(LINES, 1, 2) is None
    assert xlated.line_at(LINES, 2, 3) is None
    assert xlated.line_at(LINES, 9, 0) is LINES[2]


def test_a_graph_escapes_what_dot_reads(symbols: Symbols) -> None:
    text = "".join(graph(code(), xlated.Listing(code(), symbols), opcodes=False, linum=False))
    assert "if\\ (a\\ \\<\\ \\{b\\}" in text
    assert "2: (a5) if r1 \\< 0x7 goto pc+1\\l\\\n" in text
    assert "\tfn_0_bb_2:s -> fn_0_bb_4:n" in text
    assert "\tfn_0_bb_2:s -> fn_0_bb_3:n" in text
    assert "\x1b" not in text


def test_machine_code(symbols: Symbols) -> None:
    one = Code(b"\0\x07", None, (), LINES, (0xFFFFFFFFC0000100,), (2,))
    text = "".join(jited.text(one, symbols, disassemble, opcodes=True, linum=False))
    assert text == (
        "bpf_prog_0011223344556677_main:\n"
        "; \n   0:\top0\t%rax\n\t00 \n"
        "; if (a < {b})\\x1b\n   1:\top7\n\t07 \n\n"
    )
    pieces: list[str] = []
    jited.json(JsonWriter(pieces.append), one, symbols, disassemble, opcodes=True, linum=True)
    (function,) = js.loads("".join(pieces))
    assert function["name"] == "bpf_prog_0011223344556677_main"
    assert function["insns"][1] == {
        "src": "if (a < {b})\x1b", "file": "a.c", "line_num": 5, "line_col": 1,
        "pc": "0x1", "operation": "op7", "operands": [None], "opcodes": ["0x07"],
    }  # fmt: skip


def test_machine_code_without_addresses(symbols: Symbols) -> None:
    one = Code(b"\0", None, (), (), (), ())
    text = "".join(jited.text(one, symbols, disassemble, opcodes=False, linum=False))
    assert text == "unknown:\n   0:\top0\t%rax\n\n"
