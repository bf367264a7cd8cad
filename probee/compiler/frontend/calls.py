"""Calls of what is not the user's own: types, built-ins, helpers by name, methods.

In: call nodes. Out: typed values. Functions of the user's are in inline.py.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import (
    arrays,
    atomics,
    conditions,
    context,
    expressions,
    helpers,
    hist,
    inline,
    kernel,
    kernelcalls,
    mapmethods,
    memory,
    numbers,
    perf,
    printing,
    rawtext,
    records,
    rings,
    stacks,
    texts,
    windows,
)
from probee.compiler.frontend.values import (
    S64,
    Kern,
    Keyed,
    Method,
    Num,
    Ref,
    Thing,
    boolean,
    describe,
    literal,
    with_article,
)
from probee.errors import UsageError
from probee.lang.builtins import Current, Helper, Intrinsic
from probee.lang.hist import Hist
from probee.lang.maps import Array, MapDeclaration, Mapping
from probee.lang.perf import PerfEventArray
from probee.lang.programs import Program
from probee.lang.stacks import StackTrace
from probee.lang.types import BOOL, StructMeta, offsetof, sizeof, value_type
from probee.spec.types import Int, Pointer

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue


def call(low: Lowering, node: ast.Call) -> TypedValue:
    """Lowers a call."""
    target = low.value(node.func)
    match target:
        case Method(owner=owner, name=name):
            return _method(low, owner, name, node)
        case Thing(obj=StructMeta() as cls):
            return memory.construct(low, cls, node)
        case Thing(obj=Int() | Pointer() as type_):
            return numbers.cast(low, _number(low, _one(low, node)), type_)
        case Thing(obj=Helper(name=name)):
            return helpers.call(low, name, node)
        case Thing(obj=Intrinsic(name=name)):
            return _intrinsic(low, name, node)
        case Thing(obj=obj) if obj is sizeof:
            return _sizeof(low, node)
        case Thing(obj=obj) if obj is offsetof:
            return records.offset_of(low, node)
        case Thing(obj=obj) if obj is len:
            return _length(low, node)
        case Thing(obj=obj) if obj is min or obj is max:
            return _extreme(low, obj is min, node)
        case Thing(obj=obj) if obj is print:
            return printing.print_(low, node)
        case Thing(obj=obj) if obj is abs:
            return _abs(low, node)
        case Thing(obj=obj) if obj is bool or obj is int:
            return _builtin_cast(low, obj is bool, node)
        case Thing(obj=obj) if (function := low.world.function(obj)) is not None:
            return inline.call(low, function, node)
        case Thing(obj=Program() as program):
            raise low.refuse(
                node,
                "calls-program",
                f"{program.name} is a program of its own, not a function to call",
                why="the kernel runs it at its hook",
                fix="put what both need into a plain function",
            )
        case _:
            raise low.refuse(
                node,
                "call",
                f"{describe(target)} cannot be called in a kernel program",
                why="what can be called: functions of your own, types, kernel helpers, map methods",
                fix="use a helper of the kernel, as ktime_get_ns(), or write a function for it",
            )


def _intrinsic(low: Lowering, name: str, node: ast.Call) -> TypedValue:
    """A function that the language has besides Python's."""
    if name in atomics.OPERATIONS:
        return atomics.call(low, name, node)
    if name in kernelcalls.CALLS:
        return kernelcalls.call(low, name, node)
    return windows.window(low, node) if name == "window" else texts.read_str(low, node)


def _method(low: Lowering, owner: TypedValue, name: str, node: ast.Call) -> TypedValue:
    match owner:
        case Keyed() | Thing(obj=Hist()):
            return hist.method(low, owner, name, node)
        case Thing(obj=StackTrace() as kept):
            return stacks.method(low, kept, name, node)
        case Thing(obj=PerfEventArray() as events):
            return perf.method(low, events, name, node)
        case Thing(obj=MapDeclaration()):
            return mapmethods.method(low, owner, name, node)
        case Thing(obj=Current()):
            return context.syscall_arg(low, node)
        case Ref() if name in ("submit", "discard"):
            return rings.finish(low, owner, name, node)
        case _ if rawtext.compared(owner) and name in ("startswith", "endswith"):
            yes, no = low.blocks(2)
            rawtext.matches(low, node, owner, name, yes, no)
            return boolean(low.either(yes, no))
        case _:
            raise low.not_yet(node, f"{name}() of {describe(owner)}")


def _one(low: Lowering, node: ast.Call) -> ast.expr:
    if len(node.args) != 1 or node.keywords:
        raise low.refuse(node, "arguments", "one argument is wanted")
    return node.args[0]


def _number(low: Lowering, node: ast.expr) -> Num:
    """What `u64(x)` takes: a number, or a pointer into the kernel as one."""
    value = low.value(node)
    return kernel.as_number(low, value) if isinstance(value, Kern) else low.as_number(value, node)


def _length(low: Lowering, node: ast.Call) -> Num:
    """`len(array)`: a literal."""
    argument = _one(low, node)
    value = low.value(argument)
    if isinstance(value, Ref) and arrays.is_array(value):
        return arrays.length(value)
    if isinstance(value, Thing) and isinstance(value.obj, MapDeclaration):
        raise _no_length(low, value.obj, node)
    if rawtext.compared(value):
        return rawtext.length(low, value, argument)
    raise expressions.refuse_kind(low, value, "an array", argument)


def _no_length(low: Lowering, declaration: MapDeclaration, node: ast.Call) -> Refusal:
    kind = type(declaration).__name__
    why, fix = "the kernel keeps no count of a map's entries", "count in a Global"
    if isinstance(declaration, Array):
        why = "a Session may give it more entries than it is declared with"
        fix = "give the number a name: N = 8, max_entries=N, range(N)"
    elif isinstance(declaration, Mapping):
        fix += ", or use len() on the user side"
    message = f"{with_article(kind)} has no len() in kernel programs"
    return low.refuse(node, "map-operation", message, why=why, fix=fix)


def _sizeof(low: Lowering, node: ast.Call) -> Num:
    """`sizeof(T)`, or of a struct at hand."""
    argument = _one(low, node)
    value = low.value(argument)
    if isinstance(value, Ref):
        return literal(value.type.size)
    try:
        if isinstance(value, Thing):
            return literal(value_type(value.obj).size)
    except UsageError:  # told below, with its place
        pass
    raise low.refuse(
        argument,
        "type",
        f"{describe(value)} has no size",
        why="sizeof takes an integer type, a pointer type or a Struct",
    )


def _builtin_cast(low: Lowering, to_bool: bool, node: ast.Call) -> Num:
    """`bool(x)`, of what has a truth; `int(x)` is x itself, and 0 or 1 of a bool."""
    argument = _one(low, node)
    if to_bool:
        value = low.value(argument)
        if isinstance(value, Num):
            return boolean(numbers.truth(low, value))
        yes, no = low.blocks(2)
        conditions.truth(low, value, argument, yes, no)
        return boolean(low.either(yes, no))
    number = low.number(argument)
    return numbers.cast(low, number, S64) if number.type == BOOL else number


def _extreme(low: Lowering, least: bool, node: ast.Call) -> Num:
    """`min(a, b, …)`, `max(a, b, …)`, compared exactly, in the type of `a + b`."""
    if len(node.args) < 2 or node.keywords:
        raise low.not_yet(node, "min and max of one argument, or with keywords")
    found = [low.number(arg) for arg in node.args]
    low.place(node)
    best = found[0]
    for other in found[1:]:
        best = _more_extreme(low, least, best, other, node)
    return best


def _more_extreme(low: Lowering, least: bool, a: Num, b: Num, node: ast.Call) -> Num:
    pick = min if least else max
    if isinstance(a.op, int) and isinstance(b.op, int) and a.literal and b.literal:
        return literal(pick(a.op, b.op))
    type_ = numbers.common(a, b)
    for number in (a, b):
        bottom, top = number.bounds
        if bottom < type_.low or top > type_.high:
            raise low.refuse(
                node,
                "mixed-signs",
                f"{'min' if least else 'max'} of {describe(a)} and {describe(b)}",
                why=f"their common type, {type_.name}, cannot hold both",
                fix="convert one of them",
            )
    a, b = numbers.cast(low, a, type_), numbers.cast(low, b, type_)
    take, keep = low.blocks(2)
    numbers.compare(low, ast.Lt() if least else ast.Gt(), b, a, take, keep)
    ends = []
    for block, side in ((take, b), (keep, a)):
        low.start(block)
        ends.append(low.end(side.op))
    (a_low, a_high), (b_low, b_high) = a.bounds, b.bounds
    return Num(type_, low.join(ends), pick(a_low, b_low), pick(a_high, b_high))


def _abs(low: Lowering, node: ast.Call) -> Num:
    """`abs(x)`, in the type of x: of the least value of a type it is that value itself."""
    number = low.number(_one(low, node))
    if number.literal and isinstance(number.op, int):
        return literal(abs(number.op))
    type_ = numbers.typed(number)
    value = numbers.cast(low, number, type_)
    if value.bounds[0] >= 0:
        return value
    minus, plus = low.blocks(2)
    low.branch("slt", value.op, 0, minus, plus)
    low.start(minus)
    negated = numbers.normalised(low, low.builder.emit("neg", value.op, size=8), type_)
    ends = [low.end(negated.op)]
    low.start(plus)
    ends.append(low.end(value.op))
    return Num(type_, low.join(ends))
