"""`bpftool prog dump xlated`: what the verifier made of a program, as text or JSON.

In: a program's code. Out: lines, or an array. Names of helpers, kfuncs and functions are those of
/proc/kallsyms; source lines and signatures come from its BTF.
"""

from __future__ import annotations

from probee.asm.decode import decode
from probee.asm.disasm import dump_imm, kernel_text
from probee.asm.insn import slot_starts
from probee.asm.opcodes import CALL_LOCAL, SLOT_BYTES
from probee.btf.types import Func
from probee.errors import FormatError
from probee.introspect.bpftool.shared import one_line
from probee.introspect.bpftool.signatures import signature
from probee.tables.helpers import all_helpers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.asm.insn import Insn
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.bpftool.symbols import Symbols
    from probee.introspect.loaded.code import Code, Line

_LONGEST = 1024  # a signature that does not fit is left out
_U64 = (1 << 64) - 1
_SPACE = " \t\n\v\f\r"


class Listing:
    """The instructions of one program, with what stands before each."""

    __slots__ = ("_code", "_helpers", "_symbols", "insns")

    def __init__(self, code: Code, symbols: Symbols) -> None:
        self._code = code
        self._symbols = symbols
        self._helpers = {0: "bpf_unspec"}
        self._helpers |= {helper.id: f"bpf_{helper.name}" for helper in all_helpers()}
        insns = decode(code.data, xlated=True)
        self.insns = dict(zip(slot_starts(insns), insns, strict=False))

    def text(self, insn: Insn) -> str:
        """One instruction, without an end of line."""
        return kernel_text(insn, helpers=self._helpers, call=self._call, imm=dump_imm)

    def bytes_at(self, slot: int, count: int = 1) -> bytes:
        """The bytes of `count` slots."""
        return self._code.data[slot * SLOT_BYTES : (slot + count) * SLOT_BYTES]

    def _call(self, insn: Insn) -> str:
        address = (self._symbols.base + insn.imm) & _U64
        ksyms = self._code.ksyms
        if insn.src != CALL_LOCAL:
            return self._symbols.find(address) or f"{address:#x}"
        if not ksyms:
            return f"{insn.off:+d}"
        if 0 <= insn.imm < len(ksyms):
            address = ksyms[insn.imm]
        return f"{insn.off:+d}#{self._symbols.find(address) or f'{address:#x}'}"

    def rows(self) -> Iterator[tuple[int, Insn, str, Line | None]]:
        """Slot, instruction, the signature of the function that begins here, the source line."""
        functions, lines = self._code.functions, self._code.lines
        function = line = 0
        for slot, insn in self.insns.items():
            proto = ""
            if function < len(functions) and functions[function][0] == slot:
                proto = self.proto(functions[function][1])
                function += 1
            found = line_at(lines, slot, line)
            line += found is not None
            yield slot, insn, proto, found

    def proto(self, id: int) -> str:
        """The signature of a FUNC, "" where it cannot be had."""
        return proto(self._code, id)


def proto(code: Code, id: int) -> str:
    """The signature of the FUNC `id`, "" where it cannot be had."""
    if code.types is None:
        return ""
    try:
        function = code.types.type(id)
        if not isinstance(function, Func):
            return ""
        text = signature(code.types, function.type, function.name)
    except FormatError:
        return ""
    return text if len(text.encode("utf-8", "surrogateescape")) < _LONGEST else ""


def line_at(lines: tuple[Line, ...], slot: int, skip: int) -> Line | None:
    """The last of the lines from `skip` on that begins at or before `slot`, if that one does."""
    if skip >= len(lines) or slot < lines[skip].at:
        return None
    at = skip
    while at + 1 < len(lines) and lines[at + 1].at <= slot:
        at += 1
    return lines[at]


def text(listing: Listing, *, opcodes: bool, linum: bool) -> Iterator[str]:
    """Lines, ends included."""
    for slot, insn, proto, line in listing.rows():
        if proto:
            yield f"{one_line(proto)}:\n"
        if line is not None:
            yield source_text(line, linum=linum)
        yield f"{slot:4d}: {listing.text(insn)}\n"
        if opcodes:
            codes = " ".join(listing.bytes_at(slot + more).hex(" ") for more in range(insn.slots))
            yield f"       {codes}\n"


def source_text(line: Line, *, linum: bool) -> str:
    """`; ` and the line, with `linum` where it stands."""
    where = f" [file:{one_line(line.file)} line_num:{line.number} line_col:{line.column}]"
    return f"; {one_line(line.text.lstrip(_SPACE))}{where if linum else ''}\n"


def json(writer: JsonWriter, listing: Listing, *, opcodes: bool, linum: bool) -> None:
    """An array of objects."""
    writer.begin_array()
    for slot, insn, proto, line in listing.rows():
        writer.begin_object()
        if proto:
            writer.field("proto", proto)
        if line is not None:
            source_json(writer, line, linum=linum)
        writer.field("disasm", listing.text(insn))
        if opcodes:
            writer.name("opcodes")
            writer.begin_object()
            data = listing.bytes_at(slot, insn.slots)
            writer.field("code", f"0x{insn.code:02x}")
            writer.field("src_reg", f"{insn.src:#x}")
            writer.field("dst_reg", f"{insn.dst:#x}")
            hex_json(writer, "off", data[2:4])
            hex_json(writer, "imm", data[4:])
            writer.end()
        writer.end()
    writer.end()


def source_json(writer: JsonWriter, line: Line, *, linum: bool) -> None:
    """The fields of a source line."""
    writer.field("src", line.text.lstrip(_SPACE))
    if linum:
        writer.field("file", line.file)
        if line.number:
            writer.field("line_num", line.number)
        if line.column:
            writer.field("line_col", line.column)


def hex_json(writer: JsonWriter, name: str, data: bytes) -> None:
    """Bytes as an array of strings."""
    writer.name(name)
    writer.begin_array()
    for byte in data:
        writer.string(f"0x{byte:02x}")
    writer.end()
