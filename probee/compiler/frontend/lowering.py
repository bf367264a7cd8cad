"""The state of one program's lowering, and the few moves that all rules are made of.

In: a program and the `World` of its compilation. Out: IR in `function`, growing at `builder.at`.
The rules themselves are functions over this state, one file a subject; `value`, `condition` and
`body` lead to them. Paths that cannot run are lowered too, without effect, so that what stands
there is checked like the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probee.compiler.frontend import conditions, expressions, statements
from probee.compiler.frontend.flow import Flow, merge
from probee.compiler.frontend.scope import Use
from probee.compiler.frontend.values import Num
from probee.compiler.ir.builder import Builder
from probee.compiler.ir.ops import Function

if TYPE_CHECKING:
    import ast
    from collections.abc import Sequence

    from probee.compiler.frontend.scope import Frame, Loop
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import Ref, TypedValue
    from probee.compiler.frontend.world import World
    from probee.compiler.ir.ops import Block, Operand, Slot, Value
    from probee.errors import Diagnostic
    from probee.lang.programs import Program
    from probee.spec.programs import ContextField
    from probee.spec.types import ValueType


class End(NamedTuple):
    """An open block (None: not reachable), what is known there, and a value."""

    at: Block | None
    flow: Flow
    operand: Operand


class Lowering:
    """Lowers one program. `frames[-1]` is the function at hand; `flow` what is known here.

    `made_in`: for each object made on the stack or in a ring, the loops around its making.
    `taken`: for an object that was taken out of a map, that map. `stored_types`: of each object
    that was stored, and of its parts that were. `twice`: (object, place) stored there repeatedly.
    `changes`: how many statements so far change each map. `replaced`: for each object, its parts
    that were replaced whole so far. `clean`: objects whose bytes behind each text's NUL
    are zero. `record_pointers`: reserved records.
    """

    def __init__(self, world: World, program: Program) -> None:
        self.world = world
        self.program = program
        self.function = Function(program.name)
        self.context = self.function.new_value("ptr", "ctx")
        self.function.params.append(self.context)
        self.builder = Builder(self.function)
        self.flow = Flow()
        self.frames: list[Frame] = []
        self.diagnostics: list[Diagnostic] = []
        self.made_in: dict[str, frozenset[int]] = {}
        self.changes: dict[str, int] = {}
        self.taken: dict[str, str] = {}
        self.stored_types: dict[str, set[ValueType]] = {}
        self.twice: set[tuple[str, str]] = set()
        self.clean: set[str] = set()
        self.replaced: dict[str, list[Ref]] = {}
        self.record_pointers: dict[str, Value] = {}
        self.context_fields: dict[str, ContextField] = {}
        self.discarded: ast.expr | None = None
        self.refusals = 0  # statements refused so far
        self.entered: set[int] = set()  # ids of the bodies that the statement at hand has entered
        self.ended = False  # in code that cannot run too, what follows a return is not reached
        self._flows: dict[Block, Flow] = {}
        self._dead_flows: dict[Block, Flow] = {}
        self._scratch: dict[tuple[str, int], Slot] = {}
        self._spare: dict[int, list[Slot]] = {}
        self._lent: list[tuple[Slot, str]] = []
        self._kept: set[str] = set()
        self._count = 0

    # the rules, one file a subject

    def value(self, node: ast.expr) -> TypedValue:
        """Lowers an expression for its value. What it emits belongs to it; then goes back."""
        outer = self.builder.loc
        result = expressions.value(self, node)
        self.builder.loc = outer
        return result

    def number(self, node: ast.expr) -> Num:
        """Lowers an expression that must be an integer or pointer."""
        return self.as_number(self.value(node), node)

    def condition(self, node: ast.expr, then: Block, other: Block) -> None:
        """Lowers an expression for its truth, and leaves to one of two blocks."""
        outer = self.builder.loc
        conditions.condition(self, node, then, other)
        self.builder.loc = outer

    def body(self, nodes: list[ast.stmt]) -> None:
        """Lowers statements in order."""
        statements.body(self, nodes)

    @property
    def live(self) -> bool:
        """Whether this point of the program can be reached."""
        return self.builder.at is not None

    # errors

    @property
    def frame(self) -> Frame:
        """The function at hand."""
        return self.frames[-1]

    def refuse(
        self, node: ast.AST, code: str, message: str, *, why: str = "", fix: str = ""
    ) -> Refusal:
        """A refusal at `node`, to be raised."""
        return self.frame.source.refuse(node, code, message, why=why, fix=fix)

    def not_yet(self, node: ast.AST, what: str, *, fix: str = "") -> Refusal:
        """A part of the language that this release does not compile."""
        return self.refuse(node, "not-yet", f"{what}: not built yet", fix=fix)

    def report(self, diagnostic: Diagnostic | None) -> None:
        """Keeps a diagnostic, once: a function may be lowered at several calls."""
        if diagnostic is not None and all(str(d) != str(diagnostic) for d in self.diagnostics):
            self.diagnostics.append(diagnostic)

    def place(self, node: ast.AST) -> None:
        """What is emitted from here on belongs to `node`'s line."""
        self.builder.loc = self.frame.source.loc(node)

    # control flow, with what is known

    def jump(self, block: Block) -> None:
        """Goes on at `block`."""
        self._reach(block, self.flow)
        self.builder.jump(block)

    def decide(self, holds: bool, then: Block, other: Block) -> None:
        """A branch whose way is known: the other one is followed as a dead path."""
        taken, dead = (then, other) if holds else (other, then)
        if not self.ended:
            self._dead_flows[dead] = merge(self._dead_flows.get(dead), self.flow)
        self.jump(taken)

    def branch(
        self,
        condition: str,
        a: Operand,
        b: Operand,
        then: Block,
        other: Block,
        *,
        then_flow: Flow | None = None,
        other_flow: Flow | None = None,
    ) -> None:
        """Goes on at `then` where the 64-bit condition holds, else at `other`."""
        for block, flow in ((then, then_flow), (other, other_flow)):
            self._reach(block, flow or self.flow)
        self.builder.branch(condition, a, b, then, other, size=8)

    def _reach(self, block: Block, flow: Flow) -> None:
        if self.ended and not self.live:
            return
        flows = self._flows if self.live else self._dead_flows
        flows[block] = merge(flows.get(block), flow)

    def start(self, block: Block, *, sealed: bool = True) -> None:
        """Goes on building at `block`, knowing what all ways to it agree on."""
        self.builder.start(block, sealed=sealed)
        flows = self._flows if self.live else self._dead_flows
        self.ended = self.ended and not self.live and block not in flows
        self.flow = flows.get(block, self.flow)

    def resume(self, at: Block | None, flow: Flow) -> None:
        """Goes back to a block that was left open."""
        self.builder.at, self.flow, self.ended = at, flow, False

    def blocks(self, count: int) -> list[Block]:
        """New blocks, to be started later."""
        return [self.builder.block() for _ in range(count)]

    def end(self, operand: Operand) -> End:
        """Leaves this block open, with a value, to be joined with others."""
        return End(self.builder.at, self.flow, operand)

    def join(self, ends: Sequence[End], kind: str = "int") -> Operand:
        """Brings open blocks together and gives the value of the way that was taken."""
        out = self.temporary(kind)
        (done,) = self.blocks(1)
        for end in ends:
            self.resume(end.at, end.flow)
            self.builder.write(out, end.operand)
            self.jump(done)
        self.start(done)
        return self.builder.read(out)

    def either(self, yes: Block, no: Block) -> Operand:
        """1 for the way through `yes`, 0 for that through `no`."""
        self.start(yes)
        true = self.end(1)
        self.start(no)
        return self.join([true, self.end(0)])

    # loops

    @property
    def loops(self) -> list[Loop]:
        """The loops around this point, those of the callers included, outermost first."""
        return [loop for frame in self.frames for loop in frame.loops]

    @property
    def loop_numbers(self) -> frozenset[int]:
        """The numbers of the loops around this point."""
        return frozenset(loop.number for loop in self.loops)

    def rely(self, fact: str, name: str, node: ast.AST) -> None:
        """`node` is right only while `name` is not in the flow's `fact`: loops check each round."""
        for loop in self.loops:
            if (loop.number, name) not in self.flow.fresh:
                loop.uses.append(Use(fact, name, node, self.frame.source))

    # small things the rules share

    def as_number(self, value: TypedValue, node: ast.AST) -> Num:
        """`value`, which must be an integer or pointer, and not None."""
        if isinstance(value, Num):
            return value
        raise expressions.refuse_kind(self, value, "an integer", node)

    def number_of(self) -> int:
        """A number that nothing else of this program has."""
        self._count += 1
        return self._count

    def temporary(self, kind: str = "int") -> tuple[str, int]:
        """A fresh variable of the builder."""
        variable = ("temporary", self.number_of())
        self.builder.declare(variable, kind)
        return variable

    def site(self) -> str:
        """A new object is made here."""
        site = str(self.number_of())
        self.made_in[site] = self.loop_numbers
        self.flow = self.flow.made(site, self.loop_numbers)
        return site

    def open_records(self) -> bool:
        """Whether a ring record may be reserved here that was not given away yet."""
        return any(state != "done" for _, state in self.flow.records)

    def scratch_slot(self, use: str, size: int) -> Value:
        """The address of stack that a call reads at once, shared by all calls like it."""
        slot = self._scratch.get((use, size))
        if slot is None:
            slot = self._scratch[use, size] = self.function.new_slot(f"{use}{size}", size, 8)
        return self.builder.emit("slot", symbol=slot)

    # stack for objects: what no local refers to when its statement ends is used again

    def object_slot(self, name: str, size: int, site: str) -> Value:
        """The address of a piece of stack for an object, until the statement ends or for good."""
        spare = self._spare.get(size)
        slot = spare.pop() if spare else self.function.new_slot(f"{name}{site}", size, 8)
        self._lent.append((slot, site))
        return self.builder.emit("slot", symbol=slot)

    def keep(self, site: str) -> None:
        """A local refers to the object, or a function returns it."""
        self._kept.add(site)

    def statement_begins(self) -> int:
        """A mark, for `statement_ends`."""
        return len(self._lent)

    def statement_ends(self, mark: int) -> None:
        """Takes back the stack of objects that were made since, but for those that are kept."""
        for slot, site in self._lent[mark:]:
            if site not in self._kept:
                self._spare.setdefault(slot.size, []).append(slot)
        del self._lent[mark:]
