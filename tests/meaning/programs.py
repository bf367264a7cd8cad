"""Random typed programs of the kernel-side language.

In: a seed. Out: the source of a raw_tracepoint program as a user might write it, over the arguments
`ARGUMENTS`, with maps, structs, a ring, functions, loops, and everything that can trap. Every
program means something to CPython; the compiler may refuse one only where objects are shared in a
way that copies cannot be (`SHARING`), never for its types.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.meaning.choices import Choices
from tests.meaning.expressions import ARGUMENTS, WIDTHS, interesting
from tests.meaning.header import HEADER, IMPORTS
from tests.meaning.widths import BITS, fits

SHARING = ("changed-after-store", "stale-reference", "trap-with-record")


class Maker(Choices):
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.rows: list[str] = []
        self.depth = 1
        self.begin()
        self.locals: dict[str, str] = {}  # local -> kind
        self.stated: set[str] = set()  # locals whose annotation says their kind
        self.records: dict[str, str] = {}  # local -> struct
        self.functions: list[tuple[str, list[str], str, int]] = []
        self.loops = 0
        self.rounds = 1
        self.count = 0
        self.nested = 0
        widths = [self.rng.choice(WIDTHS) for _ in range(10)]
        self.kinds = dict(zip(
            ("key", "number", "recent", "pair", "count", "limit", "", "", "total", "last"),
            widths, strict=True,
        ))  # fmt: skip
        value = self.fitting(widths[5])
        filled = [*widths[:6], value, self.rng.choice((0, 1, 2)), *widths[8:]]
        self.header = IMPORTS + HEADER
        for place, text in enumerate(filled):
            self.header = self.header.replace(f"{{{place}}}", str(text))
        self.header += self.declarations()

    def fitting(self, kind: str) -> int:
        return next(v for _ in range(99) if fits(v := interesting(self.rng), kind))

    def source(self) -> str:
        functions = "".join(self.function() for _ in range(self.rng.randint(0, 2)))
        functions += self.more_functions()
        self.rows = ['@raw_tracepoint("probee_meaning")', "def program(ctx: Context) -> s64:"]
        self.depth, self.locals, self.records, self.stated = 1, {}, {}, set()
        for name in self.rng.sample(list(ARGUMENTS), 4):
            self.declare(f"v{name}", f"ctx.{name}", ARGUMENTS[name], same=True)
        self.declare("n0", str(self.rng.randint(0, 9)), "s64", same=True)
        self.write('sp = P(p=1, t="abc")')
        self.write("sq = Q(2, y=-5)")
        self.records = {"sp": "P", "sq": "Q"}
        if self.rng.random() < 0.3:
            self.texts = ["tx"]
            self.write("tx: str = chars(16)")
        if self.rng.random() < 0.4:
            self.write(f"sa = A(n={self.rng.randint(0, 9)})")
            self.records["sa"] = "A"
        for _ in range(self.rng.randint(1, 6)):
            self.statement(self.rng.choice((1, 1, 2, 2)))
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
        self.stated = set(self.locals)
        for _ in range(self.rng.randint(0, 2)):
            self.statement(self.rng.choice((0, 0, 1)))
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

    def declare(self, name: str, text: str, kind: str, *, same: bool = False) -> None:
        """`same`: the expression has that type already, or is a literal that becomes it."""
        text = text if same else f"{kind}({text})"
        if self.rng.random() < 0.5:
            self.write(f"{name}: {kind} = {text}")
            self.stated.add(name)
        else:
            self.write(f"{name} = {text}")
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
            self.assign, self.assign, self.augment, self.store, self.store, self.field,
            self.globals_, self.tuple_,
        ]  # fmt: skip
        if depth > 0:
            makers += [self.if_, self.if_, self.lookup, self.lookup, self.for_, self.while_]
            makers += [self.optional, self.optional]
            if self.depth == 1 and self.records:
                makers += [self.reserve, self.share]
        makers += self.rng.sample(self.more_statements(depth), 2)
        if self.loops:
            makers += [self.leave] * 3
        self.rng.choice(makers)(depth - 1)

    def assign(self, depth: int) -> None:
        plain = [n for n in self.locals if n[0] not in "wo"]
        if plain and self.rng.random() < 0.6:
            name = self.rng.choice(plain)
            self.write(f"{name} = {self.text_to(name)}")
        else:
            kind = self.rng.choice((*WIDTHS, "bool"))
            text, found, value = self.expression(2)
            if self.rng.random() < 0.3 and (found != "literal" or fits(value, "s64")):
                self.declare(
                    self.fresh("x"), text, found if found != "literal" else "s64", same=True
                )
            else:
                self.declare(self.fresh("x"), text, kind)

    def augment(self, depth: int) -> None:
        plain = [n for n, k in self.locals.items() if n[0] not in "wo" and self.wraps(n, k)]
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
            left, right = self.text_to(first), self.text_to(second)
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
                self.write(
                    f"counts[({index}) % {self.entries()}] = {self.text_for(self.kinds['count'])}"
                )
            case 5:
                self.write(
                    f"counts[({index}) % {self.entries()}] {self.operator('', self.kinds['count'])}"
                )
            case 6:
                value = self.text_for(self.kinds["pair"])
                self.write(f"pairs[Q(x={self.text_for('u16')}, y={self.small()})] = {value}")
            case 7:
                inner = f"Q(x={self.text_for('u16')}, y={self.text_for('s64')})"
                built = f"P(p={self.text_for('u8')}, q={inner}, r={self.text_for('s32')})"
                self.write(f"recent[{self.small()}] = {built}")
            case _:
                self.write(f'things[({index}) % 3] = P(s={self.text_for("u64")}, t="xyz")')

    def field(self, depth: int) -> None:
        if not self.records:
            return
        name = self.rng.choice(list(self.records))
        place, kind = self.place(self.records[name])
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
        where = self.rng.choice(
            (f"recent.get({self.small()})", f"things.get({self.text_of('u8')})")
        )
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
        if self.rounds * rounds > 6:
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
        if self.rounds * rounds > 6:
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
        elif self.records[name] == "A":
            form = "boxes[{}.n & 3] = {}"
        else:
            form = self.rng.choice(("sp.q = {}", "pairs[{}] = 5", "pairs.setdefault({}, 2)"))
        self.write(form.format(name, name))
