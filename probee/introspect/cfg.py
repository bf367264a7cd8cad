"""The control flow of a program, as a graph that graphviz draws.

In: a `CollectionSpec` and the name of one of its programs, or `Code`. Out: dot. A box is a basic
block: the lines of source that it comes from and its instructions, with helpers, maps and functions
by name. A frame is a function; dashed lines lead to the functions that a block calls.
"""

from __future__ import annotations

from bisect import bisect_right

from probee.asm.blocks import FALSE, JUMP, NEXT, TRUE, blocks, called
from probee.asm.decode import decode
from probee.asm.disasm import kernel_text
from probee.asm.opcodes import CALL, CALL_HELPER, CALL_LOCAL, JMP
from probee.btf.ext import read_line_info
from probee.btf.reader import Btf
from probee.errors import UsageError
from probee.frame.options import nearest
from probee.frame.text import printable
from probee.frozen import Frozen
from probee.objfile.read_tables import targets
from probee.tables.helpers import name_of
from probee.uapi.bpf import BPF_MAP_TYPE_INSN_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.asm.blocks import Block
    from probee.asm.insn import Insn
    from probee.spec.programs import CollectionSpec, ProgramSpec

# How each kind of edge is drawn.
_STYLES = {
    TRUE: 'label="true", color="#2e7d32", fontcolor="#2e7d32"',
    FALSE: 'label="false", color="#c62828", fontcolor="#c62828"',
    JUMP: 'color="#1565c0"',
    NEXT: 'style="bold"',
}
_CALL = 'style="dashed", color="#757575", constraint=false'


class Code(Frozen):
    """A program to draw. By slot: names of functions, source lines, and what an instruction refers
    to: a map, a function of the kernel. `tables`: where the jump tables of a function lead.
    """

    title: str
    insns: tuple[Insn, ...]
    functions: dict[int, str]
    sources: dict[int, str]
    subjects: dict[int, str]
    tables: dict[int, list[int]]


def dot(spec: CollectionSpec, name: str) -> Iterator[str]:
    """The graph, line by line. UsageError where no program has that name, else FormatError."""
    program = _program(spec, name)
    sources = {}
    if spec.btf:
        btf = Btf(spec.btf)
        rows = read_line_info(program.line_info, big_endian=spec.endian == "big")
        sources = {row.insn_off: btf.string(row.text) for row in rows}
    subjects = {
        reloc.insn: _subject(reloc.symbol, reloc.kind, reloc.addend) for reloc in program.relocs
    }
    names = {slot: function for function, slot in program.functions} or {0: program.name}
    insns = tuple(decode(program.code, spec.endian))
    tables = _tables(spec, program, sorted(names))
    return drawn(Code(program.name, insns, names, sources, subjects, tables))


def _tables(spec: CollectionSpec, program: ProgramSpec, begins: list[int]) -> dict[int, list[int]]:
    """By the start of a function, the slots that its jump tables lead to."""
    order = ">" if spec.endian == "big" else "<"
    maps = {map_.name: map_ for map_ in spec.maps if map_.type == BPF_MAP_TYPE_INSN_ARRAY}
    used = {
        (begins[bisect_right(begins, reloc.insn) - 1], reloc.symbol)
        for reloc in (program.relocs if maps else ())
        if reloc.symbol in maps
    }
    found: dict[int, set[int]] = {}
    for function, symbol in used:
        found.setdefault(function, set()).update(targets(maps[symbol], order))
    return {function: sorted(slots) for function, slots in found.items()}


def drawn(code: Code) -> Iterator[str]:
    """The graph of a program, line by line. FormatError where its code is none."""
    names = code.functions
    rows = blocks(code.insns, names, code.tables)
    yield f'digraph "{_quoted(code.title)}" {{\n'
    yield '\tgraph [fontname="monospace"];\n'
    yield '\tnode [shape="box", fontname="monospace", fontsize=10];\n'
    yield '\tedge [fontname="monospace", fontsize=10];\n'
    inside: dict[int, list[Block]] = {}
    for block in rows:
        inside.setdefault(block.function, []).append(block)
    for function, title in sorted(names.items()):
        yield f'\tsubgraph "cluster_{function}" {{\n\t\tlabel="{_quoted(title)}";\n'
        for block in inside.get(function, ()):
            yield f'\t\tb{block.start} [label="{_label(code, block)}"];\n'
        yield "\t}\n"
    for block in rows:
        for edge in block.edges:
            yield f"\tb{block.start} -> b{edge.to} [{_STYLES[edge.how]}];\n"
        for function in block.calls:
            if function in names:
                yield f"\tb{block.start} -> b{function} [{_CALL}];\n"
    yield "}\n"


def _program(spec: CollectionSpec, name: str) -> ProgramSpec:
    for program in spec.programs:
        if program.name == name:
            return program
    known = [program.name for program in spec.programs]
    there = f"; there are {', '.join(known)}" if known else ""
    raise UsageError(f"there is no program {name!r}{nearest(name, known) or there}")


def _label(code: Code, block: Block) -> str:
    """The text in a box: lines that dot sets flush left."""
    lines: list[str] = []
    last = ""
    for slot, insn in block.insns:
        source = code.sources.get(slot, "").strip()
        if source and source != last:
            lines.append(f"; {source}")
            last = source
        lines.append(f"{slot:4d}: {_text(code, slot, insn)}")
    return "".join(f"{_quoted(line)}\\l" for line in lines)


def _text(code: Code, slot: int, insn: Insn) -> str:
    subject = code.subjects.get(slot, "")
    function = called(insn, slot)
    if function is not None:
        subject = code.functions.get(function, f"slot {function}")
    elif not subject and insn.code == JMP | CALL and insn.src == CALL_HELPER:
        subject = f"bpf_{name_of(insn.imm) or 'helper'}"
    if insn.code == JMP | CALL and insn.src == CALL_LOCAL:
        return f"call {subject}"
    text = kernel_text(insn, call=lambda _: subject or None, imm=lambda _: subject or None)
    return text.partition(" ")[2]  # without the opcode


def _subject(symbol: str, kind: str, addend: int) -> str:
    """What an instruction refers to, in a word."""
    if kind == "map":
        return f"map[{symbol}]"
    if kind == "value":
        return f"{symbol}+{addend}" if addend else symbol
    return symbol


def _quoted(text: str) -> str:
    """Within quotes of dot."""
    return printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
