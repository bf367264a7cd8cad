"""The fragments of docs/language.md compile, as bodies of a program by the names of docs/errors."""

from __future__ import annotations

import textwrap

import pytest

from tests.doc_examples import examples
from tests.error_pages import PRELUDE
from tests.frontend_cases import compiled, names_of

FRAGMENTS = [e for e in examples() if e.place.startswith("docs/language.md") and not e.whole]
HEAD = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'


@pytest.mark.parametrize("place", [e.place for e in FRAGMENTS])
def test_fragment_compiles(place: str) -> None:
    fragment = next(e for e in FRAGMENTS if e.place == place)
    source = HEAD + textwrap.indent(fragment.source, "    ")
    assert compiled(names_of(source, **names_of(PRELUDE, "declarations.py"))).programs
