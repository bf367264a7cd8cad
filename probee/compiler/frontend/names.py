"""Names: locals, bound and read, and what a function sees of its module.

In: a name, a value. Out: variables of the builder, and facts about them in the flow. A local keeps
one static shape: an integer type, an optional, a kind of reference. A reference into a map may be
bound anew; a name for a struct or record keeps its object. What is known when the program is
compiled (text, functions, the context) needs no variable, but for one that tells whether the name
was bound at all.
"""

from __future__ import annotations

import builtins
from difflib import get_close_matches
from typing import TYPE_CHECKING

from probee.compiler.frontend import (
    buffers,
    fitting,
    hints,
    kernelnames,
    memory,
    numbers,
    objects,
    replaced,
    texts,
)
from probee.compiler.frontend.source import Refusal
from probee.compiler.frontend.values import (
    NONE,
    S64,
    Comm,
    Kern,
    KernItems,
    KernPointers,
    KernText,
    Keyed,
    Method,
    NoneType,
    Num,
    Opt,
    OptNum,
    OptText,
    Part,
    Raw,
    ReadStr,
    Ref,
    Several,
    Thing,
    Window,
    describe,
)
from probee.compiler.ir.ops import Value
from probee.frozen import replace
from probee.lang.types import BOOL
from probee.spec.types import Int, StructType

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Source
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Operand

_BUILTINS = {
    "range": range, "min": min, "max": max, "abs": abs, "bool": bool, "int": int,
    "print": print, "len": len, "enumerate": enumerate,
}  # fmt: skip
_MISSING = object()

# ------------------------------------------------------------------------------------------ locals


def assign(low: Lowering, name: str, value: TypedValue, node: ast.AST) -> None:
    """Binds a local. Its first assignment fixes its shape; later ones must fit it."""
    frame = low.frame
    known = frame.locals.get(name)
    if name in frame.buffers:
        buffers.fill(low, name, value, node)
        return
    low.flow = low.flow.rebound(frame.key(name), low.loop_numbers)
    match value:
        case Num():
            _assign_number(low, name, value, known, node)
        case OptNum():
            if known is not None and not (
                isinstance(known, OptNum) and known.num.type == value.num.type
            ):
                raise other_shape(low, name, node)
            frame.locals[name] = value
            _write(low, name, "value", "int", value.num.op)
            _write(low, name, "present", "int", value.present)
        case NoneType() if isinstance(known, OptNum):
            _write(low, name, "value", "int", 0)
            _write(low, name, "present", "int", 0)
        case NoneType() if isinstance(known, Opt):
            _write(low, name, "pointer", "ptr", 0)
        case Kern():
            kernelnames.assign(low, name, value, node)
        case Comm() | ReadStr() | KernText():
            assign(low, name, texts.kept(low, value, node), node)
        case OptText():
            _assign_reference(low, name, value, known, node)
            _write(low, name, "present", "int", value.present)
        case Ref() | Opt():
            _assign_reference(low, name, value, known, node)
        case _:
            _assign_static(low, name, value, known, node)


def _assign_number(
    low: Lowering, name: str, value: Num, known: TypedValue | None, node: ast.AST
) -> None:
    key = low.frame.key(name)
    if known is None:
        known = low.frame.locals[name] = Num(S64 if value.literal else value.type, 0)
    if isinstance(known, (Num, OptNum)) and name not in low.frame.stated:
        fitting.check(low, name, known.num if isinstance(known, OptNum) else known, value, node)
    if isinstance(known, OptNum):
        number = numbers.convert(low, value, known.num.type, node)
        _write(low, name, "value", "int", number.op)
        _write(low, name, "present", "int", 1)
        low.flow = replace(low.flow, nonnull=low.flow.nonnull | {key})
        return
    if not isinstance(known, Num):
        raise other_shape(low, name, node)
    number = numbers.convert(low, value, known.type, node)
    _write(low, name, "value", "int", number.op)
    low.flow = low.flow.with_range(key, number.bounds)


def _assign_reference(
    low: Lowering, name: str, value: Ref | Opt | OptText, known: TypedValue | None, node: ast.AST
) -> None:
    ref = value if isinstance(value, Ref) else value.ref
    memory.check_current(low, ref, node)
    in_map = ref.origin.startswith("map:")
    if known is not None:
        old = replaced.referred(known)
        other = isinstance(known, OptText) is not isinstance(value, OptText)
        if old is None or other or not memory.alike(old, ref):
            raise other_shape(low, name, node)
    low.keep(ref.site)
    if isinstance(value, OptText):
        low.frame.locals[name] = value
    else:
        low.frame.locals[name] = Opt(ref) if in_map or isinstance(value, Opt) else ref
    _write(low, name, "pointer", "ptr", ref.ptr)
    if isinstance(value, Ref):
        low.flow = replace(low.flow, nonnull=low.flow.nonnull | {low.frame.key(name)})


def _assign_static(
    low: Lowering, name: str, value: TypedValue, known: TypedValue | None, node: ast.AST
) -> None:
    match value:
        case NoneType():
            raise low.not_yet(
                node,
                "a local that is only None",
                fix=f"say what it may be besides: `{name}: u32 | None = None`",
            )
        case Several():
            raise low.not_yet(node, "a tuple in a local", fix="give each part its own name")
        case Method(owner=owner) if not isinstance(owner, Thing):
            raise low.not_yet(node, "a method in a local", fix="call it here")
        case Keyed():
            raise low.not_yet(node, "a histogram in a local", fix="write h[key].add(value)")
        case Window():
            raise low.not_yet(node, "a window in a local", fix="write it where the helper takes it")
        case KernPointers() | KernItems():
            raise low.not_yet(node, "an array of the kernel in a local", fix="write t.fd[n] here")
        case Raw() | Part():  # nothing would tell that its text was replaced, or keep its memory
            what = f"{describe(value)} in a local"
            raise low.not_yet(node, what, fix="keep the text, and write s.raw where it is needed")
    if known is not None and known != value:
        raise other_shape(low, name, node)
    low.frame.locals[name] = value
    _write(low, name, "bound", "int", 1)


def bind_none(low: Lowering, name: str, type_: StructType | None) -> None:
    """A parameter that is None for all of this call; `type_`: what it would refer to otherwise."""
    if type_ is None:
        low.frame.locals[name] = NONE
        _write(low, name, "bound", "int", 1)
    else:
        low.frame.locals[name] = Opt(Ref(low.context, 0, type_, "stack"))
        _write(low, name, "pointer", "ptr", 0)


def other_shape(low: Lowering, name: str, node: ast.AST) -> Refusal:
    """A local is assigned what it cannot hold."""
    known = low.frame.locals.get(name)
    if known is not None and (texts.is_text(known) or isinstance(known, OptText)):
        return low.refuse(
            node,
            "local-type",
            f"`{name}` was another text before",
            why="texts stand in different places, and a local without a buffer names one of them",
            fix=f"give it a buffer first: `{name}: str = chars(64)`",
        )
    return low.refuse(
        node,
        "local-type",
        f"`{name}` was something else before",
        why="a local keeps one type, and a name for a struct or record keeps its object",
        fix=hints.other_object(known, name) or "use another name",
    )


def read(low: Lowering, name: str, node: ast.AST) -> TypedValue:
    """The value of a local here."""
    frame = low.frame
    if name in frame.poisoned:
        raise Refusal(None)
    local, key = frame.locals.get(name), frame.key(name)
    match local:
        case None:
            frame.poisoned.add(name)  # once is enough
            if name in frame.of_rounds:
                raise low.not_yet(node, f"`{name}` behind the round that gave it its object")
            raise low.refuse(
                node,
                "unbound",
                f"`{name}` has no value yet here",
                why="Python would raise UnboundLocalError",
                fix=hints.unassigned(low, name) or f"assign `{name}` before this",
            )
        case Num(type=type_):
            return Num(type_, _read(low, name, "value"), *low.flow.ranges.get(key, ()))
        case OptNum(num=Num(type=type_)):
            num = Num(type_, _read(low, name, "value"))
            if key in low.flow.nonnull:
                return num
            return OptNum(num, _read(low, name, "present"), key)
        case Ref() as ref:
            return _reference(low, name, ref, node)
        case Kern():
            return replace(local, op=_read(low, name, "pointer"))
        case OptText(ref=ref):
            ref = _reference(low, name, ref, node)
            if key in low.flow.nonnull:
                return ref
            return OptText(ref, _read(low, name, "present"), key)
        case Opt(ref=ref):
            ref = _reference(low, name, ref, node)
            return ref if key in low.flow.nonnull else Opt(ref, key)
        case _:
            _read(low, name, "bound")
            return local


def _reference(low: Lowering, name: str, ref: Ref, node: ast.AST) -> Ref:
    """The object that a local refers to, if it is still the one that was assigned."""
    key = low.frame.key(name)
    low.rely("stale", key, node)
    if key in low.flow.stale:
        low.frame.poisoned.add(name)
        raise stale(low.frame.source, node)
    low.rely("replaced", key, node)
    if key in low.flow.replaced:
        raise replaced.refusal(low.frame.source, node)
    for loop in low.made_in.get(ref.site, ()):
        if (loop, key) not in low.flow.fresh:
            raise low.refuse(
                node,
                "stale-reference",
                f"`{name}` refers to an object of an earlier round of the loop",
                why="each round makes it anew in the same memory; Python would have two objects",
                fix="make it before the loop, or use it in the round that makes it",
            )
    pointer = _read(low, name, "pointer")
    if not isinstance(pointer, Value):  # nothing but None was assigned on the ways to here
        pointer = low.builder.emit("add", 0, 0, result="ptr", size=8)
    born = low.changes.get(ref.origin, 0)
    return replaced.refreshed(low, replace(ref, ptr=pointer, born=born))


def show(low: Lowering, name: str) -> None:
    """Gives an integer local its own value again, so that the verifier sees its bounds."""
    key = low.frame.key(name)
    type_ = low.frame.locals.get(name)
    if isinstance(type_, Num) and key in low.flow.ranges:
        number = Num(type_.type, _read(low, name, "value"), *low.flow.ranges[key])
        _write(low, name, "value", "int", numbers.shown(low, number).op)


def is_number(low: Lowering, name: str) -> bool:
    """Whether the local holds a number, or an optional one, on every way here."""
    known = isinstance(low.frame.locals.get(name), (Num, OptNum))
    return known and low.builder.assigned((low.frame.number, name, "value"))


def hide(low: Lowering, name: str, zero: Operand) -> None:
    """Gives such a local its own value again, in a form of which the verifier knows only the type.

    `zero`: a 0 that the verifier does not know.
    """
    local = low.frame.locals[name]
    number = local.num if isinstance(local, OptNum) else local
    assert isinstance(number, Num)
    hidden = low.builder.emit("add", _read(low, name, "value"), zero, size=8)
    if number.type == BOOL:
        hidden = low.builder.emit("and", hidden, 1, size=8)
    elif isinstance(number.type, Int) and number.type.size < 8:
        kind = "sext" if number.type.signed else "zext"
        hidden = low.builder.emit(kind, hidden, size=number.type.size)
    _write(low, name, "value", "int", hidden)
    if isinstance(local, OptNum):
        present = low.builder.emit("add", _read(low, name, "present"), zero, size=8)
        present = low.builder.emit("and", present, 1, size=8)
        _write(low, name, "present", "int", present)


def stale(source: Source, node: ast.AST) -> Refusal:
    """A reference into a map is used after the map was changed."""
    return source.refuse(
        node,
        "stale-reference",
        "this refers into a map that was changed since",
        why="the entry may be another by now, or its memory another key's",
        fix="read what is needed first, or look the key up again",
    )


def _write(low: Lowering, name: str, part: str, kind: str, value: Operand) -> None:
    variable = (low.frame.number, name, part)
    low.builder.declare(variable, kind, name)
    low.builder.write(variable, value)


def _read(low: Lowering, name: str, part: str) -> Operand:
    return low.builder.read((low.frame.number, name, part))


# ------------------------------------------------------------------------- names from outside


def lookup(low: Lowering, name: str, node: ast.expr) -> TypedValue:
    """A name: a local, else one that the function's module or closure had, else a built-in."""
    frame = low.frame
    if name in frame.poisoned:
        raise Refusal(None)
    if name in frame.names:
        return read(low, name, node)
    if name in frame.scope:
        return objects.known(low, frame.scope[name], name, node)
    if name in _BUILTINS:
        return Thing(_BUILTINS[name], name)
    if getattr(builtins, name, _MISSING) is not _MISSING:
        raise low.not_yet(node, f"`{name}` in a kernel program")
    raise undefined(low, name, node)


def is_defined(low: Lowering, name: str) -> bool:
    """Whether the name means something here, or was told to mean nothing."""
    frame = low.frame
    return (
        name in frame.poisoned
        or name in frame.names
        or name in frame.scope
        or name in _BUILTINS
        or getattr(builtins, name, _MISSING) is not _MISSING
    )


def undefined(low: Lowering, name: str, node: ast.expr) -> Refusal:
    """The refusal of a name that means nothing here; it is told once."""
    frame = low.frame
    frame.poisoned.add(name)
    around = frame.source.function.__globals__
    near = get_close_matches(name, [*frame.names, *frame.scope, *around], 1)
    return low.refuse(
        node,
        "undefined-name",
        f"`{name}` is not defined where this function can see it",
        fix=hints.importable(name) or (f"is `{near[0]}` meant?" if near else ""),
    )
