"""`probee readelf`: ELF64 files in the words of GNU readelf.

In: readelf's own command line. Out: what readelf prints, on both outputs, and its exit status.
Options are read as GNU readelf reads them; `--compat` is the one it does not have.
"""

from __future__ import annotations

import os

from probee.cli.getopt import NO, OPTIONAL, REQUIRED, BadFile, Scanner, Wrong, expanded, number
from probee.frame.options import Option
from probee.frame.page import Page
from probee.introspect.readelf.shown import AUTO, HEX, RELOCATED, STRING, Shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from probee.introspect.readelf.transcript import Transcript

RELEASES = ("2.44", "2.40")
DUMPS = {"x": HEX, "p": STRING, "R": RELOCATED, "j": AUTO}
# letters that set one attribute each
FLAGS = {
    "A": ("arch",), "D": ("use_dynamic",), "I": ("histogram",), "L": ("checks",),
    "N": ("sections", "details"), "S": ("sections",), "T": ("silent",), "V": ("versions",),
    "W": ("wide",), "X": ("extra",), "c": ("archive_index",), "d": ("dynamic",),
    "e": ("header", "sections", "segments"), "g": ("groups",), "h": ("header",),
    "l": ("segments",), "n": ("notes",), "r": ("relocations",), "s": ("symbols",),
    "t": ("sections", "details"), "u": ("unwind",), "z": ("decompress",),
    "dyn-syms": ("dynamic_symbols",), "lto-syms": ("lto_symbols",),
}  # fmt: skip
# what readelf does and this does not
REFUSED = {
    "C": "names are not demangled",
    "P": "separate files of debug information are not followed",
    "w": "DWARF is not shown",
    "dwarf-depth": "DWARF is not shown",
    "dwarf-start": "DWARF is not shown",
    "dwarf-check": "DWARF is not shown",
    "ctf": "CTF is not shown",
    "ctf-symbols": "CTF is not shown",
    "ctf-strings": "CTF is not shown",
    "ctf-parent": "CTF is not shown",
    "sframe": "SFrame is not shown",
}
# Nothing to do, as in readelf: they are its defaults, or tune what is refused here.
DEFAULTS = ("no-demangle", "recurse-limit", "no-recurse-limit")
LETTERS = "ACDHILNPR:STU:VWXacdeghi:j:lnp:rstuvw::x:z"
LETTERS_2_40 = LETTERS.replace("X", "").replace("j:", "")
SINCE_2_44 = ("display-section", "extra-sym-info", "no-extra-sym-info")
# in readelf's order, which messages about ambiguous names show
LONGS = (
    ("arch-specific", NO, "A"), ("all", NO, "a"), ("demangle", OPTIONAL, "C"),
    ("archive-index", NO, "c"), ("use-dynamic", NO, "D"), ("dynamic", NO, "d"),
    ("headers", NO, "e"), ("section-groups", NO, "g"), ("help", NO, "H"),
    ("file-header", NO, "h"), ("histogram", NO, "I"), ("display-section", REQUIRED, "j"),
    ("lint", NO, "L"), ("enable-checks", NO, "L"), ("program-headers", NO, "l"),
    ("segments", NO, "l"), ("full-section-name", NO, "N"), ("notes", NO, "n"),
    ("process-links", NO, "P"), ("string-dump", REQUIRED, "p"), ("relocated-dump", REQUIRED, "R"),
    ("relocs", NO, "r"), ("section-headers", NO, "S"), ("sections", NO, "S"),
    ("symbols", NO, "s"), ("syms", NO, "s"), ("silent-truncation", NO, "T"),
    ("section-details", NO, "t"), ("unicode", REQUIRED, "U"), ("unwind", NO, "u"),
    ("version-info", NO, "V"), ("version", NO, "v"), ("wide", NO, "W"),
    ("extra-sym-info", NO, "X"), ("hex-dump", REQUIRED, "x"), ("decompress", NO, "z"),
    ("no-demangle", NO, "no-demangle"), ("no-extra-sym-info", NO, "no-extra-sym-info"),
    ("recurse-limit", NO, "recurse-limit"), ("no-recurse-limit", NO, "no-recurse-limit"),
    ("no-recursion-limit", NO, "no-recurse-limit"), ("dyn-syms", NO, "dyn-syms"),
    ("lto-syms", NO, "lto-syms"), ("debug-dump", OPTIONAL, "w"),
    ("dwarf-depth", REQUIRED, "dwarf-depth"), ("dwarf-start", REQUIRED, "dwarf-start"),
    ("dwarf-check", NO, "dwarf-check"),
    ("ctf", REQUIRED, "ctf"),
    ("ctf-symbols", REQUIRED, "ctf-symbols"), ("ctf-strings", REQUIRED, "ctf-strings"),
    ("ctf-parent", REQUIRED, "ctf-parent"), ("sframe", OPTIONAL, "sframe"),
    ("sym-base", OPTIONAL, "sym-base"),
)  # fmt: skip
UNICODE = ("default", "locale", "escape", "invalid", "hex", "highlight")
UNICODE_LETTERS = {"d": "default", "l": "locale", "e": "escape", "i": "invalid", "x": "hex",
                   "h": "highlight"}  # fmt: skip


def _option(letter: str, name: str, text: str, metavar: str = "", takes: str = "") -> Option:
    return Option(name, letter, metavar, text, takes=takes)


PAGE = Page(
    "readelf",
    "Show what stands in ELF64 files, as GNU readelf 2.44 prints it.",
    "Objects of BPF, objects and programs of x86-64 and AArch64, objects of RISC-V, PowerPC, "
    "S/390, SPARC V9, LoongArch and MIPS, of 64 bits: byte for byte what readelf prints, "
    "complaints about damaged files included. Options are written as for readelf: letters "
    "together, long names shortened, files anywhere between. What readelf shows and this does "
    "not is refused with an error: DWARF, CTF, SFrame, demangled names, archives, other "
    "machines, 32 bits.",
    (
        _option("a", "all", "all of -h -l -S -s -r -d -V -A -I -n -g -u"),
        _option("h", "file-header", "the file's header"),
        _option("l", "program-headers", "program headers; also --segments"),
        _option("S", "section-headers", "section headers; also --sections"),
        _option("e", "headers", "all of -h -l -S"),
        _option("t", "section-details", "section headers, one attribute a line; also -N"),
        _option("g", "section-groups", "groups of sections"),
        _option("s", "syms", "symbols; also --symbols"),
        _option("", "dyn-syms", "symbols for dynamic linking"),
        _option("", "lto-syms", "symbols for link-time optimisation"),
        _option("r", "relocs", "relocations"),
        _option("n", "notes", "notes"),
        _option("u", "unwind", "says that there is nothing to unwind, as readelf does"),
        _option("d", "dynamic", "the dynamic section"),
        _option("V", "version-info", "versions of symbols"),
        _option("A", "arch-specific", "attributes of the machine"),
        _option("I", "histogram", "lengths of the lists in hash tables"),
        _option("D", "use-dynamic", "symbols and relocations by the dynamic section"),
        _option("c", "archive-index", "refused with an error where the file is an archive"),
        _option("x", "hex-dump", "bytes of the section of that number or name", "SECTION"),
        _option("p", "string-dump", "strings of the section", "SECTION"),
        _option("R", "relocated-dump", "its bytes with relocations applied", "SECTION"),
        _option("j", "display-section", "the section in the way of its type", "SECTION"),
        _option("z", "decompress", "unpack compressed sections before they are dumped"),
        _option("L", "lint", "warn of more"),
        _option("W", "wide", "lines of any width"),
        _option("T", "silent-truncation", "cut names without [...]"),
        _option("X", "extra-sym-info", "names of sections beside symbols"),
        _option("", "sym-base", "sizes of symbols in that base: 0, 8, 10 or 16", "BASE"),
        Option("unicode", "U", "WAY", "how names that are not ASCII are shown", takes=UNICODE),
        Option("compat", "", "RELEASE", "print what that release of readelf prints",
               takes=RELEASES),
        Option("help", "H", help="show this help", group="Help"),
        Option("version", "v", help="show the version of probee", group="Help"),
    ),
    (
        ("readelf -a -W trace.bpf.o", "everything, in wide lines"),
        ("readelf -x license trace.bpf.o", "the bytes of a section"),
        ("readelf --compat=2.40 -r x.bpf.o", "relocations by their older names"),
    ),
    "FILE...",
    takes="file",
    exit_status=(
        ("0", "the files are shown"),
        ("1", "a file could not be shown whole, or the command line is wrong"),
    ),
)  # fmt: skip


class Ended(Exception):
    """The command line is done with before any file; `status` is what to exit with."""

    def __init__(self, status: int, text: str = "") -> None:
        self.status, self.text = status, text


def run(words: Sequence[str]) -> int:
    """The exit status. Raises what `Output` raises."""
    from probee.frame.output import Output
    from probee.introspect.readelf.transcript import OUTPUT

    with Output(None) as output:

        def write(stream: int, data: bytes) -> None:
            if stream == OUTPUT:
                output.write(data)
            else:
                _write_message(data)

        return show(words, write, terminal=output.terminal)


def show(
    words: Sequence[str], write: Callable[[int, bytes], None], *, terminal: bool = False
) -> int:
    """The exit status; what is printed goes to `write`, with the number of the output."""
    from probee.introspect.readelf.process import show_file
    from probee.introspect.readelf.transcript import Transcript

    out = Transcript(write)
    try:
        shown, files = _read(words, out)
    except Ended as end:
        (out.message if end.status else out.put)(end.text)
        out.flush()
        return end.status
    shown.terminal = terminal
    well = True
    for file in files:
        well &= show_file(file, shown, out)
    out.flush()
    return 0 if well else 1


def _write_message(data: bytes) -> None:
    try:
        os.write(2, data)
    except OSError:
        pass  # nobody can be told


def _usage(message: str = "") -> Ended:
    return Ended(1, f"{message}Try 'probee readelf --help'.\n")


def _help() -> Ended:
    from probee.frame.help import help_text

    return Ended(0, help_text(PAGE))


def _version() -> Ended:
    from probee import __version__

    return Ended(0, f"probee {__version__}; readelf as in GNU Binutils {RELEASES[0]}\n")


def _compat(words: Sequence[str]) -> tuple[str, list[str]]:
    """The release that is wanted, and the words without the option that says so."""
    release, left = RELEASES[0], list(words)
    end = left.index("--") if "--" in left else len(left)
    for at, word in reversed(list(enumerate(left[:end]))):
        if word == "--compat" and at + 1 < len(left):
            found = left[at + 1]
            del left[at : at + 2]
        elif word.startswith("--compat="):
            found = word.removeprefix("--compat=")
            del left[at]
        else:
            continue
        if found not in RELEASES:
            raise _usage(f"readelf: --compat: {found!r} is none of {', '.join(RELEASES)}\n")
        release = found
    return release, left


def _read(words: Sequence[str], out: Transcript) -> tuple[Shown, list[str]]:
    release, left = _compat(words)
    if not left:
        raise _usage()
    shown = Shown(release)
    longs = [row for row in LONGS if not shown.old or row[0] not in SINCE_2_44]
    try:
        plain = [os.fsencode(word).decode("latin-1") for word in expanded(left)]
    except BadFile as reason:
        raise Ended(1, f"readelf: error: {reason}\n") from None
    options = Scanner(LETTERS_2_40 if shown.old else LETTERS, longs, plain)
    try:
        for what, argument in options:
            _take(shown, out, what, argument or "")
    except Wrong as reason:
        raise _usage(f"readelf: {reason}\n") from None
    if not shown.anything:
        if not shown.checks:
            raise _usage()
        raise Ended(1, "readelf: Error: option -L alone shows DWARF too, which is refused here\n")
    files = options.operands
    shown.file_names = len(files) > 1
    if not files:
        raise _usage("readelf: Warning: Nothing to do.\n")
    return shown, files


def _take(shown: Shown, out: Transcript, what: str, argument: str) -> None:
    """One option."""
    if flags := FLAGS.get(what):
        for name in flags:
            setattr(shown, name, True)
    elif what == "a":
        shown.everything()
    elif what in DUMPS:
        _dump(shown, argument, DUMPS[what])
    elif what == "U":
        way = UNICODE_LETTERS.get(argument, argument)
        if way in UNICODE:
            shown.unicode = way
        else:
            out.error(f"invalid argument to -U/--unicode: {argument}")
    elif what == "sym-base":
        base = number(argument)[0] & 0xFFFFFFFF
        shown.symbol_base = base if base in (8, 10, 16) else 0
    elif what == "no-extra-sym-info":
        shown.extra = False
    elif what == "H":
        raise _help()
    elif what == "v":
        raise _version()
    elif what == "i":
        raise _usage("readelf: Error: Invalid option '-i'\n")
    elif what not in DEFAULTS:
        spelt = f"-{what}" if len(what) == 1 else f"--{what}"
        raise Ended(1, f"readelf: Error: option {spelt} is refused: {REFUSED[what]} here\n")


def _dump(shown: Shown, section: str, way: int) -> None:
    """A section to dump: by number, or by name if it is none."""
    shown.dump = True
    value, rest = number(section)
    at = value & 0xFFFFFFFF
    if not rest and not at >> 31:
        shown.dumps[at] = shown.dumps.get(at, 0) | way
    else:
        shown.named_dumps.append((section, way))
