"""Reads IR from the text that `ir.printer` writes, so that test cases are text.

In: one function as text; comments behind `;`; behind its head `zero .data+8`, where a 0 is that the
verifier does not know. Out: a `Function`. Values and blocks keep their numbers. A text that is no
IR raises ValueError with its line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from probee.compiler.ir.ops import CALLS, OPS, Block, Edge, Function, Op, Slot, Value

if TYPE_CHECKING:
    from probee.compiler.ir.ops import Operand

_ADDRESS = re.compile(r"\[%(\d+)([+-]\d+)?\]")
_OP = re.compile(
    r"(?:%(?P<result>\d+)(?P<pointer>:ptr)? = )?(?P<kind>[a-z]+)(?:\.(?P<size>\d+))?(?P<rest>.*)"
)
_HINT = re.compile(r"\s\[(\w+)\]$")
_WITH_SYMBOL = ("slot", "const", "mapaddr", "dataaddr", *CALLS, "cmp", "branch", "atomic")
_ADDRESSES = {"load": 1, "store": 1, "atomic": 1, "zero": 1, "copy": 2}


def parse(text: str) -> Function:
    """The function that `text` describes."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        lines = [line.partition(";")[0].rstrip() for line in text.splitlines()]
        self.lines = [line for line in lines if line.strip()]
        self.values: dict[int, Value] = {}
        self.blocks: dict[int, Block] = {}
        self.slots: dict[str, Slot] = {}

    def read(self) -> Function:
        head = re.fullmatch(r"func (\w+)\((.*?)\)(?: zero (\S+)\+(\d+))?", self.lines[0])
        if head is None:
            raise ValueError(f"no function: {self.lines[0]}")
        function = Function(head[1])
        if head[3]:
            place = head[3], int(head[4])
            function.zero = lambda: place
        for word in filter(None, head[2].split(", ")):
            hint, _, number = word.rpartition(" %")
            function.params.append(self.value(int(number), "ptr" if hint == "ctx" else "int", hint))
        rest = self.lines[1:]
        self._define(rest)
        block: Block | None = None
        for line in rest:
            if line.startswith("b"):
                block = self.block(int(line[1:].partition("(")[0].rstrip(":")))
                function.blocks.append(block)
            elif line.lstrip().startswith("$"):
                function.slots.append(self.slots[line.split(":")[0].strip()[1:]])
            elif block is None:
                raise ValueError(f"outside of a block: {line}")
            else:
                block.ops.append(self.op(line.strip()))
        function.next_value = max(self.values, default=-1) + 1
        function.next_block = max(self.blocks, default=-1) + 1
        return function

    def _define(self, lines: list[str]) -> None:
        """Kinds of values and slots, before anything refers to them."""
        for line in lines:
            slot = re.fullmatch(r"\s+\$(\S+): (\d+) bytes, align (\d+)", line)
            head = re.fullmatch(r"b(\d+)(?:\((.*)\))?:", line)
            op = _OP.fullmatch(line.strip())
            if slot is not None:
                self.slots[slot[1]] = Slot(slot[1], int(slot[2]), int(slot[3]))
            elif head is not None:
                for word in filter(None, (head[2] or "").split(", ")):
                    param = re.fullmatch(r"%(\d+):(int|ptr)(?: (\w+))?", word)
                    if param is None:
                        raise ValueError(f"no parameter: {word}")
                    value = self.value(int(param[1]), param[2], param[3] or "")
                    self.block(int(head[1])).params.append(value)
            elif op is None:
                raise ValueError(f"no operation: {line}")
            elif op["result"] is not None:
                hint = _HINT.search(op["rest"])
                kind = "ptr" if op["pointer"] else "int"
                self.value(int(op["result"]), kind, hint[1] if hint else "")

    def value(self, number: int, kind: str = "", hint: str = "") -> Value:
        if number not in self.values:
            if not kind:
                raise ValueError(f"%{number} is never defined")
            self.values[number] = Value(number, kind, hint)
        return self.values[number]

    def block(self, number: int) -> Block:
        return self.blocks.setdefault(number, Block(number))

    def op(self, line: str) -> Op:
        match = _OP.fullmatch(line)
        if match is None or match["kind"] not in OPS:
            raise ValueError(f"no operation: {line}")
        result = None if match["result"] is None else self.value(int(match["result"]))
        body = match["rest"].strip()
        if result is not None and result.hint:
            body = _HINT.sub("", f" {body}").strip()
        body, _, targets = body.partition("->")
        body, _, align = body.partition(", align ")
        op = Op(match["kind"], [], result, size=int(match["size"] or 0), align=int(align or 1))
        body = body.strip()
        if op.kind in _WITH_SYMBOL:
            symbol, _, body = body.partition(" ")
            self._symbol(op, symbol)
        for index, word in enumerate(filter(None, body.split(", "))):
            self._operand(op, index, word.strip())
        for target in re.findall(r"b\d+(?:\([^)]*\))?", targets):
            head, _, args = target.rstrip(")").partition("(")
            passed = [self.operand(arg) for arg in args.split(", ") if arg]
            op.edges.append(Edge(self.block(int(head[1:])), passed))
        return op

    def _symbol(self, op: Op, word: str) -> None:
        if op.kind == "slot":
            op.symbol = self.slots[word[1:]]
        elif op.kind == "dataaddr":
            op.symbol, _, offset = word.rpartition("+")
            op.offset = int(offset)
        else:
            op.symbol = word

    def _operand(self, op: Op, index: int, word: str) -> None:
        if index >= _ADDRESSES.get(op.kind, 0):
            op.args.append(self.operand(word))
            return
        match = _ADDRESS.fullmatch(word)
        if match is None:
            raise ValueError(f"no address: {word}")
        op.args.append(self.value(int(match[1])))
        if index:
            op.offset2 = int(match[2] or 0)
        else:
            op.offset = int(match[2] or 0)

    def operand(self, word: str) -> Operand:
        return self.value(int(word[1:])) if word.startswith("%") else int(word, 0)
