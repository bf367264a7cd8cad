"""Every node of Python's `ast` is accepted or refused by name, in this Python and the next."""

from __future__ import annotations

import ast

import pytest

from probee.compiler.frontend.subset import ACCEPTED, REFUSED
from probee.errors import CompileError
from tests.frontend_cases import compiled, names_of

ABSTRACT = {
    "AST", "mod", "stmt", "expr", "expr_context", "boolop", "operator", "unaryop", "cmpop",
    "excepthandler", "pattern", "type_ignore", "type_param",
}  # fmt: skip
# never inside a function, or kept by `ast` for old code only
OUTSIDE = {
    "Module", "Interactive", "Expression", "FunctionType", "Suite", "TypeIgnore", "alias", "slice",
    "Num", "Str", "Bytes", "NameConstant", "Ellipsis", "Index", "ExtSlice", "AugLoad", "AugStore",
    "Param",
}  # fmt: skip
NODES = {
    name
    for name, value in vars(ast).items()
    if isinstance(value, type) and issubclass(value, ast.AST) and name[0] != "_"
}


def test_every_node_stands_in_one_table() -> None:
    assert ACCEPTED | set(REFUSED) >= NODES - ABSTRACT - OUTSIDE
    assert not ACCEPTED & set(REFUSED)


STATEMENTS = {
    "Assert": "assert ctx", "Try": "try:\n        pass\n    except ValueError:\n        pass",
    "TryStar": "try:\n        pass\n    except* ValueError:\n        pass",
    "Raise": "raise ValueError", "With": "with ctx:\n        pass", "Lambda": "f = lambda: 0",
    "ListComp": "x = [i for i in ctx]", "SetComp": "x = {i for i in ctx}", "Yield": "yield 1",
    "DictComp": "x = {i: i for i in ctx}", "GeneratorExp": "x = any(i for i in ctx)",
    "YieldFrom": "yield from ctx", "Import": "import os", "ImportFrom": "from os import path",
    "Global": "global total", "Dict": "x = {}", "Set": "x = {1}", "List": "x = [1]",
    "Starred": "f(*ctx)",
    "MatchMapping": "match ctx:\n        case {}:\n            pass",
    "MatchClass": "match ctx:\n        case int():\n            pass",
    "MatchStar": "match (1, 2):\n        case 1, *rest:\n            pass",
    "JoinedStr": "x = f'{ctx}'", "Div": "x = 1 / 2", "Pow": "x = 2 ** 3", "MatMult": "x = 1 @ 2",
    "ClassDef": "class A:\n        pass", "FunctionDef": "def f():\n        pass",
    "AsyncFunctionDef": "async def f():\n        pass",
}  # fmt: skip


@pytest.mark.parametrize("node", STATEMENTS)
def test_refused_syntax_is_refused(node: str) -> None:
    source = (
        "from probee import Context, tracepoint\n\n"
        '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
        f"    {STATEMENTS[node]}\n"
    )
    with pytest.raises(CompileError) as refusal:
        compiled(names_of(source))
    assert {d.code for d in refusal.value.diagnostics} <= {"syntax", "not-yet"}
    assert all(d.why and d.fix for d in refusal.value.diagnostics)
    assert refusal.value.diagnostics[0].line in (5, 6)
