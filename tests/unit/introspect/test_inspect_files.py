"""Files of user space, and the words of the verifier, as `probee inspect` reads them."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

import pytest

from probee.elf.write import ElfWriter
from probee.introspect.inspect.facts import YES, Asked
from probee.introspect.inspect.running import _judged
from probee.introspect.inspect.userfile import has_marker, has_symbol
from probee.uapi import elf as uapi

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = "x86_64"


def note(owner: bytes, type_: int, content: bytes) -> bytes:
    pad = -len(content) % 4
    return pack("=3I", len(owner), len(content), type_) + owner + content + bytes(pad)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    file = ElfWriter(uapi.EM_X86_64)
    code = file.section(".text", uapi.SHT_PROGBITS, bytes(16), flags=uapi.SHF_EXECINSTR)
    marks = bytes(24) + b"libc\0setjmp\0-8@%rdi\0"
    file.section(
        ".note.stapsdt",
        uapi.SHT_NOTE,
        note(b"GNU\0", 1, b"1234") + note(b"stapsdt\0", 3, marks),
        align=4,
    )
    for name, type_ in (("plain", uapi.STT_FUNC), ("versioned@@V_1", uapi.STT_FUNC),
                        ("data", uapi.STT_OBJECT)):  # fmt: skip
        file.symbol(name, code, value=4, size=4, type=type_, bind=uapi.STB_GLOBAL)
    path = tmp_path / "libx.so.1"
    path.write_bytes(file.build())
    return path


@pytest.mark.parametrize(
    ("symbol", "answer"),
    [
        ("plain", "yes"),
        ("plain+0x4", "yes"),
        ("versioned", "yes"),
        ("versioned@V_1", "yes"),
        ("pl*n", "yes"),
        ("0x40", "yes"),
        ("data", "no"),
        ("nothing", "no"),
        ("plain+?", "no"),
    ],
)
def test_symbols(library: Path, symbol: str, answer: str) -> None:
    assert has_symbol(str(library), symbol, MACHINE).answer == answer


def test_markers(library: Path) -> None:
    assert has_marker(str(library), "libc", "setjmp", MACHINE) == YES
    found = has_marker(str(library), "libc", "longjmp", MACHINE)
    assert found == Asked("no", f"{library} has no marker libc:longjmp")


def test_where_names_without_a_folder_are_looked_for(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library.parent))
    assert has_symbol("libx.so.1", "plain", MACHINE) == YES
    assert has_symbol("libx.so.2", "plain", MACHINE) == Asked("no", "there is no file libx.so.2")
    program = library.rename(library.with_name("tool"))
    monkeypatch.setenv("PATH", str(program.parent))
    assert has_symbol("tool", "plain", MACHINE) == YES


def test_what_is_no_program(tmp_path: Path) -> None:
    folder = has_symbol(str(tmp_path), "f", MACHINE)
    assert folder == Asked("no", f"{tmp_path} is no program and no library")
    device = has_symbol("/dev/null", "f", MACHINE)
    assert device == Asked("no", "/dev/null is no program and no library")
    text = tmp_path / "text"
    text.write_text("#!/bin/sh\n")
    assert has_symbol(str(text), "f", MACHINE).why.startswith(f"{text}: an ELF file starts with")


@pytest.mark.parametrize(
    ("log", "type_id", "answer"),
    [
        ("func#0 @0\nOnly fentry can be sleepable\nprocessed 0 insns", 0,
         Asked("no", "Only fentry can be sleepable")),
        ("0: (b7) r0 = 0\nAt program exit the register R0 has 0 should be in [1, 1]\n", 7, YES),
        ("anything else", 0, YES),
        ("func#0 @0\nvfs_read() is not modifiable\nprocessed 0 insns", 7,
         Asked("no", "vfs_read() is not modifiable")),
        ("", 7, Asked("no", "the verifier refuses it")),
    ],
)  # fmt: skip
def test_what_a_log_says_of_the_hook(log: str, type_id: int, answer: Asked) -> None:
    assert _judged(log, type_id) == answer
