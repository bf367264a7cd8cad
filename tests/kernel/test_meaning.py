"""Compiled programs mean in the kernel what CPython makes of them.

`make fuzz` runs more of the random ones.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from probee.errors import CompileError, VerifierError
from tests.meaning.compare import best_isa, check, check_random
from tests.meaning.control import CONTROL
from tests.meaning.exact import EXACT
from tests.meaning.expressions import ARGUMENTS
from tests.meaning.found import FOUND
from tests.meaning.header import IMPORTS
from tests.meaning.indices import INDICES
from tests.meaning.programs import SHARING
from tests.older import has_kfunc

pytestmark = pytest.mark.kernel

HEADER = """\
from probee import (
    Array, Const, Context, Global, Hash, RingBuf, Struct, raw_tracepoint,
    s8, s16, s32, s64, u8, u16, u32, u64,
)
"""
SECONDS = 40
SEEDS = 150
NAMED = {
    **CONTROL,
    **EXACT,
    **INDICES,
    "a number past 2^63 stays unsigned where paths meet": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    zero = 0
    return max(u64(-2147483648), ctx.e) < zero
""",
    "the value comes before the target": """
log = Global(u64, 0)
m = Hash(u32, u32, max_entries=8)

def note(n: u32) -> u32:
    log.value = log.value * 10 + n
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    m[note(1)] = note(2)
    m[note(3)] = m.setdefault(note(4), note(5)) + note(6)
    m[note(1)] += note(7)
    return note(8) < note(7) < note(9)
""",
    "what is looked at once": """
log = Global(u64, 0)

def note(n: s64) -> s64:
    log.value = log.value * 10 + u64(n)
    return n

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    return (note(1) < note(2) < note(2) < note(9)) + (note(0) or note(3) and note(0) or note(5))
""",
    "else of loops, break, continue": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    total = 0
    for i in range(5):
        for j in range(3):
            if i * j == ctx.g & 7:
                break
            if j == 1:
                continue
            total += i * 10 + j
        else:
            total += 1000
    n = 0
    while n < 6 and total < 5000:
        n += 1
        if n == ctx.e & 7:
            break
    else:
        total -= 1
    return total * 8 + n
""",
    "an optional that is given a value": """
m = Hash(u32, s16, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    found: s16 | None = m.get(ctx.c & 1)
    if found is None:
        found = ctx.d
    m[0] = found + 1
    return found
""",
    "the divisor's sign": """
@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    least: s64 = -(2**0) << 63
    return ctx.b // ctx.d + ctx.b % ctx.d + ctx.h // -1 + least // ctx.h + least % ctx.h
""",
    "a record is given back when the program traps": """
class R(Struct):
    n: u64

ring = RingBuf(R, size="4K")
m = Hash(u32, u32, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    if (r := ring.reserve()) is not None:
        r.n = 7 // (ctx.g & 1)
        r.submit()
    return 1
""",
    "loops whose bounds the verifier would not find by itself": """
total = Global(u64, 0)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    for i in range(ctx.c % 10):
        total.value += i + (total.value & 1)
    for i in range(min(ctx.c, 64)):
        total.value += i
    for i in range(ctx.g // 7):
        total.value += i
    for i in range(ctx.g % (ctx.c % 5 + 3), -1, -1):
        total.value += i
    n = ctx.d % 7
    while n > 0:
        n -= 1
        total.value += 2
    return 3
""",
    "a struct is made anew in each round": """
class P(Struct):
    x: u32
    y: s16

m = Hash(u32, P, max_entries=8)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    for i in range(4):
        p = P(x=i)
        p.y -= ctx.f
        m[i] = p
        q = m.get(i & ctx.g)
        if q is not None:
            q.x += 100
    return 0
""",
}
ROUNDS = [
    {name: (seed * 7 + place * 3) % 5 - 2 for place, name in enumerate(ARGUMENTS)}
    for seed in range(6)
] + [dict.fromkeys(ARGUMENTS, v) for v in (0, 1, -1, 127, -128, 2**31, 2**63 - 1, -(2**63))]


# Before Linux 6.4 the verifier goes through each round itself, and gives up: these say so.
TOO_LONG_WITHOUT_COUNTING = {
    "loops whose rounds the kernel counts",
    "loops in loops that the kernel counts",
    "traps and records inside loops that the kernel counts",
    "ends of loops that were computed",
}


@pytest.mark.parametrize("name", NAMED)
def test_named_program(name: str, tmp_path: Path) -> None:
    source = HEADER + NAMED[name].replace("2**0", "1")
    if name in TOO_LONG_WITHOUT_COUNTING and not has_kfunc("bpf_iter_num_new"):
        with pytest.raises((CompileError, VerifierError), match=r"no bpf_iter_num|too many"):
            check(source, ROUNDS, {}, tmp_path / "meaning_named.py")
        return
    check(source, ROUNDS, {}, tmp_path / "meaning_named.py")


@pytest.mark.parametrize("name", FOUND)
def test_program_that_once_failed(name: str, tmp_path: Path) -> None:
    isa, consts, rounds, source = FOUND[name]
    path = tmp_path / "meaning_found.py"
    check(IMPORTS + source, rounds, consts, path, isa=min(isa, best_isa()))


def test_random_programs(tmp_path: Path) -> None:
    done, refused, traps = _random(range(SEEDS), tmp_path, SECONDS)
    assert done > 30
    assert refused < done / 3
    assert traps > 5


def _random(seeds: range, folder: Path, seconds: float) -> tuple[int, int, int]:
    """Programs that ran, programs refused for what copies would tell, traps."""
    end = time.monotonic() + seconds
    done = refused = traps = 0
    for seed in seeds:
        if time.monotonic() > end:
            break
        try:
            traps += check_random(seed, folder).traps
            done += 1
        except CompileError as error:
            if not {diagnostic.code for diagnostic in error.diagnostics} <= set(SHARING):
                error.add_note(f"seed {seed}")
                raise
            refused += 1
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
    return done, refused, traps
