"""The grammar of bpftool: `probee [OPTION]... prog|map|link|... VERB [WORD]...`.

In: a page, its verbs, and the words behind the command. Out: an exit status, after the verb ran.

Options may stand anywhere, before the command too. A verb, a keyword and a long option may be cut
to any beginning; the first in the table that fits is meant. Without a verb, the first is. An error
is a sentence on standard error and, with -j, also an object `{"error": ...}` in the JSON.
"""

from __future__ import annotations

from probee.errors import ProbeeError, UsageError, VerifierError
from probee.frame.guard import FAILED, OK, USAGE
from probee.frame.options import Option, UnknownOptionError, Values, file_name, nearest, parse
from probee.frame.output import Output, say
from probee.frame.page import HELP, Page
from probee.frozen import Frozen
from probee.introspect.bpftool.jsonw import JsonWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from probee.btf.flat import Flat

_FLUSH = 1 << 16  # characters kept before they are written

# What every command of this grammar takes; those of one command come behind them.
OPTIONS = (
    Option("json", "j", help="JSON, as bpftool writes it", group="Output"),
    Option("pretty", "p", help="JSON, indented", group="Output"),
    Option("bpffs", "f", help="show where objects are pinned", group="Output"),
    Option("nomount", "n", help="never mount a file system: probee does not, so nothing changes"),
    Option("mapcompat", "m", help="accept old definitions of maps; concerns object files alone"),
    Option("use-loader", "L", help="load with a program of the kernel's; concerns loading alone"),
    Option("base-btf", "B", "FILE", "the types that those of btf dump stand on", file_name,
           takes="file"),
    Option("debug", "d", group="When it goes wrong",
           help="show where in probee an error arose, and what the verifier said"),
    HELP,
    Option("version", "V", help="show the version", group="Help"),
)  # fmt: skip
EXIT_STATUS = (
    ("0", "done"),
    ("1", "could not do it, or nothing is there that was asked for"),
    ("2", "the command line is wrong"),
)


class Verb(Frozen):
    """One verb of a command. `where`: the module and function that do it, `probee.cli.x:name`.

    Without `where` the verb has its place here, and says that it is not built yet. `options`: those
    of its command's own options that it takes; with another verb they are an error. `own_page`: its
    module has a PAGE, which tells of the verb alone.
    """

    name: str
    operands: str = ""
    help: str = ""
    where: str = ""
    options: tuple[str, ...] = ()
    own_page: bool = False


def page(
    name: str,
    summary: str,
    description: str,
    verbs: Sequence[Verb],
    examples: tuple[tuple[str, str], ...],
    options: tuple[Option, ...] = (),
    keywords: tuple[str, ...] = (),
) -> Page:
    """The page of a command with verbs. `keywords`: words that may follow a verb, for shells."""
    built = [verb for verb in verbs if verb.where or verb.name == "help"]
    later = [verb.name for verb in verbs if not verb.where and verb.name != "help"]
    rows = [(f"{verb.name} {verb.operands}".rstrip(), verb.help) for verb in built]
    rows += [("later", f"not built yet: {', '.join(later)}")] if later else []
    names = dict.fromkeys((*(verb.name for verb in built), *keywords))
    return Page(
        name,
        summary,
        description,
        (*OPTIONS, *options),
        examples,
        "[VERB [WORD]...]",
        tuple(names),
        EXIT_STATUS,
        (("Verbs", tuple(rows)),),
    )


class Call:
    """One command line being carried out: its words, its options, and where its output goes.

    `words`: what stands behind the verb. `json`: the writer with -j or -p, else None. `base`: the
    types in the file that -B names.
    """

    __slots__ = ("_kept", "_length", "_output", "base", "command", "json", "values", "words")

    def __init__(self, values: Values, output: Output) -> None:
        self.values = values
        self.command = ""
        self.base: Flat | None = None
        self.words: list[str] = []
        self._output = output
        self._kept: list[str] = []
        self._length = 0
        wanted = values.json or values.pretty
        self.json = JsonWriter(self.write, pretty=values.pretty) if wanted else None

    def write(self, text: str) -> None:
        """Text, exactly as it is to appear; bytes that are no UTF-8 as surrogates."""
        self._kept.append(text)
        self._length += len(text)
        if self._length > _FLUSH:
            self.flush()

    def flush(self) -> None:
        """What was written so far is out."""
        data = "".join(self._kept).encode("utf-8", "surrogateescape")
        self._kept.clear()
        self._length = 0
        if data:
            self._output.write(data)

    def warn(self, text: str) -> None:
        """A sentence on standard error, behind what was written so far; not with -j."""
        if self.json is None:
            self.flush()
            say(f"probee {self.command}: {text}")

    def fail(self, text: str) -> None:
        """An error that does not end the call: standard error, and an object in the JSON."""
        if self.json is not None:
            self.json.begin_object()
            self.json.field("error", text)
            self.json.end()
        self.complain(text)

    def complain(self, text: str) -> None:
        """A sentence on standard error alone, where the JSON is whole already."""
        self.flush()
        say(f"probee {self.command}: {text}")


def run(page: Page, verbs: Sequence[Verb], words: Sequence[str]) -> int:
    """Carries out `words` of the command `page`; the exit status."""
    whole = whole_options(page.options, words)
    wrong: UsageError | None = None
    try:
        values, operands = parse(page.options, whole)
    except UsageError as error:
        wrong, values, operands = error, _until_wrong(page.options, whole), []
    with Output(None) as output:
        call = Call(values, output)
        call.command = page.name
        if wrong is not None:
            status = _refused(call, wrong)
        elif values.help:
            status = _help(call, _page_of(page, verbs, operands))
        elif values.version:
            status = version(call)
        elif _read_base(call):
            status = carry_out(call, page, verbs, operands)
        else:
            status = FAILED
        if call.json is not None:
            call.write("\n")
        call.flush()
    return status


def _until_wrong(options: Sequence[Option], words: Sequence[str]) -> Values:
    """What the options say that stand before one that cannot be read."""
    values = Values(options)
    for end in range(1, len(words)):
        try:
            values = parse(options, words[:end])[0]
        except UsageError:  # it may only lack the argument that comes next
            continue
    return values


def _refused(call: Call, error: UsageError) -> int:
    if isinstance(error, UnknownOptionError):
        call.fail(f"unrecognized option '{error.word}'")
    else:
        call.fail(error.message)
    say(f"Try 'probee {call.command} --help'.")
    return USAGE


def _read_base(call: Call) -> bool:
    """Whether the file of -B holds types, or none is named."""
    path = call.values.base_btf
    if path is None:
        return True
    from probee.introspect.btf import read_file

    try:
        call.base = read_file(path).flat
    except (OSError, ProbeeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        call.fail(f"failed to parse base BTF at '{path}': {why}")
        return False
    return True


def carry_out(call: Call, page: Page, verbs: Sequence[Verb], words: Sequence[str]) -> int:
    """One command without its options, as a batch has many. Errors are told, not raised."""
    depth = 0 if call.json is None else call.json.depth
    call.command = page.name
    try:
        return _verb(call, page, verbs, words)
    except ProbeeError as error:
        if call.values.debug:
            from traceback import print_exc

            print_exc()
            if isinstance(error, VerifierError):
                call.complain(error.log)
        message = error.message if isinstance(error, UsageError) else str(error)
        call.fail(message)
        if not isinstance(error, UsageError):
            return FAILED
        say(f"Try 'probee {_page_of(page, verbs, words).name} --help'.")
        return USAGE
    finally:
        if call.json is not None:
            call.json.close(depth)


def _verb(call: Call, page: Page, verbs: Sequence[Verb], words: Sequence[str]) -> int:
    verb = verbs[0] if not words else chosen(words[0], verbs)
    if words and (verb is None or verb.name == "help"):
        if verb is not None or "help".startswith(words[0]):
            return _help(call, page)
        near = nearest(words[0], [verb.name for verb in verbs])
        raise UsageError(f"there is no verb {words[0]!r}{near}")
    assert verb is not None
    if not verb.where:
        raise UsageError(f"{verb.name} is not built yet")
    _own_options(call, verb, verbs)
    call.words = list(words[1:])
    module, _, function = verb.where.partition(":")
    body: Callable[[Call], int | None] = getattr(__import__(module, fromlist=["_"]), function)
    return body(call) or OK


def _page_of(page: Page, verbs: Sequence[Verb], words: Sequence[str]) -> Page:
    """The page of the verb that is meant, where it has one of its own; else its command's."""
    verb = chosen(words[0], verbs) if words else None
    if verb is None or not verb.own_page:
        return page
    own: Page = __import__(verb.where.partition(":")[0], fromlist=["PAGE"]).PAGE
    return own


def _own_options(call: Call, verb: Verb, verbs: Sequence[Verb]) -> None:
    for other in verbs:
        for name in other.options:
            if name in call.values.given and name not in verb.options:
                raise UsageError(f"option --{name} goes with {other.name}")


def needs(word: str, wanted: int, words: Sequence[str]) -> None:
    """UsageError if fewer than `wanted` words stand behind `word`."""
    if len(words) < wanted:
        raise UsageError(f"'{word}' needs at least {wanted} arguments, {len(words)} found")


def chosen(word: str, rows: Sequence[Any]) -> Any:
    """The row whose name `word` is, or else the first whose beginning; None where there is none."""
    return next((row for row in rows if row.name.startswith(word)), None)


def _help(call: Call, page: Page) -> int:
    if call.json is not None:
        call.json.raw("null")
    else:
        from probee.frame.help import help_text

        call.write(help_text(page))
    return OK


def version(call: Call) -> int:
    """`probee 1.0`, or an object."""
    from probee import __version__

    if call.json is None:
        call.write(f"probee {__version__}\n")
    else:
        call.json.begin_object()
        call.json.field("version", __version__)
        call.json.end()
    return OK


def only_options(words: Sequence[str]) -> int | None:
    """`probee -j version` and `-j -V`: the exit status; None if something else is meant."""
    whole = whole_options(OPTIONS, words)
    try:
        values, operands = parse(OPTIONS, whole)
    except UsageError:
        return None
    if not operands and not values.version:
        return None
    with Output(None) as output:
        call = Call(values, output)
        version(call)
        if call.json is not None:
            call.write("\n")
        call.flush()
    return OK


def whole_options(options: Sequence[Option], words: Sequence[str]) -> list[str]:
    """The words; a long option that was cut short stands in full, if only one can be meant."""
    whole = list(words)
    for at, word in enumerate(words):
        if word == "--":
            break
        name, equals, argument = word.partition("=")
        if word.startswith("--"):
            fitting = [o.name for o in options if o.name.startswith(name[2:])]
            if len(fitting) == 1:
                whole[at] = f"--{fitting[0]}{equals}{argument}"
    return whole
