"""Integers that follow the table of docs/language.md, written from it and not from the compiler.

In: numbers: `Typed` ones of a width, bools, and plain ones, which are literals. Out: what an
operation on them gives.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

BITS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64, "s8": 8, "s16": 16, "s32": 32, "s64": 64}
OPERATORS: dict[str, Callable[[int, int], int]] = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "FloorDiv": operator.floordiv,
    "Mod": operator.mod, "BitAnd": operator.and_, "BitOr": operator.or_, "BitXor": operator.xor,
}  # fmt: skip


def wrapped(value: int, kind: str) -> int:
    """`value` modulo 2^N, in the range of the type."""
    bits = BITS[kind]
    value &= (1 << bits) - 1
    return value - (1 << bits) if kind[0] == "s" and value >> (bits - 1) else value


def fits(value: int, kind: str) -> bool:
    return wrapped(value, kind) == value


class Typed(int):
    """An integer of a width. Its operators are those of the table."""

    kind: str

    def __new__(cls, value: int, kind: str) -> Typed:
        self = super().__new__(cls, wrapped(int(value), kind))
        self.kind = kind
        return self


def _dunder(name: str) -> Callable[[Any, int], int]:
    return lambda self, other: operate(name, self, other)


for _name, _method in {
    "Add": "add", "Sub": "sub", "Mult": "mul", "FloorDiv": "floordiv", "Mod": "mod",
    "BitAnd": "and", "BitOr": "or", "BitXor": "xor", "LShift": "lshift", "RShift": "rshift",
}.items():  # fmt: skip
    setattr(Typed, f"__{_method}__", _dunder(_name))


def kind_of(value: int) -> str:
    """`literal`, `bool`, or the name of a width."""
    if isinstance(value, Typed):
        return value.kind
    return "bool" if isinstance(value, bool) else "literal"


def common(a: str, b: str, literal: int = 0) -> str:
    """The type of an operation on two kinds; `literal`: the value of the one that is a literal."""
    kinds = ["s64" if k == "bool" else k for k in (a, b)]
    if kinds == ["literal", "literal"]:
        return "literal"
    if "literal" in kinds:
        other = kinds[0] if kinds[1] == "literal" else kinds[1]
        if fits(literal, other):
            return other
        return "s64" if fits(literal, "s64") else "u64"
    first, second = kinds
    if first[0] == second[0]:
        return max(kinds, key=BITS.__getitem__)
    signed, unsigned = (first, second) if first[0] == "s" else (second, first)
    return signed if BITS[signed] > BITS[unsigned] else "s64"


def operate(name: str, a: int, b: int) -> int:
    """`a OP b`: CPython's exact result modulo 2^N of the stated type."""
    kinds = kind_of(a), kind_of(b)
    if name in ("LShift", "RShift"):
        kind = "s64" if kinds[0] in ("literal", "bool") else kinds[0]
        if kinds == ("literal", "literal"):
            kind = "literal"
        left = int(a) if kind == "literal" else wrapped(int(a), kind)
        amount = min(int(b), 200)
        if amount < 0:
            raise ValueError("negative shift count")
        shifted = left << amount if name == "LShift" else left >> amount
        return shifted if kind == "literal" else Typed(shifted, kind)
    kind = common(*kinds, int(a) if kinds[0] == "literal" else int(b))
    if kind == "literal":
        return OPERATORS[name](a, b)
    return Typed(OPERATORS[name](wrapped(int(a), kind), wrapped(int(b), kind)), kind)


def unary(name: str, a: int) -> int:
    kind = "s64" if kind_of(a) == "bool" else kind_of(a)
    value = {"USub": -int(a), "Invert": ~int(a), "UAdd": int(a)}[name]
    return value if kind == "literal" else Typed(value, kind)


class Width:
    """u8 to s64 and bool, as types in annotations and as casts."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __or__(self, other: None) -> Maybe:
        return Maybe(self)

    def __call__(self, value: int) -> int:
        return bool(value) if self.name == "bool" else Typed(value, self.name)


class Maybe(NamedTuple):
    """`u32 | None`."""

    width: Width


def extreme(pick: Callable[[int, int], int]) -> Callable[..., int]:
    def choose(first: int, *others: int) -> int:
        best = first
        for other in others:
            kinds = kind_of(best), kind_of(other)
            kind = common(*kinds, best if kinds[0] == "literal" else other)
            chosen = pick(int(best), int(other))
            best = chosen if kind == "literal" else Typed(chosen, kind)
        return best

    return choose


def absolute(a: int) -> int:
    kind = "s64" if kind_of(a) == "bool" else kind_of(a)
    return abs(a) if kind == "literal" else Typed(abs(int(a)), kind)


def as_int(a: int) -> int:
    return Typed(int(a), "s64") if isinstance(a, bool) else a
