"""`return`: of the program, and of a function that stands in place of its call.

In: the values that a function's `return` statements bring. Out: what the call is worth (choices.py
says how several values become one), or the program's own result.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

from probee.compiler.frontend import (
    choices,
    declared,
    iterators,
    kernelnames,
    memory,
    numbers,
    replaced,
    rings,
    texts,
)
from probee.compiler.frontend.values import (
    NONE,
    S64,
    Kern,
    NoneType,
    Num,
    Opt,
    OptNum,
    OptText,
    Ref,
    Several,
    Text,
    describe,
)
from probee.frozen import replace
from probee.lang.kernel import KernelMeta
from probee.lang.types import BOOL
from probee.spec.types import Int, Pointer

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.scope import Frame
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue

# an integer type, with None beside it; a struct of the kernel; of a tuple, one for each part;
# None: not stated
Stated: TypeAlias = "tuple[Int | Pointer, bool] | KernelMeta | list[Stated] | None"


def declared_by(low: Lowering, annotation: ast.expr | None) -> Stated:
    """What a function says it returns, as far as integers and pointers into the kernel go."""
    if annotation is None or declared.silent(annotation):
        return None
    node = declared.unquoted(annotation)
    match node:
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=parts)):
            return [declared_by(low, part) for part in parts]
    if (cls := kernelnames.stated(low, annotation)) is not None:
        return cls
    if declared.loose(low, annotation) is not None:
        return None
    type_ = declared.type_of(low, annotation)
    optional = declared.optional(annotation)
    return (type_, optional) if isinstance(type_, (Int, Pointer)) else None


def return_(low: Lowering, expression: ast.expr | None, node: ast.stmt) -> None:
    """Lowers a `return`; what follows it on this path is not reached."""
    value = low.value(expression) if expression is not None else NONE
    low.place(node)
    if low.frame is low.frames[0]:
        _return_from_program(low, value, expression or node)
        return
    value = texts.kept(low, value, expression or node)
    value = _as_stated(low, value, low.frame.returns, expression or node)
    side = choices.side(low, value, expression or node)
    iterators.end(low, low.frame.loops)
    low.frame.results.append(side)
    low.resume(None, low.flow)


def _as_stated(low: Lowering, value: TypedValue, stated: Stated, node: ast.AST) -> TypedValue:
    """One value that is returned, in the type that the function states."""
    if isinstance(stated, KernelMeta):
        seen = value if isinstance(value, NoneType) else kernelnames.seen_as(value, stated)
        if seen is None:
            raise _different(low, node, describe(value), f"a {stated.__name__} of the kernel")
        return seen
    match value:
        case Num():
            return _number(low, value, stated, node)
        case OptNum(num=num):
            if isinstance(stated, tuple) and not stated[1]:
                raise low.refuse(
                    node,
                    "maybe-none",
                    "what is returned here may be None",
                    why=f"the function says that it returns {_words(stated)}",
                    fix="test it first, or say that it may be None: `-> u32 | None`",
                )
            return replace(value, num=_number(low, num, stated, node), variable="")
        case NoneType():
            if isinstance(stated, list) or (isinstance(stated, tuple) and not stated[1]):
                raise _different(low, node, "None", _words(stated))
            return value
        case Several(items=items) if isinstance(stated, list) and len(stated) == len(items):
            pairs = zip(items, stated, strict=True)
            return Several(tuple(_as_stated(low, item, one, node) for item, one in pairs))
        case Several(items=items) if stated is None:
            return Several(tuple(_as_stated(low, item, None, node) for item in items))
        case Kern() | Ref() | Opt() | OptText() | Text() if not isinstance(stated, (tuple, list)):
            return value
        case Kern() | Ref() | Opt() | OptText() | Several() | Text():
            raise _different(low, node, describe(value), _words(stated))
        case _:
            raise low.not_yet(node, f"returning {describe(value)}")


def _number(low: Lowering, value: Num, stated: Stated, node: ast.AST) -> Num:
    if isinstance(stated, (list, KernelMeta)):
        raise _different(low, node, describe(value), _words(stated))
    if stated is None:
        return numbers.convert(low, value, S64, node) if value.literal else value
    if stated[0] == BOOL and value.type != BOOL:
        raise low.refuse(
            node,
            "return-type",
            f"{describe(value)} is returned from a function that says bool",
            why="Python would return the number itself",
            fix="write `!= 0`",
        )
    return numbers.convert(low, value, stated[0], node)


def _words(stated: Stated) -> str:
    if isinstance(stated, tuple):
        return "a pointer" if isinstance(stated[0], Pointer) else stated[0].name
    return "a tuple" if isinstance(stated, list) else "something else"


def _different(low: Lowering, node: ast.AST, found: str, wanted: str) -> Refusal:
    return low.refuse(
        node,
        "return-type",
        f"{found} is returned from a function that says {wanted}",
        why="what a call is worth is what the function states",
        fix="return the same kind of value on every path",
    )


def of(low: Lowering, frame: Frame, definition: ast.FunctionDef) -> TypedValue:
    """What the call is worth, behind it."""
    if not frame.results:  # no path returns: every one stops
        low.resume(None, low.flow)
        if isinstance(frame.returns, tuple):
            return Num(frame.returns[0], low.function.new_value("int"))
        return NONE
    values = [side.value for side in frame.results]
    kinds = {_kind(value) for value in values} - {"None"}
    found = [v.num if isinstance(v, OptNum) else v for v in values]
    types = {v.type for v in found if isinstance(v, Num)}
    refs = [ref for v in values if (ref := replaced.referred(v)) is not None]
    apart = any(not memory.alike(refs[0], ref) for ref in refs)
    apart |= len({value for value in values if isinstance(value, Text)}) > 1
    texts_apart = all(isinstance(v, OptText) or texts.is_text(v) for v in values)
    if texts_apart and (len(kinds) > 1 or apart):
        raise low.not_yet(
            definition,
            "a function that returns one of several texts",
            fix="give the text a buffer, `s: str = chars(16)`, assign it there, and return it once",
        )
    if len(kinds) > 1 or len(types) > 1 or apart:
        raise low.refuse(
            definition,
            "return-type",
            "this function returns different kinds of values",
            why="what a call is worth has one type",
            fix="annotate its integer type, or return the same kind on every path",
        )
    return choices.unite(low, frame.results, definition)


def _kind(value: TypedValue) -> str:
    match value:
        case Num() | OptNum():
            return "a number"
        case Kern(cls=cls):
            return f"a pointer to {cls.__name__}"
        case Ref(type=type_) | Opt(ref=Ref(type=type_)) | OptText(ref=Ref(type=type_)):
            return f"a {type_}"
        case _:
            return describe(value)


def _return_from_program(low: Lowering, value: TypedValue, node: ast.AST) -> None:
    rings.check_duty(low, node)
    iterators.end(low, low.frame.loops)
    if isinstance(value, NoneType):
        low.builder.ret(0)
        return
    number = low.as_number(value, node)
    if low.program.kind == "tp_btf" and number.op != 0:
        raise low.refuse(
            node,
            "return-value",
            "a tp_btf program returns something",
            why="the verifier wants 0 from it",
            fix="return nothing",
        )
    low.builder.ret(number.op)
