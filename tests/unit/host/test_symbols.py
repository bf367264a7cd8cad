"""Names of addresses: the kernel's, and of what a process has mapped."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from probee.errors import KernelError
from probee.host.kallsyms import Kallsyms, Symbol
from probee.host.procmaps import Mappings, Place, parse

if TYPE_CHECKING:
    from pathlib import Path

SYMBOLS = """\
ffffffff81000100 T second
ffffffff81000000 T first
ffffffff81000080 d data
ffffffffc0000000 t inside\t[module]
ffffffffc0000010 T behind\t[module]
"""
MAPS = """\
55d0c0000000-55d0c0001000 r--p 00000000 08:01 11 /usr/bin/a b
55d0c0001000-55d0c0003000 r-xp 00001000 08:01 11 /usr/bin/a b
7ffc00000000-7ffc00002000 r-xp 00000000 00:00 0  [vdso]
7ffd00000000-7ffd00001000 rwxp 00000000 00:00 0
"""


def kallsyms(tmp_path: Path, text: str) -> Kallsyms:
    path = tmp_path / "kallsyms"
    path.write_text(text)
    return Kallsyms(str(path))


def test_an_address_lies_in_the_function_before_it(tmp_path: Path) -> None:
    symbols = kallsyms(tmp_path, SYMBOLS)
    assert symbols.find(0xFFFFFFFF81000000) == Symbol("first", 0, "")
    assert symbols.find(0xFFFFFFFF81000090) == Symbol("first", 0x90, "")
    assert symbols.find(0xFFFFFFFF81000105) == Symbol("second", 5, "")
    assert symbols.find(0xFFFFFFFFC000000F) == Symbol("inside", 15, "module")
    assert symbols.find(1) is None
    assert symbols.find(0xFFFFFFFF82000000) is None  # between the kernel and its modules
    assert symbols.find(0xFFFFFFFFFFFFFFFF) is None
    assert not symbols.hidden


def test_hidden_addresses_name_nothing(tmp_path: Path) -> None:
    hidden = kallsyms(tmp_path, "0000000000000000 T first\n0000000000000000 T second\n")
    assert hidden.find(0xFFFFFFFF81000000) is None
    assert hidden.hidden


def test_no_file_of_symbols(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="kallsyms"):
        Kallsyms(str(tmp_path / "kallsyms")).find(1)


def test_lines_of_maps() -> None:
    assert parse(MAPS) == [
        (0x55D0C0001000, 0x55D0C0003000, 0x1000, "/usr/bin/a b"),
        (0x7FFC00000000, 0x7FFC00002000, 0, "[vdso]"),
        (0x7FFD00000000, 0x7FFD00001000, 0, ""),
    ]


def test_this_process_has_its_code_mapped() -> None:
    with open("/proc/self/maps", encoding="utf-8") as file:
        line = next(line for line in file if " r-xp " in line and "/" in line)
    start = int(line.split("-")[0], 16)
    place = Mappings(os.getpid()).find(start + 5)
    assert place is not None
    assert place == Place(line.split(None, 5)[5].rstrip("\n"), int(line.split()[2], 16) + 5)
    assert Mappings(os.getpid()).find(1) is None


def test_a_process_that_is_gone_has_nothing() -> None:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    assert Mappings(pid).find(1) is None
