"""`bpftool prog dump jited`: the machine code of a program, as text or JSON.

In: a program's code. Out: functions with their instructions, in the syntax of AT&T on x86-64. It is
the form of a bpftool that was built with a disassembler. Ours is capstone, of the extra
`probee[disasm]`; only this module uses it.
"""

from __future__ import annotations

from os import uname

from probee.errors import NotSupportedError
from probee.frozen import Frozen
from probee.introspect.bpftool.shared import one_line
from probee.introspect.bpftool.xlated import proto, source_json, source_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.bpftool.symbols import Symbols
    from probee.introspect.loaded.code import Code, Line

    Disassemble = Callable[[bytes], Iterator[tuple[int, str, str]]]


class _Function(Frozen):
    """`proto` and `name` may be "" and an address. `lines`: those of this function."""

    proto: str
    name: str
    data: bytes
    address: int
    lines: tuple[Line, ...]


def disassembler(machine: str = "") -> Disassemble:
    """What makes (bytes, operation, operands) of the code of `machine`, this one's without."""
    try:
        import capstone  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise NotSupportedError(
            "disassembling machine code needs capstone",
            hint="install probee[disasm], or write the bytes with file FILE",
        ) from None
    machine = machine or uname().machine
    if machine == "x86_64":
        engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        engine.syntax = capstone.CS_OPT_SYNTAX_ATT
    elif machine == "aarch64":
        engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
    else:
        raise NotSupportedError(
            f"machine code of {machine} is not disassembled, only that of x86-64 and arm64",
            hint="write the bytes with file FILE",
        )
    engine.skipdata = True  # bytes that are no instruction are shown as such
    return lambda data: (row[1:] for row in engine.disasm_lite(data, 0))


def functions(code: Code, symbols: Symbols) -> Iterator[_Function]:
    """The functions of a program, in the order of their code."""
    if not code.lengths or not code.ksyms:
        yield _Function("", "unknown", code.data, 0, ())
        return
    at = 0
    for i, (address, length) in enumerate(zip(code.ksyms, code.lengths, strict=True)):
        title = proto(code, code.functions[i][1]) if i < len(code.functions) else ""
        lines = tuple(line for line in code.lines if address <= line.address < address + length)
        name = symbols.find(address) or f"0x{address:016x}"
        yield _Function(title, name, code.data[at : at + length], address, lines)
        at += length


def _rows(
    function: _Function, disassemble: Disassemble
) -> Iterator[tuple[int, bytes, str, str, Line | None]]:
    """Offset, bytes, operation, operands, and the source line that begins here."""
    pc = 0
    lines = list(function.lines)
    for size, operation, operands in disassemble(function.data):
        line = None
        while lines and lines[0].address <= function.address + pc:
            line = lines.pop(0)
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
            _array(writer, "operands", [operands] if operands else [])
            if opcodes:
                _array(writer, "opcodes", [f"0x{byte:02x}" for byte in data])
            writer.end()
        writer.end()
        writer.end()
    writer.end()


def _array(writer: JsonWriter, name: str, words: list[str]) -> None:
    writer.name(name)
    writer.begin_array()
    for word in words:
        writer.string(word)
    writer.end()
