"""Rules where only one of several paths breaks them: what one path did, the join remembers."""

from __future__ import annotations

import pytest

from probee.errors import CompileError
from tests.frontend_cases import compiled, names_of
from tests.unit.compiler.frontend.test_rules import DECLARATIONS

PROGRAM = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
REFUSED = {
    "a map changed on one path": (
        "stale-reference",
        """
        p = points.get(1)
        if p is None:
            return
        if ctx.flags:
            del points[2]
        p.x = 1
        """,
    ),
    "a map changed in a later round": (
        "stale-reference",
        """
        p = points.get(1)
        if p is None:
            return
        for i in range(3):
            p.x = i
            points[i + 5] = Point(x=1)
        """,
    ),
    "stored on one path": (
        "changed-after-store",
        """
        p = Point(x=1)
        if ctx.flags:
            points[1] = p
        p.x = 2
        """,
    ),
    "there on one path": (
        "maybe-none",
        """
        p = points.get(1)
        if ctx.flags:
            if p is None:
                return
        p.x = 1
        """,
    ),
    "submitted on one path": (
        "ring-duty",
        """
        e = events.reserve()
        if e is None:
            return
        if ctx.flags:
            e.submit()
        """,
    ),
    "used where one path submitted": (
        "use-after-submit",
        """
        e = events.reserve()
        if e is None:
            return
        if ctx.flags:
            e.submit()
        e.n = 1
        e.submit()
        """,
    ),
    "submitted twice": (
        "use-after-submit",
        """
        if (e := events.reserve()) is not None:
            e.submit()
            e.submit()
        """,
    ),
    "a limit that the body moves": (
        "unbounded-loop",
        """
        i = 0
        n = 5
        while i < n:
            i += 1
            n += 1
        """,
    ),
    "a step that a continue jumps over": (
        "unbounded-loop",
        """
        i = 0
        while i < 5:
            if ctx.flags:
                continue
            i += 1
        """,
    ),
    "a counter that wraps before the end": (
        "unbounded-loop",
        """
        i: u8 = 0
        while i <= 255:
            i += 1
        """,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_path_is_enough(name: str) -> None:
    code, body = REFUSED[name]
    lines = [line[4:] for line in body.splitlines() if line.strip()]
    source = PROGRAM + "\n".join(lines) + "\n"
    with pytest.raises(CompileError) as refusal:
        compiled(names_of(source, **names_of(DECLARATIONS, "declarations.py")))
    assert {diagnostic.code for diagnostic in refusal.value.diagnostics} == {code}
