"""`match`: a value held against patterns, one after the other.

In: a `match` statement. Out: IR: the subject is evaluated once, each case is tried in order. A
pattern compares exactly, as `==` does; None, True and False are compared as `is` does. Captures
are bound when the whole pattern has matched, before the guard, and stay bound where it is false.
A subject that may be None is known to be there behind `case None` and inside the other values.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import conditions, names, numbers, replaced, texts
from probee.compiler.frontend.scope import assigned
from probee.compiler.frontend.values import (
    NONE,
    Num,
    Opt,
    OptNum,
    OptText,
    Ref,
    Several,
    boolean,
    describe,
)
from probee.frozen import replace
from probee.lang.types import BOOL

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Block


class _Subject:
    """What is matched: its expression, and its value."""

    def __init__(self, node: ast.expr, value: TypedValue) -> None:
        self.node, self.value = node, value


class _Moment:
    """When a case's body begins: no way leads through it to the cases behind.

    So what it changes does not make the subject stale for those.
    """

    def __init__(self, low: Lowering) -> None:
        self.changes = dict(low.changes)
        self.replaced = {site: len(parts) for site, parts in low.replaced.items()}

    def now(self, low: Lowering, value: TypedValue) -> TypedValue:
        """The value as it was then, where it refers to something: the same behind the body."""
        match value:
            case Several(items=items):
                return Several(tuple(self.now(low, item) for item in items))
            case Opt(ref=ref) | OptText(ref=ref):
                return replace(value, ref=self._reference(low, ref))
            case Ref():
                return self._reference(low, value)
            case _:
                return value

    def _reference(self, low: Lowering, ref: Ref) -> Ref:
        if ref.born == self.changes.get(ref.origin, 0):
            ref = replace(ref, born=low.changes.get(ref.origin, 0))
        if not replaced.was(low, ref, self.replaced.get(ref.site, 0)):
            ref = replaced.refreshed(low, ref)
        return ref


def match_(low: Lowering, node: ast.Match) -> None:
    """Lowers a `match` statement."""
    subject = _subject(low, node)
    (done,) = low.blocks(1)
    for case in node.cases:
        inside, on = low.blocks(2)
        captures = _pattern(low, case.pattern, subject, inside, on)
        low.start(inside)
        for name, value, place in captures:
            names.assign(low, name, value, place)
        if case.guard is not None:
            (then,) = low.blocks(1)
            low.condition(case.guard, then, on)
            low.start(then)
        before = _Moment(low)
        low.body(case.body)
        low.jump(done)
        low.start(on)
        subject = _Subject(subject.node, before.now(low, subject.value))
        if case.guard is None and _takes_none(case.pattern):
            subject = _Subject(subject.node, _there(subject.value))
    low.jump(done)
    low.start(done)


def _subject(low: Lowering, node: ast.Match) -> _Subject:
    """The subject, evaluated once: what guards do later must not change it."""
    value = texts.kept(low, low.value(node.subject), node.subject)
    guards = [case.guard for case in node.cases if case.guard is not None]
    if isinstance(value, Several):
        items = (_nameless(texts.kept(low, item, node.subject)) for item in value.items)
        return _Subject(node.subject, Several(tuple(items)))
    return _Subject(node.subject, _nameless(value) if _rebound(node, guards) else value)


def _nameless(value: TypedValue) -> TypedValue:
    """The value, telling nothing of the local that it was read from."""
    return replace(value, variable="") if isinstance(value, (Opt, OptNum, OptText)) else value


def _rebound(node: ast.Match, guards: list[ast.expr]) -> bool:
    """Whether the subject's local may be another value in a later case than in the first."""
    local = node.subject.target if isinstance(node.subject, ast.NamedExpr) else node.subject
    if not isinstance(local, ast.Name):
        return False
    return local.id in assigned(*guards, *(case.pattern for case in node.cases))


Captures = list[tuple[str, "TypedValue", ast.AST]]


def _pattern(
    low: Lowering, pattern: ast.pattern, subject: _Subject, then: Block, other: Block
) -> Captures:
    """Leaves to `then` where `pattern` matches, else to `other`; what it captures there."""
    low.place(pattern)
    match pattern:
        case ast.MatchAs(pattern=None, name=None):
            low.decide(True, then, other)
            return []
        case ast.MatchAs(pattern=None, name=str() as name):
            low.decide(True, then, other)
            return [(name, subject.value, pattern)]
        case ast.MatchAs(pattern=ast.pattern() as inner, name=str() as name):
            value = subject.value if _takes_none(inner) else _there(subject.value)
            return [*_pattern(low, inner, subject, then, other), (name, value, pattern)]
        case ast.MatchOr(patterns=patterns):
            _any_of(low, patterns, subject, then, other)
            return []
        case ast.MatchValue(value=expression):
            _equal(low, expression, subject, then, other)
            return []
        case ast.MatchSingleton(value=None):
            _none(low, pattern, subject, then, other)
            return []
        case ast.MatchSingleton(value=bool() as wanted):
            _truth(low, pattern, wanted, subject, then, other)
            return []
        case ast.MatchSequence(patterns=patterns):
            return _sequence(low, pattern, patterns, subject, then, other)
        case _:
            raise low.not_yet(pattern, f"the pattern {ast.unparse(pattern)}")


def _any_of(
    low: Lowering, patterns: list[ast.pattern], subject: _Subject, then: Block, other: Block
) -> None:
    """`a | b`: the first that matches; each is given what the ones before it left."""
    for pattern in patterns:
        on = other if pattern is patterns[-1] else low.blocks(1)[0]
        if _pattern(low, pattern, subject, then, on):
            raise low.not_yet(
                pattern,
                "a capture inside alternatives",
                fix="capture the whole: `case (1 | 2) as n`",
            )
        if on is not other:
            low.start(on)
            if _takes_none(pattern):
                subject = _Subject(subject.node, _there(subject.value))


def _equal(
    low: Lowering, expression: ast.expr, subject: _Subject, then: Block, other: Block
) -> None:
    """A value pattern, compared by ==. None equals no value."""
    value = _not_none(low, subject, other)
    wanted = low.value(expression)
    pair = (subject.node, value), (expression, wanted)
    conditions.equal(low, expression, *pair, then, other)


def _not_none(low: Lowering, subject: _Subject, other: Block) -> TypedValue:
    """Goes on where the subject is there, else to `other`; the subject as it is there."""
    value = subject.value
    if not isinstance(value, (Opt, OptNum, OptText)):
        return value
    (there,) = low.blocks(1)
    yes, no = conditions.narrowed(low, value)
    presence = conditions.presence(value)
    low.branch("ne", presence, 0, there, other, then_flow=yes, other_flow=no)
    low.start(there)
    return _there(value)


def _there(value: TypedValue) -> TypedValue:
    """The value where it is known not to be None."""
    match value:
        case Opt(ref=ref) | OptText(ref=ref):
            return ref
        case OptNum(num=num):
            return num
        case _:
            return value


def _none(
    low: Lowering, pattern: ast.pattern, subject: _Subject, then: Block, other: Block
) -> None:
    match subject.value:
        case Opt() | OptNum() | OptText() as value:
            yes, no = conditions.narrowed(low, value)
            presence = conditions.presence(value)
            low.branch("eq", presence, 0, then, other, then_flow=no, other_flow=yes)
        case Several():
            raise _other_kind(low, pattern, subject.value)
        case value:
            low.decide(value == NONE, then, other)


def _truth(
    low: Lowering,
    pattern: ast.pattern,
    wanted: bool,
    subject: _Subject,
    then: Block,
    other: Block,
) -> None:
    """`case True`: the object True, which no integer is."""
    value = _not_none(low, subject, other)
    if not isinstance(value, Num) or value.type != BOOL:
        raise low.refuse(
            pattern,
            "identity",
            f"{describe(subject.value)} is never the object {wanted}",
            why="`case True` and `case False` compare with `is`; a number is not a bool",
            fix=f"write `case {int(wanted)}:`",
        )
    numbers.compare(low, ast.Eq(), value, boolean(int(wanted)), then, other)


def _sequence(
    low: Lowering,
    pattern: ast.pattern,
    patterns: list[ast.pattern],
    subject: _Subject,
    then: Block,
    other: Block,
) -> Captures:
    """`case a, b:` of a subject that is written as a tuple."""
    if not isinstance(subject.value, Several):
        raise _other_kind(low, pattern, subject.value)
    if len(patterns) != len(subject.value.items):
        raise low.refuse(
            pattern,
            "type",
            f"{len(patterns)} patterns for a tuple of {len(subject.value.items)}",
            why="this case could never match",
            fix="give one pattern for each value",
        )
    nodes = _items(subject)
    captures: Captures = []
    for inner, item, node in zip(patterns, subject.value.items, nodes, strict=True):
        (on,) = low.blocks(1)
        captures += _pattern(low, inner, _Subject(node, item), on, other)
        low.start(on)
    low.jump(then)
    return captures


def _items(subject: _Subject) -> list[ast.expr]:
    """The expressions of a tuple's items, for messages."""
    assert isinstance(subject.value, Several)
    if isinstance(subject.node, ast.Tuple):
        return subject.node.elts
    return [subject.node] * len(subject.value.items)


def _other_kind(low: Lowering, pattern: ast.pattern, value: TypedValue) -> Refusal:
    return low.refuse(
        pattern,
        "type",
        f"{describe(value)} is held against a pattern for another kind of value",
        why="this case could never match",
        fix="match a tuple with one pattern for each of its values",
    )


def _takes_none(pattern: ast.pattern) -> bool:
    """Whether the pattern surely matches None."""
    match pattern:
        case ast.MatchSingleton(value=None) | ast.MatchAs(pattern=None):
            return True
        case ast.MatchAs(pattern=ast.pattern() as inner):
            return _takes_none(inner)
        case ast.MatchOr(patterns=patterns):
            return any(_takes_none(p) for p in patterns)
        case _:
            return False
