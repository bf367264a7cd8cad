"""asm beside the kernel: the verifier's log prints every form, bpftool what became of a program.

The log comes from the running kernel's own kernel/bpf/disasm.c, so an instruction that it prints
as we do is one whose bytes it reads as we do. Programs are loaded by raw bpf() calls.
"""

from __future__ import annotations

import ctypes
import os
import re
import struct
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from probee.asm import make as m
from probee.asm.decode import decode
from probee.asm.disasm import dump_imm, kernel_lines, kernel_text
from probee.asm.encode import encode
from probee.asm.forms import FORMS, XLATED, Form, find_form
from probee.asm.insn import Insn, slot_starts
from probee.asm.isa import form_of
from probee.asm.opcodes import ALU_OPS, JUMP_OPS, R0, R1, R2, R3, R6, R7, R10
from probee.frozen import replace
from tests import kernel_state
from tests.unit.asm.samples import samples_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.kernel

MAP_CREATE, PROG_LOAD = 0, 5
SOCKET_FILTER, ARRAY = 1, 2
LOG_STEPS = 2  # BPF_LOG_LEVEL2: every instruction, also of a program that is accepted
KERNEL = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2])


def load(insns: list[Insn], log_level: int = LOG_STEPS) -> tuple[int, str]:
    """A descriptor, or -1 if the kernel refuses, and the verifier's log."""
    data = encode(insns)
    code = ctypes.create_string_buffer(data, len(data))
    license = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(1 << 20)
    addresses = [ctypes.addressof(buffer) for buffer in (code, license, log)]
    attr = struct.pack("<IIQQIIQ", SOCKET_FILTER, len(data) // 8, *addresses[:2], log_level,
                       len(log), addresses[2])  # fmt: skip
    try:
        fd, _ = kernel_state.bpf(PROG_LOAD, attr.ljust(128, b"\0"))
    except OSError:
        fd = -1
    return fd, log.value.decode("ascii")


def logged(insns: list[Insn]) -> dict[int, str]:
    """What the verifier's log says of each slot that it got to."""
    fd, log = load(insns)
    if fd >= 0:
        os.close(fd)
    found = re.findall(r"^(\d+): (\([0-9a-f]{2}\) [^;\n]*)", log, re.MULTILINE)
    return {int(slot): text.rstrip() for slot, text in found}


def known_here(form: Form) -> bool:
    return tuple(int(n) for n in form.since.split(".")) <= KERNEL


END = [m.mov64_imm(R0, 0), m.exit_()]
CONDITIONS = [form for form in FORMS if form.llvm.startswith("if ")]
# A load of a map or a function prints an address, calls and plain jumps must lead somewhere.
ELSEWHERE = {"ja", "gotol", "gotox", "may_goto", "exit", "call_helper", "call_local", "call_kfunc"}
STRAIGHT = [
    form
    for form in FORMS
    if form not in CONDITIONS
    and form.name not in ELSEWHERE
    and (form.code != 0x18 or form.name == "ld_imm64")
]


@pytest.mark.parametrize("form", [f for f in STRAIGHT if known_here(f)], ids=lambda f: f.name)
def test_log_of_straight_instructions(form: Form) -> None:
    """The verifier prints an instruction before it finds fault with it."""
    for insn in samples_of(form):
        assert logged([insn, *END])[0] == kernel_text(insn)


@pytest.mark.parametrize("form", [f for f in CONDITIONS if known_here(f)], ids=lambda f: f.name)
def test_log_of_conditions(form: Form) -> None:
    for insn, off in zip(samples_of(form), (0, 1, -1, -2), strict=True):
        jump = replace(insn, off=off)
        assert logged([m.mov64_imm(R0, 0), jump, *END])[1] == kernel_text(jump)


PLACED = [
    (0, [m.ja(0), *END]),
    (2, [m.ja(1), m.exit_(), m.ja(-2)]),
    (0, [m.gotol(0), *END]),
    (2, [m.ja(1), m.exit_(), m.gotol(-2)]),
    (0, [m.may_goto(1), *END]),
    (1, [m.mov64_imm(R0, 0), m.may_goto(-2), m.exit_()]),
    (0, [m.exit_()]),
    (0, [m.call_helper(9999), *END]),
    (0, [m.call_helper(-1), *END]),
    (0, [m.call_local(1), m.exit_(), *END]),
]


@pytest.mark.parametrize(
    ("slot", "insns"), PLACED, ids=[kernel_text(insns[slot]) for slot, insns in PLACED]
)
def test_log_of_jumps_and_calls(slot: int, insns: list[Insn]) -> None:
    if all(known_here(form_of(insn)) for insn in insns):
        assert logged(insns)[slot] == kernel_text(insns[slot])


def test_log_names_helpers() -> None:
    names = {1: "bpf_map_lookup_elem", 5: "bpf_ktime_get_ns"}
    for helper in names:
        insn = m.call_helper(helper)
        assert logged([insn, *END])[0] == kernel_text(insn, helpers=names)


@pytest.mark.oracle("bpftool")
def test_log_names_kfuncs(oracle: Callable[[str], str]) -> None:
    types = subprocess.run(
        [oracle("bpftool"), "btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "raw"],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    name = "bpf_rcu_read_lock"
    found = re.search(rf"^\[(\d+)\] FUNC '{name}'", types, re.MULTILINE)
    if found is None:
        pytest.skip(f"this kernel has no kfunc {name}")
    insn = m.call_kfunc(int(found[1]))
    assert logged([insn, *END])[0] == kernel_text(insn, call=lambda _: name)


def map_create() -> int:
    """An array of one value of 16 bytes."""
    attr = struct.pack("<IIIII", ARRAY, 4, 16, 1, 0)
    return kernel_state.bpf(MAP_CREATE, attr.ljust(128, b"\0"))[0]


def arithmetic(level: int) -> list[Insn]:
    """A program of all arithmetic, swaps and conditions up to ISA `level`, none of it dead."""
    body = [m.mov64_reg(R6, R1), m.call_helper(7), m.mov64_reg(R7, R0), m.mov64_imm(R3, 3)]
    for row in ALU_OPS:
        if row.level <= level:
            body += [m.alu64_imm(row.name, R7, 5), m.alu64_reg(row.name, R7, R3)]
            body += [m.alu32_imm(row.name, R7, 5), m.alu32_reg(row.name, R7, R3)]
            body += [m.mov64_reg(R7, R0)]
    for bits in (16, 32, 64):
        body += [m.to_le(R7, bits), m.to_be(R7, bits), m.mov64_reg(R7, R0)]
    body += [m.neg64(R7), m.neg32(R7)]
    for condition in JUMP_OPS:
        body += [m.mov64_reg(R7, R0)]
        body += [m.jmp_imm(condition.name, R7, -3, 1), m.mov64_imm(R7, 1), m.mov64_reg(R7, R0)]
        body += [m.jmp_reg(condition.name, R7, R0, 1), m.mov64_imm(R7, 1), m.mov64_reg(R7, R0)]
        body += [m.jmp32_imm(condition.name, R7, 9, 1), m.mov64_imm(R7, 1)]
        body += [m.jmp32_reg(condition.name, R7, R0, 1), m.mov64_imm(R7, 1)]
    if level == 4:
        for bits in (8, 16, 32):
            body += [m.movsx64_reg(R2, R7, bits), m.bswap(R7, max(bits, 16))]
        body += [m.movsx32_reg(R2, R7, 8), m.movsx32_reg(R2, R7, 16), m.gotol(0)]
    return [*body, *END]


def memory(fd: int, level: int) -> list[Insn]:
    """A program of all memory access, atomics, map loads and calls up to ISA `level`."""
    body = [m.mov64_reg(R6, R1), m.st_mem(8, R10, -8, -1), m.mov64_imm(R1, 5)]
    for size in (1, 2, 4, 8):
        body += [m.st_mem(size, R10, -8, 7), m.stx_mem(size, R10, R1, -8)]
        body += [m.ldx_mem(size, R2, R10, -8)]
        body += [m.ldx_memsx(size, R2, R10, -8)] if level == 4 and size < 8 else []
    for size in (4, 8):
        for name in ("add", "or", "and", "xor"):
            body += [m.atomic(name, size, R10, R1, -8)]
            body += [m.atomic(name, size, R10, R1, -8, fetch=True)]
        body += [m.mov64_imm(R0, 1), m.xchg(size, R10, R1, -8), m.cmpxchg(size, R10, R1, -8)]
    body += [m.ld_imm64(R7, 0x1122334455667788), m.ld_imm64(R7, -5)]
    body += [m.st_mem(4, R10, -4, 0), m.mov64_reg(R2, R10), m.alu64_imm("add", R2, -4)]
    body += [m.ld_map_fd(R1, fd), m.call_helper(1), m.call_helper(5), m.call_helper(7)]
    body += [m.ld_map_value(R3, fd, 4), m.ldx_mem(4, R7, R3, 0), m.stx_mem(4, R3, R7, 4)]
    body += [m.call_helper(8)]  # the verifier writes out what get_smp_processor_id does
    body += [m.ld_abs(4, 0), m.ld_ind(2, R7, 1)]
    return [*body, m.call_local(2), *END, m.mov64_imm(R0, 3), m.exit_()]


class Dumped:
    """A line of `bpftool prog dump xlated`: slot, text, and the bytes that it shows beside it."""

    def __init__(self, slot: str, text: str, data: str) -> None:
        self.slot, self.text, self.data = int(slot), text, bytes.fromhex(data)


def dump(bpftool: str, fd: int) -> tuple[list[Dumped], list[str]]:
    """A loaded program as bpftool shows it: with bytes, and the lines without."""
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as file:
        number = next(line.split()[1] for line in file if line.startswith("prog_id:"))
    command = [bpftool, "prog", "dump", "xlated", "id", number]
    both = [
        subprocess.run([*command, *words], capture_output=True, text=True, check=True, timeout=60)
        for words in (["opcodes"], [])
    ]
    rows = re.findall(r"^ *(\d+): (.*)\n +((?:[0-9a-f]{2} ?)+)$", both[0].stdout, re.MULTILINE)
    return [Dumped(*row) for row in rows], both[1].stdout.rstrip().splitlines()


@contextmanager
def loaded(make: Callable[[int], list[Insn]]) -> Iterator[int]:
    """The descriptor of a program that may use a map."""
    map_fd = map_create()
    try:
        fd, log = load(make(map_fd), 1)
        assert fd >= 0, log[-2000:]
        try:
            yield fd
        finally:
            os.close(fd)
    finally:
        os.close(map_fd)


@pytest.mark.oracle("bpftool")
@pytest.mark.parametrize("level", [3, 4])
@pytest.mark.parametrize("what", ["arithmetic", "memory"])
def test_dump(oracle: Callable[[str], str], what: str, level: int) -> None:
    """Every line that the verifier left, however it rewrote the program.

    Call lines hold addresses of this boot: there bpftool's name goes into ours. What bpftool 7.1
    cannot print (it is of Linux 6.2) is decoded and encoded only.
    """
    if level == 4 and KERNEL < (6, 6):
        pytest.skip("this kernel knows no ISA v4")
    if what == "memory" and KERNEL < (5, 12):
        pytest.skip("this kernel knows no atomics but addition")
    make = (lambda _: arithmetic(level)) if what == "arithmetic" else (lambda fd: memory(fd, level))
    with loaded(make) as fd:
        rows, plain = dump(oracle("bpftool"), fd)
    assert len(rows) > 70
    data = b"".join(row.data for row in rows)
    insns = decode(data, xlated=True)
    assert encode(insns, xlated=True) == data
    assert [row.slot for row in rows] == slot_starts(insns)[:-1]
    names = {insn: _called(row.text) for insn, row in zip(insns, rows, strict=True)}
    ours = list(kernel_lines(insns, call=names.get, imm=dump_imm))
    compared = 0
    for insn, row, line, theirs in zip(insns, rows, ours, plain, strict=True):
        form = find_form(insn, XLATED)
        assert isinstance(form, Form)
        if form.since == "verifier" or form.level == 4:
            continue
        compared += 1
        assert line == f"{row.slot:4d}: {row.text}" == theirs
    assert compared > 0.7 * len(rows)


def _called(text: str) -> str | None:
    """The name in a line with a call, as `call=` of kernel_text is to give it."""
    found = re.search(r"call (?:pc)?(.*)$", text)
    if found is None:
        return None
    return found[1] if " call pc" in text else found[1].rpartition("#")[0]
