"""Parts of text: its bytes, and what of its characters the bytes tell exactly.

In: `s.raw` and its parts, `s[:n]`. Out: IR. Python counts a text's characters, a buffer holds
their bytes in UTF-8. For a constant that is valid UTF-8 the two agree on equality, on beginnings,
ends and parts: no character's bytes begin inside another's. Where they might not, as between two
texts that were read, one of which may end inside a character, the bytes are to be asked for.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import lengths, search, texts
from probee.compiler.frontend.traps import trap_if
from probee.compiler.frontend.values import (
    S64,
    Num,
    Part,
    Raw,
    Ref,
    Several,
    Text,
    describe,
    literal,
)
from probee.lang.types import BOOL
from probee.spec.types import Int

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block, Operand

BYTE = Int("u8", 1, False)


def inexact(low: Lowering, node: ast.AST, what: str, fix: str) -> Refusal:
    """Characters and bytes might disagree here."""
    return low.refuse(
        node,
        "text-bytes",
        what,
        why="Python's text is characters, and a buffer holds their bytes, perhaps cut inside one",
        fix=fix,
    )


def attribute(low: Lowering, owner: TypedValue, node: ast.Attribute) -> TypedValue | None:
    """`text.raw`, `text.cut`; None for other names."""
    if isinstance(owner, Part) and node.attr in ("raw", "cut"):
        raise low.not_yet(node, f".{node.attr} of a part of a text", fix='write s.raw[a:b] == b"…"')
    match node.attr:
        case "raw":
            return Raw(texts.kept(low, owner, node))
        case "cut":
            return Num(BOOL, search.cut(low, texts.kept(low, owner, node), node))
        case _:
            return None


def subscript(low: Lowering, owner: TypedValue, key: ast.expr, node: ast.expr) -> TypedValue:
    """`text[:n]`, `text.raw[i]`, `text.raw[a:b]`."""
    if isinstance(key, ast.Slice):
        start, stop = _bound(low, key.lower), _bound(low, key.upper)
        if key.step is not None:
            raise low.not_yet(key, "a step in a slice")
        if not isinstance(owner, Raw) and (start or stop is None):
            raise inexact(
                low, key, "a part of a text that does not begin with it", 'write s.raw[a:b] == b"…"'
            )
        return Part(texts.kept(low, owner, node), start or 0, stop)
    if isinstance(owner, Raw):
        return _byte(low, owner, low.number(key), node)
    raise inexact(low, node, "a character of a text", "write s.raw[i] for a byte")


def _bound(low: Lowering, node: ast.expr | None) -> int | None:
    if node is None:
        return None
    number = low.number(node)
    if not isinstance(number.op, int) or number.op < 0:
        raise low.not_yet(node, "the bound of a slice that is not a constant from 0 on")
    return number.op


def _byte(low: Lowering, owner: Raw, index: Num, node: ast.expr) -> Num:
    """`text.raw[i]`: one behind the text's end traps, as it does in bytes."""
    ref = _buffer(low, owner.text, node)
    size = search.length(low, ref)
    op: Operand = index.op
    if index.bounds[0] < 0:
        behind, before = low.blocks(2)
        low.branch("slt", op, 0, behind, before)
        low.start(behind)
        ends = [low.end(low.builder.emit("add", size, op, size=8))]
        low.start(before)
        ends.append(low.end(op))
        op = low.join(ends)
    trap_if(low, "uge", op, size, "IndexError", node)
    mask = (1 << (ref.type.size - 1).bit_length()) - 1
    inside = low.builder.emit("and", op, mask, size=8)
    # the text is shorter than its buffer; a buffer of no power of two is shorter than the mask
    trap_if(low, "uge", inside, ref.type.size, "IndexError", node)
    return Num(BYTE, search.byte(low, ref, inside))


def _buffer(low: Lowering, text: TypedValue, node: ast.AST) -> Ref:
    found = search.materialise(low, text, node)
    if isinstance(found, Text):
        raise low.not_yet(node, "bytes of text known when the program is compiled")
    return found


def length(low: Lowering, value: TypedValue, node: ast.AST) -> Num:
    """`len(text.raw)`."""
    if not isinstance(value, Raw):
        raise inexact(low, node, "the length of a text in characters", "write len(s.raw) for bytes")
    found = search.materialise(low, value.text, node)
    if isinstance(found, Text):
        return literal(len(found.raw))
    count = lengths.known(low, found, found.offset, found.type.size)
    if count is None:
        return Num(S64, search.length(low, found), 0, found.type.size - 1)
    most = found.type.size - 2  # of a text that was cut, which takes one byte more than its NUL
    whole, some, none, cut = low.blocks(4)
    low.branch("ult", count, found.type.size, whole, cut)
    low.start(whole)
    # of an empty text older kernels say that it takes 0 bytes (strncpy_from_user_nofault)
    low.branch("eq", count, 0, none, some)
    low.start(some)
    ends = [low.end(low.builder.emit("sub", count, 1, size=8))]
    for block, length_ in ((none, 0), (cut, most)):
        low.start(block)
        ends.append(low.end(length_))
    return Num(S64, low.join(ends), 0, most)


# ------------------------------------------------------------------------------------ comparison


def is_bytes(value: TypedValue) -> bool:
    """Whether it is bytes to Python."""
    return (
        isinstance(value, Raw)
        or (isinstance(value, Text) and value.binary)
        or (isinstance(value, Part) and isinstance(value.text, Raw))
    )


def compared(value: TypedValue) -> bool:
    """Whether it is a text, its bytes, or a part of either."""
    return isinstance(value, (Raw, Part)) or texts.is_text(value)


def equal(
    low: Lowering, node: ast.AST, a: TypedValue, b: TypedValue, then: Block, other: Block
) -> None:
    """Leaves by `a == b`."""
    if is_bytes(a) != is_bytes(b):
        raise low.refuse(
            node,
            "text-bytes",
            "text and bytes are compared",
            why="in Python they are never equal",
            fix="compare text with text, or s.raw with bytes",
        )
    if isinstance(b, Part):
        a, b = b, a
    if not isinstance(a, Part):
        search.equal(low, node, _whole(a), _whole(b), then, other)
        return
    constant = _whole(b)
    if not isinstance(constant, Text):
        raise low.not_yet(node, "a part of a text beside anything but a constant")
    if isinstance(a.text, Raw):
        _equal_bytes(low, node, a, constant.raw, then, other)
        return
    check_valid(low, constant, node)
    characters = len(constant.raw.decode())
    assert a.stop is not None
    if characters > a.stop:
        low.decide(False, then, other)
    elif characters == a.stop:
        search.startswith(low, node, a.text, constant, then, other)
    else:
        search.equal(low, node, a.text, constant, then, other)


def _whole(value: TypedValue) -> TypedValue:
    return value.text if isinstance(value, Raw) else value


def _equal_bytes(
    low: Lowering, node: ast.AST, part: Part, raw: bytes, then: Block, other: Block
) -> None:
    """`text.raw[a:b] == raw`."""
    ref = _buffer(low, _whole(part.text), node)
    room = ref.type.size if part.stop is None else max(part.stop - part.start, 0)
    end = part.start + len(raw)
    if len(raw) > room or (raw and end > ref.type.size - 1):
        low.decide(False, then, other)
        return
    size = search.length(low, ref)
    (there,) = low.blocks(1)
    if len(raw) == room:  # as many bytes as were asked for: the text goes on, or ends there
        low.branch("uge", size, end if raw else 0, there, other)
    elif raw:
        low.branch("eq", size, end, there, other)
    else:
        low.branch("ule", size, part.start, there, other)
    low.start(there)
    search.bytes_at(low, ref, part.start, raw, then, other)


def check_valid(low: Lowering, text: Text, node: ast.AST) -> None:
    """Refuses constant text whose bytes may be part of another character's."""
    try:
        text.raw.decode()
    except UnicodeDecodeError:
        raise inexact(
            low, node, "this constant is not whole characters", 'ask the bytes: s.raw, and b"…"'
        ) from None


def matches(
    low: Lowering, node: ast.Call, owner: TypedValue, name: str, then: Block, other: Block
) -> None:
    """`s.startswith(x)`, `s.endswith(x)`, of text or bytes; x may be a tuple of constants."""
    if len(node.args) != 1 or node.keywords:
        raise low.refuse(node, "arguments", f"the form is s.{name}(text)")
    if isinstance(owner, Part):
        raise low.not_yet(node, f"{name}() of a part of a text", fix='compare it: s[:n] == "…"')
    owner = texts.kept(low, owner, node)
    argument = low.value(node.args[0])
    choices = argument.items if isinstance(argument, Several) else (argument,)
    for i, choice in enumerate(choices):
        on = other if i == len(choices) - 1 else low.blocks(1)[0]
        _matches(low, node, owner, name, choice, then, on)
        if i < len(choices) - 1:
            low.start(on)
    if not choices:
        low.decide(False, then, other)


def _matches(
    low: Lowering,
    node: ast.Call,
    owner: TypedValue,
    name: str,
    choice: TypedValue,
    then: Block,
    other: Block,
) -> None:
    if not compared(choice) or isinstance(choice, Part):
        raise low.refuse(node, "type", f"{describe(choice)} stands where text is needed")
    if is_bytes(owner) != is_bytes(choice):
        raise low.refuse(
            node,
            "text-bytes",
            f"{name}() of text and bytes",
            why="Python would raise TypeError",
            fix="give text to text, or bytes to s.raw",
        )
    check_exact(low, choice, node)
    find = search.startswith if name == "startswith" else search.endswith
    find(low, node, _whole(owner), _whole(choice), then, other)


def contains(
    low: Lowering, node: ast.AST, owner: TypedValue, part: TypedValue, then: Block, other: Block
) -> None:
    """Leaves by `part in owner`."""
    if is_bytes(owner) != is_bytes(part):
        raise low.refuse(
            node,
            "text-bytes",
            "`in` of text and bytes",
            why="Python would raise TypeError",
            fix="look for text in text, or for bytes in s.raw",
        )
    if isinstance(owner, Part) or isinstance(part, Part):
        raise low.not_yet(node, "`in` of a part of a text")
    check_exact(low, part, node)
    search.contains(low, node, _whole(owner), _whole(part), then, other)


def check_exact(low: Lowering, part: TypedValue, node: ast.AST) -> None:
    """What is looked for in text is a constant of whole characters; bytes are what they are."""
    if is_bytes(part):
        return
    if isinstance(part, Text):
        check_valid(low, part, node)
    else:
        raise inexact(
            low, node, "a text that was read is looked for in another", "ask both for .raw"
        )
