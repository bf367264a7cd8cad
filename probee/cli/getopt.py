"""A command line read in the manner of GNU getopt_long: bundled letters, abbreviated long names.

In: letters with `:` (an argument) or `::` (an argument that may be left out), rows of long names,
and words. Out: (what, argument) one after another, at last the operands; what is wrong is a
`Wrong` with the words of the GNU C library.

    -hS   -x1   -x 1   --hex-dump=1   --hex 1   file -h   --   @FILE
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NO, REQUIRED, OPTIONAL = 0, 1, 2
MOST_FILES = 2000  # of words, one out of the other
ESCAPED = ("", "$", "`", '"', "\\", "\n")  # what a backslash in double quotes stands before
SPACE = " \f\n\r\t\v"
DIGITS = tuple("0123456789abcdef")
U64 = (1 << 64) - 1


class Wrong(Exception):
    """An option that is not there, or not so; a sentence without the program's name."""


class BadFile(Exception):
    """An @FILE that cannot be."""


class Scanner:
    """`longs`: (name, whether it takes an argument, what it is). What a letter is, is the letter.

    Iterating gives the options; afterwards `operands` holds the other words. A `Wrong` ends it.
    """

    def __init__(
        self, letters: str, longs: Sequence[tuple[str, int, str]], words: Sequence[str]
    ) -> None:
        self._letters, self._longs = letters, longs
        self._words = list(words)
        self.operands: list[str] = []

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        words, strict = self._words, "POSIXLY_CORRECT" in os.environ
        while words:
            word = words.pop(0)
            if word == "--":
                break
            if word.startswith("--"):
                yield self._long(word[2:])
            elif len(word) > 1 and word[0] == "-":
                yield from self._short(word[1:])
            else:
                self.operands.append(word)
                if strict:
                    break
        self.operands += words

    def _short(self, letters: str) -> Iterator[tuple[str, str | None]]:
        while letters:
            letter, letters = letters[0], letters[1:]
            at = self._letters.find(letter)
            if at < 0 or letter in ":;":
                raise Wrong(f"invalid option -- '{letter}'")
            if self._letters[at + 1 : at + 2] != ":":
                yield letter, None
                continue
            if letters or self._letters[at + 1 : at + 3] == "::":
                yield letter, letters or None
            elif self._words:
                yield letter, self._words.pop(0)
            else:
                raise Wrong(f"option requires an argument -- '{letter}'")
            return

    def _long(self, word: str) -> tuple[str, str | None]:
        name, equals, argument = word.partition("=")
        found = [row for row in self._longs if row[0] == name]
        if not found:
            found = [row for row in self._longs if row[0].startswith(name)]
        if not found:
            raise Wrong(f"unrecognized option '--{word}'")
        others = [row for row in found if row[1:] != found[0][1:]]
        if others:
            possible = "".join(f" '--{row[0]}'" for row in (found[0], *others))
            raise Wrong(f"option '--{word}' is ambiguous; possibilities:{possible}")
        whole, takes, what = found[0]
        if equals:
            if takes == NO:
                raise Wrong(f"option '--{whole}' doesn't allow an argument")
            return what, argument
        if takes == REQUIRED:
            if not self._words:
                raise Wrong(f"option '--{whole}' requires an argument")
            return what, self._words.pop(0)
        return what, None


def number(text: str) -> tuple[int, str]:
    """What C's strtoul makes of the text with base 0, and what it leaves of it."""
    rest = text.lstrip(SPACE)
    sign = rest[:1] if rest[:1] in ("+", "-") else ""
    rest = rest[len(sign) :]
    base = 10
    if rest[:2].lower() == "0x" and rest[2:3].lower() in DIGITS:
        base, rest = 16, rest[2:]
    elif rest[:1] == "0":
        base = 8
    end = 0
    while end < len(rest) and rest[end].lower() in DIGITS[:base]:
        end += 1
    if not end:
        return 0, text
    value = min(int(rest[:end], base), U64)
    if sign == "-" and value < U64:
        value = -value & U64
    return value, rest[end:]


def expanded(words: Sequence[str]) -> list[str]:
    """The words, with those of FILE in place of @FILE if there is such a file. Raises BadFile."""
    left, out, files = list(words), [], 0
    while left:
        word = left.pop(0)
        if not word.startswith("@"):
            out.append(word)
            continue
        files += 1
        if files >= MOST_FILES:
            raise BadFile("too many @-files encountered")
        try:
            with open(os.fsencode(word[1:]), "rb") as file:
                text = os.fsdecode(file.read().split(b"\0", 1)[0])
        except IsADirectoryError:
            raise BadFile("@-file refers to a directory") from None
        except OSError:
            out.append(word)
            continue
        left = _split(text) + left
    return out


def _split(text: str) -> list[str]:
    """Words between white space; quotes and backslashes protect it."""
    words: list[str] = []
    word, began, quote, escaped = "", False, "", False
    for at, letter in enumerate(text):
        if escaped:
            word += "" if letter == "\n" else letter
            escaped = False
        elif letter == "\\" and _escapes(quote, text[at + 1 : at + 2]):
            began = escaped = True
        elif quote:
            word += "" if letter == quote else letter
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            began, quote = True, letter
        elif letter in SPACE:
            if began:
                words.append(word)
            word, began = "", False
        else:
            word, began = word + letter, True
    return [*words, word] if began else words


def _escapes(quote: str, following: str) -> bool:
    """Whether a backslash is one here: in single quotes never, in double ones before some."""
    return not quote or (quote == '"' and following in ESCAPED)
