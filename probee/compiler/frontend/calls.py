"""Calls: the user's functions (inlined), types, built-ins, helpers by name, methods.

In: call nodes. Out: typed values. A plain function is lowered anew at each call, with the types of
its arguments: its body stands in the caller's, its `return` is a jump behind it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import memory, numbers, texts
from probee.compiler.frontend.lowering import Frame
from probee.compiler.frontend.values import (
    NONE,
    S64,
    Method,
    NoneType,
    Num,
    Opt,
    Ref,
    Thing,
    boolean,
    describe,
    literal,
)
from probee.lang.builtins import Current, Helper, Intrinsic
from probee.lang.maps import MapDeclaration
from probee.lang.programs import Program
from probee.lang.types import BOOL, StructMeta, value_type
from probee.spec.types import CharArray, Int, Pointer

if TYPE_CHECKING:
    from types import FunctionType

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue

_FUNCTION = type(lambda: 0)


def call(low: Lowering, node: ast.Call) -> TypedValue:
    """Lowers a call."""
    target = low.value(node.func)
    low.place(node)
    match target:
        case Method(owner=owner, name=name):
            return _method(low, owner, name, node)
        case Thing(obj=Program() as program):
            raise low.refuse(
                node,
                "calls-program",
                f"{program.name} is a program of its own, not a function to call",
            )
        case Thing(obj=StructMeta() as cls):
            return memory.construct(low, cls, node)
        case Thing(obj=Int() | Pointer() as type_):
            return _cast(low, type_, node)
        case Thing(obj=obj) if isinstance(obj, _FUNCTION):
            if obj.__module__ == "probee.lang.types" and obj.__name__ == "sizeof":
                return _sizeof(low, node)
            return inline(low, obj, node)
        case Thing(obj=Helper(name=name)):
            from probee.compiler.frontend import helpers

            return helpers.call(low, name, node)
        case Thing(obj=Intrinsic(name="read_str")):
            return texts.read_str(low, node)
        case Thing(obj=obj) if obj in (min, max):
            return _extreme(low, obj is min, node)
        case Thing(obj=obj) if obj is abs:
            return _abs(low, node)
        case Thing(obj=obj) if obj in (bool, int):
            return _builtin_cast(low, obj is bool, node)
        case _:
            raise low.refuse(
                node,
                "call",
                f"{describe(target)} cannot be called in a kernel program",
                why="what can be called: functions of your own, types, kernel helpers, map methods",
            )


def _method(low: Lowering, owner: TypedValue, name: str, node: ast.Call) -> TypedValue:
    from probee.compiler.frontend import context, maps

    match owner:
        case Thing(obj=MapDeclaration()):
            return maps.method(low, owner, name, node)
        case Thing(obj=Current()):
            return context.syscall_arg(low, node)
        case Ref() if name in ("submit", "discard"):
            return maps.finish(low, owner, name, node)
        case _ if texts.is_text(owner) and name == "startswith" and len(node.args) == 1:
            yes, no, done = low.blocks(3)
            prefix = low.value(node.args[0])
            texts.startswith(low, node, owner, prefix, yes, no)
            out = low.temporary()
            for block, result in ((yes, 1), (no, 0)):
                low.start(block)
                low.builder.write(out, result)
                low.jump(done)
            low.start(done)
            return boolean(low.builder.read(out))
        case _:
            raise low.not_yet(node, f"{name}() of {describe(owner)}")


def _one(low: Lowering, node: ast.Call) -> ast.expr:
    if len(node.args) != 1 or node.keywords:
        raise low.refuse(node, "arguments", "one argument is wanted")
    return node.args[0]


def _cast(low: Lowering, type_: Int | Pointer, node: ast.Call) -> Num:
    """`u32(x)`: x modulo 2^32; `UserStr(x)`: an address, taken as a pointer to text there."""
    argument = _one(low, node)
    return numbers.convert(low, low.number(argument), type_, argument)


def _sizeof(low: Lowering, node: ast.Call) -> Num:
    value = low.value(_one(low, node))
    if isinstance(value, Ref):
        return literal(value.type.size)
    if not isinstance(value, Thing):
        raise low.refuse(node, "type", "sizeof takes a type")
    return literal(value_type(value.obj).size)


def _builtin_cast(low: Lowering, to_bool: bool, node: ast.Call) -> Num:
    argument = _one(low, node)
    number = low.number(argument)
    if to_bool:
        return boolean(numbers.truth(low, number))
    return numbers.convert(low, number, S64, argument) if number.type == BOOL else number


def _extreme(low: Lowering, least: bool, node: ast.Call) -> Num:
    """`min(a, b, …)`, `max(a, b, …)`: the first of the extreme ones, compared exactly."""
    if len(node.args) < 2 or node.keywords:
        raise low.not_yet(node, "min and max of one argument, or with keywords")
    found = [low.number(arg) for arg in node.args]
    low.place(node)
    best = found[0]
    for other in found[1:]:
        type_ = numbers.common(low, best, other, node)
        if not (best.literal and other.literal) and type_ == S64:
            for number in (best, other):
                if number.bounds[1] > S64.high:
                    raise low.refuse(
                        node,
                        "mixed-signs",
                        "min and max of a u64 and a signed value",
                        fix="convert one",
                    )
        a, b = numbers.convert(low, best, type_, node), numbers.convert(low, other, type_, node)
        take, keep, done = low.blocks(3)
        out = low.temporary()
        numbers.compare(low, ast.Lt() if least else ast.Gt(), b, a, take, keep)
        for block, side in ((take, b), (keep, a)):
            low.start(block)
            low.builder.write(out, side.op)
            low.jump(done)
        low.start(done)
        pick = min if least else max
        bounds = tuple(pick(x, y) for x, y in zip(a.bounds, b.bounds, strict=True))
        best = Num(type_, low.builder.read(out), *bounds)
    return best


def _abs(low: Lowering, node: ast.Call) -> Num:
    number = low.number(_one(low, node))
    type_ = S64 if number.literal else numbers.typed(number)
    value = numbers.convert(low, number, type_, node)
    if not type_.signed:
        return value
    minus, done = low.blocks(2)
    out = low.temporary()
    low.builder.write(out, value.op)
    low.branch("slt", value.op, 0, minus, done)
    low.start(minus)
    negated = numbers.normalised(low, low.builder.emit("neg", value.op, size=8), type_)
    low.builder.write(out, negated.op)
    low.jump(done)
    low.start(done)
    return Num(type_, low.builder.read(out))


# ------------------------------------------------------------------------------ functions, inlined


def enter(low: Lowering, function: FunctionType) -> Frame:
    """A frame for `function`, checked for syntax once a compilation."""
    source = low.world.source(function)
    low.diagnostics += low.world.syntax_errors(function)
    names = local_names(source.definition)
    frame = Frame(low.frame_count, source, low.world.capture.scopes[function], names)
    low.frame_count += 1
    return frame


def local_names(definition: ast.FunctionDef) -> frozenset[str]:
    """Python's rule: parameters, and whatever is assigned anywhere in the function."""
    names = {a.arg for a in parameters(definition)}
    for node in ast.walk(definition):
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            names.add(node.id)
    return frozenset(names)


def parameters(definition: ast.FunctionDef) -> list[ast.arg]:
    args = definition.args
    return [*args.posonlyargs, *args.args, *args.kwonlyargs]


def inline(low: Lowering, function: FunctionType, node: ast.Call) -> TypedValue:
    """The body of `function` in place of the call."""
    source = low.world.source(function)
    if any(frame.source is source for frame in low.frames):
        raise low.refuse(
            node,
            "recursion",
            f"{function.__name__}() calls itself",
            why="the kernel's stack is 512 bytes, and the verifier refuses recursion",
            fix="write a loop",
        )
    if source.definition.args.vararg or source.definition.args.kwarg:
        raise low.refuse(node, "arguments", f"{function.__name__}() takes *args or **kwargs")
    given = _bind(low, function, source.definition, node)
    frame = enter(low, function)
    (frame.exit,) = low.blocks(1)
    low.frames.append(frame)
    annotated = source.definition.returns
    try:
        for parameter in parameters(source.definition):
            _assign_parameter(low, parameter, *given[parameter.arg])
        frame.result_type = _result_type(low, annotated)
        low.body(source.definition.body)
        if low.live:
            return_(low, None, source.definition)
        low.start(frame.exit)
        return _result(low, frame)
    finally:
        low.frames.pop()


def _bind(
    low: Lowering, function: FunctionType, definition: ast.FunctionDef, node: ast.Call
) -> dict[str, tuple[TypedValue, ast.expr]]:
    """Arguments by parameter, evaluated in the order they are written."""
    positional = [a.arg for a in (*definition.args.posonlyargs, *definition.args.args)]
    every = [a.arg for a in parameters(definition)]
    keyword_ok = set(every) - {a.arg for a in definition.args.posonlyargs}
    given: dict[str, tuple[TypedValue, ast.expr]] = {}
    if len(node.args) > len(positional):
        raise low.refuse(
            node, "arguments", f"{function.__name__}() takes {len(positional)} arguments"
        )
    pairs = [*zip(positional, node.args, strict=False), *((k.arg, k.value) for k in node.keywords)]
    for i, (name, expression) in enumerate(pairs):
        unknown = name is None or (i >= len(node.args) and name not in keyword_ok)
        if name is None or unknown or name in given:
            raise low.refuse(
                expression, "arguments", f"{function.__name__}() takes each of {every} once"
            )
        given[name] = (low.value(expression), expression)
    from probee.compiler.frontend.expressions import known

    defaults = dict(zip(reversed(positional), reversed(function.__defaults__ or ()), strict=False))
    defaults.update(function.__kwdefaults__ or {})
    for name in every:
        if name not in given:
            if name not in defaults:
                raise low.refuse(node, "arguments", f"{function.__name__}() needs {name!r}")
            given[name] = (known(low, defaults[name], name, node), node)
    return given


def _assign_parameter(low: Lowering, parameter: ast.arg, value: TypedValue, node: ast.expr) -> None:
    from probee.compiler.frontend.statements import annotated_type

    if isinstance(value, Ref) and isinstance(value.type, CharArray):
        raise low.not_yet(parameter, "text of a record as an argument", fix="pass the record")
    if isinstance(value, NoneType):
        raise low.not_yet(parameter, "None as an argument")
    if parameter.annotation is not None and isinstance(value, Num):
        dotted = ast.unparse(parameter.annotation)
        if dotted not in ("int", "object", "Any"):
            type_ = annotated_type(low, parameter.annotation)
            if not isinstance(type_, (Int, Pointer)):
                raise low.refuse(parameter, "type", f"{describe(value)} is passed for {dotted}")
            value = numbers.convert(low, value, type_, node)
    low.assign(parameter.arg, value, parameter)


def _result_type(low: Lowering, annotation: ast.expr | None) -> Int | Pointer | None:
    """The integer type a function says it returns; None where it says another thing, or nothing."""
    from probee.compiler.frontend.statements import annotated_type

    if annotation is None or (isinstance(annotation, ast.Constant) and annotation.value is None):
        return None
    if ast.unparse(annotation) in ("int", "object", "Any"):
        return None
    type_ = annotated_type(low, annotation)
    return type_ if isinstance(type_, (Int, Pointer)) else None


def return_(low: Lowering, expression: ast.expr | None, node: ast.stmt) -> None:
    """`return`, of the program or of an inlined function."""
    value = low.value(expression) if expression is not None else NONE
    low.place(node)
    frame = low.frame
    if frame.exit is None:
        _return_from_program(low, value, expression, node)
        return
    _keep_result(low, value, expression or node)
    low.jump(frame.exit)


def _keep_result(low: Lowering, value: TypedValue, node: ast.AST) -> None:
    frame = low.frame
    if isinstance(value, Num):
        value = _typed_result(low, value, node)
    elif isinstance(value, Ref) and isinstance(value.type, CharArray):
        raise low.not_yet(node, "returning text")
    elif not isinstance(value, (NoneType, Ref, Opt)):
        raise low.not_yet(node, f"returning {describe(value)}")
    shape = value if isinstance(value, NoneType) else type(value)
    if frame.result_shape is None:
        frame.result_shape, frame.result = shape, value
        low.builder.declare(("result", frame.number), "int" if isinstance(value, Num) else "ptr")
    old = frame.result
    same = frame.result_shape == shape
    if same and isinstance(value, (Ref, Opt)) and isinstance(old, (Ref, Opt)):
        new_ref, old_ref = (v.ref if isinstance(v, Opt) else v for v in (value, old))
        same = (new_ref.type, new_ref.origin, new_ref.site) == (
            old_ref.type,
            old_ref.origin,
            old_ref.site,
        )
    if isinstance(value, Num) and isinstance(old, Num):
        same = same and value.type == old.type
    if not same:
        raise low.refuse(
            node,
            "return-type",
            "this function returns different kinds of values",
            fix="annotate its integer type, or return the same kind on every path",
        )
    if isinstance(value, Num):
        low.builder.write(("result", frame.number), value.op)
    elif isinstance(value, (Ref, Opt)):
        ref = value.ref if isinstance(value, Opt) else value
        low.builder.write(("result", frame.number), memory.address(low, ref))


def _typed_result(low: Lowering, value: Num, node: ast.AST) -> Num:
    declared = low.frame.result_type
    if declared is None:
        return numbers.convert(low, value, S64, node) if value.literal else value
    if declared == BOOL and value.type != BOOL:
        raise low.refuse(
            node,
            "return-type",
            f"{describe(value)} is returned from a function that says bool",
            fix="write `!= 0`",
        )
    return numbers.convert(low, value, declared, node)


def _result(low: Lowering, frame: Frame) -> TypedValue:
    """What the call is worth, behind it."""
    from probee.frozen import replace

    value = frame.result
    if value is None and frame.result_type is not None:  # no path returns: every one stops
        return Num(frame.result_type, low.function.new_value("int"))
    if value is None or isinstance(value, NoneType):
        return NONE
    operand = low.builder.read(("result", frame.number))
    if isinstance(value, Num):
        return Num(value.type, operand)
    ref = value.ref if isinstance(value, Opt) else value
    assert isinstance(ref, Ref) and not isinstance(operand, int)
    moved = replace(ref, ptr=operand, offset=0)
    return Opt(moved) if isinstance(value, Opt) else moved


def _return_from_program(
    low: Lowering, value: TypedValue, expression: ast.expr | None, node: ast.stmt
) -> None:
    check_duty(low, node)
    if isinstance(value, NoneType):
        low.builder.ret(0)
        return
    number = low.as_number(value, expression or node)
    if low.program.kind == "tp_btf" and number.op != 0:
        raise low.refuse(node, "return-value", "the verifier wants 0 from a tp_btf program")
    low.builder.ret(number.op)


def check_duty(low: Lowering, node: ast.AST) -> None:
    """Every reserved record was submitted or discarded when the program ends here."""
    for _, state in low.flow.records:
        if state != "done" and low.live:
            where = " on some path to this line" if state == "mixed" else ""
            raise low.refuse(
                node,
                "ring-duty",
                f"a reserved record is neither submitted nor discarded{where}",
                why="the verifier refuses a program that may keep a record",
                fix="call submit() or discard() on it on every path",
            )
