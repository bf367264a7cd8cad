"""The generator's lines on maps of all kinds, arrays in structs, text and `match`.

In: what `Expressions` has. Out: more of the same, and the statements. A program declares all of
these; the compiler keeps only what is used.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.meaning.expressions import STRUCTS, WIDTHS, Expression, Expressions
from tests.meaning.widths import fits

DECLARATIONS = """\


class A(Struct):
    n: u32
    slots: list[{slots}] = array({slots}, 4)
    pair: list[Q] = array(Q, 2)
    m: s16


tally = Counter({tally_key}, max_entries=4096)
spread = Counter(u16, max_entries=4096, per_cpu=True)
each = PerCpuArray({each}, max_entries=5)
mine = PerCpuHash(u16, {mine}, max_entries=4096)
line = Queue({line}, max_entries=4)
pile = Stack(Q, max_entries=3)
boxes = Hash(u8, A, max_entries=256)
seen = BloomFilter(u32, max_entries=4096)
"""
TEXTS = ('"abc"', '"ab"', '""', '"abcdefgh"', '"bc"')
TEXT_FORMS = (
    "{s} == {t}", "{s} != {t}", "{s}.startswith({t})", "{s}.endswith({t})", "{t} in {s}",
    "{s} == {o}", "{s} != {o}", "{s} in ({t}, {u})", "{s}.startswith(({t}, {u}))",
    "{s}[:{n}] == {t}", "{s}[:{n}] != {t}", "{s}[:{n}] in ({t}, {u})", "not {s}", "bool({s})",
)  # fmt: skip
Block = Callable[[], None]


class More(Expressions):
    """What `Maker` mixes in."""

    count: int
    depth: int
    loops: int
    rounds: int

    # what Maker has
    def write(self, text: str) -> None:
        raise NotImplementedError

    def fresh(self, letter: str) -> str:
        raise NotImplementedError

    def block(self, depth: int, lines: Block | None = None) -> None:
        raise NotImplementedError

    def operator(self, name: str, kind: str) -> str:
        raise NotImplementedError

    def field(self, depth: int) -> None:
        raise NotImplementedError

    def declarations(self) -> str:
        """The text of the module's further declarations; their kinds go into `kinds`."""
        for name in ("slots", "tally_key", "each", "mine", "line"):
            self.kinds[name] = self.rng.choice(WIDTHS)
        text = DECLARATIONS
        for name in ("slots", "tally_key", "each", "mine", "line"):
            text = text.replace(f"{{{name}}}", self.kinds[name])
        return text

    # expressions

    def more_expressions(self) -> list[Callable[[int], Expression]]:
        makers: list[Callable[[int], Expression]] = [
            self.counted,
            self.own,
            self.defaulted,
            self.queued,
            self.processor,
            self.bytes_,
        ]
        if "A" in self.records.values():
            makers += [self.length, self.element]
        return makers

    def counted(self, depth: int) -> Expression:
        key = self.text_for(self.kinds["tally_key"])
        if self.rng.random() < 0.3:
            return f"spread[{self.text_for('u16')}]", "s64", 0
        return f"tally[{key}]", "s64", 0

    def own(self, depth: int) -> Expression:
        """A value of this CPU."""
        if self.rng.random() < 0.5:
            index = f"({self.text_of('u8')}) % {6 if self.rng.random() < 0.05 else 5}"
            return f"each[{index}]", self.kinds["each"], 0
        key, value = self.text_for("u16"), self.text_of(self.kinds["mine"])
        form = self.rng.choice(("mine.get({}, {})", "mine.pop({}, {})", "mine.setdefault({}, {})"))
        return form.format(key, value), self.kinds["mine"], 0

    def defaulted(self, depth: int) -> Expression:
        key, value = self.text_for(self.kinds["key"]), self.text_of(self.kinds["number"])
        return f"numbers.{self.rng.choice(('get', 'pop'))}({key}, {value})", self.kinds["number"], 0

    def queued(self, depth: int) -> Expression:
        if self.rng.random() < 0.3:
            return f"pile.push(Q({self.text_for('u16')}, {self.text_for('s64')}))", "bool", 0
        return f"line.push({self.text_for(self.kinds['line'])})", "bool", 0

    def processor(self, depth: int) -> Expression:
        return "get_smp_processor_id()", "u32", 0

    def bytes_(self, depth: int) -> Expression:
        """The bytes of a number the other way round."""
        names = [n for n, kind in self.locals.items() if kind in ("u16", "u32")]
        if not names:
            return self.literal(depth)
        x = self.rng.choice(names)
        if self.locals[x] == "u16":
            return f"u16(({x} & 255) << 8 | {x} >> 8)", "u16", 0
        return (
            f"(({x} & 255) << 24 | ({x} & 65280) << 8 | ({x} >> 8) & 65280 | {x} >> 24)", "u32", 0
        )  # fmt: skip

    def _box(self) -> str:
        return self.rng.choice([n for n, s in self.records.items() if s == "A"])

    def length(self, depth: int) -> Expression:
        return f"len({self._box()}.slots)", "literal", 4

    def element(self, depth: int) -> Expression:
        return f"{self._box()}.{self.slot()}", self.kinds["slots"], 0

    def slot(self) -> str:
        """An index that is mostly inside."""
        form = self.rng.choice(("0", "3", "-1", "-4", "{} & 3", "{} % 4", "{} % 4 - 4", "{} % 5"))
        if form == "{} % 5" and self.rng.random() < 0.7:
            form = "{} % 3"
        return f"slots[{form.format('(' + self.text_of('u8') + ')')}]"

    def place(self, struct: str) -> tuple[str, str]:
        """A field of a struct that can be read and written, and its type."""
        if struct == "A" and self.rng.random() < 0.5:
            return self.slot(), self.kinds["slots"]
        return self.rng.choice(list(STRUCTS[struct].items()))

    def text_condition(self) -> str:
        """A question about text."""
        names = [f"{n}.t" for n, s in self.records.items() if s == "P"]
        return self.about_text(self.rng.choice(names), names)

    def about_text(self, name: str, others: list[str]) -> str:
        """A question about the text `name`; `others` may be compared with it."""
        form = self.rng.choice(TEXT_FORMS)
        first, second = self.rng.choice(TEXTS), self.rng.choice(TEXTS)
        other = self.rng.choice([*others, "current.comm"])
        return form.format(s=name, t=first, u=second, o=other, n=self.rng.randint(1, 3))

    def narrow_condition(self) -> str:
        """Compared in 32 bits, if nothing else wants the values."""
        kind = self.rng.choice(("u32", "s32"))
        a, b = (self.rng.choice((self.name, self.context))(0)[0] for _ in range(2))
        if self.rng.random() < 0.4:
            return f"{kind}({a}) {self.sign()} {self.rng.choice((5, 77, 70000))}"
        return f"{kind}({a}) {self.sign()} {kind}({b})"

    def more_condition(self, depth: int) -> str:
        """A question that only these can answer."""
        if "A" in self.records.values() and self.rng.random() < 0.5:
            word = self.rng.choice(("in", "not in"))
            return f"{self.text_for(self.kinds['slots'])} {word} {self._box()}.slots"
        if self.rng.random() < 0.3:
            return f"{self.rng.randint(0, 9)} {self.rng.choice(('in', 'not in'))} seen"
        return f"{self.text_for('u16')} in mine"

    # statements

    def more_statements(self, depth: int) -> list[Callable[[int], None]]:
        makers: list[Callable[[int], None]] = [self.keep_more, self.keep_more]
        if depth > 0:
            makers += [self.match_, self.match_optional, self.match_two, self.taken, self.box]
            if "A" in self.records.values():
                makers += [self.over]
        return makers

    def keep_more(self, depth: int) -> None:
        tally = self.kinds["tally_key"]
        match self.rng.randrange(9):
            case 0:
                self.write(f"tally[{self.text_for(tally)}] {self.operator('', 's64')}")
            case 1:
                self.write(f"tally[{self.text_for(tally)}] = {self.text_for('s64')}")
            case 2:
                self.write(f"del tally[{self.text_for(tally)}]")
            case 3:
                self.write(f"spread[{self.text_for('u16')}] += {self.text_for('s64')}")
            case 4:
                index = f"({self.text_of('u8')}) % 5"
                self.write(f"each[{index}] {self.operator('', self.kinds['each'])}")
            case 5:
                self.write(f"mine[{self.text_for('u16')}] = {self.text_for(self.kinds['mine'])}")
            case 6:
                self.write(f"{self.rng.choice(('line', 'pile'))}.pop()")
            case 7:
                self.write(f"seen.add({self.rng.randint(0, 9)})")
            case _:
                self.write(f"line.push({self.text_for(self.kinds['line'])})")

    def box(self, depth: int) -> None:
        """A struct with arrays: a new one, or one in a map."""
        name = self.fresh("b")
        if self.rng.random() < 0.5:
            self.write(f"boxes[{self.small()}] = A(n={self.text_for('u32')})")
        self.write(f"if ({name} := boxes.get({self.small()})) is not None:")

        def use() -> None:
            self.records[name] = "A"
            self.field(0)
            self.field(0)

        self.block(depth, use)

    def taken(self, depth: int) -> None:
        """What a queue or a stack gives, if it gives something."""
        name = self.fresh("o")
        pile = self.rng.random() < 0.4
        self.write(f"{name} = {'pile' if pile else 'line'}.{self.rng.choice(('pop', 'peek'))}()")
        self.write(f"if {name} is not None:")

        def use() -> None:
            if pile:
                self.records[name] = "Q"
                self.write(
                    f"{name}.x += 1" if self.rng.random() < 0.3 else f"last.value = {name}.x"
                )
            else:
                self.locals[name] = self.kinds["line"]
                self.write(f"last.value = {name}")

        self.block(depth, use)

    def over(self, depth: int) -> None:
        """A loop over an array."""
        if self.rounds * 4 > 6:
            return
        name = self.fresh("i")
        self.write(f"for {name} in {self._box()}.slots:")
        self.rounds *= 4
        self.loops += 1

        def begin() -> None:
            self.locals[name] = self.kinds["slots"]

        self.block(depth, begin)
        self.loops -= 1
        self.rounds //= 4

    def pattern(self, kind: str) -> str:
        value = next(v for _ in range(99) if fits(v := self.near(), kind))
        return str(value)

    def near(self) -> int:
        """A number that a subject may well be."""
        return self.rng.choice((0, 1, 2, 3, -1, 7, 255, 65535, 2**31, -128))

    def match_(self, depth: int) -> None:
        """Numbers or bools by value, alternatives, guards, a capture."""
        kind = self.rng.choice((*WIDTHS, "bool"))
        self.write(f"match {self.text_of(kind)}:")
        self.depth += 1
        for _ in range(self.rng.randint(1, 3)):
            if kind == "bool":
                pattern = self.rng.choice(("True", "False"))
            else:
                pattern = " | ".join(self.pattern(kind) for _ in range(self.rng.randint(1, 2)))
            guard = f" if {self.condition(1)}" if self.rng.random() < 0.3 else ""
            self.write(f"case {pattern}{guard}:")
            self.block(depth)
        if kind != "bool" and self.rng.random() < 0.5:
            self._capture(depth, kind)
        elif self.rng.random() < 0.5:
            self.write("case _:")
            self.block(depth)
        self.depth -= 1

    def _capture(self, depth: int, kind: str) -> None:
        name = self.fresh("k")

        def bound() -> None:
            self.locals[name] = kind

        if self.rng.random() < 0.5:
            self.write(f"case {name} if {name} {self.sign()} {self.literal(0)[0]}:")
            self.block(depth, bound)
            name = self.fresh("k")
        self.write(f"case {name}:")
        self.block(depth, bound)

    def match_optional(self, depth: int) -> None:
        """What may be None."""
        self.write(f"match numbers.get({self.text_for(self.kinds['key'])}):")
        self.depth += 1
        if self.rng.random() < 0.5:
            self.write(f"case {self.pattern(self.kinds['number'])}:")
            self.block(depth)
        self.write("case None:")
        self.block(depth)
        if self.rng.random() < 0.7:
            self._capture(depth, self.kinds["number"])
        self.depth -= 1

    def match_two(self, depth: int) -> None:
        """A subject written as a tuple."""
        kinds = [self.rng.choice(WIDTHS) for _ in range(2)]
        self.write(f"match {self.text_of(kinds[0])}, {self.text_of(kinds[1])}:")
        self.depth += 1
        first, second = self.pattern(kinds[0]), self.pattern(kinds[1])
        self.write(f"case {first}, {second}:")
        self.block(depth)
        name = self.fresh("k")

        def bound() -> None:
            self.locals[name] = kinds[1]

        self.write(f"case {self.rng.choice((first, '_'))}, {name}:")
        self.block(depth, bound)
        self.depth -= 1
