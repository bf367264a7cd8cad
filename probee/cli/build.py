"""`probee build`: a BPF object file of a tool's programs, or of those in a file.

In: a tool's name or a Python file. Out: `.output/NAME.bpf.o`, or another form of the same.
"""

from __future__ import annotations

import os

from probee.cli.commands import TOOLS
from probee.errors import KernelError, UsageError
from probee.frame.help import help_text
from probee.frame.options import Option, file_name, nearest, parse
from probee.frame.output import Output, say
from probee.frame.page import DEBUG, HELP, Page
from probee.frame.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.frame.options import Values
    from probee.introspect.build import Source, Stages
    from probee.spec.programs import CollectionSpec
    from probee.spec.target import Target

FOLDER = ".output"
FORMS = ("object", "asm", "ir", "btf", "c-header")
_FILES = {"object": "bpf.o", "btf": "btf"}  # what is no text is written to a file in any case
TARGETS = ("bpfel", "bpfeb")
MACHINES = ("x86_64", "arm64")


def _form(text: str) -> str:
    return _one_of(text, FORMS)


def _target(text: str) -> str:
    return _one_of(text, TARGETS)


def _machine(text: str) -> str:
    return _one_of(text, MACHINES)


def _one_of(text: str, words: Sequence[str]) -> str:
    if text not in words:
        raise UsageError(f"{text!r} is none of {', '.join(words)}")
    return text


def _const(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"{text!r} is not NAME=VALUE")
    return name, value


PAGE = Page(
    "build",
    "Write programs as a BPF object file.",
    "TOOL is a tool of probee's, FILE.py a file of your own: it is imported, that is executed, and "
    "the programs that it defines are compiled. The object is for any kernel that has what they "
    "use; none is asked, and no rights are needed. libbpf, bpftool and whoever reads BPF objects "
    "can load it. The same source gives the same bytes.",
    (
        Option("output", "o", "FILE", "write to FILE in place of .output/NAME.bpf.o", file_name,
               group="Output", takes="file"),
        Option("emit", "", "FORM", "in place of the object another form of it: asm (instructions), "
               "ir (before them), btf (its types, a file), c-header (printed, unless -o is there)",
               _form, default="object", group="Output", takes=FORMS),
        Option("const", "", "NAME=VALUE", "the first value of a Const", _const, many=True,
               commas=False),
        Option("target", "", "ORDER", "byte order: bpfel, or bpfeb for big-endian machines",
               _target, default="bpfel", takes=TARGETS),
        Option("arch", "", "MACHINE", "whose system calls and registers (default: this machine's)",
               _machine, takes=MACHINES),
        DEBUG,
        HELP,
    ),
    (
        ("build opensnoop", "writes .output/opensnoop.bpf.o"),
        ("build my_tool.py -o my_tool.bpf.o", "the programs of a file"),
        ("build my_tool.py --emit c-header", "for C programs that read its rings"),
    ),
    "TOOL|FILE.py",
    takes="file",
    exit_status=(
        ("0", "what was asked for is written"),
        ("1", "the programs do not compile, or the output cannot be written"),
        ("2", "the command line is wrong"),
    ),
)  # fmt: skip


def run(words: Sequence[str]) -> int:
    """The exit status. Raises ProbeeError, Closed and OSError where it cannot do it."""
    try:
        values, operands = parse(PAGE.options, words)
        if values.help:
            with Output(None) as output:
                output.write(help_text(PAGE).encode())
            return 0
        target = _wanted(values)
        source = _source(_only(operands), target, values.output)
    except UsageError as error:
        return _misused(error)
    from probee.introspect import build

    stages = build.Stages()
    spec = build.compiled(source, target, stages.enter)
    try:
        spec = build.with_consts(spec, dict(values.const))
    except UsageError as error:
        return _misused(error)
    if values.emit in _FILES:
        _write(source, spec, values)
    else:
        _show(_text(values.emit, source, spec, stages).encode(), values.output)
    return 0


def _misused(error: UsageError) -> int:
    say(f"probee build: {error}\nTry 'probee build --help'.")
    return 2


def _only(operands: Sequence[str]) -> str:
    if not operands:
        raise UsageError("a tool or a file is missing")
    if len(operands) > 1:
        raise UsageError(f"{operands[1]!r}: one tool or file at a time")
    return operands[0]


def _wanted(values: Values) -> Target:
    from probee.introspect.build import ORDERS
    from probee.spec.target import Target

    return Target(values.arch or os.uname().machine, endian=ORDERS[values.target])


def _source(word: str, target: Target, output: str | None) -> Source:
    from probee.introspect.build import from_file, from_tool

    names = [name for name, _ in TOOLS]
    if word.endswith(".py") or "/" in word or (word not in names and os.path.lexists(word)):
        if output is not None and _same(word, output):
            raise UsageError(f"{output!r} is the programs' source, which -o would overwrite")
        return from_file(word)
    if word not in names:
        raise UsageError(f"there is no tool {word!r}{nearest(word, names)}")
    module = __import__(f"probee.tools.{word}", fromlist=["TOOL"])
    return from_tool(module.TOOL, target.arch)


def _same(word: str, output: str) -> bool:
    try:
        return os.path.samefile(word, output)
    except OSError:
        return False


def _text(form: str, source: Source, spec: CollectionSpec, stages: Stages) -> str:
    from probee.introspect import build

    match form:
        case "asm":
            text = build.text_of(spec)
        case "ir":
            text = stages.text()
        case _:
            text = build.header(spec, source)
    return printable(text)


def _write(source: Source, spec: CollectionSpec, values: Values) -> None:
    from probee.introspect.build import object_bytes

    data = object_bytes(spec, values.emit)
    path = values.output or _default(f"{source.name}.{_FILES[values.emit]}")
    _put(path, data)
    # One on several hooks stands in an object once for each.
    count = sum(max(len(program.attach), 1) for program in spec.programs)
    programs = f"{count} program{'' if count == 1 else 's'}"
    said = "types of the programs" if values.emit == "btf" else programs
    say(f"probee build: {said} in {path}, {len(data):,} bytes")


def _show(data: bytes, path: str | None) -> None:
    if path is not None:
        _put(path, data)
        return
    with Output(None) as output:
        output.write(data)


def _default(name: str) -> str:
    try:
        os.makedirs(FOLDER, exist_ok=True)
    except OSError as error:
        raise KernelError(f"make the folder {FOLDER}", error.errno or 0) from None
    return f"{FOLDER}/{name}"


def _put(path: str, data: bytes) -> None:
    """Writes a file aside and puts it in its place, so that none is ever half written.

    What is no file, as a pipe, is written to, and what a link leads to, as /dev/stdout; so is a
    file in a folder that takes no other one.
    """
    if os.path.islink(path) or (os.path.exists(path) and not os.path.isfile(path)):
        _write_to(path, path, data)
        return
    aside = f"{path}.{os.getpid()}.part"
    try:
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    except OSError:
        _write_to(path, path, data)
        return
    try:
        _write_to(aside, path, data)
        os.replace(aside, path)
    except OSError as error:
        raise KernelError(f"write {path!r}", error.errno or 0) from None
    finally:
        if os.path.exists(aside):
            os.unlink(aside)


def _write_to(place: str, path: str, data: bytes) -> None:
    """`path` is what messages say."""
    with Output(place) as output:
        output.name = repr(path)
        output.write(data)
