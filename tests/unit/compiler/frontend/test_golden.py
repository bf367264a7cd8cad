"""What the front end makes of representative programs, as text.

Each case of tests/golden/frontend.txt is a program and, behind `---`, its IR before any pass.
`python -m tests.unit.compiler.frontend.test_golden` writes the IR anew, to be read.
"""

from __future__ import annotations

import textwrap

import pytest

from tests.doc_examples import ROOT
from tests.error_pages import PRELUDE
from tests.frontend_cases import ir_of, names_of

FILE = ROOT / "tests" / "golden" / "frontend.txt"
HEAD = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'


def _cases() -> dict[str, tuple[str, str]]:
    cases = {}
    for text in FILE.read_text(encoding="utf-8").split("\n=== ")[1:]:
        name, _, rest = text.partition("\n")
        body, _, ir = rest.partition("\n---\n")
        cases[name] = body.strip("\n"), ir.strip("\n")
    return cases


def _ir(body: str) -> str:
    source = HEAD + textwrap.indent(body, "    ") + "\n"
    return ir_of(names_of(source, **names_of(PRELUDE, "declarations.py"))).strip("\n")


CASES = _cases()


@pytest.mark.parametrize("name", CASES)
def test_ir(name: str) -> None:
    body, ir = CASES[name]
    assert _ir(body) == ir


def _rewrite() -> None:
    rows = ["The front end's IR. Written by test_golden.py; read what changed before keeping it."]
    for name, (body, _) in CASES.items():
        rows.append(f"\n=== {name}\n{body}\n---\n{_ir(body)}")
    FILE.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _rewrite()
