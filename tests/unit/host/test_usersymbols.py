"""Functions of processes by name: from files, their debug files, and maps of compiled code."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from probee.host.elfsymbols import ElfSymbols
from probee.host.usersymbols import StackFrame, UserSymbols

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SOURCE = "int first(void) { return 1; }\nint second(void) { return 2; }\n"


def test_a_function_of_this_process() -> None:
    library = ctypes.CDLL(None)
    address = ctypes.cast(library.getpid, ctypes.c_void_p).value
    assert address is not None
    (frame,) = UserSymbols().frames(os.getpid(), (address + 1,))
    assert frame.symbol.endswith(b"getpid")
    assert frame.offset == 1
    assert b"libc" in frame.file


def test_a_process_that_is_gone_has_bare_addresses() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert UserSymbols().frames(process.pid, (1, 2)) == [StackFrame(1), StackFrame(2)]


def test_looking_again_opens_nothing() -> None:
    """A tool that shows opens and stacks would show its own look, look again, and never rest."""
    library = ctypes.CDLL(None)
    address = ctypes.cast(library.getpid, ctypes.c_void_p).value
    assert address is not None
    wild = 0x10  # where nothing is mapped: a frame pointer that is none
    symbols = UserSymbols()
    first = symbols.frames(os.getpid(), (address + 1, wild))
    opened: list[object] = []

    def noted(event: str, words: tuple[object, ...]) -> None:
        if watching and event == "open":
            opened.append(words[0])

    watching = True
    sys.addaudithook(noted)
    second = symbols.frames(os.getpid(), (address + 1, wild))
    watching = False
    assert second == first
    assert opened == []


def test_another_process_by_the_same_number(monkeypatch: pytest.MonkeyPatch) -> None:
    own = UserSymbols()
    with subprocess.Popen(["sleep", "60"]) as process:
        known = own._process(process.pid)
        process.kill()
    assert known is not None
    assert own._process(process.pid) is known  # gone: what was known of it is kept
    mine = own._process(os.getpid())
    assert mine is not None
    monkeypatch.setattr(mine, "identity", (b"0", b"0"))
    fresh = own._process(os.getpid())
    assert fresh is not mine
    assert fresh is not None
    assert fresh.identity not in {None, (b"0", b"0")}


def test_few_files_stay_open() -> None:
    symbols = UserSymbols()
    before = len(os.listdir("/proc/self/fd"))
    for name in os.listdir("/proc"):
        if name.isdigit():
            symbols.frames(int(name), (1,))
    assert len(os.listdir("/proc/self/fd")) - before <= 2 * 128
    assert symbols._processes


def test_a_map_of_compiled_functions() -> None:
    path = f"/tmp/perf-{os.getpid()}.map"
    with mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC) as code:
        address = _address(code)
        symbols = UserSymbols()
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"{address:x} 40 py::outer:/a b.py\n{address + 0x40:x} 10 in")
            found = symbols.frames(os.getpid(), (address + 4, address + 0x44, address + 0x60))
            with open(path, "a", encoding="utf-8") as file:
                file.write("ner\n")
            (later,) = symbols.frames(os.getpid(), (address + 0x44,))
        finally:
            os.unlink(path)
    assert found[0] == StackFrame(address + 4, b"py::outer:/a b.py", 4)
    assert (later.symbol, later.offset) == (b"inner", 4)
    assert found[2].symbol == b""


def _address(code: mmap.mmap) -> int:
    """Where the only anonymous mapping that is executable and not writable begins."""
    with open("/proc/self/maps", encoding="utf-8") as file:
        rows = [line.split() for line in file]
    for row in rows:
        if row[1] in {"r-xp", "r-xs"} and (len(row) == 5 or row[5].startswith("/dev/zero")):
            return int(row[0].partition("-")[0], 16)
    raise AssertionError(rows, len(code))


@pytest.mark.oracle("gcc", "llvm-objcopy")
def test_a_debug_file_by_its_link(oracle: Callable[[str], str], tmp_path: Path) -> None:
    whole, bare, debug = (str(tmp_path / name) for name in ("whole.so", "bare.so", "the.debug"))
    (tmp_path / "a.c").write_text(SOURCE, encoding="utf-8")
    run = [oracle("gcc"), "-shared", "-fPIC", "-fvisibility=hidden", "-Wl,--build-id=none"]
    subprocess.run([*run, "-o", whole, str(tmp_path / "a.c")], check=True)
    copy = oracle("llvm-objcopy")
    subprocess.run([copy, "--only-keep-debug", whole, debug], check=True)
    subprocess.run([copy, "--strip-all", f"--add-gnu-debuglink={debug}", whole, bare], check=True)
    with open(whole, "rb") as file:
        symbols = ElfSymbols(file, whole)
    place = next(at for at in range(1 << 16) if symbols.find(at) == (b"second", 0))
    assert symbols.find(place - 1) is None or symbols.find(place - 1) != (b"second", 0)
    with open(bare, "rb") as file:
        assert ElfSymbols(file, bare).find(place + 1) == (b"second", 1)
    with open(debug, "ab") as other:  # its checksum is another's then
        other.write(b"x")
    with open(bare, "rb") as file:
        assert ElfSymbols(file, bare).find(place + 1) is None


def test_what_is_no_elf_names_nothing(tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 3)
    with open(tmp_path / "junk", "rb") as file:
        assert ElfSymbols(file, "junk").find(64) is None
