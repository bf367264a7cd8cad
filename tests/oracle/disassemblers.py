"""What LLVM and GNU print of raw machine code.

In: bytes, and the machine they are for. Out: rows (offset, text) of llvm-objdump or of objdump, the
symbols that they add taken out again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.oracle.bpftool_lab import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Rows = list[tuple[int, str]]

FORMATS = {"x86_64": "elf64-x86-64", "aarch64": "elf64-littleaarch64"}
# Instructions of later ARMv8: atomics, load-acquire, marks of branches, signed addresses.
FEATURES = {"x86_64": (), "aarch64": ("--mattr=+lse,+rcpc,+bti,+pauth,+sb",)}
_ROW = re.compile(r"^ *([0-9a-f]+): *\t(.*?)(?: <[^>]*>)?(?: +(?:#|//) .*)?$", re.MULTILINE)
_LITERAL = re.compile(r"((?:adr|ldr)\t\w+), (0x[0-9a-f]+)$")


def llvm(oracle: Callable[[str], str], data: bytes, machine: str, folder: Path) -> Rows:
    """LLVM's rows. Text is operation, tab, operands, as LLVM's library gives it.

    The library counts a place of data from the instruction, where llvm-objdump says where it is.
    """
    raw, made = folder / "raw", folder / "raw.o"
    raw.write_bytes(data)
    done = run(oracle("llvm-objcopy"), "-I", "binary", "-O", FORMATS[machine],
               "--rename-section", ".data=.text,code", str(raw), str(made))  # fmt: skip
    assert done.status == 0, done.err
    done = run(oracle("llvm-objdump"), "-d", "--no-print-imm-hex", "--no-show-raw-insn",
               *FEATURES[machine], str(made))  # fmt: skip
    assert done.status == 0, done.err
    rows = [(int(at, 16), text.rstrip()) for at, text in _ROW.findall(done.out)]
    return [
        (at, _LITERAL.sub(lambda found: f"{found[1]}, #{int(found[2], 0) - at}", text))  # noqa: B023
        for at, text in rows
    ]


def gnu(oracle: Callable[[str], str], data: bytes, folder: Path) -> Rows:
    """GNU's rows, of x86-64."""
    raw = folder / "raw"
    raw.write_bytes(data)
    done = run(oracle("objdump"), "-D", "-b", "binary", "-m", "i386:x86-64", "-M", "suffix",
               "--wide", "--no-show-raw-insn", str(raw))  # fmt: skip
    assert done.status == 0, done.err
    return [(int(at, 16), text.rstrip()) for at, text in _ROW.findall(done.out)]


def joined(rows: Rows) -> Rows:
    """LLVM takes the prefix `lock` for an instruction, GNU does not."""
    whole: Rows = []
    for at, text in rows:
        if whole and whole[-1][1] == "lock":
            whole[-1] = (whole[-1][0], f"lock {text}")
        else:
            whole.append((at, text))
    return whole


def sense(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The registers and the numbers of an instruction, however they are written; no 0."""
    if "nop" in text or text == "xchgw  %ax,%ax":
        return (), ()
    text = re.sub(r",[1248]\)|%[cdes]s:", "", text)
    mask = 0xFF if re.match(r"\w+b\s+\$", text) else 0xFFFFFFFF
    numbers = (int(number, 0) & mask
               for number in re.findall(r"(?<![\w%])-?(?:0x[0-9a-f]+|\d+)", text))  # fmt: skip
    return tuple(re.findall(r"%\w+", text)), tuple(number for number in numbers if number)
