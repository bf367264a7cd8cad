"""`bpftool prog dump xlated ... visual`: the control flow of a program in the language of dot.

In: a program's code. Out: pieces of text. What bpftool does is kept, its oddities too: slots count
from the start of each function, and by these it looks up signatures and source lines; an
instruction's text ends at 63 bytes; a jump with a 32-bit distance leads to the next instruction.
"""

from __future__ import annotations

from itertools import pairwise

from probee.asm.opcodes import CALL, CALL_LOCAL, JMP, JMP32, SLOT_BYTES
from probee.frozen import Frozen
from probee.introspect.bpftool.shared import one_line
from probee.introspect.bpftool.xlated import line_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.introspect.bpftool.xlated import Listing
    from probee.introspect.loaded.code import Code, Line

_ENTRY, _EXIT, _FIRST = 0, 1, 2  # numbers of blocks
_LONGEST = 63  # bytes of an instruction's text
_LONGEST_PATH = 32
_JA, _CALL, _EXIT_OP = 0x00, 0x80, 0x90
_END = "\\l\\\n"
_SOLID = 'style="solid,bold", color=black, weight=10, constraint=true'
_IN_LABELS = str.maketrans({char: f"\\{char}" for char in '\\"{}<>| '})
_IN_TEXT = str.maketrans({char: f"\\{char}" for char in "<>|&"})


class _Block(Frozen):
    """Slots `start` to `end`, that included; `to`: numbers of the blocks that it leads to."""

    number: int
    start: int
    end: int
    to: tuple[int, ...]


def graph(code: Code, listing: Listing, *, opcodes: bool, linum: bool) -> Iterator[str]:
    """The whole graph."""
    labels = _Labels(code, listing, opcodes=opcodes, linum=linum)
    yield 'digraph "DOT graph for eBPF program" {\n'
    for number, start, end in _functions(code, listing):
        yield f'subgraph "cluster_{number}" {{\n\tstyle="dashed";\n\tcolor="black";\n'
        yield f'\tlabel="func_{number} ()";\n'
        blocks = _blocks(code, start, end)
        yield _node(number, _ENTRY, "Mdiamond", "ENTRY")
        for block in blocks:
            label = "".join(labels.of(block, start))
            yield _node(number, block.number, "record", f"{{\\\n{label}}}")
        yield _node(number, _EXIT, "Mdiamond", "EXIT")
        yield _edge(number, _ENTRY, _FIRST, _SOLID)
        for block in blocks:
            for to in block.to:
                yield _edge(number, block.number, to, _SOLID)
        yield _edge(number, _ENTRY, _EXIT, 'style="invis", constraint=true')
        yield "}\n"
    yield "}\n"


def _node(function: int, block: int, shape: str, label: str) -> str:
    return f'\tfn_{function}_bb_{block} [shape={shape},style=filled,label="{label}"];\n\n'


def _edge(function: int, start: int, end: int, style: str) -> str:
    return f"\tfn_{function}_bb_{start}:s -> fn_{function}_bb_{end}:n [{style}];\n"


def _functions(code: Code, listing: Listing) -> list[tuple[int, int, int]]:
    """Number, first and last slot; numbers in the order in which they are called."""
    numbers = {0: 0}
    for slot, insn in listing.insns.items():
        if insn.code == JMP | CALL and insn.src == CALL_LOCAL:
            numbers.setdefault(slot + insn.off + 1, len(numbers))
    starts = [*sorted(numbers), len(code.data) // SLOT_BYTES]
    return [(numbers[start], start, end - 1) for start, end in pairwise(starts)]


def _blocks(code: Code, start: int, end: int) -> list[_Block]:
    heads = {start}
    for slot in range(start, end + 1):
        distance, falls = _jump(code, slot)
        if distance is not None:
            heads.add(slot + distance + 1)
            heads |= {slot + 1} if falls else set()
    ordered = [*sorted(heads), end + 1]
    numbers = {head: _FIRST + at for at, head in enumerate(ordered[:-1])}
    found = []
    for head, following in pairwise(ordered):
        tail = following - 1
        number = numbers[head]
        distance, falls = _jump(code, tail)
        to = [numbers.get(following, _EXIT)] if falls or distance is None else []
        to += [numbers[tail + distance + 1]] if distance is not None else []
        found.append(_Block(number, head, tail, tuple(to)))
    return found


def _jump(code: Code, slot: int) -> tuple[int | None, bool]:
    """How far the slot jumps, None if it does not; whether it may go on to the next as well."""
    opcode = code.data[slot * SLOT_BYTES]
    if opcode & 7 not in {JMP, JMP32} or opcode & 0xF0 in {_CALL, _EXIT_OP}:
        return None, False
    at = slot * SLOT_BYTES + 2
    distance = int.from_bytes(code.data[at : at + 2], "little", signed=True)
    return distance, opcode & 0xF0 != _JA


class _Labels:
    """The text in each box."""

    __slots__ = ("_code", "_linum", "_listing", "_opcodes")

    def __init__(self, code: Code, listing: Listing, *, opcodes: bool, linum: bool) -> None:
        self._code = code
        self._listing = listing
        self._opcodes = opcodes
        self._linum = linum

    def of(self, block: _Block, start: int) -> Iterator[str]:
        """Of one block of the function that begins at slot `start`."""
        functions, last = list(self._code.functions), None
        for slot in range(block.start, block.end + 1):
            insn = self._listing.insns.get(slot)
            if insn is None:
                continue
            within = slot - start
            if functions and functions[0][0] == within:
                proto = self._listing.proto(functions.pop(0)[1])
                yield f"; {one_line(proto)}:{_END}" if proto else ""
            line = line_at(self._code.lines, within, 0)
            if line is not None and line is not last:
                yield self._source(line)
                last = line
            yield f"{within}: {_cut(self._listing.text(insn))}"
            if self._opcodes:
                pieces = [self._listing.bytes_at(slot + at).hex(" ") for at in range(insn.slots)]
                yield f"\\ \\ \\ \\ {' '.join(pieces)}{_END}"
            yield "| " if slot != block.end else ""

    def _source(self, line: Line) -> str:
        text = one_line(line.text.lstrip()).translate(_IN_LABELS)
        if not line.text:
            return ""
        where = ""
        if self._linum:
            short = _shortened(line.file)
            dots = "..." if short != line.file else ""
            file = one_line(short).translate(_IN_LABELS)
            where = f"; [{dots}{file} line:{line.number} col:{line.column}]{_END}"
        return f"{where}; {text}{_END}"


def _cut(text: str) -> str:
    whole = f"{text}\n"[:_LONGEST]
    return whole.translate(_IN_TEXT).replace("\n", _END)


def _shortened(path: str) -> str:
    """The end of a path of which more would not fit."""
    if len(path) <= _LONGEST_PATH:
        return path
    at = path.find("/", len(path) - _LONGEST_PATH)
    if at >= 0:
        return path if at < len("...") else path[at:]
    at = path.rfind("/")
    return path[at:] if at >= 0 else path
