"""Types as C says them, and values of them: for a person to read, not for a compiler.

In: the types of an object. Out: `declaration` (`struct key *keys[4]`), `definition` (the lines of
a struct), `shown` (a value as an initialiser). All of it is bounded: an object can name types that
would become any amount of text.
"""

from __future__ import annotations

from probee.btf import kinds, types as t
from probee.btf.codec import Codec
from probee.errors import FormatError, NotSupportedError
from probee.introspect.inspect.report import TypeRow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.codec import Value
    from probee.relocate.view import View

MOST_LINES = 100  # of one definition
_MOST_PARTS = 32  # of one declaration
_MOST_PARAMETERS = 12
_MOST_TEXT = 200  # characters of a value
_SHORT_TEXT = 32  # of one that has no name and stands in its place
_LEAST_TEXT = 2  # fewer may as well be a number
_QUALIFIERS = {kinds.CONST: "const", kinds.VOLATILE: "volatile", kinds.RESTRICT: "restrict"}
_WORDS = {kinds.STRUCT: "struct", kinds.UNION: "union", kinds.ENUM: "enum", kinds.ENUM64: "enum"}


def declaration(view: View, id: int, name: str = "", depth: int = 0) -> str:
    """`id` with `name` in its place; '' declares the type alone."""
    qualifiers = ""
    for _ in range(_MOST_PARTS):
        type_ = view.type(id)
        match type_:
            case t.Const() | t.Volatile() | t.Restrict():
                qualifiers = f"{_QUALIFIERS[type_.kind]} {qualifiers}"
                id = type_.type
            case t.TypeTag():
                id = type_.type
            case t.Ptr():
                name = f"*{qualifiers}{name}"
                qualifiers = ""
                id = type_.type
                if view.type(_unqualified(view, id)).kind in (kinds.ARRAY, kinds.FUNC_PROTO):
                    name = f"({name})"
            case t.Array():
                name = f"{name}[{type_.count}]"
                id = type_.type
            case t.FuncProto():
                name = f"{name}({_parameters(view, type_, depth)})"
                id = type_.type
            case _:
                return f"{qualifiers}{_base(type_)} {name}".rstrip()
    return f"... {name}".rstrip()


def _unqualified(view: View, id: int) -> int:
    for _ in range(_MOST_PARTS):
        type_ = view.type(id)
        if not isinstance(type_, t.Const | t.Volatile | t.Restrict | t.TypeTag):
            break
        id = type_.type
    return id


def _parameters(view: View, type_: t.FuncProto, depth: int) -> str:
    if not type_.params:
        return "void"
    if depth > 2:
        return "..."
    words = [
        declaration(view, p.type, p.name, depth + 1) if p.type or p.name else "..."
        for p in type_.params[:_MOST_PARAMETERS]
    ]
    return ", ".join([*words, *["..."] * (len(type_.params) > _MOST_PARAMETERS)])


def _base(type_: t.Type) -> str:
    match type_:
        case t.Void():
            return "void"
        case t.Struct() | t.Union() | t.Enum() | t.Enum64():
            return f"{_WORDS[type_.kind]} {type_.name or '{...}'}"
        case t.Fwd():
            return f"{'union' if type_.union else 'struct'} {type_.name}"
        case t.Int() | t.Float() | t.Typedef():
            return type_.name
        case _:
            return t.label(type_)


def definition(view: View, id: int) -> tuple[str, ...]:
    """The lines that define what `id` stands for: a struct, union or enum, else none."""
    lines: list[str] = []
    _, type_ = view.behind(id)
    head = _base(type_).replace(" {...}", "")
    if isinstance(type_, t.Struct | t.Union | t.Enum | t.Enum64):
        lines.append(f"{head} {{")
        _inside(view, type_, lines, 1)
        lines.append("}")
    return tuple(lines)


def _inside(
    view: View, type_: t.Struct | t.Union | t.Enum | t.Enum64, lines: list[str], level: int
) -> None:
    pad = "  " * level
    if isinstance(type_, t.Enum | t.Enum64):
        lines += [f"{pad}{v.name} = {v.value}," for v in type_.values[:MOST_LINES]]
        lines += [f"{pad}..."] * (len(type_.values) > MOST_LINES)
        return
    for member in type_.members:
        if len(lines) > MOST_LINES:
            lines.append(f"{pad}...")
            return
        width = f" : {member.bits}" if member.bits else ""
        _, inner = view.behind(member.type)
        anonymous = isinstance(inner, t.Struct | t.Union) and not inner.name
        if anonymous and level < 6 and view.btf.kind(member.type) == inner.kind:
            lines.append(f"{pad}{_WORDS[inner.kind]} {{")
            assert isinstance(inner, t.Struct | t.Union)
            _inside(view, inner, lines, level + 1)
            lines.append(f"{pad}}} {member.name}".rstrip() + ";")
        else:
            lines.append(f"{pad}{declaration(view, member.type, member.name)}{width};")


def type_row(view: View | None, id: int, size: int) -> TypeRow:
    """What is said of a key or value: of its size alone where there is no type."""
    if view is None or not id:
        return TypeRow("", (), size)
    return TypeRow(declaration(view, id), definition(view, id), size)


def shown(view: View, id: int, data: bytes) -> str:
    """A value in C, cut where it gets long."""
    if len(data) > 1 << 16:
        return f"{{{len(data)} bytes}}"
    try:
        value = Codec(view.btf, id).decode(data)
    except (FormatError, NotSupportedError):
        return plain_bytes(data)
    text = _literal(value, 0)
    return text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 3]}..."


def text(data: bytes) -> str:
    """Characters up to the first NUL, as C writes them."""
    words = data.split(b"\0")[0].decode("utf-8", "surrogateescape")
    return _literal(words if len(words) <= _MOST_TEXT else f"{words[: _MOST_TEXT - 3]}...", 0)


def beginning(data: bytes) -> str:
    """How the text at the start of `data` begins, in quotes; '' where hardly one stands there."""
    raw, end, _ = data.partition(b"\0")
    words = raw.decode("utf-8", "surrogateescape")
    plain = len(words) >= _LEAST_TEXT and all(c.isprintable() or c in "\n\t" for c in words)
    if not end or not plain:
        return ""
    return _literal(words if len(words) <= _SHORT_TEXT else f"{words[: _SHORT_TEXT - 3]}...", 0)


def plain_bytes(data: bytes) -> str:
    """A value of no type that can be read."""
    if not any(data):
        return "0" if len(data) < 9 else "{0}"
    return f"bytes {data[:24].hex(' ')}{' ...' if len(data) > 24 else ''}"


def _literal(value: Value, depth: int) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + value.replace('"', '\\"') + '"'
        case int() | float():
            return str(value)
        case list():
            last = max((n for n, item in enumerate(value) if not _is_zero(item)), default=-1)
            items = [_literal(item, depth + 1) for item in value[: min(last + 1, 40)]]
            return f"{{{', '.join(items + ['...'] * (last >= 40))}}}" if items else "{0}"
        case dict():
            parts = [
                f".{name} = {_literal(item, depth + 1)}"
                for name, item in value.items()
                if not _is_zero(item)
            ]
            return f"{{{', '.join(parts)}}}" if parts else "{0}"


def _is_zero(value: Value) -> bool:
    match value:
        case list():
            return all(_is_zero(item) for item in value)
        case dict():
            return all(_is_zero(item) for item in value.values())
        case _:
            return not value
