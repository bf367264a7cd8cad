"""`probee inspect`: what a BPF object is for, and what this kernel will make of it.

In: object files. Out: an explanation of each, or a JSON document; status 1 where one cannot be
read.
"""

from __future__ import annotations

from probee.errors import FormatError, NotSupportedError, UsageError
from probee.frame.help import help_text
from probee.frame.options import Option, parse
from probee.frame.output import Output, say
from probee.frame.page import DEBUG, HELP, Page
from probee.frame.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.frame.options import Values
    from probee.introspect.inspect.facts import Kernel
    from probee.introspect.inspect.report import ObjectReport

PAGE = Page(
    "inspect",
    "Explain BPF object files, and what this kernel makes of them.",
    "FILE is an object of BPF programs by probee build, clang or another compiler, of either byte "
    "order. Told are its sections, programs, maps and types in words; then whether this kernel has "
    "the hooks, helpers, map types and fields that it asks for. To find out, programs of two "
    "instructions and empty maps are made and closed at once; nothing of the object is loaded. "
    "Without rights to do so the answer is 'not known'.",
    (
        Option("prog", "p", "NAME", "only this program, and the maps that it touches (may be "
               "repeated)", many=True, commas=False),
        Option("no-kernel", "n", help="explain the files alone, and ask no kernel"),
        Option("json", help="one JSON document: see docs/inspect.md", group="Output"),
        DEBUG,
        HELP,
    ),
    (
        ("inspect .output/opensnoop.bpf.o", "all of it"),
        ("inspect -n -p main tool.bpf.o", "one program, without a kernel"),
        ("inspect --json *.bpf.o", "for programs to read"),
    ),
    "FILE...",
    takes="file",
    exit_status=(
        ("0", "all files are explained, whatever the kernel makes of them"),
        ("1", "a file cannot be read, is no such object, or the output could not be written"),
        ("2", "the command line is wrong, or a file has no program of the name"),
    ),
)  # fmt: skip


def run(words: Sequence[str]) -> int:
    """The exit status. Raises ProbeeError, Closed and OSError where it cannot do it."""
    try:
        values, paths = _words(words)
    except UsageError as error:
        say(f"probee inspect: {error}\nTry 'probee inspect --help'.")
        return 2
    if values.help:
        with Output(None) as output:
            output.write(help_text(PAGE).encode())
        return 0
    if values.no_kernel:
        return _explain(paths, values, None)
    from probee.introspect.inspect.running import RunningFacts

    with RunningFacts() as kernel:
        return _explain(paths, values, kernel)


def _words(words: Sequence[str]) -> tuple[Values, list[str]]:
    values, paths = parse(PAGE.options, words)
    if not values.help and not paths:
        raise UsageError("name one or more object files")
    return values, paths


def _explain(paths: Sequence[str], values: Values, kernel: Kernel | None) -> int:
    """Each file in turn. Text is printed as it comes; a document when all is known."""
    status = 0
    reports: list[ObjectReport] = []
    errors: list[dict[str, str]] = []
    with Output(None) as output:
        for number, path in enumerate(paths):
            try:
                report = _report(path, values, kernel)
            except (FormatError, NotSupportedError, UsageError, OSError) as error:
                words = error.strerror or str(error) if isinstance(error, OSError) else str(error)
                say(printable(f"probee inspect: {path}: {words}"))
                errors.append({"path": path, "error": words})
                status = max(status, 2 if isinstance(error, UsageError) else 1)
                continue
            if values.json:
                reports.append(report)
            else:
                output.write(_text(report, first=number == 0))
        if values.json:
            from probee.frame.document import document, fields

            output.write(document("inspect", map(fields, reports), errors=errors).encode())
    return status


def _report(path: str, values: Values, kernel: Kernel | None) -> ObjectReport:
    from probee.elf.read import file_bytes
    from probee.introspect.inspect.explain import explain

    return explain(path, file_bytes(path), kernel, values.prog)


def _text(report: ObjectReport, *, first: bool) -> bytes:
    from probee.cli.inspect_text import lines

    text = "".join(lines(report))
    return (text if first else f"\n{text}").encode("utf-8", "backslashreplace")
