"""Bytes that are put together in the opposite order are swapped at once.

For each value it is known where its bytes come from: shifts by whole bytes, masks, extensions and
`or` only move them. Where 2, 4 or 8 bytes of one value stand the other way round, and nothing else:

    %1 = load.2 [%0]                %1 = load.2 [%0]
    %2 = shl.8 %1, 8                %2 = shl.8 %1, 8
    %3 = zext.2 %2                  %3 = zext.2 %2
    %4 = lshr.8 %1, 8               %4 = lshr.8 %1, 8
    %5 = or.8 %3, %4                %5 = bswap.2 %1

What is left over is for `dce`. The last byte of a swapped number is the first of what was swapped:
it is taken from there. A number whose bounds the verifier must see (see `watched`) stays:
it knows none of a swapped one.
"""

from __future__ import annotations

from probee.compiler.ir.dominators import reverse_postorder
from probee.compiler.ir.ops import Value
from probee.compiler.passes.arithmetic import unsigned
from probee.compiler.passes.watched import watched_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.compiler.ir.ops import Function, Op, Operand

    # lowest byte first: (value, number of its byte), or None for zeroes
    Bytes = tuple[tuple[Value, int] | None, ...]

ZEROES: Bytes = (None,) * 8


def run(function: Function) -> bool:
    """Rewrites the last `or` of each swap; says whether there was any."""
    order = reverse_postorder(function)
    if not any(op.kind in ("or", "bswap") for block in order for op in block.ops):
        return False
    watched = watched_values(function)
    known: dict[Value, Bytes] = {}
    swapped: set[Operand] = set()
    changed = False
    for block in order:
        for op in block.ops:
            if op.result is None or op.result.kind == "ptr":
                continue
            found = _bytes_of(known, op)
            known[op.result] = found or _all_of(op.result, op.size if op.kind == "load" else 8)
            if found is None or op.result in watched:
                continue
            if op.kind == "or":
                changed |= _swap(op, found)
            elif op.kind in ("lshr", "zext"):
                changed |= _unswap(op, found, swapped)
            if op.kind == "bswap":
                swapped.add(op.result)
    return changed


def _all_of(value: Value, size: int) -> Bytes:
    return tuple((value, i) for i in range(size)) + ZEROES[size:]


def _operand(known: dict[Value, Bytes], operand: Operand) -> Bytes | None:
    if isinstance(operand, Value):
        return known.get(operand) or _all_of(operand, 8)
    return None if operand else ZEROES


def _bytes_of(known: dict[Value, Bytes], op: Op) -> Bytes | None:
    """Where the bytes of the result come from; None where they are no longer what they were."""
    if op.kind not in ("zext", "and", "or", "shl", "lshr", "bswap"):
        return None
    a = _operand(known, op.args[0])
    if a is None:
        return None
    if op.kind == "zext":
        return a[: op.size] + ZEROES[op.size :]
    if op.kind == "bswap":
        return a[: op.size][::-1] + ZEROES[op.size :]
    size, second = op.size, op.args[1]
    a = a[:size]
    if op.kind == "or":
        b = _operand(known, second)
        if b is None or any(x is not None and y is not None for x, y in zip(a, b, strict=False)):
            return None
        return tuple(x or y for x, y in zip(a, b, strict=False)) + ZEROES[size:]
    if isinstance(second, Value):
        return None
    if op.kind == "and":
        kept = unsigned(second, size).to_bytes(8, "little")
        if not set(kept) <= {0, 0xFF}:
            return None
        return tuple(x if k else None for x, k in zip(a, kept, strict=False)) + ZEROES[size:]
    amount = second % (8 * size)
    if amount % 8:
        return None
    step = amount // 8
    moved = ZEROES[:step] + a[: size - step] if op.kind == "shl" else a[step:] + ZEROES[:step]
    return moved + ZEROES[size:]


def _swap(op: Op, found: Bytes) -> bool:
    size = 8 - sum(byte is None for byte in found)
    first = found[0]
    if size not in (2, 4, 8) or first is None:
        return False
    source = first[0]
    if found != tuple((source, size - 1 - i) for i in range(size)) + ZEROES[size:]:
        return False
    op.kind, op.args, op.size = "bswap", [source], size
    return True


def _unswap(op: Op, found: Bytes, swapped: set[Operand]) -> bool:
    """What is taken off the end of a swapped number stood at the beginning of it."""
    size = 8 - sum(byte is None for byte in found)
    first = found[0]
    if op.args[0] not in swapped or size not in (1, 2, 4) or first is None:
        return False
    source = first[0]
    if found != tuple((source, i) for i in range(size)) + ZEROES[size:]:
        return False
    op.kind, op.args, op.size = "zext", [source], size
    return True
