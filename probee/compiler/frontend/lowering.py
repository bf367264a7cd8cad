"""The state of one program's lowering, and the few moves that all rules are made of.

In: a program and the `World` of its compilation. Out: IR in `function`, growing at `builder.at`.
The rules themselves are functions over this state, one file a subject; `value`, `condition` and
`body` lead to them.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend.flow import Flow, merge
from probee.compiler.frontend.source import Refusal
from probee.compiler.frontend.values import S64, NoneType, Num, Opt, OptNum, Ref
from probee.compiler.ir.builder import Builder
from probee.compiler.ir.ops import Block, Function, Operand, Value
from probee.frozen import Frozen, replace
from probee.spec.types import Int, Pointer

if TYPE_CHECKING:
    from probee.compiler.frontend.source import Source
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.frontend.world import World
    from probee.errors import Diagnostic
    from probee.lang.programs import Program
    from probee.spec.programs import ContextField


class Local(Frozen):
    """The one static shape a local keeps: what an assigned value must fit.

    `like`: a value of that shape (its operands mean nothing).
    """

    like: TypedValue


class Loop:
    """Where `break` and `continue` lead, and what a later round of the loop must not find changed.

    `again` is where a round ends; for a `while` that is the head itself. `uses`: (fact, name, node) of reads and writes in the body that rely on `name` not being in the
    flow's set `fact` when the round begins.
    """

    def __init__(self, head: Block, again: Block, done: Block, entry: Flow) -> None:
        self.head = head
        self.again = again
        self.done = done
        self.entry = entry
        self.uses: list[tuple[str, str, ast.AST]] = []


class Frame:
    """A function being inlined: its names, and where its `return` leads (None: out of the program)."""

    def __init__(
        self, number: int, source: Source, scope: dict[str, object], names: frozenset[str]
    ):
        self.number = number
        self.source = source
        self.scope = scope
        self.names = names
        self.locals: dict[str, Local] = {}
        self.poisoned: set[str] = set()
        self.loops: list[Loop] = []
        self.exit: Block | None = None
        self.result: TypedValue | None = None
        self.result_shape: object = None
        self.result_type: Int | Pointer | None = None


class Lowering:
    """Lowers one program. `frames[-1]` is the function at hand; `flow` what is known here."""

    def __init__(self, world: World, program: Program) -> None:
        self.world = world
        self.program = program
        self.function = Function(program.name)
        self.context = self.function.new_value("ptr", "ctx")
        self.function.params.append(self.context)
        self.builder = Builder(self.function)
        self.flow = Flow()
        self.flows: dict[Block, Flow] = {}
        self.dead_flows: dict[Block, Flow] = {}
        self.frames: list[Frame] = []
        self.diagnostics: list[Diagnostic] = []
        self.record_pointers: dict[str, Value] = {}
        self.scratch: dict[tuple[str, int], object] = {}
        self.context_fields: dict[str, ContextField] = {}
        self.discarded: ast.expr | None = None
        self.frame_count = 0
        self.site_count = 0

    # the rules, one file a subject

    def value(self, node: ast.expr) -> TypedValue:
        """Lowers an expression for its value."""
        from probee.compiler.frontend import expressions

        return expressions.value(self, node)

    def number(self, node: ast.expr) -> Num:
        """Lowers an expression that must be an integer or pointer."""
        return self.as_number(self.value(node), node)

    def condition(self, node: ast.expr, then: Block, other: Block) -> None:
        """Lowers an expression for its truth, and leaves to one of two blocks."""
        from probee.compiler.frontend import conditions

        conditions.condition(self, node, then, other)

    def body(self, statements: list[ast.stmt]) -> None:
        """Lowers statements in order."""
        from probee.compiler.frontend import statements as rules

        rules.body(self, statements)

    @property
    def live(self) -> bool:
        """Whether this point of the program can be reached."""
        return self.builder.at is not None

    # errors

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    def refuse(
        self, node: ast.AST, code: str, message: str, *, why: str = "", fix: str = ""
    ) -> Refusal:
        return self.frame.source.refuse(node, code, message, why=why, fix=fix)

    def not_yet(self, node: ast.AST, what: str, *, fix: str = "") -> Refusal:
        """A part of the language that this release does not compile."""
        return self.refuse(node, "not-yet", f"{what}: not built yet", fix=fix)

    def place(self, node: ast.AST) -> None:
        """What is emitted from here on belongs to `node`'s line."""
        self.builder.loc = self.frame.source.loc(node)

    # control flow, with what is known

    def jump(self, block: Block) -> None:
        self._reach(block, self.flow)
        self.builder.jump(block)

    def _reach(self, block: Block, flow: Flow) -> None:
        """Paths that cannot run are followed too, so that their statements are still checked."""
        flows = self.flows if self.live else self.dead_flows
        flows[block] = merge(flows.get(block), flow)

    def branch(
        self,
        condition: str,
        a: Operand,
        b: Operand,
        then: Block,
        other: Block,
        *,
        size: int = 8,
        then_flow: Flow | None = None,
        other_flow: Flow | None = None,
    ) -> None:
        for block, flow in ((then, then_flow), (other, other_flow)):
            self._reach(block, flow or self.flow)
        self.builder.branch(condition, a, b, then, other, size=size)

    def start(self, block: Block, *, sealed: bool = True) -> None:
        self.builder.start(block, sealed=sealed)
        flows = self.flows if self.live else self.dead_flows
        self.flow = flows.get(block, self.flow)

    def blocks(self, count: int) -> list[Block]:
        return [self.builder.block() for _ in range(count)]

    # locals

    def assign(self, name: str, value: TypedValue, node: ast.AST) -> None:
        """Binds a local. Its first assignment fixes its shape; later ones must fit it."""
        frame = self.frame
        frame.poisoned.discard(name)
        known = frame.locals.get(name)
        self.flow = self.flow.rebound(self.key(name))
        match value:
            case Num():
                self._assign_number(name, value, known, node)
            case OptNum():
                like = known.like if known else value
                if not isinstance(like, OptNum) or like.num.type != value.num.type:
                    raise self._other_shape(name, node)
                frame.locals[name] = Local(value)
                self._write(name, "value", "int", value.num.op)
                self._write(name, "present", _kind(value.present), value.present)
            case Ref() | Opt():
                self._assign_reference(name, value, known, node)
            case NoneType():
                raise self.not_yet(
                    node, "a local that is only None", fix="assign it where its value is known"
                )
            case _:
                frame.locals[name] = Local(value)
                if known is not None and known.like != value:
                    raise self._other_shape(name, node)

    def _assign_number(self, name: str, value: Num, known: Local | None, node: ast.AST) -> None:
        from probee.compiler.frontend.numbers import convert

        if known is None:
            known = self.frame.locals[name] = Local(Num(S64 if value.literal else value.type, 0))
        if not isinstance(known.like, Num):
            raise self._other_shape(name, node)
        converted = convert(self, value, known.like.type, node)
        self._write(name, "value", "int", converted.op)
        self.flow = self.flow.with_range(self.key(name), converted.bounds)

    def _assign_reference(
        self, name: str, value: Ref | Opt, known: Local | None, node: ast.AST
    ) -> None:
        ref = value.ref if isinstance(value, Opt) else value
        if known is not None:
            old = known.like.ref if isinstance(known.like, Opt) else known.like
            movable = isinstance(old, Ref) and ref.origin.startswith("map:")
            if not movable or (old.type, old.origin) != (ref.type, ref.origin):
                raise self._other_shape(name, node)
        pointer = ref.ptr
        if ref.offset:
            pointer = self.builder.emit("add", ref.ptr, ref.offset, result="ptr", size=8)
        plain = replace(ref, offset=0)
        optional = isinstance(value, Opt) or (known is not None and isinstance(known.like, Opt))
        self.frame.locals[name] = Local(Opt(plain) if optional else plain)
        self._write(name, "pointer", "ptr", pointer)
        if optional and isinstance(value, Ref):
            self.flow = replace(self.flow, nonnull=self.flow.nonnull | {self.key(name)})

    def _other_shape(self, name: str, node: ast.AST) -> Refusal:
        return self.refuse(
            node,
            "local-type",
            f"`{name}` was something else before",
            why="a local keeps one type, and a name for a struct or record keeps its object",
            fix="use another name",
        )

    def read(self, name: str, node: ast.AST) -> TypedValue:
        """The value of a local here."""
        frame = self.frame
        if name in frame.poisoned:
            raise Refusal(None)
        local = frame.locals.get(name)
        if local is None:
            raise self.refuse(node, "unbound", f"`{name}` has no value yet here")
        match local.like:
            case Num(type=type_):
                op = self._read(name, "value")
                return Num(type_, op, *self.flow.ranges.get(self.key(name), ()))
            case OptNum(num=Num(type=type_)):
                num = Num(type_, self._read(name, "value"))
                if self.key(name) in self.flow.nonnull:
                    return num
                return OptNum(num, self._read(name, "present"), self.key(name))
            case Ref() as ref:
                return replace(ref, ptr=self._pointer(name, node))
            case Opt(ref=ref):
                ref = replace(ref, ptr=self._pointer(name, node))
                return ref if self.key(name) in self.flow.nonnull else Opt(ref, self.key(name))
            case other:
                return other

    def _pointer(self, name: str, node: ast.AST) -> Value:
        self.rely("stale", self.key(name), node)
        if self.key(name) in self.flow.stale:
            raise self.stale(node, name)
        pointer = self._read(name, "pointer")
        assert isinstance(pointer, Value)
        return pointer

    def stale(self, node: ast.AST, name: str) -> Refusal:
        return self.refuse(
            node,
            "stale-reference",
            f"`{name}` refers into a map that was changed since",
            why="the kernel may have given that entry's memory to another key",
            fix="read what is needed first, or look the key up again",
        )

    def rely(self, fact: str, name: str, node: ast.AST) -> None:
        """`node` is right only while `name` is not in the flow's `fact`: loops check each round."""
        for loop in self.frame.loops:
            loop.uses.append((fact, name, node))

    def key(self, name: str) -> str:
        """A local's name in flow facts: unique over inlined functions."""
        return f"{self.frame.number}:{name}"

    def _write(self, name: str, part: str, kind: str, value: Operand) -> None:
        variable = (self.frame.number, name, part)
        self.builder.declare(variable, kind, name)
        self.builder.write(variable, value)

    def _read(self, name: str, part: str) -> Operand:
        return self.builder.read((self.frame.number, name, part))

    # small things the rules share

    def as_number(self, value: TypedValue, node: ast.AST) -> Num:
        """`value`, which must be an integer or pointer, and not None."""
        from probee.compiler.frontend.expressions import refuse_kind

        if isinstance(value, Num):
            return value
        raise refuse_kind(self, value, "an integer", node)

    def temporary(self, kind: str = "int") -> tuple[str, int]:
        """A fresh variable of the builder."""
        self.site_count += 1
        variable = ("temporary", self.site_count)
        self.builder.declare(variable, kind)
        return variable

    def site(self) -> str:
        self.site_count += 1
        return str(self.site_count)

    def scratch_slot(self, use: str, size: int) -> Value:
        """The address of a piece of stack that a call reads at once, shared by all calls like it."""
        slot = self.scratch.get((use, size))
        if slot is None:
            slot = self.scratch[use, size] = self.function.new_slot(f"{use}{size}", size, 8)
        return self.builder.emit("slot", symbol=slot)


def _kind(operand: Operand) -> str:
    return operand.kind if isinstance(operand, Value) else "int"


def is_unsigned(type_: Int | Pointer) -> bool:
    return isinstance(type_, Pointer) or not type_.signed
