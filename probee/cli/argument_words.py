"""Kinds of arguments whose words are always the same, for completion.

In: what an option takes. Out: those words, or nothing where only the running system knows them.
"""

from __future__ import annotations

from errno import errorcode

from probee.frame.openflags import ALL_NAMES


def fixed_words(takes: str | tuple[str, ...]) -> tuple[str, ...]:
    """`("O_APPEND", ...)` for "open-flag"."""
    if isinstance(takes, tuple):
        return takes
    if takes == "errno":
        return tuple(sorted(errorcode.values()))
    return tuple(sorted(ALL_NAMES)) if takes == "open-flag" else ()


def single_quoted(text: str) -> str:
    r"""`text` as one word of bash and zsh: what stands between quotes means itself."""
    return "'" + text.replace("'", "'\\''") + "'"
