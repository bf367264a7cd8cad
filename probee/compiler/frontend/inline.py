"""The user's functions, lowered anew in place of each call, with the types of its arguments.

In: a function and a call. Out: what the call is worth. A `return` is a jump behind the body; that
of the program itself ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import (
    declared,
    expressions,
    iterators,
    memory,
    names,
    numbers,
    replaced,
    rings,
    stated,
    texts,
)
from probee.compiler.frontend.scope import Frame, local_names, parameters
from probee.compiler.frontend.source import Refusal
from probee.compiler.frontend.values import (
    NONE,
    S64,
    Context,
    NoneType,
    Num,
    Opt,
    OptText,
    Ref,
    Text,
    describe,
)
from probee.frozen import replace
from probee.lang.types import BOOL
from probee.spec.types import Int, Pointer, StructType

if TYPE_CHECKING:
    import ast
    from types import FunctionType

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue


def enter(low: Lowering, function: FunctionType) -> Frame:
    """A frame for `function`; its syntax that is outside the language is told."""
    source = low.world.source(function)
    for diagnostic in low.world.syntax_errors(function):
        low.report(diagnostic)
    scope = low.world.capture.scopes[function]
    return Frame(low.number_of(), source, scope, local_names(source.definition))


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
    frame = enter(low, function)
    refusals = low.refusals
    (frame.exit,) = low.blocks(1)
    low.frames.append(frame)
    try:
        for parameter in parameters(definition):
            _assign_parameter(low, parameter, *given[parameter.arg])
        frame.result_type = _result_type(low, definition.returns)
        low.body(definition.body)
        if low.live:
            return_(low, None, definition)
        low.start(frame.exit)
        result = _result(low, frame)
    finally:
        low.frames.pop()
    if low.refusals > refusals:  # what the call is worth is not known
        raise Refusal(None)
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
            given[name] = (names.known(low, defaults[name], name, node), node)
    return given


def _assign_parameter(low: Lowering, parameter: ast.arg, value: TypedValue, node: ast.expr) -> None:
    """Binds a parameter; a refusal of the argument stands at the call, in the caller."""
    if isinstance(value, NoneType):
        raise low.frames[-2].source.refuse(node, "not-yet", "None as an argument: not built yet")
    annotation = parameter.annotation
    if isinstance(value, Context):
        value = stated.view(low, value, annotation)
    elif annotation is not None and (said := declared.loose(low, annotation)) is not None:
        if not said.takes(value, optional=declared.optional(annotation)):
            raise _wrong_argument(low, value, said.words, node)
    elif annotation is not None and not declared.silent(annotation):
        type_ = declared.type_of(low, annotation)
        if isinstance(type_, (Int, Pointer)):
            if not isinstance(value, Num):
                raise _wrong_argument(
                    low, value, type_.name if isinstance(type_, Int) else "", node
                )
            low.frames.append(low.frames[-2])
            try:
                value = numbers.convert(low, value, type_, node)
            finally:
                low.frames.pop()
        elif isinstance(type_, StructType):
            ref = value.ref if isinstance(value, Opt) else value
            if isinstance(value, Opt) and not declared.optional(annotation):
                raise _wrong_argument(low, value, type_.name, node)
            if not isinstance(ref, Ref) or ref.type != type_:
                raise _wrong_argument(low, value, type_.name, node)
    names.assign(low, parameter.arg, value, parameter)


def _wrong_argument(low: Lowering, value: TypedValue, wanted: str, node: ast.expr) -> Refusal:
    callee = low.frames.pop()
    try:
        return expressions.refuse_kind(low, value, wanted or "a pointer", node)
    finally:
        low.frames.append(callee)


# ----------------------------------------------------------------------------------------- results


def _result_type(low: Lowering, annotation: ast.expr | None) -> Int | Pointer | None:
    """The integer type a function says it returns; None where it says another thing, or nothing."""
    if annotation is None or declared.silent(annotation):
        return None
    if declared.loose(low, annotation) is not None:
        return None
    type_ = declared.type_of(low, annotation)
    return type_ if isinstance(type_, (Int, Pointer)) else None


def return_(low: Lowering, expression: ast.expr | None, node: ast.stmt) -> None:
    """`return`, of the program or of an inlined function."""
    value = low.value(expression) if expression is not None else NONE
    low.place(node)
    if low.frame.exit is None:
        _return_from_program(low, value, expression or node)
        return
    _keep_result(low, value, expression or node)
    iterators.end(low, low.frame.loops)
    low.jump(low.frame.exit)


def _keep_result(low: Lowering, value: TypedValue, node: ast.AST) -> None:
    """The value of one `return`, which must be like those of the others."""
    frame = low.frame
    if isinstance(value, Num):
        value = _typed_result(low, value, node)
    value = texts.kept(low, value, node)
    if not isinstance(value, (Num, NoneType, Ref, Opt, OptText, Text)):
        raise low.not_yet(node, f"returning {describe(value)}")
    variable = ("result", frame.number)
    if frame.result is None:
        frame.result = value
        low.builder.declare(variable, "int" if isinstance(value, Num) else "ptr")
    if not _alike(frame.result, value):
        raise low.refuse(
            node,
            "return-type",
            "this function returns different kinds of values",
            why="what a call is worth has one type",
            fix="annotate its integer type, or return the same kind on every path",
        )
    if isinstance(value, Num):
        low.builder.write(variable, value.op)
    elif (ref := replaced.referred(value)) is not None:
        memory.check_current(low, ref, node)
        low.keep(ref.site)
        low.builder.write(variable, ref.ptr)
        if isinstance(value, OptText):
            low.builder.declare(("present", frame.number), "int")
            low.builder.write(("present", frame.number), value.present)


def _alike(a: TypedValue, b: TypedValue) -> bool:
    match a, b:
        case (NoneType(), NoneType()) | (Text(), Text()):
            return a == b
        case Num(type=first), Num(type=second):
            return first == second
        case (
            (Ref() as first_, Ref() as second_)
            | (Opt(ref=first_), Opt(ref=second_))
            | (OptText(ref=first_), OptText(ref=second_))
        ):
            return memory.alike(first_, second_)
        case _:
            return False


def _typed_result(low: Lowering, value: Num, node: ast.AST) -> Num:
    declared = low.frame.result_type
    if declared is None:
        return numbers.convert(low, value, S64, node) if value.literal else value
    if declared == BOOL and value.type != BOOL:
        raise low.refuse(
            node,
            "return-type",
            f"{describe(value)} is returned from a function that says bool",
            why="Python would return the number itself",
            fix="write `!= 0`",
        )
    return numbers.convert(low, value, declared, node)


def _result(low: Lowering, frame: Frame) -> TypedValue:
    """What the call is worth, behind it."""
    value = frame.result
    if value is None and frame.result_type is not None:  # no path returns: every one stops
        return Num(frame.result_type, low.function.new_value("int"))
    if value is None or isinstance(value, NoneType):
        return NONE
    if isinstance(value, Text):
        return value
    operand = low.builder.read(("result", frame.number))
    if isinstance(value, Num):
        return Num(value.type, operand)
    ref = replaced.referred(value)
    assert ref is not None
    assert not isinstance(operand, int)
    born = low.changes.get(ref.origin, 0)
    moved = replaced.refreshed(low, replace(ref, ptr=operand, born=born))
    if isinstance(value, OptText):
        return OptText(moved, low.builder.read(("present", frame.number)))
    return Opt(moved) if isinstance(value, Opt) else moved


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
