"""Named programs on indices: of arrays in structs, in range and out of it.

In: nothing. Out: `INDICES`, sources by what they show, for tests/kernel/test_meaning.py.
"""

from __future__ import annotations

from tests.meaning.exact import HEADER

_PROGRAMS = {
    "indices of arrays in structs, in range and out of it": """
class Row(Struct):
    before: u32
    xs: list[u16] = array(u16, 5)
    behind: u64

rows = Array(Row, max_entries=2)

@raw_tracepoint("probee_meaning")
def program(ctx: Context) -> s64:
    row = rows[ctx.a & 1]
    row.xs[ctx.g % 5] += 3
    row.xs[-1 - ctx.g % 5] += 1
    total = row.xs[ctx.h & 3] * 10 + row.before + s64(row.behind)
    row.xs[ctx.g] += 2
    total += row.xs[ctx.h]
    return total * 10 + row.xs[ctx.d]
""",
}
INDICES = {name: HEADER + source for name, source in _PROGRAMS.items()}
