"""`probee objdump -d`: the code of object files, in llvm-objdump's form.

In: files and options. Out: a listing on standard output. Of llvm-objdump's options those that
concern disassembly are here; what `probee readelf` shows is refused with a word about it.
"""

from __future__ import annotations

from probee.errors import FormatError, UsageError
from probee.frame.help import help_text
from probee.frame.options import Option, parse, word
from probee.frame.output import Output, say
from probee.frame.page import DEBUG, Page
from probee.frame.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probee.frame.options import Values


_LEVELS = ("v1", "v2", "v3", "v4")
# -h is llvm-objdump's for section headers.
HELP = Option("help", help="show this help", group="Help")
PAGE = Page(
    "objdump",
    "Disassemble BPF object files, in llvm-objdump's form.",
    "Every section with code, or those that -j names: an instruction a line, jumps by symbol. "
    "Lines of source are those that the object brings along in .BTF.ext, in C or in Python. With "
    "-r relocations stand behind their instruction, CO-RE records in words too.",
    (
        Option("disassemble", "d", help="sections with code; -S and -l say so too"),
        Option("section", "j", "NAME", "this section alone, whatever it holds", word, many=True,
               commas=False),
        Option("disassemble-zeroes", "z", help="show zeroes too, where eight or more stand"),
        Option("mcpu", "", "LEVEL", "v1 to v4: what LLVM takes the code for; from v3 on loads are "
               "of w registers", default="v1", takes=_LEVELS),
        Option("source", "S", help="lines of source between the instructions", group="Output"),
        Option("line-numbers", "l", help="their file and number", group="Output"),
        Option("reloc", "r", help="relocations behind the instructions", group="Output"),
        Option("no-show-raw-insn", help="no bytes of instructions", group="Output"),
        Option("no-leading-addr", help="no addresses", group="Output"),
        DEBUG,
        HELP,
    ),
    (
        ("objdump -d opensnoop.bpf.o", ""),
        ("objdump -Slr --no-show-raw-insn opensnoop.bpf.o", "with source and CO-RE"),
        ("objdump -d -j kprobe/do_exit x.bpf.o", "one section"),
    ),
    "FILE...",
    "file",
    (
        ("0", "done"),
        ("1", "a file is not there or not well-formed, or no file has a section that -j names"),
        ("2", "the command line is wrong"),
    ),
)  # fmt: skip
_READELF = {
    "a": "a", "f": "h", "h": "S", "p": "l", "s": "x", "t": "s", "T": "s", "R": "r", "x": "a",
    "archive-headers": "a", "file-headers": "h", "section-headers": "S", "headers": "S",
    "private-headers": "l", "full-contents": "x", "syms": "s", "dynamic-syms": "s",
    "dynamic-reloc": "r", "all-headers": "a",
}  # fmt: skip
_CHUNK = 1 << 16


def run(words: Sequence[str]) -> int:
    """The exit status. Raises ProbeeError, Closed and OSError where it cannot do it."""
    try:
        _refuse(words)
        values, files = parse(PAGE.options, words)
        if values.help:
            return _print((help_text(PAGE),))
        _check(values, files)
    except UsageError as error:
        say(f"probee objdump: {error}\nTry 'probee objdump --help'.")
        return 2
    return _list(files, values)


def _check(values: Values, files: Sequence[str]) -> None:
    if not (values.disassemble or values.source or values.line_numbers):
        raise UsageError("-d, -S or -l is wanted; relocations alone: probee readelf -r")
    if not files:
        raise UsageError("a file is wanted")
    if values.mcpu not in _LEVELS:
        raise UsageError(f"option --mcpu: {values.mcpu!r} is none of {', '.join(_LEVELS)}")


def _refuse(words: Sequence[str]) -> None:
    """What shows headers, symbols or contents is readelf's."""
    for given in words:
        if given == "--":
            return
        name = given[2:].partition("=")[0]
        if given.startswith("--"):
            found = name if name in _READELF and len(name) > 1 else ""
        elif given.startswith("-"):
            letters = given[1:].partition("j")[0]
            found = next((letter for letter in letters if letter in _READELF), "")
        else:
            found = ""
        if found:
            dashes = "-" if len(found) == 1 else "--"
            raise UsageError(f"{dashes}{found} is not here: probee readelf -{_READELF[found]}")


def _list(files: Sequence[str], values: Values) -> int:
    from probee.elf.read import ElfFile, file_bytes
    from probee.introspect.objdump import Shown, listing

    shown = Shown(
        source=values.source,
        lines=values.line_numbers,
        relocations=values.reloc,
        raw=not values.no_show_raw_insn,
        addresses=not values.no_leading_addr,
        zeroes=values.disassemble_zeroes,
        alu32=values.mcpu in {"v3", "v4"},
        sections=values.section,
    )
    missing = set(values.section)
    for path in files:
        try:
            file = ElfFile(file_bytes(path))
            missing -= {section.name for section in file.sections}
            _print(listing(path, file, shown))
        except FormatError as error:
            raise FormatError(f"{path}: {error.message}", hint=error.hint) from error
    for name in values.section:
        if name in missing:
            say(f"probee objdump: no file has a section {name!r}")
    return 1 if missing else 0


def _print(pieces: Iterable[str]) -> int:
    with Output(None) as output:
        waiting: list[str] = []
        size = 0
        try:
            for piece in pieces:
                waiting.append(piece)
                size += len(piece)
                if size > _CHUNK:
                    _flush(output, waiting)
                    size = 0
        finally:
            _flush(output, waiting)
    return 0


def _flush(output: Output, waiting: list[str]) -> None:
    text = printable("".join(waiting))  # names and lines of source may hold what terminals obey
    waiting.clear()
    if text:
        output.write(text.encode())
