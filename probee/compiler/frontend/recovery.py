"""What is still checked behind a refusal, so that one run tells all mistakes, and each only once.

In: the statement that was refused. Out: the diagnostics of the statements inside it, and locals
whose uses are no errors of their own from here on (`Frame.poisoned`). The rest of the function is
read as if the statement had done nothing but assign its names.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import names
from probee.compiler.frontend.scope import Loop, assigned
from probee.compiler.frontend.values import Opt, OptNum, OptText

if TYPE_CHECKING:
    from probee.compiler.frontend.flow import Flow
    from probee.compiler.frontend.lowering import Lowering


def go_on(low: Lowering, node: ast.stmt, flow: Flow) -> None:
    """Reads what `node` has inside, as far as it was not read; `flow`: what was known before it."""
    low.refusals += 1
    heads, bodies = _parts(node)
    if id(node) not in low.world.refused:
        _report_undefined(low, heads)
    low.frame.poisoned |= assigned(*heads) | _bound(node)
    if bodies or isinstance(node, ast.Assert):
        low.frame.poisoned |= _unsure(low, heads)
    missed = [body for body in bodies if id(body) not in low.entered]
    if missed:
        at, after = low.builder.at, low.flow
        around = len(low.frame.loops)
        if isinstance(node, ast.For | ast.While):
            head, again, done = low.blocks(3)
            low.frame.loops.append(Loop(low.number_of(), head, again, done, flow, 1))
        for body in missed:
            low.resume(None, flow)
            low.body(body)
        del low.frame.loops[around:]
        low.resume(at, after)
    low.frame.poisoned |= assigned(node)


def _report_undefined(low: Lowering, heads: list[ast.AST]) -> None:
    """What stands behind the refused piece of an expression was not read; its names are now."""
    inside = [n for head in heads for n in ast.walk(head) if isinstance(n, ast.Name)]
    for node in inside:
        if isinstance(node.ctx, ast.Load) and not names.is_defined(low, node.id):
            low.report(names.undefined(low, node.id, node).diagnostic)


def _parts(node: ast.stmt) -> tuple[list[ast.AST], list[list[ast.stmt]]]:
    """What a statement does itself, and the statements inside it."""
    match node:
        case (
            ast.If(test=test, body=body, orelse=other)
            | ast.While(test=test, body=body, orelse=other)
        ):
            return [test], [body, other]
        case ast.For(target=target, iter=iterable, body=body, orelse=other):
            return [target, iterable], [body, other]
        case ast.Match(subject=subject, cases=cases):
            heads: list[ast.AST] = [subject, *(case.pattern for case in cases)]
            heads += [case.guard for case in cases if case.guard is not None]
            return heads, [case.body for case in cases]
        case ast.AnnAssign(target=target, value=value):
            return [target, *([value] if value is not None else [])], []
        case _:
            return [node], []


def _bound(node: ast.stmt) -> set[str]:
    """Names that a refused statement would have bound in other ways than by assignment."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=modules) | ast.ImportFrom(names=modules):
            return {(alias.asname or alias.name).partition(".")[0] for alias in modules}
        case _:
            return set()


def _unsure(low: Lowering, heads: list[ast.AST]) -> set[str]:
    """Locals that may be None and are named in a condition: it may have shown that they are not."""
    found = {n.id for head in heads for n in ast.walk(head) if isinstance(n, ast.Name)}
    known = low.frame.locals
    return {name for name in found if isinstance(known.get(name), Opt | OptNum | OptText)}
