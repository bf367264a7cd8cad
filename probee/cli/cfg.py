"""`probee cfg`: the control flow of a program, for graphviz.

In: an object file and the name of a program, or what selects a loaded one. Out: dot, or with --svg
what graphviz makes of it.
"""

from __future__ import annotations

from os.path import exists

from probee.errors import FormatError, ProbeeError, UsageError
from probee.frame.help import help_text
from probee.frame.options import Option, file_name, parse, whole
from probee.frame.output import Output, say
from probee.frame.page import DEBUG, HELP, Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Page(
    "cfg",
    "Draw the control flow of a program, of a file or loaded.",
    "PROG is a program in the object FILE; id, name, tag or pinned and a word mean a loaded one, "
    "as the verifier left it. What comes out is a graph for graphviz: a box is a run of "
    "instructions without a jump, under the lines of source that they come from; a frame is a "
    "function. Green is a condition that holds, red one that does not, blue a jump without "
    "condition; dashed lines lead to functions that are called.",
    (
        Option("svg", help="a drawing, by graphviz's program dot", group="Output"),
        Option("output", "o", "FILE", "write to FILE", file_name, group="Output", takes="file"),
        DEBUG,
        HELP,
    ),
    (
        ("cfg opensnoop.bpf.o enter_openat | dot -Tx11", ""),
        ("cfg id 114 | dot -Tx11", "a loaded program"),
        ("cfg --svg -o x.svg opensnoop.bpf.o enter_openat", "a file for a browser"),
    ),
    "FILE PROG | id ID | name N | tag T | pinned PATH",
    "file",
    (
        ("0", "done"),
        ("1", "the file is not well-formed, or has no such program, or there is no graphviz"),
        ("2", "the command line is wrong"),
    ),
)  # fmt: skip
_SELECTORS = ("id", "name", "tag", "pinned")


def run(words: Sequence[str]) -> int:
    """The exit status. Raises ProbeeError, Closed and OSError where it cannot do it."""
    try:
        values, operands = parse(PAGE.options, words)
        if values.help:
            return _write(help_text(PAGE).encode(), None)
        text = _graph(*_both(operands)).encode("utf-8", "surrogateescape")
    except UsageError as error:
        say(f"probee cfg: {error}\nTry 'probee cfg --help'.")
        return 2
    return _write(_drawn(text) if values.svg else text, values.output)


def _both(operands: Sequence[str]) -> tuple[str, str]:
    if len(operands) != 2:
        raise UsageError("a file and the name of a program are wanted, or id and a number")
    if _is_id(*operands):
        whole(operands[1], 0, 0xFFFFFFFF, "an id")
    return operands[0], operands[1]


def _is_id(path: str, program: str) -> bool:
    return path == "id" and (program.isdecimal() or not exists(path))


def _graph(path: str, program: str) -> str:
    if _is_id(path, program):
        return _loaded(int(program))
    if path in _SELECTORS and not exists(path):
        return _selected(path, program)
    from probee.introspect.cfg import dot
    from probee.objfile.read import read_file

    try:
        return "".join(dot(read_file(path), program))
    except FormatError as error:
        raise FormatError(f"{path}: {error.message}", hint=error.hint) from error
    except UsageError as error:
        raise ProbeeError(f"{path}: {error.message}") from error


def _loaded(id: int) -> str:
    from probee.introspect.cfg import drawn
    from probee.introspect.loaded.types import Types
    from probee.introspect.running.flow import code

    return "".join(drawn(code(id, Types())))


def _selected(keyword: str, word: str) -> str:
    from os import close

    from probee.introspect.cfg import drawn
    from probee.introspect.loaded.select import one
    from probee.introspect.loaded.types import Types
    from probee.introspect.running.flow import code_behind

    fd, _ = one("PROG", (keyword, word))
    try:
        return "".join(drawn(code_behind(fd, Types())))
    finally:
        close(fd)


def _drawn(graph: bytes) -> bytes:
    """What graphviz makes of it."""
    from shutil import which
    from subprocess import run

    program = which("dot")
    if program is None:
        raise ProbeeError(
            "--svg needs graphviz, whose program dot is not here",
            hint="install it (apt-get install graphviz), or leave out --svg and draw it elsewhere",
        )
    done = run([program, "-Tsvg"], input=graph, capture_output=True, check=False)
    if done.returncode:
        raise ProbeeError(f"dot: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _write(data: bytes, path: str | None) -> int:
    with Output(path) as output:
        output.write(data)
    return 0
