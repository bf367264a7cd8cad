"""What any bytes may do to the commands that print what stands in a file. Nothing else.

In: a file's bytes, the last of which is none of the file but chooses how it is shown. Out: whether
it was shown; an AssertionError where the text contradicts the bytes, is out of all proportion to
them or took too long; a FormatError as it comes; whatever else is raised comes through.
"""

from __future__ import annotations

import json
import os
import re
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from probee.asm.decode import decode
from probee.cli import readelf
from probee.cli.inspect_text import lines
from probee.elf.read import ElfFile
from probee.errors import FormatError, NotSupportedError, UsageError
from probee.frame.document import document, fields
from probee.introspect.btf import read_file
from probee.introspect.btf_c import c_header
from probee.introspect.btf_raw import raw_json, raw_text
from probee.introspect.cfg import dot
from probee.introspect.inspect.explain import explain
from probee.introspect.objdump import Shown, listing
from probee.objfile.metadata import PREFIX
from probee.objfile.read import read
from probee.objfile.write import write
from probee.uapi import elf as uapi
from tests.inspect_kernel import Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

SECONDS = 5.0  # of the processor, for one case
# A file says in few bytes that which takes many characters to print, but not any number.
CHARACTERS, FOR_EACH_BYTE = 1 << 24, 3000
# In the order of the byte that chooses.
READELF: tuple[tuple[str, ...], ...] = (
    ("-a", "-W"), ("-a",), ("--compat=2.40", "-a"), ("--compat=2.40", "-aW", "-t"), ("-t", "-W"),
    ("-aL", "-T"), ("-D", "-rsIdV"), ("-DW", "-rsIdVl"), ("-sX", "-W", "--lto-syms"),
    ("-s", "--dyn-syms", "--sym-base=16", "-X"), ("-s", "--sym-base=8", "-Ux"), ("-s", "-Uh", "-S"),
    ("-s", "-Ui", "-W"), ("-s", "-Ue", "-p1", "-p2", "-p3", "-p4"), ("-s", "--sym-base=10", "-Ul"),
    ("-x1", "-x2", "-x3", "-x4", "-x5", "-x6", "-x7", "-x8", "-x99"),
    ("-p5", "-p6", "-p7", "-p8", "-p9", "-p10", "-p11", "-p12"),
    ("-R1", "-R2", "-R3", "-R4", "-R5", "-R6", "-R7", "-R8"),
    ("-z", "-x1", "-p2", "-R3", "-x4", "-p5", "-R6", "-x7", "-p8"),
    ("-z", "-p1", "-R2", "-x3", "-p4", "-R5", "-x6", "-p7", "-R8"),
    ("-j1", "-j2", "-j3", "-j4", "-j5", "-j6", "-j7", "-j8"),
    ("-j9", "-j10", "-j11", "-j12", "-j13", "-j14", "-j15", "-j16"),
    ("-x.text", "-p.strtab", "-R.debug_info", "-j.dynsym", "-xno"), ("-n", "-W"), ("-n",),
    ("--compat=2.40", "-n", "-V"), ("-e", "-g"), ("-c", "-h"), ("-u", "-A"), ("--lto-syms",),
    ("-z", "-x.debug_str", "-p.zdebug_info", "-R.zdebug_info", "-p.debug_str"),
    ("-j.gnu.version", "-j.note.x", "-j.dynamic", "-j.hash", "-j.rela.dyn", "-j.relr.dyn"),
    ("-lW",), ("--compat=2.40", "-s", "-r", "-D"),
)  # fmt: skip
OBJDUMP: tuple[Shown, ...] = (
    Shown(source=True, lines=True, relocations=True),
    Shown(zeroes=True, alu32=True, relocations=True),
    Shown(source=True, raw=False, addresses=False),
    Shown(lines=True, sections=(".text", ".data", ".bss", "license")),
    Shown(),
)
_SLOTS = re.compile(r"""(?:^\t\tb[0-9]+ \[label="|\\l) *([0-9]+): """, re.MULTILINE)
_HERE = re.compile(r" *([0-9]+):\t((?:[0-9a-f]{2} ?)+)\t")


class TooLong(AssertionError):
    """The time of a case is over."""


def _over(_signal: int, _frame: FrameType | None) -> None:
    raise TooLong(f"not done after {SECONDS} seconds")


@contextmanager
def within(seconds: float = SECONDS) -> Iterator[None]:
    """An AssertionError once the process has worked for so long."""
    before = signal.signal(signal.SIGVTALRM, _over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def _file(data: bytes) -> Iterator[str]:
    """The path of a file that is nowhere."""
    descriptor = os.memfd_create("case")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _parted(data: bytes) -> tuple[bytes, int]:
    return data[:-1], data[-1] if data else 0


def _gathered(pieces: Iterator[str], size: int) -> str:
    """All of the text, if it is in proportion."""
    found, room = [], CHARACTERS + FOR_EACH_BYTE * size
    for piece in pieces:
        found.append(piece)
        room -= len(piece)
        assert room >= 0, "more text than such a file can be worth"
    return "".join(found)


def show_elf(data: bytes) -> bool:
    """`readelf`; its counts are those of our own reader, where that reads the file."""
    data, how = _parted(data)
    words = READELF[how % len(READELF)]
    printed: dict[int, list[bytes]] = {1: [], 2: []}
    room = CHARACTERS + FOR_EACH_BYTE * len(data)
    with _file(data) as path:
        status = readelf.show([*words, path], lambda stream, text: printed[stream].append(text))
    text, said = (b"".join(printed[number]) for number in (1, 2))
    assert len(text) + len(said) <= room
    assert status in (0, 1)
    if words[0] == "-a" and not said:
        _check_counts(data, text.decode("latin-1"))
    return not said


def _check_counts(data: bytes, text: str) -> None:
    """What is shown without a complaint has as many sections and symbols as were read."""
    try:
        file = ElfFile(data)
        symbols = file.symbols
    except FormatError:
        return  # which is stricter
    rows = len(re.findall(r"^  \[ ?[0-9]+\] ", text, re.MULTILINE))
    assert rows >= len(file.sections)
    if any(section.type == uapi.SHT_SYMTAB for section in file.sections):
        assert f"contains {len(symbols)} entr" in text


def disassemble(data: bytes) -> bool:
    """`objdump`: what stands beside an address are the bytes that stand there."""
    data, how = _parted(data)
    shown = OBJDUMP[how % len(OBJDUMP)]
    file = ElfFile(data)
    if file.header.machine != uapi.EM_BPF:
        file = ElfFile(data[:18] + (b"\0\xf7" if file.big_endian else b"\xf7\0") + data[20:])
    text = _gathered(listing("x.o", file, shown), len(data))
    named = {section.name: section for section in file.sections}
    if len(named) < len(file.sections) or not shown.raw:
        return True
    section = None
    for line in text.split("\n"):
        if line.startswith("Disassembly of section "):
            section = named.get(line[23:-1])
        found = _HERE.match(line)
        if found and section is not None and not section.addr % 8:
            at = int(found[1]) * 8 - section.addr
            raw = bytes.fromhex(found[2])
            assert raw in bytes(
                section.data[at : at + 7 + len(raw)]
            )  # it may be at no slot's start
    return True


def dump_types(data: bytes) -> bool:
    """`btf dump`: every type once and in order, and JSON that is JSON."""
    data, how = _parted(data)
    with _file(data) as path:
        try:
            types = read_file(path)
        except NotSupportedError:
            return False
    first, count = types.flat.first, types.flat.last
    if how % 3 == 0:
        text = _gathered(raw_text(types.flat), len(data))
        ids = [int(id) for id in re.findall(r"^\[([0-9]+)\] ", text, re.MULTILINE)]
        assert ids == list(range(first, count + 1)) or "\n[" in _names(data)
    elif how % 3 == 1:
        pieces = raw_json(types.flat, pretty=bool(how & 4))
        found = json.loads(_gathered(pieces, len(data)))
        assert [row["id"] for row in found["types"]] == list(range(first, count + 1))
    else:
        roots = range(1, min(count, how // 8) + 1) if how & 4 else None
        pieces = c_header(types.flat, pointer=types.pointer, roots=roots, sort=bool(how & 8))
        assert _gathered(pieces, len(data)).endswith("#endif /* __VMLINUX_H__ */\n")
    return True


def _names(data: bytes) -> str:
    return data.decode("latin-1")


KERNELS: tuple[Callable[[], Literal | None], ...] = (
    lambda: None,
    Literal,
    lambda: Literal(big_endian=True),
    lambda: Literal(no_types="it tells nothing of its types"),
)


def explain_object(data: bytes) -> bool:
    """`inspect`: as many programs and maps as were read, and JSON that is JSON."""
    data, how = _parted(data)
    kernel = KERNELS[how % len(KERNELS)]()
    try:
        report = explain("x.o", data, kernel)
        if report.programs and how & 4:
            report = explain("x.o", data, kernel, [report.programs[0].name])
            assert len(report.programs) >= 1
        elif not how & 4:
            assert len(report.programs) == report.programs_in_file
            assert len(report.maps) == report.maps_in_file
    except NotSupportedError:
        return False
    _gathered(lines(report), len(data))
    told = json.loads(document("inspect", [fields(report)]))
    assert told
    return True


def draw(data: bytes) -> bool:
    """`cfg`, of every program: each instruction stands in one box."""
    data, _ = _parted(data)
    try:
        spec = read(data)
    except NotSupportedError:
        return False
    for program in spec.programs:
        text = _gathered(dot(spec, program.name), len(data))
        boxed = [int(slot) for slot in _SLOTS.findall(text)]
        assert len(boxed) == len(set(boxed)) == len(decode(program.code, spec.endian))
        assert text.startswith("digraph ")
        assert text.endswith("}\n")
    return True


def write_back(data: bytes) -> bool:
    """`build` beside the reader: what was written from what was read is read as the same."""
    try:
        spec = read(data[:-1])
        again = write(spec)
    except (NotSupportedError, UsageError):
        return False  # no object of our own
    known = read(again)
    if not spec.btf or PREFIX.encode() in spec.btf:
        return False  # it has other types than it was written with: a linker's, damaged ones
    assert known == spec
    assert write(known) == again
    return True


# How many ways there are to show something, of those that have more than one.
WAYS = {
    "readelf": len(READELF),
    "objdump": len(OBJDUMP),
    "dump": 16,
    "inspect": 2 * len(KERNELS),
}
SHOWN: Mapping[str, Callable[[bytes], bool]] = {
    "readelf": show_elf,
    "objdump": disassemble,
    "dump": dump_types,
    "inspect": explain_object,
    "cfg": draw,
    "back": write_back,
}
