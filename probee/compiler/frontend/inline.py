"""The user's functions, lowered anew in place of each call, with the types of its arguments.

In: a function and a call. Out: what the call is worth. A `return` is a jump behind the body; that
of the program itself ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import (
    dead,
    declared,
    expressions,
    kernelnames,
    names,
    objects,
    optionals,
    results,
    stated,
)
from probee.compiler.frontend.scope import Frame, parameters
from probee.compiler.frontend.source import Refusal
from probee.compiler.frontend.values import (
    NONE,
    S64,
    Context,
    NoneType,
    Num,
    Opt,
    OptNum,
    Ref,
)
from probee.spec.types import Int, Pointer, StructType

if TYPE_CHECKING:
    import ast
    from types import FunctionType

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.spec.types import ValueType


def enter(low: Lowering, function: FunctionType) -> Frame:
    """A frame for `function`; its syntax that is outside the language is told."""
    source = low.world.source(function)
    for diagnostic in low.world.syntax_errors(function):
        low.report(diagnostic)
    scope = low.world.capture.scopes[function]
    return Frame(low.number_of(), source, scope, frozenset(source.bindings))


def call(low: Lowering, function: FunctionType, node: ast.Call) -> TypedValue:
    """The body of `function` in place of the call."""
    definition = low.world.source(function).definition
    if any(frame.source.function is function for frame in low.frames):
        raise low.refuse(
            node,
            "recursion",
            f"{function.__name__}() calls itself",
            why="the kernel's stack is 512 bytes, and the verifier refuses recursion",
            fix="write a loop",
        )
    if definition.args.vararg or definition.args.kwarg:
        raise low.refuse(node, "arguments", f"{function.__name__}() takes *args or **kwargs")
    given = _bind(low, function, definition, node)
    known = dead.Call(low, function, [value for value, _ in given.values()])
    frame = enter(low, function)
    refusals = low.refusals
    low.frames.append(frame)
    try:
        for parameter in parameters(definition):
            _assign_parameter(low, parameter, *given[parameter.arg])
        if low.refusals == refusals and (worth := known.worth()) is not None:
            return worth
        frame.returns = results.declared_by(low, definition.returns)
        low.body(definition.body)
        if low.live:
            results.return_(low, None, definition)
        result = results.of(low, frame, definition)
    finally:
        low.frames.pop()
    if low.refusals > refusals:  # what the call is worth is not known
        raise Refusal(None)
    known.keep(result)
    return result


# -------------------------------------------------------------------------------------- arguments


def _bind(
    low: Lowering, function: FunctionType, definition: ast.FunctionDef, node: ast.Call
) -> dict[str, tuple[TypedValue, ast.expr]]:
    """Arguments by parameter, evaluated in the order they are written; then the defaults."""
    positional = [a.arg for a in (*definition.args.posonlyargs, *definition.args.args)]
    every = [a.arg for a in parameters(definition)]
    keywords = set(every) - {a.arg for a in definition.args.posonlyargs}
    name_ = function.__name__
    if len(node.args) > len(positional):
        raise low.refuse(node, "arguments", f"{name_}() takes {len(positional)} arguments")
    given: dict[str, tuple[TypedValue, ast.expr]] = {}
    pairs = [*zip(positional, node.args, strict=False), *((k.arg, k.value) for k in node.keywords)]
    for i, (name, expression) in enumerate(pairs):
        if name is None or name in given or (i >= len(node.args) and name not in keywords):
            raise low.refuse(
                expression, "arguments", f"{name_}() takes each of {', '.join(every)} once"
            )
        given[name] = (low.value(expression), expression)
    defaults = dict(zip(reversed(positional), reversed(function.__defaults__ or ()), strict=False))
    defaults.update(function.__kwdefaults__ or {})
    for name in every:
        if name not in given:
            if name not in defaults:
                raise low.refuse(node, "arguments", f"{name_}() needs {name!r}")
            given[name] = (objects.known(low, defaults[name], name, node), node)
    return given


def _assign_parameter(low: Lowering, parameter: ast.arg, value: TypedValue, node: ast.expr) -> None:
    """Binds a parameter; a refusal of the argument stands at the call, in the caller."""
    annotation, struct = parameter.annotation, None
    if isinstance(value, Context):
        value = stated.view(low, value, annotation)
    elif annotation is not None and (cls := kernelnames.stated(low, annotation)) is not None:
        seen = kernelnames.given(low, value, cls, annotation)
        if seen is None:
            raise _wrong_argument(low, value, f"{cls.__name__} of the kernel", node)
        value = seen
    elif annotation is not None and (said := declared.loose(low, annotation)) is not None:
        if not said.takes(value, optional=declared.optional(annotation)):
            raise _wrong_argument(low, value, said.words, node)
    elif annotation is not None and not declared.silent(annotation):
        type_ = declared.type_of(low, annotation)
        none = isinstance(value, (Opt, OptNum, NoneType))
        if none and not declared.optional(annotation):
            raise _wrong_argument(low, value, _words(type_), node)
        if isinstance(type_, (Int, Pointer)):
            low.frame.stated.add(parameter.arg)
            if declared.optional(annotation):
                optionals.declare(low, parameter.arg, type_, parameter)
            value = _converted(low, value, type_, node)
        elif isinstance(type_, StructType):
            struct = type_
            ref = value.ref if isinstance(value, Opt) else value
            if value != NONE and (not isinstance(ref, Ref) or ref.type != type_):
                raise _wrong_argument(low, value, _words(type_), node)
    if isinstance(value, NoneType) and declared.silent(annotation):
        optionals.declare(low, parameter.arg, S64, parameter)
    if isinstance(value, NoneType) and parameter.arg not in low.frame.locals:
        names.bind_none(low, parameter.arg, struct)
    else:
        names.assign(low, parameter.arg, value, parameter)


def _converted(
    low: Lowering, value: TypedValue, type_: Int | Pointer, node: ast.expr
) -> TypedValue:
    """An argument as its parameter holds it."""
    if not isinstance(value, (Num, OptNum, NoneType)):
        raise _wrong_argument(low, value, _words(type_), node)
    callee = low.frames.pop()
    try:
        return optionals.converted(low, value, type_, node)
    finally:
        low.frames.append(callee)


def _wrong_argument(low: Lowering, value: TypedValue, wanted: str, node: ast.expr) -> Refusal:
    callee = low.frames.pop()
    try:
        return expressions.refuse_kind(low, value, wanted, node)
    finally:
        low.frames.append(callee)


def _words(type_: ValueType) -> str:
    return type_.name if isinstance(type_, (Int, StructType)) else "a pointer"
