"""`probee batch file FILE`: many commands of bpftool's grammar in one process.

In: lines, each an object, a verb and its words; options stand before `batch` and hold for all. Out:
what each prints, one behind the other, or with -j an array of objects `command` and `output`.

A line may be continued with a backslash at its end; # begins a comment; words with blanks stand
between quotes. The first command that fails ends the batch.
"""

from __future__ import annotations

import os

from probee.cli import grammar
from probee.cli.commands import COMMANDS, OBJECTS
from probee.cli.grammar import Verb
from probee.errors import ProbeeError, UsageError
from probee.frame.guard import FAILED, OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from probee.cli.grammar import Call

VERBS = (
    Verb("file", "FILE", "the commands in FILE, - for standard input", "probee.cli.batch:file"),
)
PAGE = grammar.page(
    "batch",
    "Carry out commands of bpftool's grammar from a file.",
    "A line is a command without its options, as `prog show id 1`. A backslash at its end "
    "continues it, # begins a comment. The first that fails ends the batch.",
    VERBS,
    (
        ("batch file commands", "one after the other"),
        ("-j batch file -", "from standard input, as JSON"),
    ),
)
_BLANKS = " \t\r\n"


def run(words: Sequence[str]) -> int:
    """The exit status."""
    return grammar.run(PAGE, VERBS, words)


def file(call: Call) -> int:
    """`file`."""
    if len(call.words) != 1:
        raise UsageError("too few parameters for batch" if not call.words else
                         "too many parameters for batch")  # fmt: skip
    lines = _lines(_opened(call.words[0]))
    writer, count, status = call.json, 0, OK
    if writer is not None:
        writer.begin_array()
    for words in commands(lines):
        if writer is not None:
            writer.begin_object()
            writer.name("command")
            writer.begin_array()
            for word in words:
                writer.string(word)
            writer.end()
            writer.name("output")
        status = _command(call, words)
        if writer is not None:
            writer.end()
        if status != OK:
            break
        count += 1
        call.flush()
    if writer is not None:
        writer.end()
    elif status == OK:
        call.write(f"processed {count} commands\n")
    return status


def _command(call: Call, words: list[str]) -> int:
    name = next((one for one in (*OBJECTS, "help") if one.startswith(words[0])), "")
    if name == "version":
        return grammar.version(call)
    if name in {"batch", ""} or all(name != command for command, _ in COMMANDS):
        why = "is not built yet" if name and name != "batch" else "is no command of a batch"
        call.fail(f"{words[0]} {why}")
        return FAILED
    module = __import__(f"probee.cli.{name}", fromlist=["PAGE", "VERBS"])
    return grammar.carry_out(call, module.PAGE, module.VERBS, words[1:])


def _opened(path: str) -> int:
    """A descriptor of the file, 0 for `-`."""
    try:
        return 0 if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ProbeeError(f"Can't open file ({path}): {error.strerror}") from None


def _lines(descriptor: int) -> Iterator[str]:
    """Lines as they come: standard input may be somebody who types."""
    try:
        with open(descriptor, "rb", closefd=descriptor != 0) as source:
            for line in source:
                yield line.decode("utf-8", "surrogateescape").removesuffix("\n")
    except OSError as error:
        raise ProbeeError(f"reading batch file failed: {error.strerror}") from None


def commands(source: Iterable[str]) -> Iterator[list[str]]:
    """The words of each command. Raises UsageError at one that cannot be read."""
    lines = iter(source)
    number = 0
    for line in lines:
        whole = line.partition("#")[0]
        while whole.endswith("\\"):
            following = next(lines, None)
            if following is None:
                raise UsageError(f"missing continuation line on command {number}")
            whole = whole[:-1] + following.partition("#")[0]
        words = _words(whole, number)
        if words:
            number += 1
            yield words


def _words(line: str, number: int) -> list[str]:
    words: list[str] = []
    rest = line.lstrip(_BLANKS)
    while rest:
        if rest[0] in "'\"":
            word, quote, rest = rest[1:].partition(rest[0])
            if not quote:
                raise UsageError(f"unterminated quoted string in command {number}")
        else:
            end = next((at for at, char in enumerate(rest) if char in _BLANKS), len(rest))
            word, rest = rest[:end], rest[end + 1 :]
        words.append(word)
        rest = rest.lstrip(_BLANKS)
    return words
