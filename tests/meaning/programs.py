"""Random typed programs of the kernel-side language.

In: a seed. Out: the source of a raw_tracepoint program as a user might write it, over the arguments
`ARGUMENTS`, with maps, structs, a ring, functions, loops, and everything that can trap. Every
program means something to CPython; the compiler may refuse one only where objects are shared in a
way that copies cannot be (`SHARING`), never for its types.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.meaning.model import BITS, common, fits, operate, unary

ARGUMENTS = {
    "a": "u64", "b": "s64", "c": "u32", "d": "s32", "e": "u16", "f": "s16", "g": "u8", "h": "s8",
    "i": "u64", "j": "s64",
}  # fmt: skip
SHARING = ("changed-after-store", "stale-reference", "trap-with-record")
WIDTHS = (*BITS,)
INTERESTING = (
    0, 1, 2, 3, 5, 7, 8, 10, 15, 16, 31, 32, 63, 64, 100, 127, 128, 200, 255, 256, 1000, 32767,
    32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1,
    -1, -2, -3, -7, -8, -128, -129, -32768, -(2**31), -(2**31) - 1, -(2**63),
)  # fmt: skip
HEADER = """\
from probee import (
    Array, Chars, Const, Context, Global, Hash, LruHash, RingBuf, Struct, chars, raw_tracepoint,
    s8, s16, s32, s64, u8, u16, u32, u64,
)


class Q(Struct):
    x: u16
    y: s64


class P(Struct):
    p: u8
    q: Q
    r: s32
    t: Chars = chars(16)
    s: u64


numbers = Hash({0}, {1}, max_entries=4096)
recent = LruHash({2}, P, max_entries=4096)
pairs = Hash(Q, {3}, max_entries=4096)
counts = Array({4}, max_entries=7)
things = Array(P, max_entries=3)
ring = RingBuf(P, size="64K")
limit = Const({5}, {6})
mode = Const(u8, {7})
total = Global({8}, 0)
last = Global({9}, 3)
result = Global(u64, 0)
"""
STRUCTS = {"P": {"p": "u8", "r": "s32", "s": "u64", "q.x": "u16", "q.y": "s64"},
           "Q": {"x": "u16", "y": "s64"}}  # fmt: skip
Expression = tuple[str, str, int]  # its text, its kind, its value if that is `literal`


def interesting(rng: random.Random) -> int:
    if rng.random() < 0.3:
        return rng.randint(-20, 20)
    return rng.choice(INTERESTING) + rng.choice((0, 0, 0, 1, -1))


def inputs(rng: random.Random) -> dict[str, int]:
    """Arguments, as the 64 bits that the kernel would pass."""
    return {name: interesting(rng) for name in ARGUMENTS}


class Maker:
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.rows: list[str] = []
        self.depth = 1
        self.locals: dict[str, str] = {}  # local -> kind
        self.records: dict[str, str] = {}  # local -> struct
        self.functions: list[tuple[str, list[str], str, int]] = []
        self.loops = 0
        self.rounds = 1
        self.count = 0
        self.in_ring = False
        widths = [self.rng.choice(WIDTHS) for _ in range(10)]
        self.kinds = dict(zip(
            ("key", "number", "recent", "pair", "count", "limit", "", "", "total", "last"),
            widths, strict=True,
        ))  # fmt: skip
        value = self.fitting(widths[5])
        filled = [*widths[:6], value, self.rng.choice((0, 1, 2)), *widths[8:]]
        self.header = HEADER
        for place, text in enumerate(filled):
            self.header = self.header.replace(f"{{{place}}}", str(text))

    def fitting(self, kind: str) -> int:
        return next(v for _ in range(99) if fits(v := interesting(self.rng), kind))

    def source(self) -> str:
        functions = "".join(self.function() for _ in range(self.rng.randint(0, 3)))
        self.rows = ['@raw_tracepoint("probee_meaning")', "def program(ctx: Context) -> s64:"]
        self.depth, self.locals, self.records = 1, {}, {}
        for name in self.rng.sample(list(ARGUMENTS), 4):
            self.declare(f"v{name}", f"ctx.{name}", ARGUMENTS[name])
        self.declare("n0", str(self.rng.randint(0, 9)), "s64")
        self.write('sp = P(p=1, t="abc")')
        self.write("sq = Q(2, y=-5)")
        self.records = {"sp": "P", "sq": "Q"}
        for _ in range(self.rng.randint(2, 9)):
            self.statement(self.rng.choice((1, 2, 2, 3)))
        for name in self.locals:
            self.write(f"result.value = result.value * 31 + u64({name})")
        self.write(f"return {self.text_of('s64')}")
        return f"{self.header}\n\n{functions}" + "\n".join(self.rows) + "\n"

    def function(self) -> str:
        name = f"f{len(self.functions)}"
        kinds = [self.rng.choice((*WIDTHS, "bool")) for _ in range(self.rng.randint(0, 3))]
        result = self.rng.choice((*WIDTHS, "bool"))
        words = [f"a{i}: {kind}" for i, kind in enumerate(kinds)]
        optional = 0
        if kinds and kinds[-1] != "bool" and self.rng.random() < 0.4:
            words[-1] += f" = {self.fitting(kinds[-1])}"
            optional = 1
        self.rows = [f"def {name}({', '.join(words)}) -> {result}:"]
        self.depth, self.records = 1, {}
        self.locals = {f"a{i}": kind for i, kind in enumerate(kinds)}
        for _ in range(self.rng.randint(0, 3)):
            self.statement(1)
        if self.rng.random() < 0.5:
            self.write(f"total.value += {self.text_of(self.kinds['total'])}")
        if self.rng.random() < 0.4:
            self.write(f"if {self.condition(1)}:")
            self.write(f"    return {self.text_of(result)}")
        self.write(f"return {self.text_of(result)}")
        self.functions.append((name, kinds, result, optional))
        return "\n".join(self.rows) + "\n\n\n"

    # statements

    def write(self, text: str) -> None:
        self.rows.append("    " * self.depth + text)

    def declare(self, name: str, text: str, kind: str) -> None:
        if self.rng.random() < 0.5 and not text.startswith("ctx."):
            self.write(f"{name}: {kind} = {kind}({text})")
        elif text.startswith("ctx.") or kind == "s64":
            self.write(f"{name} = {text}")
        else:
            self.write(f"{name} = {kind}({text})")
        self.locals[name] = kind

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def block(self, depth: int, lines: Callable[[], None] | None = None) -> None:
        """An indented block; what it declares is not known behind it."""
        known, records = dict(self.locals), dict(self.records)
        self.depth += 1
        before = len(self.rows)
        if lines is not None:
            lines()
        for _ in range(self.rng.randint(0 if lines else 1, 2)):
            self.statement(depth)
        if len(self.rows) == before:
            self.write("pass")
        self.depth -= 1
        self.locals, self.records = known, records

    def statement(self, depth: int) -> None:
        makers: list[Callable[[int], None]] = [
            self.assign, self.assign, self.augment, self.store, self.store, self.field, self.globals_,
            self.tuple_,
        ]  # fmt: skip
        if depth > 0:
            makers += [self.if_, self.if_, self.lookup, self.lookup, self.for_, self.while_]
            makers += [self.optional, self.optional]
            if self.depth == 1 and self.records:
                makers += [self.reserve, self.share]
        if self.loops:
            makers += [self.leave]
        self.rng.choice(makers)(depth - 1)

    def assign(self, depth: int) -> None:
        plain = [n for n in self.locals if n[0] not in "wo"]
        if plain and self.rng.random() < 0.6:
            name = self.rng.choice(plain)
            self.write(f"{name} = {self.text_for(self.locals[name])}")
        else:
            kind = self.rng.choice((*WIDTHS, "bool"))
            self.declare(self.fresh("x"), self.expression(2)[0], kind)

    def augment(self, depth: int) -> None:
        plain = [n for n, k in self.locals.items() if n[0] not in "wo" and k != "bool"]
        if plain:
            name = self.rng.choice(plain)
            self.write(f"{name} {self.operator(name, self.locals[name])}")

    def operator(self, name: str, kind: str) -> str:
        """`OP= value`, where the result of two literals never comes up."""
        sign = self.rng.choice(("+", "-", "*", "&", "|", "^", "//", "%", "<<", ">>"))
        text, found, value = self.expression(1)
        if sign in ("//", "%") and (found == "literal" or self.rng.random() < 0.8):
            text = str(value or 3) if found == "literal" else f"({text} | 1)"
        if sign in ("<<", ">>") and found == "literal" and not 0 <= value < BITS[kind]:
            text = "1"
        elif sign in ("<<", ">>") and found != "literal" and self.rng.random() < 0.9:
            text = f"({text} & 63)"
        return f"{sign}= {text}"

    def globals_(self, depth: int) -> None:
        name = self.rng.choice(("total", "last"))
        kind = self.kinds[name]
        if self.rng.random() < 0.5:
            self.write(f"{name}.value = {self.text_for(kind)}")
        else:
            self.write(f"{name}.value {self.operator(name, kind)}")

    def tuple_(self, depth: int) -> None:
        plain = [n for n in self.locals if n[0] not in "wo"]
        if len(plain) > 1:
            first, second = self.rng.sample(plain, 2)
            left, right = self.text_for(self.locals[first]), self.text_for(self.locals[second])
            self.write(f"{first}, {second} = {left}, {right}")

    def store(self, depth: int) -> None:
        key, index = self.text_for(self.kinds["key"]), self.text_of("u8")
        match self.rng.randrange(9):
            case 0:
                self.write(f"numbers[{key}] = {self.text_for(self.kinds['number'])}")
            case 1:
                key = f"key{self.count}" if self.rng.random() < 0.8 else key
                if key.startswith("key"):
                    self.write(f"if {self.small()} in numbers:")
                    self.write(f"    numbers[{self.small()}] {self.operator('', 'u8')}")
                else:
                    self.write(f"numbers[{key}] {self.operator('', self.kinds['number'])}")
            case 2:
                small = self.small() if self.rng.random() < 0.8 else key
                self.write(f"if {small} in numbers:")
                self.write(f"    del numbers[{self.rng.choice((small, small, small, key))}]")
            case 3:
                self.write(f"numbers.pop({key}, None)")
            case 4:
                self.write(f"counts[({index}) % {self.entries()}] = {self.text_for(self.kinds['count'])}")
            case 5:
                self.write(f"counts[({index}) % {self.entries()}] {self.operator('', self.kinds['count'])}")
            case 6:
                value = self.text_for(self.kinds["pair"])
                self.write(f"pairs[Q(x={self.text_for('u16')}, y={self.small()})] = {value}")
            case 7:
                inner = f"Q(x={self.text_for('u16')}, y={self.text_for('s64')})"
                built = f"P(p={self.text_for('u8')}, q={inner}, r={self.text_for('s32')})"
                self.write(f"recent[{self.small()}] = {built}")
            case _:
                self.write(f"things[({index}) % 3] = P(s={self.text_for('u64')}, t=\"xyz\")")

    def small(self) -> str:
        return str(self.rng.randint(0, 3))

    def entries(self) -> int:
        """Nearly always a divisor that keeps an index of `counts` inside."""
        return 8 if self.rng.random() < 0.05 else 7

    def field(self, depth: int) -> None:
        if not self.records:
            return
        name = self.rng.choice(list(self.records))
        place, kind = self.rng.choice(list(STRUCTS[self.records[name]].items()))
        if self.records[name] == "P" and self.rng.random() < 0.15:
            text = self.rng.choice(("", "abc", "abcdefgh", "abcdefghijklmn"))
            self.write(f'{name}.t = "{text}"')
        elif self.rng.random() < 0.6:
            self.write(f"{name}.{place} = {self.text_for(kind)}")
        else:
            self.write(f"{name}.{place} {self.operator('', kind)}")

    def if_(self, depth: int) -> None:
        self.write(f"if {self.condition(2)}:")
        self.block(depth)
        if self.rng.random() < 0.3:
            self.write(f"elif {self.condition(1)}:")
            self.block(depth)
        if self.rng.random() < 0.5:
            self.write("else:")
            self.block(depth)

    def lookup(self, depth: int) -> None:
        """A reference into a map of structs, tested."""
        name = self.fresh("m")
        where = self.rng.choice((f"recent.get({self.small()})", f"things.get({self.text_of('u8')})"))
        if self.rng.random() < 0.5:
            self.write(f"if ({name} := {where}) is not None:")
        else:
            self.write(f"{name} = {where}")
            self.write(f"if {name} is not None:")

        def use() -> None:
            self.records[name] = "P"
            self.field(0)
            self.write(f"{self.fresh('x')} = {name}.q.y + {name}.p")

        self.block(depth, use)

    def optional(self, depth: int) -> None:
        """An optional integer, tested for None or for its truth."""
        name, kind = self.fresh("o"), self.kinds["number"]
        where = self.rng.choice((".get({})", ".pop({}, None)")).format(
            self.text_for(self.kinds["key"])
        )
        self.write(f"{name} = numbers{where}")
        test = self.rng.choice((f"{name} is not None", name, f"{name} is None", f"not {name}"))
        self.write(f"if {test}:")
        present = test in (f"{name} is not None", name)

        def use() -> None:
            self.locals[name] = kind
            self.write(f"last.value = {self.text_for(self.kinds['last'])}")

        self.block(depth, use if present else None)
        if test == f"{name} is None":
            self.write("else:")
            self.block(depth, use)

    def for_(self, depth: int) -> None:
        rounds = self.rng.choice((2, 3, 3, 5))
        if self.rounds * rounds > 16:
            return
        name = self.fresh("i")
        form = self.rng.choice(("{n}", "1, {n} + 1", "{n}, 0, -1", "0, 2 * {n}, 2", "u8({e}) % 4"))
        self.write(f"for {name} in range({form.format(n=rounds, e=self.text_of('u8'))}):")
        self.rounds *= rounds
        self.loops += 1

        def begin() -> None:
            self.locals[name] = "s64"

        self.block(depth, begin)
        self.loops -= 1
        self.rounds //= rounds
        if self.rng.random() < 0.3:
            self.write("else:")
            self.block(depth)

    def while_(self, depth: int) -> None:
        rounds = self.rng.choice((2, 3, 5))
        if self.rounds * rounds > 16:
            return
        name = self.fresh("w")
        self.write(f"{name} = 0")
        more = self.rng.choice(("", f" and {self.condition(1)}"))
        self.write(f"while {name} < {rounds}{more}:")
        self.rounds *= rounds
        self.loops += 1
        self.locals[name] = "s64"
        self.block(depth, lambda: self.write(f"{name} += 1"))
        self.loops -= 1
        self.rounds //= rounds
        if self.rng.random() < 0.3:
            self.write("else:")
            self.block(depth)

    def leave(self, depth: int) -> None:
        self.write(f"if {self.condition(1)}:")
        self.write(f"    {self.rng.choice(('break', 'continue'))}")

    def reserve(self, depth: int) -> None:
        name = self.fresh("e")
        self.write(f"if ({name} := ring.reserve()) is not None:")
        end = self.rng.choice(("submit", "submit", "discard"))
        known, records = dict(self.locals), dict(self.records)
        self.depth += 1
        self.records = {**self.records, name: "P"}
        for _ in range(self.rng.randint(1, 3)):
            self.rng.choice((self.field, self.assign, self.store))(0)
        if self.rng.random() < 0.3:
            self.write(f"{name}.q = sq")
        self.write(f"{name}.{end}()")
        self.depth -= 1
        self.locals, self.records = known, records

    def share(self, depth: int) -> None:
        """A struct that is already there goes somewhere: copies must not tell."""
        name = self.rng.choice(list(self.records))
        if self.records[name] == "P":
            form = self.rng.choice(
                ("recent[1] = {}", "things[2] = {}", "recent.setdefault(2, {})", "ring.output({})")
            )
        else:
            form = self.rng.choice(("sp.q = {}", "pairs[{}] = 5", "pairs.setdefault({}, 2)"))
        self.write(form.format(name))

    # expressions

    def text_of(self, kind: str) -> str:
        """An expression of exactly this type."""
        text, found, _ = self.expression(2)
        return text if found == kind else f"{kind}({text})"

    def text_for(self, kind: str) -> str:
        """An expression that may be assigned to something of this type."""
        text, found, value = self.expression(2)
        if found == "literal" and kind != "bool" and not fits(value, kind):
            return f"{kind}({text})"
        return text if found != "bool" or self.rng.random() < 0.5 else f"{kind}({text})"

    def expression(self, depth: int) -> Expression:
        makers: list[Callable[[int], Expression]] = [self.literal, self.name, self.name, self.context]
        if depth > 0:
            makers += [self.binary] * 5 + [self.unary, self.compare, self.cast, self.choice]
            makers += [self.extreme, self.item, self.attribute, self.walrus]
            if self.functions:
                makers += [self.call, self.call]
        return self.rng.choice(makers)(depth - 1)

    def literal(self, depth: int) -> Expression:
        value = next(v for _ in range(99) if -(2**63) <= (v := interesting(self.rng)) < 2**64)
        return (f"({value})" if value < 0 else str(value)), "literal", value

    def name(self, depth: int) -> Expression:
        if not self.locals:
            return self.literal(depth)
        name = self.rng.choice(list(self.locals))
        return name, self.locals[name], 0

    def context(self, depth: int) -> Expression:
        if self.rng.random() < 0.5:
            name = self.rng.choice(("limit", "total", "last"))
            return (name if name == "limit" else f"{name}.value"), self.kinds[name], 0
        if not self.rows[0].startswith("@"):
            return self.name(depth)
        name = self.rng.choice(list(ARGUMENTS))
        return f"ctx.{name}", ARGUMENTS[name], 0

    def binary(self, depth: int) -> Expression:
        sign, name = self.rng.choice((
            ("+", "Add"), ("-", "Sub"), ("*", "Mult"), ("//", "FloorDiv"), ("%", "Mod"),
            ("&", "BitAnd"), ("|", "BitOr"), ("^", "BitXor"), ("<<", "LShift"), (">>", "RShift"),
        ))  # fmt: skip
        a, a_kind, a_value = self.expression(depth)
        b, b_kind, b_value = self.expression(depth)
        if name in ("LShift", "RShift"):
            if a_kind == "literal" and not fits(a_value, "s64"):
                a, a_kind = f"u64({a})", "u64"
            bits = BITS.get(a_kind, 64)
            if b_kind == "literal" and not 0 <= b_value < bits:
                b = str(b_value := self.rng.randrange(bits))
            elif b_kind != "literal" and self.rng.random() < 0.93:
                b, b_kind = f"({b} & {self.rng.choice((7, 31, 63, 127))})", "s64"
            kind = "s64" if a_kind in ("literal", "bool") else a_kind
            if (a_kind, b_kind) != ("literal", "literal"):
                return f"({a} {sign} {b})", kind, 0
        elif name in ("FloorDiv", "Mod") and b_kind == "literal" and b_value == 0:
            b, b_value = "7", 7
        elif name in ("FloorDiv", "Mod") and b_kind != "literal" and self.rng.random() < 0.85:
            b, b_kind = f"({b} | 1)", "s64" if b_kind == "bool" else b_kind
        kind = common(a_kind, b_kind, a_value if a_kind == "literal" else b_value)
        if kind != "literal":
            return f"({a} {sign} {b})", kind, 0
        value = operate(name, a_value, b_value)
        if not -(2**63) <= value < 2**64:
            return a, a_kind, a_value
        return f"({a} {sign} {b})", "literal", value

    def unary(self, depth: int) -> Expression:
        text, kind, value = self.expression(depth)
        sign, name = self.rng.choice((("-", "USub"), ("~", "Invert"), ("+", "UAdd")))
        if kind != "literal":
            return f"({sign}{text})", "s64" if kind == "bool" else kind, 0
        value = unary(name, value)
        if not -(2**63) <= value < 2**64:
            return text, kind, unary(name, value)
        return f"({sign}{text})", "literal", value

    def condition(self, depth: int) -> str:
        return self.compare(depth)[0]

    def compare(self, depth: int) -> Expression:
        match self.rng.randrange(10):
            case 0:
                return f"(not {self.expression(depth)[0]})", "bool", 0
            case 1:
                joint = self.rng.choice(("and", "or"))
                return f"({self.condition(depth - 1)} {joint} {self.condition(depth - 1)})", "bool", 0
            case 2:
                key = self.text_for(self.kinds["key"])
                return f"({key} {self.rng.choice(('in', 'not in'))} numbers)", "bool", 0
            case 3 if self.records and "P" in self.records.values():
                name = next(n for n, s in self.records.items() if s == "P")
                text = self.rng.choice(('t == "abc"', 't.startswith("ab")', 't != ""'))
                return f"({name}.{text})", "bool", 0
            case 4 if self.rows[0].startswith("@"):
                return f"(mode {self.sign()} {self.rng.randint(0, 2)})", "bool", 0
            case 5:
                parts = [self.expression(0)[0] for _ in range(3)]
                return f"({parts[0]} {self.sign()} {parts[1]} {self.sign()} {parts[2]})", "bool", 0
            case _:
                a, b = self.expression(depth)[0], self.expression(depth)[0]
                return f"({a} {self.sign()} {b})", "bool", 0

    def sign(self) -> str:
        return self.rng.choice(("<", "<=", ">", ">=", "==", "!="))

    def cast(self, depth: int) -> Expression:
        kind = self.rng.choice((*WIDTHS, "bool"))
        return f"{kind}({self.expression(depth)[0]})", kind, 0

    def choice(self, depth: int) -> Expression:
        """`and`, `or`, `if else`, brought to one type."""
        kind = self.rng.choice(WIDTHS)
        if self.rng.random() < 0.4:  # all of one type: no cast is needed
            a, b = self.text_of(kind), self.text_of(kind)
        else:
            (a, x, i), (b, y, j) = self.expression(depth), self.expression(depth)
            if "literal" in (x, y) and not (fits(i, "s64") and fits(j, "s64")):
                a, b = f"u64({a})", f"u64({b})"
        if self.rng.random() < 0.5:
            return f"{kind}({a} {self.rng.choice(('and', 'or'))} {b})", kind, 0
        return f"{kind}({a} if {self.condition(depth)} else {b})", kind, 0

    def extreme(self, depth: int) -> Expression:
        name = self.rng.choice(("min", "max", "abs"))
        if name == "abs":
            text, kind, value = self.expression(depth)
            if kind == "literal":
                return f"abs({text})", "literal", abs(value)
            return f"abs({text})", "s64" if kind == "bool" else kind, 0
        kind = self.rng.choice(WIDTHS)
        return f"{name}({self.text_of(kind)}, {self.text_of(kind)})", kind, 0

    def item(self, depth: int) -> Expression:
        match self.rng.randrange(4):
            case 0:
                key = self.text_for(self.kinds["key"])
                value = self.text_for(self.kinds["number"])
                return f"numbers.setdefault({key}, {value})", self.kinds["number"], 0
            case 1:
                key = self.small() if self.rng.random() < 0.8 else self.text_for(self.kinds["key"])
                text = f"(numbers[{key}] if {key} in numbers else {self.text_of(self.kinds['number'])})"
                if self.rng.random() < 0.1:
                    text = f"numbers[{key}]"
                return text, self.kinds["number"], 0
            case 2:
                return f"counts[({self.text_of('u8')}) % {self.entries()}]", self.kinds["count"], 0
            case _:
                return f"things[{self.small()} & 1].s", "u64", 0

    def attribute(self, depth: int) -> Expression:
        if not self.records:
            return self.name(depth)
        name = self.rng.choice(list(self.records))
        place, kind = self.rng.choice(list(STRUCTS[self.records[name]].items()))
        return f"{name}.{place}", kind, 0

    def walrus(self, depth: int) -> Expression:
        plain = [n for n in self.locals if n[0] not in "wo"]
        if not plain:
            return self.literal(depth)
        name = self.rng.choice(plain)
        return f"({name} := {self.text_for(self.locals[name])})", self.locals[name], 0

    def call(self, depth: int) -> Expression:
        name, kinds, result, optional = self.rng.choice(self.functions)
        given = kinds[:-1] if optional and self.rng.random() < 0.5 else kinds
        words = [self.text_for(kind) for kind in given]
        if words and self.rng.random() < 0.3:
            words[-1] = f"a{len(words) - 1}={words[-1]}"
        return f"{name}({', '.join(words)})", result, 0
