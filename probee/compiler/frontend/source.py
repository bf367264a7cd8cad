"""From a function object to its syntax tree, with places in the user's file.

In: a Python function. Out: a `Source`: the `ast.FunctionDef`, the file, and diagnostics for any of
its nodes. The tree is checked against the running code object, so a file that changed after its
import is an error and not another program.
"""

from __future__ import annotations

import ast
import linecache
import tokenize
import warnings
from typing import TYPE_CHECKING

from probee.compiler.frontend.reasons import reasons
from probee.compiler.ir.ops import Loc
from probee.errors import CompileError, Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FunctionType
    from typing import TypeAlias

    Parsed: TypeAlias = tuple[ast.Module, CodeType] | None


class Refusal(Exception):
    """A statement is outside the language; caught where its body is lowered.

    `diagnostic` is None where the cause has been told already.
    """

    def __init__(self, diagnostic: Diagnostic | None) -> None:
        super().__init__(diagnostic)
        self.diagnostic = diagnostic


class Source:
    """A function's tree and text. `file` is the path as Python knows it.

    `trees` keeps parsed files, so that the functions of one file share one tree. Raises
    CompileError where the source cannot be read, or is not that of the function in memory.
    """

    def __init__(self, function: FunctionType, trees: dict[str, Parsed]) -> None:
        code = function.__code__
        self.function = function
        self.file = code.co_filename
        self.lines = _read(self.file)
        if not self.lines:
            raise _unreadable(
                code,
                "no-source",
                f"the source of {function.__qualname__}() cannot be read",
                why="probee compiles what the file says; a function typed at a prompt has none",
                fix="put the program into a file",
            )
        if self.file not in trees:
            trees[self.file] = _parse(self.file, "".join(self.lines))
        self.definition = _find(trees[self.file], code)
        self._bindings: dict[str, int] | None = None

    @property
    def bindings(self) -> dict[str, int]:
        """Python's rule for locals: each parameter and each name that is assigned, deleted or
        captured in a pattern anywhere in the function, with the number of those places.
        """
        if self._bindings is None:
            found = self._bindings = {}
            for node in ast.walk(self.definition):
                match node:
                    case ast.arg(arg=str(name)) | ast.MatchAs(name=str(name)):
                        found[name] = found.get(name, 0) + 1
                    case ast.MatchStar(name=str(name)):
                        found[name] = found.get(name, 0) + 1
                    case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                        found[name] = found.get(name, 0) + 1
        return self._bindings

    def loc(self, node: ast.AST) -> Loc:
        """Where `node` begins, with its source line."""
        line = getattr(node, "lineno", self.definition.lineno)
        text = self.lines[line - 1].rstrip("\n") if line <= len(self.lines) else ""
        end = getattr(node, "end_col_offset", -1) if _one_line(node) else -1
        return Loc(self.file, line, getattr(node, "col_offset", 0), text, end)

    def refuse(
        self, node: ast.AST, code: str, message: str, *, why: str = "", fix: str = ""
    ) -> Refusal:
        """A refusal at `node`, to be raised."""
        return Refusal(self.diagnose(node, code, message, why=why, fix=fix))

    def diagnose(
        self, node: ast.AST, code: str, message: str, *, why: str = "", fix: str = ""
    ) -> Diagnostic:
        """A diagnostic whose caret stands under `node`, to the end of its first line."""
        return at(self.loc(node), code, message, why=why, fix=fix)


def _one_line(node: ast.AST) -> bool:
    return getattr(node, "end_lineno", None) == getattr(node, "lineno", 0)


def at(loc: Loc, code: str, message: str, *, why: str = "", fix: str = "") -> Diagnostic:
    """A diagnostic at a place."""
    why, fix = reasons(code, why, fix)
    return Diagnostic(
        code,
        message,
        file=loc.file,
        line=loc.line,
        column=_characters(loc.text, loc.column),
        end_column=len(loc.text) if loc.end < 0 else _characters(loc.text, loc.end),
        text=loc.text,
        why=why,
        fix=fix,
    )


def _read(file: str) -> list[str]:
    """The file's lines as they are now; none where it is no text that Python would read.

    `linecache` has the sources that never were files, as an IPython cell's. It is not asked about
    files, since it does not notice a change that keeps size and time.
    """
    try:
        with tokenize.open(file) as text:
            return list(text)
    except OSError:
        return linecache.getlines(file)
    except (SyntaxError, UnicodeDecodeError):
        return []


def _find(parsed: Parsed, code: CodeType) -> ast.FunctionDef:
    """The function's definition in the file, if the file still says what is in memory."""
    if parsed is not None:
        tree, module = parsed
        same = any(_same(c, code) for c in _codes(module))
        for node in ast.walk(tree) if same else ():
            if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                if first == code.co_firstlineno:
                    return node
    raise _unreadable(
        code,
        "source-changed",
        f"{code.co_name}() in memory is not what its file says now",
        why="the file was changed after it was imported, or the function was made by exec",
        fix="start the program again",
    )


def _unreadable(code: CodeType, kind: str, message: str, *, why: str, fix: str) -> CompileError:
    place = Diagnostic(
        kind, message, file=code.co_filename, line=code.co_firstlineno, why=why, fix=fix
    )
    return CompileError([place])


def _parse(file: str, text: str) -> Parsed:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python has said them when it imported the file
        try:
            tree = ast.parse(text, file)
            return tree, compile(tree, file, "exec", dont_inherit=True)
        except SyntaxError:
            return None


def _codes(module: CodeType) -> Iterator[CodeType]:
    """Every code object of a file."""
    pending = [module]
    while pending:
        code = pending.pop()
        yield code
        pending += [c for c in code.co_consts if isinstance(c, type(module))]


def _same(a: CodeType, b: CodeType) -> bool:
    return (
        a.co_name == b.co_name
        and a.co_firstlineno == b.co_firstlineno
        and a.co_code == b.co_code
        and a.co_names == b.co_names
        and _constants(a) == _constants(b)
    )


def _constants(code: CodeType) -> list[object]:
    return [repr(c) for c in code.co_consts if not hasattr(c, "co_code")]


def _characters(text: str, column: int) -> int:
    """`ast` counts columns in UTF-8 bytes; people count characters."""
    return len(text.encode()[:column].decode(errors="replace"))
