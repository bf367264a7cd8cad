"""The pages of docs/errors: what they show, and what the compiler says to it.

In: docs/errors/CODE.md, each with at least one part `## Wrong` (a program, then the complete
diagnostic) and one `## Right` (a program that compiles). A few refusals need what no page can show,
such as a file that changes; their tests stand elsewhere.
`python -m tests.error_pages` writes the diagnostics and the index anew, to be read.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from probee.errors import CompileError
from tests.doc_examples import ROOT
from tests.frontend_cases import compiled, names_of

FOLDER = ROOT / "docs" / "errors"
INDEX = FOLDER / "README.md"
PAGES = {p.stem: p.read_text(encoding="utf-8") for p in FOLDER.glob("*.md") if p != INDEX}
_FENCE = re.compile(r"^```(?:py)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRELUDE: str = _FENCE.findall(INDEX.read_text(encoding="utf-8"))[0]
_LIST = "## The codes\n"


class Wrong(NamedTuple):
    """A program and the complete text that the page says it gives."""

    source: str
    said: str


def _parts(code: str, title: str) -> list[list[str]]:
    """The fenced blocks of each part of a page whose heading begins with `title`."""
    parts = re.split(r"^## ", PAGES[code], flags=re.MULTILINE)[1:]
    return [_FENCE.findall(p) for p in parts if p.startswith(title)]


def wrong(code: str) -> list[Wrong]:
    """The refused examples of a page."""
    return [Wrong(*blocks) for blocks in _parts(code, "Wrong")]


def right(code: str) -> list[str]:
    """The programs of a page that compile."""
    return [source for (source,) in _parts(code, "Right")]


def refusal(source: str) -> CompileError | None:
    """What the compiler says to an example beside the shared declarations."""
    names = names_of(source, **names_of(PRELUDE, "declarations.py"))
    try:
        compiled(names, license_=names.get("LICENSE", "Dual MIT/GPL"), frozen={})
    except CompileError as error:
        return error
    return None


def summary(code: str) -> str:
    """The first sentence of a page."""
    text = PAGES[code].split("\n", 2)[2].split("\n\n", 1)[0].replace("\n", " ")
    return re.split(r"(?<=[.:]) ", text, maxsplit=1)[0].rstrip(":.")


def index() -> str:
    """The text that the index should have."""
    head = INDEX.read_text(encoding="utf-8").split(_LIST)[0]
    return head + _LIST + "\n" + "".join(f"- [{c}]({c}.md): {summary(c)}.\n" for c in sorted(PAGES))


def _rewritten(code: str) -> str:
    page = PAGES[code]
    for source, said in wrong(code):
        error = refusal(source)
        if error is not None:
            shown, new = (f"```py\n{source}```\n\n```\n{text}```" for text in (said, f"{error}\n"))
            page = page.replace(shown, new)
    return page


if __name__ == "__main__":
    for each in PAGES:
        (FOLDER / f"{each}.md").write_text(_rewritten(each), encoding="utf-8")
    INDEX.write_text(index(), encoding="utf-8")
