"""What the verifier knows of a register, in plain words: `scalar(umax=255)` in, "0 to 255" out."""

from __future__ import annotations

from probee.frozen import Frozen

_TOP = (1 << 64) - 1
_SIGNED = 1 << 63

# The beginning of a pointer's kind -> what it is to the writer of a program.
_KINDS = (
    ("map_value_or_null", "an entry of a map, or None"),
    ("map_value", "an entry of a map"),
    ("map_ptr", "a map"),
    ("ctx", "the context"),
    ("fp", "the stack"),
    ("ringbuf_mem_or_null", "a record, or None"),
    ("ringbuf_mem", "a record"),
    ("mem_or_null", "memory, or None"),
    ("mem", "memory"),
    ("alloc_mem_or_null", "a record, or None"),
    ("alloc_mem", "a record"),
    ("rdonly_mem", "memory to read only"),
    ("trusted_ptr_", "a pointer of the kernel"),
    ("rcu_ptr_", "a pointer of the kernel"),
    ("untrusted_ptr_", "a pointer of the kernel that may be stale"),
    ("ptr_", "a pointer of the kernel"),
    ("pkt_end", "the end of the packet"),
    ("pkt", "the packet"),
)


class Range(Frozen):
    """The numbers that a value may be, both ends included."""

    low: int
    high: int

    @property
    def words(self) -> str:
        """`5`, `0 to 255`, `any number`."""
        if self.high - self.low >= _TOP:
            return "any number"
        return f"{self.low:,}" if self.low == self.high else f"{self.low:,} to {self.high:,}"


ANY = Range(-_SIGNED, _TOP)


def number(state: str) -> Range | None:
    """The range of a number; None where the state is a pointer's, or not understood."""
    plain = state[1:] if state[:1] == "P" else state
    for start in ("invP", "inv"):
        if state.startswith(start) and _integer(state[len(start) :]) is not None:
            plain = state[len(start) :]
    constant = _integer(plain)
    if constant is not None:
        return Range(constant, constant)
    head, _, inside = plain.partition("(")
    if head not in ("scalar", "inv", "Pscalar") or (inside and not inside.endswith(")")):
        return None
    return _bounds(_fields(inside[:-1]))


def words(state: str) -> str:
    """A state for people; "" for what is not understood."""
    found = number(state)
    if found is not None:
        return found.words
    return next((said for start, said in _KINDS if state.startswith(start)), "")


def pointer(state: str) -> bool:
    """Whether the state is a pointer's."""
    return number(state) is None and any(state.startswith(start) for start, _ in _KINDS)


def _integer(text: str) -> int | None:
    digits = text[1:] if text[:1] == "-" else text
    if digits.isascii() and digits.isdigit() and len(digits) < 24:
        return int(text)
    if digits[:2] == "0x" and len(digits) < 24:
        try:
            return int(text, 16)
        except ValueError:
            return None
    return None


def _fields(inside: str) -> dict[str, str]:
    """`smin=0,smax=umax=7,var_off=(0x0; 0x7)`: several names may share a value."""
    found: dict[str, str] = {}
    depth, start = 0, 0
    pieces = []
    for at, character in enumerate(inside + ","):
        depth += (character == "(") - (character == ")")
        if character == "," and depth <= 0:
            pieces.append(inside[start:at])
            start = at + 1
    for piece in pieces:
        *names, value = piece.split("=")
        for name in names:
            found[name.removesuffix("_value")] = value
    return found


def _bounds(fields: dict[str, str]) -> Range:
    low, high = _unsigned(fields)
    smin, smax = (_integer(fields.get(name, "")) for name in ("smin", "smax"))
    if high < _SIGNED:
        return Range(max(low, smin or 0, 0), min(high, high if smax is None else smax))
    if smin is not None and smin >= 0:
        return Range(max(low, smin), _SIGNED - 1 if smax is None else smax)
    if smin is not None or smax is not None:
        return Range(-_SIGNED if smin is None else smin, _SIGNED - 1 if smax is None else smax)
    return ANY if (low, high) == (0, _TOP) else Range(low, high)


def _unsigned(fields: dict[str, str]) -> tuple[int, int]:
    umin, umax = (_integer(fields.get(name, "")) for name in ("umin", "umax"))
    value, _, mask = fields.get("var_off", "").strip("()").partition(";")
    known, unknown = _integer(value.strip()), _integer(mask.strip())
    if known is not None and unknown is not None:
        umin = max(umin or 0, known)
        umax = min(_TOP if umax is None else umax, known | unknown)
    return umin or 0, _TOP if umax is None else umax
