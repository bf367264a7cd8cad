"""One run tells every mistake, in the order of the source, each once, carets under its text."""

from __future__ import annotations

import textwrap

import pytest

from probee.errors import CompileError, Diagnostic
from tests.error_pages import PRELUDE
from tests.frontend_cases import compiled, names_of

HEAD = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'


def found(body: str, head: str = HEAD) -> list[tuple[int, str, str]]:
    """(line of the body, code, the text above the carets) of each diagnostic."""
    source = head + textwrap.indent(textwrap.dedent(body), "    ")
    first = head.count("\n")
    with pytest.raises(CompileError) as refusal:
        compiled(names_of(source, **names_of(PRELUDE, "declarations.py")))
    diagnostics = refusal.value.diagnostics
    assert str(refusal.value).startswith(str(diagnostics[0]))
    return [(d.line - first, d.code, d.text[d.column : d.end_column]) for d in diagnostics]


ONE_CAUSE = {
    "what is made of a bad value": (
        "a = nope + 1\nb = a + 2\nc = b * a\ntotal.value = c",
        [(1, "undefined-name", "nope")],
    ),
    "a name that is not there, many times": (
        "total.value = nope\ntotal.value += nope\nif nope:\n    total.value = 1",
        [(1, "undefined-name", "nope")],
    ),
    "a local that is not set, many times": (
        "if ctx.flags:\n    a = 1\ntotal.value = a\ntotal.value += a",
        [(3, "unbound", "a")],
    ),
    "a check that is missing, many times": (
        "p = seen.get(1)\ntotal.value = p.x\ntotal.value = p.y\np.x = 3",
        [(2, "maybe-none", "p")],
    ),
    "a reference that is old, many times": (
        "p = seen[1]\nseen[2] = Point(1, 2)\ntotal.value = p.x\ntotal.value = p.y",
        [(3, "stale-reference", "p")],
    ),
    "a type that is not there": (
        "x: u23 = 3\ntotal.value = x",
        [(1, "annotation", "u23")],
    ),
    "a loop over what is not there": (
        "for i in range(nope):\n    k = i + 1\n    total.value += k\ntotal.value += i",
        [(1, "undefined-name", "nope")],
    ),
    "a check that could not be read": (
        "p = seen.get(1)\nif p is None or nope:\n    return\ntotal.value = p.x",
        [(2, "undefined-name", "nope")],
    ),
    "a check by assert": (
        "p = seen.get(1)\nassert p is not None\ntotal.value = p.x",
        [(2, "syntax", "assert p is not None")],
    ),
    "an import inside": (
        "import os\ntotal.value = os.getpid()\ntotal.value += os.getpid()",
        [(1, "syntax", "import os")],
    ),
    "a function inside": (
        "def f(n):\n    return n\ntotal.value = f(1)",
        [(1, "syntax", "def f(n):")],
    ),
    "a loop that ends nowhere": (
        "i = 0\nwhile ctx.flags:\n    i += 1\n    if i > 3:\n        break\ntotal.value = i",
        [(2, "unbounded-loop", "ctx.flags")],
    ),
    "a record of a ring": (
        "e = events.reserve(3)\nif e is None:\n    return\ne.n = 1\ne.submit()",
        [(1, "arguments", "events.reserve(3)")],
    ),
    "a field of a struct": (
        "p = Point(1, z=2)\nseen[1] = p\ntotal.value = p.x",
        [(1, "arguments", "z=2")],
    ),
}


@pytest.mark.parametrize("case", ONE_CAUSE)
def test_one_mistake_is_told_once(case: str) -> None:
    body, expected = ONE_CAUSE[case]
    assert found(body) == expected


SEVERAL = {
    "in statements, of every kind": (
        """\
        x = 1.5
        counts[1] = nope
        for z in [1, 2]:
            total.value += nope2
        while True:
            ctx.flags = 3
        q = ctx.nosuch
        w = q + 1
        return 5
        """,
        [
            (1, "no-float", "1.5"),
            (2, "undefined-name", "nope"),
            (3, "syntax", "[1, 2]"),
            (4, "undefined-name", "nope2"),
            (5, "unbounded-loop", "True"),
            (6, "no-attribute", "ctx.flags"),
            (7, "no-attribute", "ctx.nosuch"),
        ],
    ),
    "in one expression": (
        "counts[nope] = min(nope2, off + 1)",
        [
            (1, "undefined-name", "nope"),
            (1, "undefined-name", "nope2"),
            (1, "undefined-name", "off"),
        ],
    ),
    "on one line": (
        "a = nope; b = nope2; total.value = a + b",
        [(1, "undefined-name", "nope"), (1, "undefined-name", "nope2")],
    ),
    "in a condition and on both of its ways": (
        """\
        if nope:
            a = nope2
        elif nope3:
            a = 1 / 2
        else:
            a = nope4
        total.value = a
        """,
        [
            (1, "undefined-name", "nope"),
            (2, "undefined-name", "nope2"),
            (3, "undefined-name", "nope3"),
            (4, "syntax", "1 / 2"),
            (6, "undefined-name", "nope4"),
        ],
    ),
    "in a match and in its cases": (
        """\
        match nope:
            case 1:
                total.value = nope2
            case _:
                total.value = 2 ** 3
        """,
        [
            (1, "undefined-name", "nope"),
            (3, "undefined-name", "nope2"),
            (5, "syntax", "2 ** 3"),
        ],
    ),
    "behind a record that was misused": (
        "e = events.reserve()\nif e:\n    e.n = nope\ntotal.value = nope2",
        [
            (2, "struct-truth", "e"),
            (3, "undefined-name", "nope"),
            (4, "undefined-name", "nope2"),
        ],
    ),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_every_mistake_is_told_in_the_order_of_the_source(case: str) -> None:
    body, expected = SEVERAL[case]
    assert found(body) == expected


def test_a_function_is_told_once_whoever_calls_it() -> None:
    head = f"def shared(n):\n    return n + nope\n\n\n{HEAD}"
    body = "total.value = shared(1)\ntotal.value += shared(2)\ntotal.value += nope2"
    assert found(body, head) == [(-4, "undefined-name", "nope"), (3, "undefined-name", "nope2")]


def test_a_hook_that_is_not_there_is_told_once_at_its_name() -> None:
    head = HEAD.replace("openat", "opennat")
    body = "total.value = ctx.flags\ntotal.value += ctx.mode"
    assert found(body, head) == [(-1, "no-tracepoint", '"syscalls:sys_enter_opennat"')]


def test_lines_of_one_expression_have_carets_of_their_own() -> None:
    body = "total.value = (\n    ctx.flags\n    + nope\n    * 3\n)\nx = min(\n    1,\n    'x',\n)"
    assert found(body) == [(3, "undefined-name", "nope"), (8, "type", "'x'")]
    assert found("total.value = (ctx.flags\n    / 2)") == [(1, "syntax", "ctx.flags")]


@pytest.mark.parametrize(
    ("text", "marked", "carets"),
    [
        ("x = nope", "nope", "    ^^^^"),
        ("\tx\t= nope", "nope", "\t \t  ^^^^"),
        ("x = a\t+ b", "a\t+ b", "    ^\t^^^"),
        ('x = "日本"; y = nope', "nope", "                ^^^^"),
        ("x = '日本'", "'日本'", "    ^^^^^^"),
        ("größe = nöpe", "nöpe", "        ^^^^"),
        ("e\u0301 = no\u0308pe", "no\u0308pe", "    ^^^^"),
    ],
)
def test_carets_stand_under_the_text(text: str, marked: str, carets: str) -> None:
    column = text.index(marked)
    diagnostic = Diagnostic(
        "x", "m", file="f.py", line=7, column=column, end_column=column + len(marked), text=text
    )
    assert str(diagnostic).splitlines()[1:] == [f"   7 | {text}", f"     | {carets}"]


def test_the_text_has_the_first_twenty_and_the_error_all() -> None:
    body = "\n".join(f"a{i} = nope{i}" for i in range(33))
    with pytest.raises(CompileError) as refusal:
        compiled(
            names_of(HEAD + textwrap.indent(body, "    "), **names_of(PRELUDE, "declarations.py"))
        )
    assert [d.line for d in refusal.value.diagnostics] == list(range(3, 36))
    assert str(refusal.value).count("error[undefined-name]") == 20
    assert str(refusal.value).endswith("\n\nand 13 more errors")
