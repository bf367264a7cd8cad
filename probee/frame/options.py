"""Options as rows, and a command line read by them: GNU style, without `argparse`.

In: `Option` rows and the words of the command line. Out: `Values`, every option under its name
with `-` as `_`, or a UsageError that says in one sentence what is wrong. Help, manual pages and
completion for shells come from the same rows.

    -p 1 -p 2,3   -p1   --pid 1   --pid=1   -xTT   --
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


# Of arguments: what is there now (files, processes, ...), and names that are always the same.
KINDS = (
    "file", "folder", "command", "pid", "tid", "comm", "uid", "user", "errno", "open-flag",
)  # fmt: skip


class Option(Frozen):
    """One option. With an empty `metavar` it is a flag; `counted` flags tell how often they came.

    `parse` turns an argument's text into its value and raises UsageError or ValueError. `many`:
    several arguments, repeated or separated by commas: the value is a tuple, empty at first.
    Without `commas` they are only repeated, for a comma may be part of one.
    `group` is the heading in the help. `clashes`: names of options that cannot come with it.
    `takes`: what the argument is, for shells to complete: one of `KINDS`, or its words, which the
    help lists; empty where only the user can know.
    """

    name: str
    letter: str = ""
    metavar: str = ""
    help: str = ""
    parse: Callable[[str], Any] = str
    many: bool = False
    commas: bool = True
    counted: bool = False
    default: Any = None
    group: str = "Options"
    clashes: tuple[str, ...] = ()
    takes: str | tuple[str, ...] = ""

    @property
    def key(self) -> str:
        """The attribute of `Values` that holds its value."""
        return self.name.replace("-", "_")

    @property
    def start(self) -> Any:
        """The value when the option is not given."""
        if self.many:
            return ()
        if self.metavar:
            return self.default
        return 0 if self.counted else False

    @property
    def several(self) -> bool:
        """Whether one argument may be several values with commas between."""
        return self.many and self.commas

    @property
    def spelling(self) -> str:
        """How a message names it: `-p/--pid`."""
        return f"-{self.letter}/--{self.name}" if self.letter else f"--{self.name}"


class UnknownOptionError(UsageError):
    """An option that there is not. `word`: it, as it stands on the command line."""

    def __init__(self, message: str, word: str) -> None:
        super().__init__(message)
        self.word = word


class Values:
    """What the command line said: an attribute for each option; `given` are the keys seen.

    `behind`: the words behind `--`.
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, options: Sequence[Option]) -> None:
        self.given: set[str] = set()
        self.behind: tuple[str, ...] = ()
        for option in options:
            setattr(self, option.key, option.start)


def parse(options: Sequence[Option], words: Sequence[str]) -> tuple[Values, list[str]]:
    """Options and operands. What follows `--` is all operands. Raises UsageError."""
    by_letter = {o.letter: o for o in options if o.letter}
    by_name = {o.name: o for o in options}
    values = Values(options)
    operands: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            operands += rest
            values.behind = tuple(rest)
            break
        if word.startswith("--"):
            name, equals, argument = word[2:].partition("=")
            option = by_name.get(name)
            if option is None:
                message = f"unknown option --{_shown(name)}{nearest(name, by_name)}"
                raise UnknownOptionError(message, word)
            if option.metavar:
                _take(values, option, argument if equals else _next(option, rest))
            elif equals:
                raise UsageError(f"option --{name} takes no argument")
            else:
                _raise_flag(values, option)
        elif word.startswith("-") and len(word) > 1:
            _bundle(values, by_letter, word, rest)
        else:
            operands.append(word)
    _check_clashes(options, values)
    return values, operands


def _shown(word: str) -> str:
    """A word as a message names it: printable, on one line."""
    return repr(word)[1:-1]


def _bundle(values: Values, by_letter: dict[str, Option], word: str, rest: list[str]) -> None:
    """`-xTT`, `-p1`, `-xp 1`: flags up to the first letter that takes an argument."""
    for at, letter in enumerate(word[1:], 2):
        option = by_letter.get(letter)
        if option is None:
            within = f" in {_shown(word)}" if word[2:] else ""
            raise UnknownOptionError(f"unknown option -{_shown(letter)}{within}", word)
        if option.metavar:
            _take(values, option, word[at:] or _next(option, rest))
            return
        _raise_flag(values, option)


def _next(option: Option, rest: list[str]) -> str:
    if not rest:
        raise UsageError(f"option {option.spelling} needs an argument: {option.metavar}")
    return rest.pop(0)


def _raise_flag(values: Values, option: Option) -> None:
    values.given.add(option.key)
    setattr(values, option.key, getattr(values, option.key) + 1 if option.counted else True)


def _take(values: Values, option: Option, argument: str) -> None:
    pieces = argument.split(",") if option.many and option.commas else [argument]
    try:
        taken = [option.parse(piece) for piece in pieces]
    except (UsageError, ValueError) as error:
        raise UsageError(f"option {option.spelling}: {error}") from None
    if option.many:
        before = getattr(values, option.key)
        taken = [v for i, v in enumerate(taken) if v not in before and v not in taken[:i]]
        setattr(values, option.key, (*before, *taken))
    else:
        setattr(values, option.key, taken[0])
    values.given.add(option.key)


def _check_clashes(options: Sequence[Option], values: Values) -> None:
    for option in options:
        for other in option.clashes:
            if option.key in values.given and other.replace("-", "_") in values.given:
                raise UsageError(f"options --{option.name} and --{other} exclude each other")


def nearest(word: str, known: Sequence[str] | dict[str, Any]) -> str:
    """`; did you mean X?` for the known name nearest to `word`, or nothing.

    Near: at most a third of its letters differ (edit distance with neighbours swapped), or one is
    the beginning of the other.
    """
    best, best_cost = "", 1 + max(len(word) // 3, 1)
    for name in known:
        cost = _distance(word, name)
        if len(word) > 2 and name.startswith(word):
            cost = 1
        if cost < best_cost:
            best, best_cost = name, cost
    return f"; did you mean {best}?" if best else ""


def _distance(a: str, b: str) -> int:
    """Optimal string alignment distance: insert, delete, replace, swap neighbours."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


# ------------------------------------------------------------------------- parsers of arguments


def whole(text: str, low: int, high: int, what: str) -> int:
    """A decimal number from `low` to `high`. Raises UsageError naming `what` is wanted."""
    if text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high:
        return int(text)
    raise UsageError(f"{text!r} is not {what} ({low} to {high})")


def pid(text: str) -> int:
    """A process or thread id."""
    return whole(text, 1, 4_194_304, "a process or thread id")


def uid(text: str) -> int:
    """A numeric user id."""
    return whole(text, 0, 4_294_967_294, "a numeric user id")


def count(text: str) -> int:
    """How many: 1 or more."""
    return whole(text, 1, 1 << 62, "a count")


def micros(text: str) -> int:
    """A time in microseconds, with a fraction if wanted, in nanoseconds; at most a year."""
    digits = text.replace(".", "", 1)
    if digits.isascii() and digits.isdigit() and len(text) < 20 and float(text) <= 31_536_000e6:
        return round(float(text) * 1000)
    raise UsageError(f"{text!r} is not a time in microseconds, such as 100 or 0.5")


def seconds(text: str) -> float:
    """A time in seconds, with a fraction if wanted, more than 0 and at most a year."""
    digits = text.replace(".", "", 1)
    if digits.isascii() and digits.isdigit() and len(text) < 20 and 0 < float(text) <= 31_536_000:
        return float(text)
    raise UsageError(f"{text!r} is not a time in seconds, such as 10 or 0.5")


def size(text: str) -> int:
    """A ring buffer's size in bytes, from `512K` or `8M`."""
    from probee.lang.maps import parse_size

    return parse_size(text)


def file_name(text: str) -> str:
    """The name of a file: anything but nothing."""
    if not text or "\0" in text:
        raise UsageError("the file name is empty or holds a NUL")
    return text


def word(text: str) -> str:
    """A name: anything but nothing."""
    if not text or "\0" in text:
        raise UsageError("the name is empty or holds a NUL")
    return text
