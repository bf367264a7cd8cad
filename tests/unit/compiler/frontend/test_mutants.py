"""The docs' programs with pieces exchanged: compiled, or refused in order and with every word."""

from __future__ import annotations

import ast
import random
import textwrap
import warnings

import pytest

from probee.errors import CompileError
from tests.doc_examples import examples
from tests.error_pages import PAGES, PRELUDE, right, wrong
from tests.frontend_cases import compiled, names_of

HEAD = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
BODIES = [e.source for e in examples() if e.place.startswith("docs/language") and not e.whole]
PROGRAMS = [HEAD + textwrap.indent(body, "    ") for body in BODIES]
PROGRAMS += [p for code in sorted(PAGES) for p in (*right(code), *(w.source for w in wrong(code)))]
PIECES = ("nope", "1 / 2", "None", "'x'", "10**30", "ctx.flags", "ctx")


def mutant(source: str, pick: random.Random) -> str:
    """`source` with up to three of its expressions exchanged for others, or "" without a body."""
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if not functions:
        return ""
    body = ast.Module(pick.choice(functions).body, [])
    nodes = [n for n in ast.walk(body) if isinstance(n, ast.expr | ast.stmt)]
    values = [n for n in nodes if isinstance(n, ast.expr) and _is_read(n)]
    values += [ast.parse(piece, mode="eval").body for piece in PIECES]
    for _ in range(pick.randrange(1, 4)):
        parent = pick.choice(nodes)
        fields = [(f, v) for f, v in ast.iter_fields(parent) if isinstance(v, ast.expr)]
        fields = [(f, v) for f, v in fields if _is_read(v)]
        if fields:
            setattr(parent, pick.choice(fields)[0], pick.choice(values))
    try:
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    except (RecursionError, ValueError):  # a piece was put into itself
        return ""


def _is_read(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


@pytest.mark.parametrize("seed", range(4))
def test_mutants_are_compiled_or_refused_with_reasons(seed: int) -> None:
    pick, done = random.Random(seed), 0
    while done < 60:
        source = mutant(pick.choice(PROGRAMS), pick)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                names = names_of(source, **names_of(PRELUDE, "declarations.py"))
        except SyntaxError:
            continue
        done += 1
        try:
            compiled(names, license_="GPL", frozen={})
        except CompileError as error:
            found = error.diagnostics
            assert [(d.line, d.column) for d in found] == sorted((d.line, d.column) for d in found)
            for diagnostic in found:
                assert diagnostic.code in PAGES, source
                assert diagnostic.why, diagnostic
                assert diagnostic.fix, diagnostic
                marked = diagnostic.text[diagnostic.column : diagnostic.end_column]
                assert marked.strip() or diagnostic.code == "no-source", diagnostic
