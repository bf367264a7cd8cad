"""Patterns of names: `*`, `?`, `[a-z]`, `[!a-z]`, as Python's fnmatch.fnmatchcase has them.

In: a pattern. Out: a function that tells whether a name matches. A `*` takes slashes too, and a
bracket that is not closed is one. (`fnmatch` itself costs `re`, 10 ms before the first row.)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Part = str | tuple[bool, tuple[tuple[str, str], ...]] | None  # a character, a set, any one


def glob(pattern: str) -> Callable[[str], bool]:
    """Whether a text matches the pattern from its first character to its last."""
    pieces = _pieces(pattern)
    if len(pieces) == 1:
        return lambda text: len(text) == len(pieces[0]) and _fits(pieces[0], text, 0)
    first, *middle, last = pieces

    def matches(text: str) -> bool:
        at, end = len(first), len(text) - len(last)
        if at > end or not _fits(first, text, 0) or not _fits(last, text, end):
            return False
        for piece in middle:  # each as far to the left as can be: that leaves the rest most room
            at = _find(piece, text, at, end - len(piece))
            if at < 0:
                return False
            at += len(piece)
        return True

    return matches


def _pieces(pattern: str) -> list[list[Part]]:
    """What stands between the stars."""
    pieces: list[list[Part]] = [[]]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        end = pattern.find("]", at + 3 if pattern[at + 1 : at + 2] == "!" else at + 2)
        at += 1
        if char == "*":
            pieces.append([])
        elif char == "?":
            pieces[-1].append(None)
        elif char == "[" and end >= 0:
            pieces[-1].append(_set(pattern[at:end]))
            at = end + 1
        else:
            pieces[-1].append(char)
    return pieces


def _set(text: str) -> Part:
    """What stands between brackets: whether it means all others, and ranges."""
    inverse = text.startswith("!")
    text = text[inverse:]
    ranges = []
    at = 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            ranges.append((text[at], text[at + 2]))
            at += 3
        else:
            ranges.append((text[at], text[at]))
            at += 1
    return inverse, tuple(ranges)


def _fits(piece: list[Part], text: str, at: int) -> bool:
    """Whether the piece, which is not longer than the text from there on, stands at `at`."""
    for char, part in zip(text[at : at + len(piece)], piece, strict=True):
        if isinstance(part, str):
            if part != char:
                return False
        elif part is not None:
            inverse, ranges = part
            if any(low <= char <= high for low, high in ranges) == inverse:
                return False
    return True


def _find(piece: list[Part], text: str, start: int, last: int) -> int:
    """The first place from `start` to `last` where the piece stands, or -1."""
    for at in range(start, last + 1):
        if _fits(piece, text, at):
            return at
    return -1
