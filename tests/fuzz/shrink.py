"""A large case that fails to a small one that fails the same way.

In: a case, and whether another one still fails so. Out: the smallest found. The program is made
smaller as a tree: statements are left out (halves first, then one by one), blocks take the place of
what holds them, an expression that of a larger one; then inputs and constants.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tests.meaning.compare import Case

Fails = Callable[[Case], bool]
SECONDS = 90
WORDS = ("func", "annotation", "returns", "decorator_list", "bases")  # not for a number to stand in
BLOCKS = (ast.If, ast.For, ast.While, ast.FunctionDef, ast.ClassDef, ast.match_case)


def shrunk(case: Case, fails: Fails, seconds: float = SECONDS) -> Case:
    """The smallest case found in that time. `case` itself fails."""
    end = time.monotonic() + seconds
    plain = case._replace(source=ast.unparse(ast.parse(case.source)) + "\n")
    if not fails(plain):
        return case
    best, smaller = plain, True
    while smaller and time.monotonic() < end:
        smaller = False
        for step in (_fewer_rounds, _fewer_statements, _simpler):
            found = step(best, fails, end)
            smaller = smaller or found != best
            best = found
    return _formatted(best, fails)


def _formatted(case: Case, fails: Fails) -> Case:
    """Blank lines between definitions, as people write them."""
    tree = ast.parse(case.source)
    text = "\n\n".join(ast.unparse(node) for node in tree.body) + "\n"
    spaced = case._replace(source=text)
    return spaced if fails(spaced) else case


def _fewer_rounds(case: Case, fails: Fails, end: float) -> Case:
    for given in case.rounds:
        one = case._replace(rounds=(given,))
        if len(case.rounds) > 1 and fails(one):
            case = one
            break
    if case.consts and fails(case._replace(consts={})):
        case = case._replace(consts={})
    for place, given in enumerate(case.rounds):
        for name in given:
            for value in (0, 1):
                if case.rounds[place][name] in (0, 1):
                    break
                rounds = list(case.rounds)
                rounds[place] = {**rounds[place], name: value}
                tried = case._replace(rounds=tuple(rounds))
                if time.monotonic() < end and fails(tried):
                    case = tried
    return case


def _bodies(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for field in ("body", "orelse", "cases"):
            held = getattr(node, field, None)
            if isinstance(held, list) and held:
                yield held


def _fewer_statements(case: Case, fails: Fails, end: float) -> Case:
    size = max(len(body) for body in _bodies(ast.parse(case.source)))
    while size >= 1:
        index = 0
        while time.monotonic() < end:
            tree = ast.parse(case.source)
            places = [
                (body, at)
                for body in _bodies(tree)
                for at in range(0, len(body), size)
                if not (len(body) == 1 and isinstance(body[0], ast.Pass))
            ]
            if index >= len(places):
                break
            body, at = places[index]
            del body[at : at + size]
            if not body:
                _fill(tree)
            tried = case._replace(source=ast.unparse(tree) + "\n")
            if tried != case and fails(tried):
                case = tried
            else:
                index += 1
        size //= 2
    return case


def _fill(tree: ast.Module) -> None:
    """Blocks that must hold something hold `pass`."""
    for node in ast.walk(tree):
        if isinstance(node, BLOCKS):
            node.body = node.body or [ast.Pass()]


def _simpler(case: Case, fails: Fails, end: float) -> Case:
    """Blocks in place of what holds them, expressions in place of larger ones."""
    index = 0
    while time.monotonic() < end:
        changes = list(_changes(ast.parse(case.source)))
        if index >= len(changes):
            break
        tried = _with_change(case, index)
        if tried is not None and tried != case and fails(tried):
            case = tried
        else:
            index += 1
    return case


def _with_change(case: Case, index: int) -> Case | None:
    tree = ast.parse(case.source)
    for number, change in enumerate(_changes(tree)):
        if number == index:
            change()
            _fill(tree)
            source = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
            return case._replace(source=source)
    return None


def _changes(tree: ast.Module) -> Iterator[Callable[[], None]]:
    """Every single change that makes the tree smaller, outermost first."""
    for parent in ast.walk(tree):
        for field, held in ast.iter_fields(parent):
            if field in WORDS:
                continue
            if isinstance(held, ast.expr):
                for smaller in _parts(held):
                    yield partial(setattr, parent, field, smaller)
            elif isinstance(held, list):
                yield from _in_list(held)


def _in_list(held: list[Any]) -> Iterator[Callable[[], None]]:
    for place, item in enumerate(held):
        if isinstance(item, ast.expr):
            for smaller in _parts(item):
                yield partial(held.__setitem__, place, smaller)
        elif isinstance(item, (ast.If, ast.For, ast.While)):
            for block in (item.body, item.orelse):
                yield partial(held.__setitem__, slice(place, place + 1), block)
        elif isinstance(item, ast.Match):
            for case in item.cases:
                yield partial(held.__setitem__, slice(place, place + 1), case.body)


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """What may stand in place of an expression."""
    match node:
        case ast.Constant(value=bool()):
            return
        case ast.Constant(value=int() as value):
            if value not in (0, 1):
                yield from (ast.Constant(0), ast.Constant(1))
            return
        case ast.Name() | ast.Constant() | ast.Tuple():
            return
        case ast.BinOp():
            yield from (node.left, node.right)
        case ast.BoolOp():
            yield from node.values
        case ast.IfExp():
            yield from (node.body, node.orelse)
        case ast.UnaryOp():
            yield node.operand
        case ast.NamedExpr():
            yield node.value
        case ast.Call():
            yield from node.args
            yield from (keyword.value for keyword in node.keywords)
        case ast.Compare():
            yield from (node.left, *node.comparators)
        case ast.Subscript():
            yield node.slice
    if isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        yield from (ast.Constant(0), ast.Constant(1))
