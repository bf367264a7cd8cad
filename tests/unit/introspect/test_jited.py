"""`prog dump jited` as a bpftool with LLVM prints it.

jited_by_llvm.json has the code of a program of tests/objects/calls.c, with what the kernel said of
it, and what bpftool v7.5.0 printed, built from its sources (libbpf/bpftool) with LLVM 19. Debian
has no such build.
"""

from __future__ import annotations

import json as js
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from probee.btf.reader import Btf
from probee.errors import NotSupportedError
from probee.introspect.bpftool import jited
from probee.introspect.bpftool.jsonw import JsonWriter
from probee.introspect.bpftool.symbols import Symbols
from probee.introspect.loaded.code import Code, Line
from probee.introspect.machine_code import disassembler

RECORD: dict[str, Any] = js.loads(
    (Path(__file__).parent / "jited_by_llvm.json").read_text(encoding="utf-8")
)


def code() -> Code:
    return Code(
        bytes.fromhex(RECORD["data"]),
        Btf(b64decode(RECORD["btf"])),
        tuple((at, id) for at, id in RECORD["functions"]),
        tuple(Line(*row) for row in RECORD["lines"]),
        tuple(RECORD["ksyms"]),
        tuple(RECORD["lengths"]),
    )


@pytest.fixture
def symbols(tmp_path: Path) -> Symbols:
    path = tmp_path / "kallsyms"
    rows = [(0xFFFFFFFF81000000, "__bpf_call_base")]
    rows += zip(RECORD["ksyms"], RECORD["names"], strict=True)
    path.write_text("".join(f"{at:016x} T {name}\n" for at, name in rows), encoding="ascii")
    return Symbols(str(path))


@pytest.mark.parametrize("words", ["text", "opcodes", "linum"])
def test_text(symbols: Symbols, words: str) -> None:
    text = jited.text(
        code(), symbols, disassembler("x86_64"), opcodes=words == "opcodes", linum=words == "linum"
    )
    assert "".join(text) == RECORD[words]


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_json(symbols: Symbols, form: str) -> None:
    pieces: list[str] = []
    writer, more = JsonWriter(pieces.append, pretty=form == "pretty"), form == "json"
    jited.json(writer, code(), symbols, disassembler("x86_64"), opcodes=more, linum=more)
    assert "".join(pieces).rstrip() == RECORD[form].rstrip()


ROWS = (
    ("x86_64", "55", [(1, "pushq", "%rbp")]),
    ("x86_64", "f0480fc107", [(1, "lock", ""), (4, "xaddq", "%rax, (%rdi)")]),
    ("x86_64", "48d1e0", [(3, "shlq", "%rax")]),
    ("x86_64", "48c1e001", [(4, "shlq", "$1, %rax")]),
    ("x86_64", "83f0f0", [(3, "xorl", "$-16, %eax")]),
    ("x86_64", "35f0ffffff", [(5, "xorl", "$4294967280, %eax")]),
    ("x86_64", "80bf2c010000c8", [(7, "cmpb", "$-56, 300(%rdi)")]),
    ("x86_64", "65480304 2538b0b083", [(9, "addq", "%gs:-2085572552, %rax")]),
    ("x86_64", "e8 fbfffff0", [(5, "callq", "0xfffffffff1000000")]),
    ("x86_64", "75 01", [(2, "jne", "0x3")]),
    ("x86_64", "4489741cf8", [(5, "movl", "%r14d, -8(%rsp,%rbx)")]),
    ("aarch64", "c0035fd6", [(4, "ret", "")]),
    ("aarch64", "4a000058", [(4, "ldr", "x10, #8")]),
    ("aarch64", "80d038d5", [(4, "mrs", "x0, TPIDR_EL1")]),
    ("aarch64", "fd7bbfa9", [(4, "stp", "x29, x30, [sp, #-16]!")]),
    ("aarch64", "20 00 20 36", [(4, "tbz", "w0, #4, 0x4")]),
    ("aarch64", "00200091", [(4, "add", "x0, x0, #8")]),
    ("aarch64", "00004092", [(4, "and", "x0, x0, #0x1")]),
)


@pytest.mark.parametrize(("machine", "data", "rows"), ROWS)
def test_operands(machine: str, data: str, rows: list[tuple[int, str, str]]) -> None:
    assert list(disassembler(machine)(bytes.fromhex(data))) == rows


def test_another_machine() -> None:
    with pytest.raises(NotSupportedError, match="machine code of vax is not disassembled"):
        disassembler("vax")
