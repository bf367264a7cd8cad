"""asm beside LLVM: its disassembler, its assembler and its compiler, in both byte orders."""

from __future__ import annotations

import re
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from probee.asm.decode import decode
from probee.asm.disasm import llvm_lines, llvm_text
from probee.asm.encode import encode
from probee.asm.isa import check_level, required_level
from tests.unit.asm.samples import all_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from probee.asm.forms import Form
    from probee.asm.insn import Insn

    Oracle = Callable[[str], str]

pytestmark = pytest.mark.oracle("clang", "llvm-mc", "llvm-objdump")

TRIPLES = {"little": "bpfel", "big": "bpfeb"}
ENDIANS = pytest.mark.parametrize("endian", ["little", "big"])
# (mode of disassembly: our feature alu32, llvm-objdump's option)
MODES = pytest.mark.parametrize(
    ("alu32", "options"), [(True, ["--mcpu=v4"]), (False, ["--mcpu=v1"])], ids=["alu32", "alu64"]
)
LATER = ("6.15", "6.19")  # acquire and release came with LLVM 20, gotox with 22


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def section(path: Path, name: str) -> bytes:
    """The bytes of a section of an ELF64 file, read by nothing of probee's."""
    data = path.read_bytes()
    order = "<" if data[5] == 1 else ">"
    table = struct.unpack_from(f"{order}Q", data, 0x28)[0]
    size, count, names = struct.unpack_from(f"{order}HHH", data, 0x3A)
    rows = [struct.unpack_from(f"{order}IIQQQQ", data, table + i * size) for i in range(count)]
    for row in rows:
        start = rows[names][4] + row[0]
        if data[start : data.index(b"\0", start)] == name.encode():
            return data[row[4] : row[4] + row[5]]
    raise KeyError(name)


def assembled(oracle: Oracle, directory: Path, endian: str, lines: Sequence[str]) -> Path:
    source, target = directory / "in.s", directory / "out.o"
    source.write_text("\n".join(lines) + "\n", encoding="ascii")
    run(oracle("llvm-mc"), "-triple", TRIPLES[endian], "-mcpu=v4", "-filetype=obj", source,
        "-o", target)  # fmt: skip
    return target


def disassembled(oracle: Oracle, path: Path, *options: str) -> list[str]:
    text = run(oracle("llvm-objdump"), "-d", "-z", "--no-show-raw-insn", *options, path)
    return [line for line in text.splitlines() if re.match(r" +\d+:\t", line)]


def knows_later(oracle: Oracle) -> bool:
    """LLVM before 20 prints load_acquire and store_release as something else, gotox before 22."""
    found = re.search(r"version (\d+)", run(oracle("llvm-objdump"), "--version"))
    assert found
    return int(found[1]) >= 22


def bytes_as_source(data: bytes) -> list[str]:
    lines = [data[at : at + 8] for at in range(0, len(data), 8)]
    return ["f:", *(".byte " + ",".join(str(byte) for byte in line) for line in lines)]


@ENDIANS
@MODES
def test_disassembly_of_every_form(
    oracle: Oracle, tmp_path: Path, endian: str, alu32: bool, options: list[str]
) -> None:
    new = knows_later(oracle)
    insns = [insn for form, insn in all_samples() if new or form.since not in LATER]
    path = assembled(oracle, tmp_path, endian, bytes_as_source(encode(insns, endian)))
    theirs = disassembled(oracle, path, *options)
    ours = list(llvm_lines(insns, {0: "f"}, alu32=alu32))
    assert len(theirs) == len(ours) > 680
    assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]] == []


# What LLVM 19's assembler cannot be told.
NO_WORDS: list[Callable[[Form, Insn], bool]] = [
    lambda form, _: form.since in LATER,
    lambda form, _: form.name.startswith("ld_ind"),  # takes no number beside the register
    lambda form, _: form.name in {"call_local", "call_kfunc"},  # a number is a helper's
    lambda form, insn: form.high and insn.src != 0,  # ld_pseudo takes no upper half
    lambda form, insn: form.name == "gotol" and not -0x8000 <= insn.imm <= 0x7FFF,
]


@ENDIANS
def test_the_assembler_makes_the_same_bytes_from_our_text(
    oracle: Oracle, tmp_path: Path, endian: str
) -> None:
    insns, lines = [], ["f:"]
    for form, insn in all_samples():
        if any(reason(form, insn) for reason in NO_WORDS):
            continue
        insns.append(insn)
        lines.append(llvm_text(insn).replace("\t", " "))
    assert len(insns) > 650
    path = assembled(oracle, tmp_path, endian, lines)
    theirs, ours = section(path, ".text"), encode(insns, endian)
    assert decode(theirs, endian) == insns
    assert theirs == ours


PROGRAM = r"""
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned u32;
typedef unsigned long long u64; typedef signed char s8; typedef short s16; typedef long long s64;
#define ARITH(T, N) \
  T N##_all(T a, T b, T c) { \
    T r = a + b * c; r ^= a << (b & 7); r |= c >> 3; r &= ~b; r -= a / (b | 1); r += a % (c | 1); \
    if (a > b) r += 7; if (a <= c) r *= 11; if (b == c) r = -r; return r; }
ARITH(u64, u64) ARITH(u32, u32)
s64 signed_compare(s64 a, s64 b) { s64 r = 0; if (a > b) r = a >> 5; if (a < 9) r += b;
  if (a <= b) r ^= 77; if (a >= -4) r += 3; return r; }
int narrow_compare(int a, int b) { return a < b ? a >> 3 : a > 100 ? b : a - b; }
#if V >= 4
s64 signed_divide(s64 a, s64 b, int c, int d) { return a / b + a % (b + 1) + c / d + c % 5; }
#endif
s64 signed_loads(s8 *a, s16 *b, int *c) { return a[1] + b[2] + (s64)c[3]; }
u64 loads(u8 *a, u16 *b, u32 *c, u64 *d) { return a[5] + b[5] + c[5] + d[5]; }
void stores(u8 *a, u16 *b, u32 *c, u64 *d, u64 v) {
  a[1] = v; b[1] = v; c[1] = v; d[1] = v; a[2] = 1; b[2] = 2; c[2] = 3; d[2] = -4; }
s64 extend(u64 a, u32 b) { return (s8)a + (s16)(a >> 8) + (s64)(int)b; }
u64 swap(u64 a, u32 b, u16 c) {
  return __builtin_bswap64(a) + __builtin_bswap32(b) + __builtin_bswap16(c); }
void add(u64 *a, u32 *b, u64 v) { __sync_fetch_and_add(a, v); __sync_fetch_and_add(b, (u32)v); }
#if V >= 3
u64 atomics(u64 *a, u32 *b, u64 v) {
  u64 r = __sync_fetch_and_add(a, v) + __sync_fetch_and_or(a, v) + __sync_fetch_and_and(a, v)
    + __sync_fetch_and_xor(a, v) + __sync_lock_test_and_set(a, v)
    + __sync_val_compare_and_swap(a, v, 5);
  return r + __sync_fetch_and_add(b, v) + __sync_fetch_and_xor(b, v)
    + __sync_lock_test_and_set(b, v) + __sync_val_compare_and_swap(b, v, 5); }
#endif
static u64 (*helper)(void) = (void *)5;
static __attribute__((noinline)) u64 local(u64 *p) { return *p + 0x123456789abcdefULL; }
u64 calls(u64 *p) {
  u64 r = helper(); for (int i = 0; i < 20; i++) r += local(p + i) ^ r >> 3; return r; }
"""


@ENDIANS
@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_what_clang_compiles(oracle: Oracle, tmp_path: Path, endian: str, level: int) -> None:
    source, path = tmp_path / "in.c", tmp_path / "out.o"
    source.write_text(PROGRAM, encoding="ascii")
    run(oracle("clang"), "-O2", "-w", "-target", TRIPLES[endian], f"-mcpu=v{level}",
        f"-DV={level}", "-c", source, "-o", path)  # fmt: skip
    data = section(path, ".text")
    insns = decode(data, endian)
    assert encode(insns, endian) == data
    check_level(insns, level)
    assert max(required_level(insn) for insn in insns) == level
    theirs = disassembled(oracle, path, f"--mcpu=v{level}")
    assert [_without_symbol(line) for line in theirs] == list(llvm_lines(insns, alu32=level >= 3))


def _without_symbol(line: str) -> str:
    """`goto +0x1 <main+0x10>` without its end; `<unknown>` is no symbol and no jump's end."""
    return re.sub(r"(goto.*) <[^<>]*>$", r"\1", line)
