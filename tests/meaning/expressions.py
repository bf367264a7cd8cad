"""Random typed expressions, each with the type that the table gives it.

In: a random generator, what is in scope. Out: `(text, kind, value)`; `value` only of a literal.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from tests.meaning.widths import BITS, common, fits, operate, unary

ARGUMENTS = {
    "a": "u64", "b": "s64", "c": "u32", "d": "s32", "e": "u16", "f": "s16", "g": "u8", "h": "s8",
    "i": "u64", "j": "s64",
}  # fmt: skip
WIDTHS = (*BITS,)
INTERESTING = (
    0, 1, 2, 3, 5, 7, 8, 10, 15, 16, 31, 32, 63, 64, 100, 127, 128, 200, 255, 256, 1000, 32767,
    32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1,
    -1, -2, -3, -7, -8, -128, -129, -32768, -(2**31), -(2**31) - 1, -(2**63),
)  # fmt: skip
STRUCTS = {"P": {"p": "u8", "r": "s32", "s": "u64", "q.x": "u16", "q.y": "s64"},
           "Q": {"x": "u16", "y": "s64"},
           "A": {"n": "u32", "m": "s16", "pair[0].x": "u16", "pair[-1].y": "s64"}}  # fmt: skip
Expression = tuple[str, str, int]  # its text, its kind, its value if that is `literal`


def interesting(rng: random.Random) -> int:
    if rng.random() < 0.3:
        return rng.randint(-20, 20)
    return rng.choice(INTERESTING) + rng.choice((0, 0, 0, 1, -1))


def inputs(rng: random.Random) -> dict[str, int]:
    """Arguments, as the 64 bits that the kernel would pass."""
    return {name: interesting(rng) for name in ARGUMENTS}


def pairs_of(addresses: Iterable[int]) -> list[dict[str, int]]:
    """Arguments that differ, whose `a` and `i` are each address, 0 included, and another one."""
    known = [0, *addresses]
    rounds = []
    for seed, address in enumerate(known):
        given = {n: (seed * 7 + place * 3) % 5 for place, n in enumerate(ARGUMENTS)}
        other = known[(seed * 5 + 3) % len(known)]
        rounds.append(given | {"a": address, "i": other})
        rounds.append(given | {"a": address, "i": address})
    return rounds


class Expressions:
    """What writes expressions; `Maker` has the statements."""

    rng: random.Random
    rows: list[str]
    locals: dict[str, str]
    stated: set[str]
    records: dict[str, str]
    functions: list[tuple[str, list[str], str, int]]
    kinds: dict[str, str]
    nested: int

    # what `More` has
    def more_expressions(self) -> list[Callable[[int], Expression]]:
        raise NotImplementedError

    def text_condition(self) -> str:
        raise NotImplementedError

    def more_condition(self, depth: int) -> str:
        raise NotImplementedError

    def narrow_condition(self) -> str:
        raise NotImplementedError

    def place(self, struct: str) -> tuple[str, str]:
        raise NotImplementedError

    def small(self) -> str:
        return str(self.rng.randint(0, 3))

    def entries(self) -> int:
        """Nearly always a divisor that keeps an index of `counts` inside."""
        return 8 if self.rng.random() < 0.05 else 7

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

    def wraps(self, name: str, kind: str) -> bool:
        """Whether a local takes any number; a s64 takes all, but for a u64's sign."""
        return kind == "s64" or (name in self.stated and kind != "bool")

    def text_to(self, name: str) -> str:
        """An expression that may be assigned to this local."""
        kind = self.locals[name]
        return self.text_for(kind) if self.wraps(name, kind) else self.text_of(kind)

    def expression(self, depth: int) -> Expression:
        makers: list[Callable[[int], Expression]] = [
            self.literal,
            self.name,
            self.name,
            self.context,
        ]
        if depth > 0 and self.nested < 4:
            makers += [self.binary] * 5 + [self.unary, self.compare, self.cast, self.choice]
            makers += [self.extreme, self.item, self.attribute, self.walrus]
            makers += self.rng.sample(self.more_expressions(), 3)
            if self.functions:
                makers += [self.call, self.call]
        self.nested += 1
        made = self.rng.choice(makers)(depth - 1)
        self.nested -= 1
        return made

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
        if self.rng.random() < 0.2:
            return self.narrow_condition()
        return self.compare(depth)[0]

    def compare(self, depth: int) -> Expression:
        match self.rng.randrange(12):
            case 0:
                return f"(not {self.expression(depth)[0]})", "bool", 0
            case 1:
                joint = self.rng.choice(("and", "or"))
                return (
                    f"({self.condition(depth - 1)} {joint} {self.condition(depth - 1)})",
                    "bool",
                    0,
                )
            case 2:
                key = self.text_for(self.kinds["key"])
                return f"({key} {self.rng.choice(('in', 'not in'))} numbers)", "bool", 0
            case 3 if self.records and "P" in self.records.values():
                return f"({self.text_condition()})", "bool", 0
            case 10 | 11:
                return f"({self.more_condition(depth)})", "bool", 0
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
                other = self.text_of(self.kinds["number"])
                text = f"(numbers[{key}] if {key} in numbers else {other})"
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
        place, kind = self.place(self.records[name])
        return f"{name}.{place}", kind, 0

    def walrus(self, depth: int) -> Expression:
        plain = [n for n in self.locals if n[0] not in "wo"]
        if not plain:
            return self.literal(depth)
        name = self.rng.choice(plain)
        return f"({name} := {self.text_to(name)})", self.locals[name], 0

    def call(self, depth: int) -> Expression:
        name, kinds, result, optional = self.rng.choice(self.functions)
        given = kinds[:-1] if optional and self.rng.random() < 0.5 else kinds
        words = [self.text_for(kind) for kind in given]
        if words and self.rng.random() < 0.3:
            words[-1] = f"a{len(words) - 1}={words[-1]}"
        return f"{name}({', '.join(words)})", result, 0
