"""The generator's lines on atomics, loops that the kernel counts, narrow numbers and bytes.

In: what `More` has. Out: more of the same.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.meaning.expressions import Expression
from tests.meaning.more import More
from tests.meaning.widths import BITS

SIGNS = ("<", "<=", ">", ">=", "==", "!=")


class Steps(More):
    """What `Maker` mixes in beside `More`."""

    def more_expressions(self) -> list[Callable[[int], Expression]]:
        return [
            *super().more_expressions(),
            self.stepped,
            self.stepped,
            self.narrow,
            self.turned,
            self.truth,
        ]

    def more_statements(self, depth: int) -> list[Callable[[int], None]]:
        makers = [*super().more_statements(depth), self.step, self.step]
        if depth > 0 and self.rounds == 1:
            makers += [self.long_for, self.long_while]
        return makers

    # atomics

    def place_of_step(self) -> tuple[str, str] | None:
        """A place of 4 or 8 bytes that all CPUs see."""
        places = [(f"{name}.value", self.kinds[name]) for name in ("total", "last")]
        places.append((f"counts[({self.text_of('u8')}) % 7]", self.kinds["count"]))
        places.append((f"each[({self.text_of('u8')}) % 5]", self.kinds["each"]))
        places += [(f"{name}.r", "s32") for name, s in self.records.items() if s == "P"]
        places += [(f"{name}.s", "u64") for name, s in self.records.items() if s == "P"]
        places += [(f"{name}.y", "s64") for name, s in self.records.items() if s == "Q"]
        words = [(place, kind) for place, kind in places if BITS[kind] == 32]
        wide = words if self.rng.random() < 0.3 else []
        wide = wide or [(place, kind) for place, kind in places if BITS[kind] >= 32]
        return self.rng.choice(wide) if wide else None

    def step(self, depth: int) -> None:
        found = self.place_of_step()
        if found is not None:
            word = self.rng.choice(("add", "and", "or", "xor"))
            self.write(f"atomic_{word}({found[0]}, {self.text_for(found[1])})")

    def stepped(self, depth: int) -> Expression:
        """What was there before."""
        found = self.place_of_step()
        if found is None:
            return self.literal(depth)
        place, kind = found
        if self.rng.random() < 0.25:
            expected, value = self.text_for(kind), self.text_for(kind)
            return f"atomic_compare_exchange({place}, {expected}, {value})", kind, 0
        word = self.rng.choice(("fetch_add", "fetch_and", "fetch_or", "fetch_xor", "exchange"))
        return f"atomic_{word}({place}, {self.text_for(kind)})", kind, 0

    # numbers

    def narrow(self, depth: int) -> Expression:
        """Numbers of 32 bits that stay so."""
        kind = self.rng.choice(("u32", "u32", "s32"))
        if self.rng.random() < 0.4:  # computed in 64 bits, if the passes find nothing better
            sign = self.rng.choice(("+", "-", "*", "&", "&", "|", "^"))
            wide = [name for name, k in self.locals.items() if k in ("u64", "s64")]
            if self.rows[0].startswith("@"):
                wide += ["ctx.a", "ctx.b", "ctx.i", "ctx.j"]
            wide = wide or [self.name(depth)[0]]
            return f"{kind}({self.rng.choice(wide)} {sign} {self.rng.choice(wide)})", kind, 0
        names = [name for name, k in self.locals.items() if k == kind]
        if len(names) < 2:
            return f"{kind}({self.name(depth)[0]})", kind, 0
        a, b = self.rng.choice(names), self.rng.choice(names)
        match self.rng.randrange(4):
            case 0:
                return f"({a} >> {self.rng.randrange(32)})", kind, 0
            case 1:
                sign = self.rng.choice(("+", "-", "*", "&", "|", "^"))
                return f"({a} {sign} {b})", kind, 0
            case 2:
                text = f"({a} if {a} {self.rng.choice(SIGNS)} {b} else {b})"
                return text, kind, 0
            case _:
                return f"({a} {self.rng.choice(SIGNS)} {b})", "bool", 0

    def truth(self, depth: int) -> Expression:
        """Truth as a number."""
        text = self.name(depth)[0]
        form = self.rng.choice(("(not {})", "({} == 0)", "({} != 0)"))
        return f"s64{form.format(text)}", "s64", 0

    def turned(self, depth: int) -> Expression:
        """The bytes of a number the other way round, in 64 bits."""
        names = [name for name, kind in self.locals.items() if kind == "u64"]
        if not names:
            return self.literal(depth)
        x = self.rng.choice(names)
        parts = [f"({x} & 255) << 56", f"{x} >> 56"]
        parts += [f"({x} & {255 << 8 * at}) << {56 - 16 * at}" for at in range(1, 4)]
        parts += [f"({x} >> {8 * at - 8 * (7 - at)}) & {255 << 8 * (7 - at)}" for at in range(4, 7)]
        return f"({' | '.join(parts)})", "u64", 0

    # loops that run longer than the verifier likes to follow

    def _long(self, depth: int, rounds: int, begin: Callable[[], None]) -> None:
        self.rounds *= rounds
        self.loops += 1
        self.block(0, begin)
        self.loops -= 1
        self.rounds //= rounds

    def long_for(self, depth: int) -> None:
        name = self.fresh("i")
        form = self.rng.choice(("{a}, {a} + {n}", "{n} + ({e}) % 64", "{n}, 0, -3", "({e})"))
        ends = form.format(a=self.rng.randint(-90, 90), n=40, e=self.text_of("u8"))
        self.write(f"for {name} in range({ends}):")

        def begin() -> None:
            self.locals[name] = "s64"
            self.branchy()

        self._long(depth, 100, begin)
        if self.rng.random() < 0.3:
            self.write("else:")
            self.block(depth)

    def long_while(self, depth: int) -> None:
        name = self.fresh("w")
        self.write(f"{name} = {self.rng.randint(0, 9)}")
        more = self.rng.choice(("", f" and {self.condition(1)}"))
        self.write(f"while {name} < {self.rng.randint(30, 200)}{more}:")
        self.locals[name] = "s64"

        def begin() -> None:
            self.write(f"{name} += {self.rng.randint(1, 3)}")
            self.branchy()

        self._long(depth, 100, begin)

    def branchy(self) -> None:
        """Enough ways through a round that following each of them would be too much."""
        for _ in range(self.rng.randint(0, 3)):
            self.write(f"if {self.condition(0)}:")
            self.write(f"    {self.rng.choice(('last', 'total'))}.value += 1")
