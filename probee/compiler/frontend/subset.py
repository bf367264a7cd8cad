"""Which syntax is in the language: every node of Python's `ast`, accepted or refused with a reason.

In: a function's tree. Out: a diagnostic for each node that no pass of the front end will read.
What is accepted here may still be refused later, where its types are known. A node that stands in
neither table is refused as unknown, so a newer Python's syntax is never passed over.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probee.compiler.frontend.source import Source
    from probee.errors import Diagnostic

# fmt: off
ACCEPTED = frozenset({
    # statements
    "FunctionDef", "Return", "Delete", "Assign", "AugAssign", "AnnAssign", "For", "While", "If",
    "Expr", "Pass", "Break", "Continue", "Match",
    # cases and patterns
    "match_case", "MatchValue", "MatchSingleton", "MatchSequence", "MatchAs", "MatchOr",
    # expressions
    "BoolOp", "NamedExpr", "BinOp", "UnaryOp", "IfExp", "Compare", "Call", "Constant",
    "Attribute", "Subscript", "Slice", "Name", "Tuple", "JoinedStr", "FormattedValue",
    # contexts
    "Load", "Store", "Del",
    # operators
    "And", "Or", "Add", "Sub", "Mult", "Mod", "LShift", "RShift", "BitOr", "BitXor", "BitAnd",
    "FloorDiv", "Invert", "Not", "UAdd", "USub", "Eq", "NotEq", "Lt", "LtE", "Gt", "GtE", "Is",
    "IsNot", "In", "NotIn",
    # parts of a function
    "arguments", "arg", "keyword",
})
# fmt: on

# node → (what it is, why not, what to write instead)
REFUSED: dict[str, tuple[str, str, str]] = {
    "AsyncFunctionDef": ("async", "a kernel program runs to its end without waiting", "write def"),
    "AsyncFor": ("async for", "a kernel program runs to its end without waiting", "write for"),
    "AsyncWith": ("async with", "a kernel program runs to its end without waiting", ""),
    "Await": ("await", "a kernel program runs to its end without waiting", ""),
    "ClassDef": (
        "a class inside a kernel function",
        "types are laid out before it runs",
        "move it to the module",
    ),
    "Lambda": ("lambda", "it makes a function object while running", "write a def in the module"),
    "ListComp": ("a list comprehension", "there is no heap for a list", "write a for loop"),
    "SetComp": ("a set comprehension", "there is no heap for a set", "write a for loop over a map"),
    "DictComp": ("a dict comprehension", "there is no heap for a dict", "use a Hash map"),
    "GeneratorExp": ("a generator", "there is no heap for its frame", "write a for loop"),
    "comprehension": ("a comprehension", "there is no heap for it", "write a for loop"),
    "Yield": (
        "yield",
        "there is no heap for a generator's frame",
        "send records through a RingBuf",
    ),
    "YieldFrom": (
        "yield from",
        "there is no heap for a generator's frame",
        "send records through a RingBuf",
    ),
    "Try": (
        "try",
        "nothing raises in the kernel: what would raise stops the program and is counted",
        "test first, as with m.get(k)",
    ),
    "TryStar": (
        "try",
        "nothing raises in the kernel: what would raise stops the program and is counted",
        "test first, as with m.get(k)",
    ),
    "ExceptHandler": ("except", "nothing raises in the kernel", "test first, as with m.get(k)"),
    "Raise": ("raise", "nothing raises in the kernel", "count it in a map, or return"),
    "Assert": ("assert", "nothing raises in the kernel", "write `if not …: return`"),
    "Import": (
        "import inside a kernel function",
        "names are resolved before it runs",
        "import in the module",
    ),
    "ImportFrom": (
        "import inside a kernel function",
        "names are resolved before it runs",
        "import in the module",
    ),
    "Global": (
        "global",
        "module names are frozen into the program",
        "declare a Global and write its .value",
    ),
    "Nonlocal": (
        "nonlocal",
        "enclosing names are frozen into the program",
        "declare a Global and write its .value",
    ),
    "Dict": ("a dict", "there is no heap for it", "use a Hash map"),
    "Set": ("a set", "there is no heap for it", "use a Hash map"),
    "List": (
        "a list",
        "there is no heap for it",
        "declare `slots: list[u32] = array(u32, 8)` in a Struct and give its elements values",
    ),
    "Starred": ("*arguments", "calls are resolved before the program runs", "name each argument"),
    "With": ("with", "not built yet: locks and RCU sections come later", ""),
    "withitem": ("with", "not built yet: locks and RCU sections come later", ""),
    "MatchMapping": ("a mapping pattern", "there are no dicts to match", "match m.get(k)"),
    "MatchClass": ("a class pattern", "a value's type is known before it runs", "match a field"),
    "MatchStar": ("a * in a pattern", "there is no heap for a list", "name each item"),
    "Div": (
        "/",
        "it gives a float, and the kernel has no floating point",
        "write // for whole numbers",
    ),
    "Pow": ("**", "its result is not bounded by its operands' width", "write << or multiply"),
    "MatMult": ("@", "it has no meaning on integers", ""),
    "TypeAlias": (
        "a type alias inside a kernel function",
        "types are known before it runs",
        "move it to the module",
    ),
    **dict.fromkeys(
        ("TypeVar", "ParamSpec", "TypeVarTuple"),
        (
            "a type parameter",
            "kernel functions are compiled for the types they are called with",
            "remove it",
        ),
    ),
    "TemplateStr": ("a template string", "there is no heap for it", ""),
    "Interpolation": ("a template string", "there is no heap for it", ""),
}


def check(source: Source) -> list[tuple[Diagnostic, ast.AST]]:
    """All of the function's syntax that is outside the language, each with the statement it is of.

    In order. What stands inside a statement's own statements is theirs.
    """
    found: list[tuple[Diagnostic, ast.AST]] = []
    definition = source.definition
    # an operator has no place of its own: it is reported at its expression, the anchor
    pending: list[tuple[ast.AST, ast.AST, ast.AST]] = [(n, n, n) for n in definition.body]
    while pending:
        node, anchor, owner = pending.pop(0)
        if hasattr(node, "lineno"):
            anchor = node
        if isinstance(node, ast.stmt):
            owner = node
        name = type(node).__name__
        if isinstance(node, ast.FunctionDef):
            what, why, fix = (
                "a function inside a kernel function",
                "it would be made anew at each run",
                "move it to the module",
            )
        elif name in ACCEPTED:
            pending[:0] = [(child, anchor, owner) for child in _children(node)]
            continue
        else:
            what, why, fix = REFUSED.get(name, (name, "this syntax is not known to probee", ""))
        code = "not-yet" if why.startswith("not built yet") else "syntax"
        message = f"{what} is outside the kernel-side language"
        found.append((source.diagnose(anchor, code, message, why=why, fix=fix), owner))
    return found


def _children(node: ast.AST) -> list[ast.AST]:
    """Sub-nodes that carry meaning; annotations are read by name, not compiled."""
    if isinstance(node, ast.AnnAssign):
        return [node.target, *([node.value] if node.value is not None else [])]
    return list(ast.iter_child_nodes(node))
