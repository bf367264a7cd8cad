"""Examples of the docs as `probee build` takes them.

In: a whole example, a folder. Out: its programs, imported as a module that is gone at the end.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from probee.introspect.build import Source, from_file
from tests.doc_examples import examples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.doc_examples import Example

WHOLE = [example for example in examples() if example.whole]


@contextmanager
def imported(example: Example, folder: Path) -> Iterator[Source]:
    """The programs of a page's example."""
    name = f"example_{WHOLE.index(example)}"
    path = folder / f"{name}.py"
    path.write_text(example.source, encoding="utf-8")
    before = list(sys.path)
    yield from_file(str(path))
    sys.path[:] = before
    del sys.modules[name]
