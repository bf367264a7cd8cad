"""The generator's lines on functions of all kinds, values that may be None, text in locals, Hist.

In: what `Steps` has. Out: more of the same, and the functions that they call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.meaning.expressions import WIDTHS, Expression
from tests.meaning.steps import Steps

MORE_DECLARATIONS = """\
by_name = Counter(chars(16), max_entries=4096)
hist = Hist()
rows = Hist(u8, linear=(0, 100, 10), max_entries=512)
"""


class Choices(Steps):
    """What `Maker` mixes in beside `Steps`."""

    # name, kinds of parameters, kinds of results
    takers: list[tuple[str, str, str]]
    pairs: list[tuple[str, str, tuple[str, str]]]
    maybes: list[tuple[str, str, str]]
    optionals: list[tuple[str, str]]
    texts: list[str]

    def begin(self) -> None:
        """Nothing is there yet."""
        self.takers, self.pairs, self.maybes, self.optionals, self.texts = [], [], [], [], []

    def declarations(self) -> str:
        return super().declarations() + MORE_DECLARATIONS

    def more_expressions(self) -> list[Callable[[int], Expression]]:
        makers = [*super().more_expressions(), self.or_else]
        if self.takers and "P" in self.records.values():
            makers.append(self.taker_call)
        if self.optionals:
            makers.append(self.optional_call)
        return makers

    def more_statements(self, depth: int) -> list[Callable[[int], None]]:
        makers = [*super().more_statements(depth), self.histogram, self.printed]
        if self.texts:
            makers += [self.text_local, self.text_local]
        if self.pairs:
            makers.append(self.two_results)
        if depth > 0:
            makers += [self.best, self.chosen]
            if self.maybes:
                makers += [self.maybe_call]
        return makers

    # functions

    def defined(
        self,
        head: str,
        kinds: Mapping[str, str],
        records: Mapping[str, str],
        body: Callable[[], None],
    ) -> str:
        """The text of a function whose first line is `head`."""
        kept = self.rows, self.depth, self.locals, self.records, self.texts
        self.rows, self.depth = [head], 1
        self.locals, self.records, self.texts = dict(kinds), dict(records), []
        self.stated = set()
        body()
        text = "\n".join(self.rows) + "\n\n\n"
        self.rows, self.depth, self.locals, self.records, self.texts = kept
        return text

    def more_functions(self) -> str:
        """Up to two functions beside the plain ones."""
        makers = (self.taker, self.pair, self.maybe, self.with_default)
        return "".join(self.rng.choice(makers)() for _ in range(self.rng.randint(0, 2)))

    def taker(self) -> str:
        """It gets a record by reference."""
        name, kind, result = (
            f"g{len(self.takers)}",
            self.rng.choice(WIDTHS),
            self.rng.choice(WIDTHS),
        )

        def body() -> None:
            for _ in range(self.rng.randint(1, 2)):
                self.field(0)
            self.write(f"return {self.text_of(result)}")

        text = self.defined(
            f"def {name}(p: P, n: {kind}) -> {result}:", {"n": kind}, {"p": "P"}, body
        )
        self.takers.append((name, kind, result))
        return text

    def pair(self) -> str:
        """It gives two numbers."""
        name, kind = f"t{len(self.pairs)}", self.rng.choice(WIDTHS)
        first, second = self.rng.choice(WIDTHS), self.rng.choice(WIDTHS)

        def body() -> None:
            if self.rng.random() < 0.5:
                self.write(f"if {self.condition(1)}:")
                self.write(f"    return {self.text_of(first)}, {self.text_of(second)}")
            self.write(f"return {self.text_of(first)}, {self.text_of(second)}")

        head = f"def {name}(a: {kind}) -> tuple[{first}, {second}]:"
        text = self.defined(head, {"a": kind}, {}, body)
        self.pairs.append((name, kind, (first, second)))
        return text

    def maybe(self) -> str:
        """It gives a number or None."""
        name, kind, result = (
            f"y{len(self.maybes)}",
            self.rng.choice(WIDTHS),
            self.rng.choice(WIDTHS),
        )

        def body() -> None:
            self.write(f"if {self.condition(1)}:")
            self.write("    return None")
            self.write(f"return {self.text_of(result)}")

        head = f"def {name}(a: {kind}) -> {result} | None:"
        text = self.defined(head, {"a": kind}, {}, body)
        self.maybes.append((name, kind, result))
        return text

    def with_default(self) -> str:
        """It takes a number or None."""
        name, kind = f"q{len(self.optionals)}", self.kinds["number"]
        result = self.rng.choice(WIDTHS)

        def body() -> None:
            self.write("if n is None:")
            self.write(f"    return {self.text_of(result)}")
            self.locals["n"] = kind
            self.write(f"return {self.text_of(result)}")

        text = self.defined(f"def {name}(n: {kind} | None = None) -> {result}:", {}, {}, body)
        self.optionals.append((name, result))
        return text

    def taker_call(self, depth: int) -> Expression:
        name, kind, result = self.rng.choice(self.takers)
        record = self.rng.choice([n for n, s in self.records.items() if s == "P"])
        return f"{name}({record}, {self.text_for(kind)})", result, 0

    def optional_call(self, depth: int) -> Expression:
        name, result = self.rng.choice(self.optionals)
        form = self.rng.choice(("", "None", "{n}", "numbers.get({k})", "n={n}"))
        number, key = self.text_for(self.kinds["number"]), self.text_for(self.kinds["key"])
        return f"{name}({form.format(n=number, k=key)})", result, 0

    def two_results(self, depth: int) -> None:
        name, kind, kinds = self.rng.choice(self.pairs)
        first, second = self.fresh("x"), self.fresh("x")
        self.write(f"{first}, {second} = {name}({self.text_for(kind)})")
        self.locals[first], self.locals[second] = kinds

    # None

    def or_else(self, depth: int) -> Expression:
        """A number in any case."""
        key, other = self.text_for(self.kinds["key"]), self.text_of(self.kinds["number"])
        if self.maybes and self.rng.random() < 0.5:
            name, kind, result = self.rng.choice(self.maybes)
            return f"({name}({self.text_for(kind)}) or {self.text_of(result)})", result, 0
        return f"(numbers.get({key}) or {other})", self.kinds["number"], 0

    def _tested(self, name: str, kind: str, depth: int) -> None:
        """Lines that ask whether a local is there."""
        self.write(f"if {name} is not None:")

        def use() -> None:
            self.locals[name] = kind
            self.write(f"last.value = {self.text_for(self.kinds['last'])}")

        self.block(depth, use)

    def maybe_call(self, depth: int) -> None:
        function, kind, result = self.rng.choice(self.maybes)
        name = self.fresh("o")
        self.write(f"{name} = {function}({self.text_for(kind)})")
        self._tested(name, result, depth)

    def chosen(self, depth: int) -> None:
        """One of two, either of which may be None."""
        name, kind = self.fresh("o"), self.kinds["number"]
        got = f"numbers.get({self.text_for(self.kinds['key'])})"
        other = self.rng.choice(("None", self.text_of(kind), f"numbers.get({self.small()})"))
        form = self.rng.choice(("{a} if {c} else {b}", "{b} if {c} else {a}", "{a} and {a2}"))
        more = f"numbers.get({self.small()})"
        text = form.format(a=got, b=other, c=self.condition(1), a2=more)
        self.write(f"{name} = {text}")
        self._tested(name, kind, depth)

    def best(self, depth: int) -> None:
        """A local that says that it may be None."""
        name, kind = self.fresh("o"), self.rng.choice(WIDTHS)
        self.write(f"{name}: {kind} | None = None")
        self.write(f"if {self.condition(1)}:")
        self.write(f"    {name} = {self.text_of(kind)}")
        self._tested(name, kind, depth)

    # text and histograms

    def text_condition(self) -> str:
        if not self.texts or self.rng.random() < 0.5:
            return super().text_condition()
        return self.about_text(self.rng.choice(self.texts), self.texts)

    def text_local(self, depth: int) -> None:
        name = self.rng.choice(self.texts)
        records = [n for n, s in self.records.items() if s == "P"]
        match self.rng.randrange(4):
            case 0:
                value = self.rng.choice(('"ab"', '"abcdef"', '""', "current.comm"))
                self.write(f"{name} = {value}")
            case 1 if records:
                self.write(f"{name} = {self.rng.choice(records)}.t")
            case 2 if records:
                self.write(f"{self.rng.choice(records)}.t = {name}")
            case _:
                self.write(f"by_name[{name}] += {self.text_for('s64')}")

    def histogram(self, depth: int) -> None:
        value = self.text_of(self.rng.choice(WIDTHS))
        if self.rng.random() < 0.5:
            self.write(f"hist.add({value})")
        else:
            self.write(f"rows[{self.text_for('u8')}].add({value})")

    def printed(self, depth: int) -> None:
        """A line of up to three values: numbers plain, in f-strings, truth."""
        words = [self.rng.choice(('"n"', '"% of"', f'"{self.rng.randint(0, 9)}"'))]
        for _ in range(self.rng.randint(1, 3)):
            kind = self.rng.choice((*WIDTHS, "bool"))
            value = self.text_of(kind)
            signs = (":x", ":#x", ":X", ":08x") if kind[0] == "u" else (":+d", ": d")
            form = self.rng.choice(("", ":d", ":5", ":<7d", ":05", *signs))
            if self.rng.random() < 0.5:
                words.append(value)
            elif kind != "bool":
                words.append(f"f'{{{value}{form}}}'")
        end = ", sep='-'" if self.rng.random() < 0.3 else ""
        self.write(f"print({', '.join(words)}{end})")
