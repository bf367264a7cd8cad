"""What is known of values where certain branches were taken. Not a pass.

In: comparisons that hold or do not. Out: whether another comparison is decided by them. Facts are
learnt on the way down the dominator tree and forgotten on the way up.
"""

from __future__ import annotations

from probee.compiler.ir.ops import Value
from probee.compiler.passes.arithmetic import MIRROR, holds, signed, unsigned
from probee.compiler.passes.comparisons import by_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Operand

LESS, EQUAL, GREATER = 1, 2, 4
ANY = LESS | EQUAL | GREATER
# condition → which outcomes of a comparison, unsigned or signed, make it true
_OUTCOMES = {
    "eq": EQUAL,
    "ne": LESS | GREATER,
    "lt": LESS,
    "le": LESS | EQUAL,
    "gt": GREATER,
    "ge": GREATER | EQUAL,
}

Key = tuple[object, ...]


class Facts:
    """`pairs`: (a, b, size) → outcomes still possible, unsigned and signed.

    `ranges`: (a, size) → (least, greatest) unsigned, then signed.
    """

    def __init__(self) -> None:
        self._known: dict[Key, tuple[int, ...]] = {}
        self._undo: list[tuple[Key, tuple[int, ...] | None]] = []

    def mark(self) -> int:
        """Where to come back to."""
        return len(self._undo)

    def back_to(self, mark: int) -> None:
        """Forgets what was learnt since `mark`."""
        while len(self._undo) > mark:
            key, old = self._undo.pop()
            if old is None:
                del self._known[key]
            else:
                self._known[key] = old

    def learn(self, condition: str, a: Operand, b: Operand, size: int, truth: bool) -> None:
        """`a condition b` is `truth` here."""
        if not isinstance(a, Value):
            if not isinstance(b, Value) or condition not in MIRROR:
                return
            condition, a, b = MIRROR[condition], b, a
        if condition == "set":
            self._set(("set", size, *_ordered(a, b)), (int(truth),))
            return
        self._learn_pair(condition, a, b, size, truth)
        if not isinstance(b, Value):
            self._learn_range(condition, a, b, size, truth)

    def decide(self, condition: str, a: Operand, b: Operand, size: int) -> bool | None:
        """Whether `a condition b` surely holds, surely does not, or may do either."""
        if not isinstance(a, Value):
            if not isinstance(b, Value):
                return holds(condition, a, b, size)
            condition, a, b = MIRROR[condition], b, a
        if condition == "set":
            known = self._known.get(("set", size, *_ordered(a, b)))
            return None if known is None else bool(known[0])
        truth = self._decide_pair(condition, a, b, size)
        if truth is None and not isinstance(b, Value):
            truth = self._decide_range(condition, a, b, size)
        return truth

    def signed_range(self, a: Value) -> tuple[int, int]:
        """Bounds of all 64 bits of `a`, read as signed."""
        known = self._range(a, 8)
        return known[2], known[3]

    def _set(self, key: Key, value: tuple[int, ...]) -> None:
        old = self._known.get(key)
        if old != value:
            self._undo.append((key, old))
            self._known[key] = value

    # two operands

    def _learn_pair(self, condition: str, a: Value, b: Operand, size: int, truth: bool) -> None:
        key, condition = _pair(condition, a, b, size)
        plain, with_sign = self._known.get(key, (ANY, ANY))
        left = _outcomes(condition)
        left = left if truth else ANY & ~left
        if condition in ("eq", "ne"):
            plain, with_sign = plain & left, with_sign & left
        elif condition[0] == "u":
            plain &= left
        else:
            with_sign &= left
        if not plain & EQUAL or not with_sign & EQUAL:
            plain, with_sign = plain & ~EQUAL, with_sign & ~EQUAL
        if EQUAL in (plain, with_sign):
            plain = with_sign = EQUAL
        self._set(key, (plain, with_sign))

    def _decide_pair(self, condition: str, a: Value, b: Operand, size: int) -> bool | None:
        key, condition = _pair(condition, a, b, size)
        known = self._known.get(key)
        if known is None:
            return None
        possible = known[1] if condition[0] == "s" else known[0]
        wanted = _outcomes(condition)
        if not possible & wanted:
            return False
        return None if possible & ~wanted else True

    # a value and constants

    def _range(self, a: Value, size: int) -> tuple[int, ...]:
        bits = 8 * size
        whole = (0, (1 << bits) - 1, -(1 << bits - 1), (1 << bits - 1) - 1)
        return self._known.get((a, size), whole)

    def _learn_range(self, condition: str, a: Value, c: int, size: int, truth: bool) -> None:
        bottom, top, least, most = self._range(a, size)
        if condition[0] != "s":
            bottom, top = _cut(condition, bottom, top, unsigned(c, size), truth)
        if condition[0] != "u":
            least, most = _cut(condition, least, most, signed(c, size), truth)
        if bottom > top or least > most:
            return  # this way is never taken: nothing to be learnt from it
        if least >= 0:
            bottom, top = max(bottom, least), min(top, most)
        elif top < 1 << (8 * size - 1):
            least, most = max(least, bottom), min(most, top)
        self._set((a, size), (bottom, top, least, most))

    def _decide_range(self, condition: str, a: Value, c: int, size: int) -> bool | None:
        bottom, top, least, most = self._range(a, size)
        if condition[0] == "s":
            return by_range(condition, least, most, signed(c, size))
        truth = by_range(condition, bottom, top, unsigned(c, size))
        if truth is None and condition in ("eq", "ne"):
            truth = by_range(condition, least, most, signed(c, size))
        return truth


def _outcomes(condition: str) -> int:
    return _OUTCOMES[condition if condition in ("eq", "ne") else condition[1:]]


def _ordered(a: Operand, b: Operand) -> tuple[Operand, Operand]:
    if isinstance(a, Value) and isinstance(b, Value) and b.id < a.id:
        return b, a
    return a, b


def _pair(condition: str, a: Value, b: Operand, size: int) -> tuple[Key, str]:
    """The key of a pair, in an order that does not depend on how it is written."""
    if isinstance(b, Value) and b.id < a.id:
        return (b, a, size), MIRROR[condition]
    if not isinstance(b, Value):
        b = unsigned(b, size)
    return (a, b, size), condition


def _cut(condition: str, bottom: int, top: int, c: int, truth: bool) -> tuple[int, int]:
    """The part of bottom … top where `x condition c` is `truth`."""
    name = condition if condition in ("eq", "ne") else condition[1:]
    if not truth:
        name = {"eq": "ne", "ne": "eq", "lt": "ge", "le": "gt", "gt": "le", "ge": "lt"}[name]
    match name:
        case "eq":
            return max(bottom, c), min(top, c)
        case "ne":
            return bottom + (c == bottom), top - (c == top)
        case "lt":
            return bottom, min(top, c - 1)
        case "le":
            return bottom, min(top, c)
        case "gt":
            return max(bottom, c + 1), top
    return max(bottom, c), top
