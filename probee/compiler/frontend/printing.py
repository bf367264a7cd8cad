"""`print`: a line to the trace pipe, exactly as Python's print would write it.

In: a call of print, with f-strings. Out: a format in .rodata and a helper call. What is known when
the program is compiled is formatted by Python itself and becomes part of the format; integers take
the kernel's conversions (specs.py); text goes by its address, ended by a NUL where it was cut. A
line that the kernel did not write, or not whole, is counted.

bpf_trace_printk() takes three values; Linux 5.10 knows neither widths nor %% nor two texts in it.
What goes beyond that is bpf_trace_vprintk() (5.16), with up to twelve.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from probee.compiler.frontend import expressions, memory, numbers, objects, tables, texts
from probee.compiler.frontend.specs import Unprintable, conversion
from probee.compiler.frontend.values import (
    NONE,
    Comm,
    KernText,
    NoneType,
    Num,
    ReadStr,
    Ref,
    Text,
    describe,
)
from probee.lang.types import BOOL
from probee.spec.types import CharArray, Pointer

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Operand, Value

MOST_VALUES = 12  # MAX_BPRINTF_VARARGS, include/linux/bpf.h
MOST_BYTES = 512  # of all values: MAX_BPRINTF_BIN_ARGS
LONGEST_LINE = 1023  # MAX_BPRINTF_BUF, with the NUL
_OLD_VALUES, _OLD_TEXT = 3, 64  # what bpf_trace_printk() took in Linux 5.10
# In a format stands what is printable or blank, in ASCII, and behind %s no letter and no digit.
_ODD = re.compile(rb"[^\t-\r -~][^\t-\r -/:-@\[-`{-~]*")
_WORD = re.compile(rb"[^\t-\r -/:-@\[-`{-~]+")
_WORDS = b"False\0\0\0True\0\0\0\0"


class _Line:
    """The format so far, its values, and how long it can come out at most."""

    def __init__(self) -> None:
        self.format = bytearray()
        self.values: list[Operand] = []
        self.bytes = self.longest = self.texts = 0
        self.after_text = False  # whether a text is the last of it
        self.old = True  # whether Linux 5.10 could write it

    def add(self, form: str, value: Operand, *, size: int, longest: int, old: bool) -> None:
        self.format += form.encode()
        self.values.append(value)
        self.bytes += size + 8
        self.longest += longest
        self.old = self.old and old
        self.after_text = form == "%s"

    def add_text(self, address: Operand, size: int) -> None:
        """A text of up to `size` bytes with its NUL."""
        self.texts += 1
        self.add("%s", address, size=size, longest=size, old=size <= _OLD_TEXT and self.texts == 1)


def print_(low: Lowering, call: ast.Call) -> TypedValue:
    """Lowers a call of print."""
    separator = _separator(low, call)
    line = _Line()
    for i, argument in enumerate(call.args):
        if i:
            _literal(low, line, separator, call)
        if isinstance(argument, ast.JoinedStr):
            _joined(low, line, argument)
        else:
            _show(low, line, low.value(argument), argument)
    _check_size(low, line, call)
    low.place(call)
    _emit(low, line, call)
    return NONE


def outside(low: Lowering, node: ast.JoinedStr) -> Refusal:
    """An f-string that is not an argument of print."""
    return low.not_yet(node, "an f-string outside print()", fix="print it, or send its parts")


def _separator(low: Lowering, call: ast.Call) -> str:
    separator = " "
    for keyword in call.keywords:
        given = low.value(keyword.value)
        if keyword.arg == "sep" and isinstance(given, Text) and not given.binary:
            separator = _decoded(given.raw)
        elif keyword.arg == "sep" and given == NONE:
            separator = " "
        elif keyword.arg != "end" or given not in (NONE, Text(b"\n")):
            raise low.refuse(
                keyword.value,
                "print-form",
                f"print() takes no such {keyword.arg or '**'}= in a kernel program",
                why="the kernel ends each line itself, and writes it to the trace pipe",
                fix="print(a, b, sep=…), where sep is known when the program is compiled",
            )
    return separator


def _joined(low: Lowering, line: _Line, node: ast.JoinedStr) -> None:
    for part in node.values:
        if isinstance(part, ast.Constant):
            _literal(low, line, str(part.value), node)
            continue
        assert isinstance(part, ast.FormattedValue)
        spec = _spec(low, part)
        value = low.value(part.value)
        _show(low, line, value, part.value, spec, _CONVERSIONS[part.conversion])


_CONVERSIONS = {-1: None, ord("s"): str, ord("r"): repr, ord("a"): ascii}


def _spec(low: Lowering, part: ast.FormattedValue) -> str:
    if part.format_spec is None:
        return ""
    assert isinstance(part.format_spec, ast.JoinedStr)
    found = ""
    for piece in part.format_spec.values:
        if not isinstance(piece, ast.Constant):
            raise low.not_yet(part.value, "a format that is computed", fix="write the width out")
        found += str(piece.value)
    return found


def _show(
    low: Lowering,
    line: _Line,
    value: TypedValue,
    node: ast.expr,
    spec: str = "",
    converted: object = None,
) -> None:
    """Adds a value as `format(value, spec)` would come out.

    Text is copied here, before what stands behind it is computed, as Python formats it then.
    """
    known = _known(value)
    if known is not None:
        _literal(low, line, _formatted(low, known[0], spec, converted, node), node)
        return
    match value:
        case KernText() | ReadStr():
            _show(low, line, texts.kept(low, value, node), node, spec, converted)
        case Num(type=Pointer(target="char")):
            raise low.not_yet(node, "printing text from an address", fix="read it into a field")
        case Num():
            if converted is not None and spec:
                why = "Python formats the text of the number here, with rules of its own"
                raise _unprintable(low, node, describe(value), Unprintable(why, "leave the ! out"))
            _number(low, line, value, spec, node)
        case Comm() | Ref(type=CharArray()):
            if spec not in ("", "s") or converted not in (None, str):
                why = "Python counts its characters, the kernel its bytes"
                raise _unprintable(low, node, "text", Unprintable(why))
            _text(low, line, value, node)
        case _:
            raise expressions.refuse_kind(low, value, "an integer or text", node)


def _known(value: TypedValue) -> tuple[object] | None:
    """The Python object, where the compiler knows it."""
    match value:
        case NoneType():
            return (None,)
        case Text(raw=raw, binary=binary):
            return (raw if binary else _decoded(raw),)
        case Num(type=type_, op=int() as op) if not isinstance(type_, Pointer):
            return (bool(op) if type_ == BOOL else op,)
        case _:
            return None


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _formatted(low: Lowering, known: object, spec: str, converted: object, node: ast.expr) -> str:
    """By Python itself."""
    try:
        return format(converted(known) if callable(converted) else known, spec)
    except (ValueError, TypeError) as error:
        raise _unprintable(low, node, repr(known), Unprintable(f"Python raises: {error}")) from None


def _unprintable(low: Lowering, node: ast.expr, what: str, error: Unprintable) -> Refusal:
    return low.refuse(
        node,
        "print-form",
        f"{what} cannot be printed in this form",
        why=error.why,
        fix=error.fix or "print it plainly, and format it on the user side",
    )


def _literal(low: Lowering, line: _Line, text: str, node: ast.AST) -> None:
    """Text that is known. What the kernel takes for no part of a format goes by its address."""
    raw = objects.text(low, text, node).raw
    head = _WORD.match(raw) if line.after_text else None
    if head is not None:
        _constant(low, line, head[0])
        raw = raw[head.end() :]
    at = 0
    for odd in _ODD.finditer(raw):
        _plain(line, raw[at : odd.start()])
        _constant(low, line, odd[0])
        at = odd.end()
    _plain(line, raw[at:])


def _constant(low: Lowering, line: _Line, raw: bytes) -> None:
    address = low.builder.emit(
        "dataaddr", symbol=".rodata", offset=low.world.read_only(raw + b"\0")
    )
    line.add_text(address, len(raw) + 1)


def _plain(line: _Line, raw: bytes) -> None:
    if raw:
        line.old = line.old and b"%" not in raw
        line.longest += len(raw)
        line.format += raw.replace(b"%", b"%%")
        line.after_text = False


def _number(low: Lowering, line: _Line, number: Num, spec: str, node: ast.expr) -> None:
    if number.type == BOOL and not spec:
        words = low.builder.emit("dataaddr", symbol=".rodata", offset=low.world.read_only(_WORDS))
        distance = low.builder.emit("shl", number.op, 3, size=8)
        line.add_text(low.builder.emit("add", words, distance, result="ptr", size=8), 6)
        return
    type_ = numbers.typed(number)
    bottom, top = number.bounds
    try:
        form = conversion(spec, max(bottom, type_.low), min(top, type_.high))
    except Unprintable as error:
        raise _unprintable(low, node, describe(number), error) from None
    _literal(low, line, form.prefix, node)
    line.add(form.text, number.op, size=8, longest=form.longest, old=form.plain)


def _text(low: Lowering, line: _Line, value: Comm | Ref, node: ast.expr) -> None:
    """A copy on the stack, which ends with a NUL wherever the text was cut."""
    if isinstance(value, Comm):
        pointer = low.object_slot("text", texts.COMM_SIZE, str(low.number_of()))
        low.builder.emit("call", pointer, texts.COMM_SIZE, result="none", symbol="get_current_comm")
        line.add_text(pointer, texts.COMM_SIZE)
        return
    memory.check_usable(low, value, node)
    size = value.type.size
    if size > MOST_BYTES:
        raise _too_much(low, node, f"{size} bytes of text")
    whole = value.origin == "ctx"  # the kernel's own: all of it is text, and there may be no NUL
    pointer = low.object_slot("text", (size + whole + 7) & ~7, str(low.number_of()))
    memory.copy(low, memory.Place(memory.bare(pointer), 0, value.type), value)
    if whole:
        low.builder.emit("store", pointer, 0, size=1, offset=size)
    else:
        _end_where_cut(low, pointer, size)
    line.add_text(pointer, size + whole)


def _end_where_cut(low: Lowering, pointer: Value, size: int) -> None:
    """A text that was cut has no NUL, and its last two bytes are not shown (see texts.py)."""
    mark = low.builder.emit("load", pointer, size=1, offset=size - 1)
    cut, done = low.blocks(2)
    low.branch("ne", mark, 0, cut, done)
    low.start(cut)
    low.builder.emit("store", pointer, 0, size=1, offset=size - 2)
    low.jump(done)
    low.start(done)


def _check_size(low: Lowering, line: _Line, call: ast.Call) -> None:
    if len(line.values) > MOST_VALUES:
        raise _too_much(low, call, f"{len(line.values)} values")
    if line.bytes > MOST_BYTES or line.longest > LONGEST_LINE:
        raise _too_much(low, call, f"up to {max(line.bytes, line.longest)} bytes")


def _too_much(low: Lowering, node: ast.AST, what: str) -> Refusal:
    return low.refuse(
        node,
        "print-size",
        f"{what} in one line",
        why=f"the kernel writes {MOST_VALUES} values of {MOST_BYTES} bytes together, and lines of"
        f" {LONGEST_LINE}; more would be cut",
        fix="print several lines",
    )


def _emit(low: Lowering, line: _Line, call: ast.Call) -> None:
    raw = bytes(line.format) + b"\0"
    address = low.builder.emit("dataaddr", symbol=".rodata", offset=low.world.read_only(raw))
    if line.old and len(line.values) <= _OLD_VALUES:
        args: list[Operand] = [address, len(raw), *line.values]
        helper = "trace_printk"
    else:
        data = low.scratch_slot("print", 8 * len(line.values)) if line.values else 0
        for i, value in enumerate(line.values):
            assert not isinstance(data, int)
            low.builder.emit("store", data, value, size=8, offset=8 * i)
        args = [address, len(raw), data, 8 * len(line.values)]
        helper = "trace_vprintk"
    written = low.builder.emit("call", *args, result="int", symbol=helper)
    failed, done = low.blocks(2)
    low.branch("ugt", written, LONGEST_LINE, failed, done)  # an error is negative: the largest
    low.start(failed)
    tables.lost(low, "print", low.program.name, low.program.name, low.frame.source.loc(call))
    low.jump(done)
    low.start(done)
