"""`bpftool prog dump jited`: the machine code of a program, as text or JSON.

In: a program's code, and what takes its bytes apart. Out: functions with their instructions, in the
form of a bpftool that was built with LLVM.
"""

from __future__ import annotations

import re

from probee.frozen import Frozen
from probee.introspect.bpftool.shared import one_line
from probee.introspect.bpftool.xlated import line_at, proto, source_json, source_text
from probee.introspect.loaded.code import Line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.bpftool.symbols import Symbols
    from probee.introspect.loaded.code import Code
    from probee.introspect.machine_code import Disassemble

_WORD = re.compile(r"[^ \t,()]+")  # JSON has operands in these pieces


class _Function(Frozen):
    """`proto` and `name` may be "" and an address. `lines`: at bytes of `data`."""

    proto: str
    name: str
    data: bytes
    lines: tuple[Line, ...]


def functions(code: Code, symbols: Symbols) -> Iterator[_Function]:
    """The functions of a program, in the order of their code."""
    if not code.lengths or not code.ksyms:
        yield _Function("", "unknown", code.data, ())
        return
    at = 0
    for i, (address, length) in enumerate(zip(code.ksyms, code.lengths, strict=True)):
        title = proto(code, code.functions[i][1]) if i < len(code.functions) else ""
        lines = tuple(
            Line(line.address - address, line.file, line.text, line.number, line.column)
            for line in code.lines
            if address <= line.address < address + length
        )
        name = symbols.find(address) or f"0x{address:016x}"
        yield _Function(title, name, code.data[at : at + length], lines)
        at += length


def _rows(
    function: _Function, disassemble: Disassemble
) -> Iterator[tuple[int, bytes, str, str, Line | None]]:
    """Offset, bytes, operation, operands, and the source line that begins here."""
    pc = shown = 0
    for size, operation, operands in disassemble(function.data):
        line = line_at(function.lines, pc, shown)
        shown += line is not None
        yield pc, function.data[pc : pc + size], operation, operands, line
        pc += size


def text(
    code: Code, symbols: Symbols, disassemble: Disassemble, *, opcodes: bool, linum: bool
) -> Iterator[str]:
    """Lines, ends included."""
    for function in functions(code, symbols):
        yield f"{one_line(function.proto)}:\n" if function.proto else ""
        yield f"{one_line(function.name)}:\n"
        for pc, data, operation, operands, line in _rows(function, disassemble):
            if line is not None:
                yield source_text(line, linum=linum)
            yield f"{pc:4x}:\t{operation}\t{operands}".rstrip() + "\n"
            if opcodes:
                yield f"\t{data.hex(' ')} \n"
        yield "\n"


def json(
    writer: JsonWriter, code: Code, symbols: Symbols, disassemble: Disassemble,
    *, opcodes: bool, linum: bool,
) -> None:  # fmt: skip
    """An array of functions."""
    writer.begin_array()
    for function in functions(code, symbols):
        writer.begin_object()
        if function.proto:
            writer.field("proto", function.proto)
        writer.field("name", function.name)
        writer.name("insns")
        writer.begin_array()
        for pc, data, operation, operands, line in _rows(function, disassemble):
            writer.begin_object()
            if line is not None:
                source_json(writer, line, linum=linum)
            writer.field("pc", f"{pc:#x}")
            writer.field("operation", operation)
            _array(writer, "operands", _WORD.findall(operands) or [None])
            if opcodes:
                _array(writer, "opcodes", [f"0x{byte:02x}" for byte in data])
            writer.end()
        writer.end()
        writer.end()
    writer.end()


def _array(writer: JsonWriter, name: str, words: Sequence[str | None]) -> None:
    writer.name(name)
    writer.begin_array()
    for word in words:
        if word is None:
            writer.raw("null")
        else:
            writer.string(word)
    writer.end()
