"""What CPython makes of a kernel program, on integers of the declared width.

In: the source of a program as a user writes it. Out: a `Model` whose `run(inputs)` executes that
source under CPython, with stand-ins for what probee declares: integers that follow the table of
docs/language.md (widths.py), maps that are dicts and lists (maps.py), structs that are objects
(objects.py), traps that are exceptions. The tree is changed only where Python has no
hook: assignments to locals and parameters, which keep one width, and operators on plain numbers.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from tests.meaning.atomics import atomic, rewritten, there
from tests.meaning.hist import Hist
from tests.meaning.maps import (
    Array,
    BloomFilter,
    Counter,
    Hash,
    LpmTrie,
    Queue,
    RingBuf,
    Stack,
)
from tests.meaning.objects import Chars, Global, Sized, Struct, convert, plain
from tests.meaning.records import Reads, Window, offsetof, sizeof
from tests.meaning.texts import Buffer, Current, Memory
from tests.meaning.widths import (
    BITS,
    Maybe,
    Typed,
    Width,
    absolute,
    as_int,
    extreme,
    kind_of,
    operate,
    unary,
)


def keep(kinds: dict[str, Any], name: str, annotation: Any, value: Any) -> Any:
    """A local keeps the type it began with; a literal begins as s64."""
    if isinstance(annotation, Maybe):
        annotation = annotation.width
    if isinstance(annotation, Width):
        kinds[name] = annotation
    if isinstance(value, (Buffer, Sized)):
        kinds[name] = value
        return value()
    if name not in kinds and isinstance(value, int):
        kind = kind_of(value)
        kinds[name] = Width("s64" if kind == "literal" else kind)
    return convert(kinds.get(name), value) if isinstance(value, (int, str)) else value


def several(kinds: dict[str, Any], names: tuple[str | None, ...], values: Any) -> Any:
    """What a call gave for several locals at once; None for what is no local."""
    given = zip(names, values, strict=True)
    return tuple(value if name is None else keep(kinds, name, None, value) for name, value in given)


class _Instrument(ast.NodeTransformer):
    """Gives locals their width, and plain numbers the operators of the table."""

    def _call(self, name: str, *args: ast.expr, at: ast.AST) -> ast.expr:
        call = ast.Call(ast.Name(name, ast.Load()), list(args), [])
        return ast.fix_missing_locations(ast.copy_location(call, at))

    def _keep(self, name: str, annotation: ast.expr | None, value: ast.expr) -> ast.expr:
        kinds = ast.Name("__kinds__", ast.Load())
        said = annotation or ast.Constant(None)
        return self._call("__keep__", kinds, ast.Constant(name), said, value, at=value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.returns = node.returns
        node.body = [self.visit(statement) for statement in node.body]
        first: list[ast.stmt] = [ast.parse("__kinds__ = {}").body[0]]
        for arg in [*node.args.args, *node.args.kwonlyargs]:
            text = f"{arg.arg} = __keep__(__kinds__, {arg.arg!r}, None, {arg.arg})"
            assign = ast.parse(text).body[0]
            assert isinstance(assign, ast.Assign)
            assert isinstance(assign.value, ast.Call)
            if arg.annotation is not None:
                assign.value.args[2] = arg.annotation
            first.append(assign)
        for statement in first:
            ast.copy_location(statement, node.body[0])
            ast.fix_missing_locations(statement)
        node.body[:0] = first
        node.decorator_list = []
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        if node.value is not None and self.returns is not None:
            node.value = self._call("__convert__", self.returns, node.value, at=node.value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        name = ast.Constant(type(node.op).__name__)
        return self._call("__operate__", name, node.left, node.right, at=node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not):
            return node
        return self._call("__unary__", ast.Constant(type(node.op).__name__), node.operand, at=node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Name("window"), [ast.Attribute(owner, name), at, size]):
                return self._call("__window__", owner, ast.Constant(name), at, size, at=node)
        return rewritten(node) or node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        return node  # -1 is a literal there

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        """What a pattern captures begins with its type, as if it were assigned."""
        self.generic_visit(node)
        patterns = [n for n in ast.walk(node.pattern) if isinstance(n, ast.MatchAs) and n.name]
        for pattern in reversed(patterns):
            text = f"{pattern.name} = __keep__(__kinds__, {pattern.name!r}, None, {pattern.name})"
            first = ast.copy_location(ast.parse(text).body[0], node.body[0])
            node.body.insert(0, ast.fix_missing_locations(first))
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        target = node.targets[0]
        if isinstance(target, ast.Name):
            node.value = self._keep(target.id, None, node.value)
        elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            node.value.elts = [
                self._keep(t.id, None, v) if isinstance(t, ast.Name) else v
                for t, v in zip(target.elts, node.value.elts, strict=True)
            ]
        elif isinstance(target, ast.Tuple):
            names = [t.id if isinstance(t, ast.Name) else None for t in target.elts]
            kinds = ast.Name("__kinds__", ast.Load())
            known = ast.Tuple([ast.Constant(name) for name in names], ast.Load())
            node.value = self._call("__several__", kinds, known, node.value, at=node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None or not isinstance(node.target, ast.Name):
            return node
        value = self._keep(node.target.id, node.annotation, self.visit(node.value))
        return ast.copy_location(ast.Assign([node.target], value), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.target, ast.Name):
            return node
        old = ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
        name = ast.Constant(type(node.op).__name__)
        value = self._call("__operate__", name, old, node.value, at=node)
        return ast.copy_location(
            ast.Assign([node.target], self._keep(node.target.id, None, value)), node
        )

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        self.generic_visit(node)
        node.value = self._keep(node.target.id, None, node.value)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        called = ast.unparse(node.iter.func) if isinstance(node.iter, ast.Call) else ""
        names = [n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)]
        counting = {"range": names, "enumerate": names[:1]}.get(called, [])
        for name in reversed(names):
            given = f"s64({name})" if name in counting else name
            text = f"{name} = __keep__(__kinds__, {name!r}, None, {given})"
            node.body.insert(0, ast.copy_location(ast.parse(text).body[0], node))
        ast.fix_missing_locations(node)
        return node


class Trap(Exception):
    """What would raise, did: the exception's name and its line."""

    def __init__(self, exception: str, line: int) -> None:
        super().__init__(exception, line)
        self.exception, self.line = exception, line


class Model:
    """A program under CPython. `names` holds its declarations, live."""

    def __init__(
        self,
        source: str,
        arguments: Mapping[str, str],
        consts: Mapping[str, int],
        memory: Mapping[int, bytes],
    ) -> None:
        self.arguments = arguments
        self.printed: list[str] = []
        tree = ast.parse(source)
        tree.body = [n for n in tree.body if not isinstance(n, ast.ImportFrom)]
        self.names: dict[str, Any] = {
            **{name: Width(name) for name in (*BITS, "bool")},
            "Struct": Struct, "Chars": Chars, "chars": Buffer, "array": Sized,
            "sizeof": sizeof, "offsetof": offsetof, "__window__": Window,
            "probe_read_user_str": Reads(memory).text,
            "current": Current(), "read_str": Memory(memory).read, "UserStr": None,
            "KernelStr": None,
            "Context": None,
            "Hash": Hash, "LruHash": Hash, "PerCpuHash": Hash, "LruPerCpuHash": Hash,
            "Array": Array, "PerCpuArray": Array, "RingBuf": RingBuf, "Global": Global,
            "PerCpuGlobal": Global,
            "Counter": Counter, "LpmTrie": LpmTrie, "Queue": Queue, "Stack": Stack,
            "BloomFilter": BloomFilter, "Hist": Hist,
            "Const": lambda type_, value: type_(value),
            "raw_tracepoint": lambda _: None,
            "get_smp_processor_id": lambda: Typed(0, "u32"),  # where the other legs run too
            "min": extreme(min), "max": extreme(max), "abs": absolute, "int": as_int,
            "print": self._print,
            "__atomic__": atomic, "__there__": there,
            "__keep__": keep, "__several__": several,
            "__operate__": operate, "__unary__": unary, "__convert__": convert,
        }  # fmt: skip
        for node in tree.body:  # a Const that the Session sets has that value from the start
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if name in consts and isinstance(node.value, ast.Call):
                    node.value.args[1] = ast.copy_location(ast.Constant(consts[name]), node)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                ast.fix_missing_locations(_Instrument().visit(node))
        exec(compile(tree, "<meaning>", "exec", dont_inherit=True), self.names)

    def run(self, inputs: Mapping[str, int]) -> tuple[int, Trap | None]:
        """The 32 bits that a test run gives, and the trap that ended it, if one did."""
        context = type("Context", (), {n: Typed(inputs[n], k) for n, k in self.arguments.items()})
        try:
            result = self.names["program"](context)
        except (ZeroDivisionError, KeyError, IndexError, ValueError) as error:
            trace = error.__traceback__
            line = 0
            while trace is not None:
                if trace.tb_frame.f_code.co_filename == "<meaning>":
                    line = trace.tb_lineno
                trace = trace.tb_next
            return 0, Trap(type(error).__name__, line)
        return int(result or 0) & 0xFFFFFFFF, None

    def _print(self, *values: Any, sep: str = " ") -> None:
        self.printed.append(sep.join(str(value) for value in values))

    def refused(self) -> dict[str, int]:
        """How often each queue had no room."""
        queues = {n: v.refused for n, v in self.names.items() if isinstance(v, Queue)}
        return {name: count for name, count in queues.items() if count}

    def state(self) -> dict[str, Any]:
        """Every map, ring and variable, as data."""
        found: dict[str, Any] = {"(printed)": list(self.printed)}
        for name, value in self.names.items():
            match value:
                case Hash():
                    found[name] = {k: plain(v) for k, v in value.items()}
                case Array():
                    found[name] = [plain(v) for v in value.items]
                case Queue():
                    found[name] = [plain(v) for v in value.items]
                case Hist():
                    found[name] = value.state()
                case RingBuf():
                    found[name] = list(value.records)
                case Global():
                    found[name] = int(value.value)
        return found
