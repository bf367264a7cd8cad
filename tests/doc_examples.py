"""The Python programs in README.md and docs/: a ```python block is a whole program that runs.

(A fragment stands in a ```py block and only has to parse.)
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```(python|py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """`place` is page:line of the fence; `whole` tells a program from a fragment."""

    place: str
    source: str
    whole: bool


def examples() -> list[Example]:
    """Every block of every page, in order."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            place = f"{page.relative_to(ROOT)}:{line}"
            found.append(Example(place, match[2], whole=match[1] == "python"))
    return found
