"""`introspect.machine_code` beside llvm-objdump and GNU objdump, on code of clang and of hand.

Code of the kernel's JIT is in test_jited.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from probee.introspect.machine_code import disassembler
from tests.oracle import disassemblers
from tests.oracle.bpftool_lab import run

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.oracle("llvm-objdump")

HERE = Path(__file__).parent
LEVELS = ("-O0", "-O1", "-O2", "-Os")
MORE = {"x86_64": (), "aarch64": ("-march=armv8.1-a+rcpc",)}


def ours(data: bytes, machine: str) -> disassemblers.Rows:
    at, rows = 0, []
    for size, operation, operands in disassembler(machine)(data):
        rows.append((at, f"{operation}\t{operands}".rstrip()))
        at += size
    assert at == len(data)
    return rows


def text_of(oracle: Callable[[str], str], path: Path) -> bytes:
    """The bytes of .text."""
    raw = path.with_suffix(".bin")
    done = run(oracle("llvm-objcopy"), "-O", "binary", "-j", ".text", str(path), str(raw))
    assert done.status == 0, done.err
    return raw.read_bytes()


def compiled(oracle: Callable[[str], str], machine: str, level: str, folder: Path) -> bytes:
    path = folder / "code.o"
    done = run(oracle("clang-19"), f"--target={machine}-linux-gnu", *MORE[machine], level, "-c",
               "-fno-pic", "-fno-vectorize", "-fno-slp-vectorize", "-mgeneral-regs-only",
               str(HERE / "machine_code.c"), "-o", str(path))  # fmt: skip
    assert done.status == 0, done.err
    return text_of(oracle, path)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("level", LEVELS)
def test_code_of_clang(
    oracle: Callable[[str], str], tmp_path: Path, machine: str, level: str
) -> None:
    data = compiled(oracle, machine, level, tmp_path)
    theirs = disassemblers.llvm(oracle, data, machine, tmp_path)
    assert len(theirs) > 100
    assert ours(data, machine) == theirs


def test_forms_of_the_jit_for_arm64(oracle: Callable[[str], str], tmp_path: Path) -> None:
    path = tmp_path / "forms.o"
    done = run(oracle("llvm-mc"), "-triple=aarch64", "-mattr=+all", "-filetype=obj",
               str(HERE / "machine_code.s"), "-o", str(path))  # fmt: skip
    assert done.status == 0, done.err
    data = text_of(oracle, path)
    theirs = disassemblers.llvm(oracle, data, "aarch64", tmp_path)
    assert len(theirs) == len(data) // 4 > 150
    assert ours(data, "aarch64") == theirs


@pytest.mark.oracle("objdump")
@pytest.mark.parametrize("level", LEVELS)
def test_gnu_reads_the_same(oracle: Callable[[str], str], tmp_path: Path, level: str) -> None:
    """The same instructions at the same places, with the same registers and numbers."""
    data = compiled(oracle, "x86_64", level, tmp_path)
    mine = disassemblers.joined(ours(data, "x86_64"))
    theirs = disassemblers.gnu(oracle, data, tmp_path)
    assert [at for at, _ in mine] == [at for at, _ in theirs]
    for (at, text), (_, wanted) in zip(mine, theirs, strict=True):
        assert disassemblers.sense(text) == disassemblers.sense(wanted), (at, text, wanted)


def test_what_is_no_code() -> None:
    """Bytes of no instruction are shown, and what follows is read."""
    assert ours(b"\x06\x55", "x86_64") == [(0, ".byte\t6"), (1, "pushq\t%rbp")]
    assert ours(b"\xff\xff\xff\xff\xc0\x03\x5f\xd6", "aarch64")[-1] == (4, "ret")
