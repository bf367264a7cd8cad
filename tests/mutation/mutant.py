"""One seeded bug as a row, and what of it can be said without running anything.

In: a file of the compiler, a text that stands in it once, another text. Out: the file's text with
the bug in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
COMPILER = Path("probee/compiler")


class Mutant(NamedTuple):
    """`file` is below probee/compiler. `breaks`: what is wrong with it, in words. `by`: the kind of
    tests (see `evidence.py`) that has to catch it.
    """

    name: str
    file: str
    old: str
    new: str
    breaks: str
    by: str = "meaning"

    @property
    def path(self) -> Path:
        """The file below the root of the tree."""
        return COMPILER / self.file

    def text(self, root: Path = ROOT) -> str:
        """The file with the bug. Raises ValueError where the old text is not there, or not once."""
        text = (root / self.path).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(
                f"{self.name}: its text stands {text.count(self.old)} times in {self.file}"
            )
        return text.replace(self.old, self.new)
