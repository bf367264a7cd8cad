"""CO-RE: what each record of the corpus becomes on this kernel, by libbpf's log and by ours."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from probee.btf.ext import CoreRelo, read_ext
from probee.btf.reader import Btf
from probee.elf.read import ElfFile
from probee.host.btf import open_kernel_btf
from probee.relocate.resolve import Outcome, Resolver
from probee.uapi.elf import STT_FUNC
from tests.objects.build import Object, objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probee.relocate.record import Way

LIBRARY = "libbpf.so.1"
ROWS = [
    row
    for row in objects()
    if row.endian == "little" and row.debug and row.sources[0].startswith(("core_", "enum64"))
]
_LINE = re.compile(r"libbpf: prog '([^']+)': relo #(\d+): (.*)")


class Said(NamedTuple):
    """One record in the log: lines of it."""

    program: str
    lines: list[str]

    def find(self, pattern: str) -> re.Match[str] | None:
        return next(filter(None, (re.search(pattern, line) for line in self.lines)), None)


def said(log: str) -> list[Said]:
    """The records in the order of the log. A number that falls, or a new program, starts one."""
    found: list[Said] = []
    last = ("", "")
    for program, number, text in _LINE.findall(log):
        first = re.match(r"<\w+> \[\d+\]", text)
        if first or (program, number) != last:
            found.append(Said(program, []))
        last = (program, number)
        found[-1].lines.append(text)
    return found


def records(data: bytes) -> Iterator[tuple[str, int, CoreRelo, str]]:
    """(program, opcode, record, access string) in their order, if a symbol has the place."""
    elf = ElfFile(data)
    section, ext = elf.section(".BTF"), elf.section(".BTF.ext")
    assert section is not None
    assert ext is not None
    btf = Btf(section.data)
    for part in read_ext(ext.data).core_relo:
        code = elf.section(btf.string(part.name))
        assert code is not None
        for record in part.records:
            assert isinstance(record, CoreRelo)
            for symbol in elf.symbols:
                start, end = symbol.value, symbol.value + symbol.size
                inside = symbol.section == code.index and start <= record.insn_off < end
                if inside and symbol.type == STT_FUNC:
                    yield symbol.name, code.data[record.insn_off], record, btf.string(record.access)


def form(way: Way) -> str:
    """As bpf_core_format_spec ends a way: its indices, and how far it leads."""
    at = f"{way.bits // 8}.{way.bits % 8}" if way.bits % 8 else f"{way.bits // 8}"
    return f"({':'.join(map(str, way.indices))} @ offset {at})"


def agrees(outcome: Outcome, opcode: int, said: Said) -> None:
    """Fails where the log says anything else of an instruction with this opcode."""
    context = (outcome, said)
    kind = outcome.kind
    assert kind is not None
    assert outcome.state in ("found", "missing"), context
    first = said.find(rf"^<{kind.name}> \[\d+\]")
    assert first, context
    assert outcome.way is not None
    if kind.about == "field":
        assert said.lines[0].endswith(form(outcome.way)), context
        path = outcome.way.path
        assert f"{path} {form(outcome.way)}" in said.lines[0], context
    matching = said.find(rf"^matching candidate #0 <{kind.name}> \[(\d+)\] .*")
    assert bool(matching) == (outcome.state == "found" and kind.name != "local_type_id"), context
    if matching:
        assert int(matching[1]) == outcome.candidate, context
        assert outcome.theirs is not None
        if kind.about == "field":
            assert matching[0].endswith(form(outcome.theirs)), context
    fits = outcome.load_fits or opcode & 7 not in (1, 2, 3)  # LDX, ST, STX
    poisoned = said.find(r"substituting insn #\d+ w/ invalid insn")
    assert bool(poisoned) == (outcome.poisons or not fits), context
    patched = said.find(r"patched insn #\d+ \((\S+)\) \w+ (-?\d+) -> (-?\d+)")
    if outcome.after is not None and fits:
        assert patched, context
        bits = 64 if patched[1] == "LDIMM64" else 32
        assert (int(patched[3]) - outcome.after.value) % (1 << bits) == 0, context
        if outcome.before is not None and outcome.before.certain:
            assert (int(patched[2]) - outcome.before.value) % (1 << bits) == 0, context
    resized = said.find(r"patched insn #\d+ \(\S+\) mem_sz (\d+) -> (\d+)")
    if resized:
        assert outcome.before is not None
        assert outcome.after is not None
        assert (int(resized[1]), int(resized[2])) == (outcome.before.size, outcome.after.size)


def log_of(path: Path, *types: Path) -> str:
    """What libbpf says of an object; `types`: a file with those of the kernel, or this one's."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        pytest.skip(f"there is no {LIBRARY}: install libbpf1")
    words = [sys.executable, str(Path(__file__).with_name("libbpf_log.py")), LIBRARY, str(path)]
    words += map(str, types)
    return subprocess.run(words, capture_output=True, check=True, text=True).stdout


def compare(path: Path, kernel: Btf | None = None, *types: Path) -> int:
    """Fails where libbpf and we differ on a record of the object; how many there are."""
    log = log_of(path, *types)
    data = path.read_bytes()
    section = ElfFile(data).section(".BTF")
    assert section is not None
    resolver = Resolver(Btf(section.data), kernel or open_kernel_btf(), big_endian=False)
    rows = list(records(data))
    logged = said(log)
    assert len(logged) == len(rows), log
    for (program, opcode, record, access), one in zip(rows, logged, strict=True):
        assert program == one.program
        agrees(resolver.resolve(record.relo_kind, record.type, access), opcode, one)
    return len(rows)


@pytest.mark.kernel
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_libbpf_finds_the_same(row: Object, built: Callable[[Object], Path]) -> None:
    assert compare(built(row))


@pytest.mark.kernel
def test_of_an_object_of_our_own_too(tmp_path: Path) -> None:
    path = tmp_path / "opensnoop.bpf.o"
    words = [sys.executable, "-m", "probee", "build", "opensnoop", "-o", str(path)]
    subprocess.run(words, check=True, capture_output=True)
    compare(path)
