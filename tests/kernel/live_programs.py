"""Declarations as a user writes them, with code assembled by hand in place of the compiler's.

`session()` is a Session of `probe`, not loaded yet. Its code is a socket filter, which runs when
`session[probe].test_run(bytes(14), repeat=n)` says so; or, with `hook`, a raw tracepoint program
for the process `only`.

Before Linux 5.12 nothing adds and tells what was there in one step: there, programs that run at the
same time on several CPUs may give one number to two events (`numbers_are_unique`).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from probee.asm import make as m
from probee.asm.encode import encode
from probee.host.features import Features
from probee.lang.contexts import Context
from probee.lang.maps import Array, Hash, LruHash, PerCpuArray, RingBuf
from probee.lang.programs import raw_tracepoint
from probee.lang.types import Chars, Struct, chars, s64, u32, u64
from probee.lang.variables import Const, Global
from probee.runtime.session import Session
from probee.spec import (
    CharArray,
    CollectionSpec,
    CounterSpec,
    Int,
    MapSpec,
    ProgramSpec,
    Reloc,
    VariableSpec,
)
from probee.uapi import bpf as uapi
from tests.kernel import rawspecs

if TYPE_CHECKING:
    from probee.asm.insn import Insn

PACKET = bytes(14)  # the least that a socket filter's test run takes
GET_PID_TGID, GET_CPU, RESERVE, SUBMIT, DISCARD = 14, 8, 131, 132, 133
U32, U64 = Int("u32", 4, False), Int("u64", 8, False)


class Event(Struct):
    number: u64
    cpu: u32
    name: Chars = chars(12)
    rest: Chars = chars(280)  # 304 bytes in all


class Key(Struct):
    pid: u32
    comm: Chars = chars(8)


class Stat(Struct):
    count: u64
    least: s64
    cpu: u32


events = RingBuf(Event, size="64K")
by_pid = Hash(u32, u64, max_entries=1000)
by_key = Hash(Key, Stat, max_entries=5000)
recent = LruHash(u32, u64, max_entries=64)
slots = Array(Stat, max_entries=5)
per_cpu = PerCpuArray(u32, max_entries=3)
total = Global(u64, 0)
lost = Global(u64, 0)
every = Global(u32, 0)
label = Global(chars(16), "")
only = Const(u32, 0)


def used(*_: object) -> None:
    """Names the declarations, so that the Session captures them."""


@raw_tracepoint("sys_enter")
def probe(ctx: Context) -> None:
    used(events, by_pid, by_key, recent, slots, per_cpu, total, lost, every, label, only)


MAPS = (
    MapSpec("events", uapi.BPF_MAP_TYPE_RINGBUF, 0, 0, 1 << 16),
    MapSpec("by_pid", uapi.BPF_MAP_TYPE_HASH, 4, 8, 1000),
    MapSpec("by_key", uapi.BPF_MAP_TYPE_HASH, 12, 24, 5000),
    MapSpec("recent", uapi.BPF_MAP_TYPE_LRU_HASH, 4, 8, 64),
    MapSpec("slots", uapi.BPF_MAP_TYPE_ARRAY, 4, 24, 5),
    MapSpec("per_cpu", uapi.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 3),
    MapSpec(".rodata", uapi.BPF_MAP_TYPE_ARRAY, 4, 4, 1, contents=bytes(4), frozen=True),
    MapSpec(".bss", uapi.BPF_MAP_TYPE_ARRAY, 4, 40, 1, contents=bytes(40)),
)
VARIABLES = (
    VariableSpec("only", ".rodata", 0, U32),
    VariableSpec("total", ".bss", 0, U64),
    VariableSpec("lost", ".bss", 8, U64),
    VariableSpec("every", ".bss", 16, U32),
    VariableSpec("label", ".bss", 20, CharArray(16)),
)
COUNTERS = (
    CounterSpec("ring_full", "events", ".bss", 8, "probe"),
    CounterSpec("trap", "KeyError", ".bss", 0, "probe", "probe.py", 7, "m[k] = 1"),
)


@cache
def numbers_are_unique() -> bool:
    """Whether the kernel has what `event_code` numbers events with (`atomic_fetch_add`)."""
    return bool(Features(keep=False).ask("atomic_fetch"))


def event_code(*, filtered: bool) -> tuple[bytes, tuple[Reloc, ...]]:
    """Sends an event numbered by `total`, and counts in `lost` what finds no room.

    If `every` is not 0, an event whose number divides by it is discarded. `filtered`: only for the
    process `only`.
    """
    code: list[Insn] = []
    relocs: list[Reloc] = []

    def load(register: int, kind: str, symbol: str, offset: int = 0) -> None:
        relocs.append(Reloc(sum(insn.slots for insn in code), kind, symbol, offset))
        code.append(m.ld_imm64(register, 0))

    if filtered:
        code += [m.call_helper(GET_PID_TGID), m.alu64_imm("rsh", 0, 32)]
        load(1, "value", ".rodata")
        code += [m.ldx_mem(4, 1, 1, 0), m.jmp_reg("jeq", 0, 1, 2), m.mov64_imm(0, 0), m.exit_()]
    load(1, "value", ".bss", 0)
    if numbers_are_unique():
        code += [m.mov64_imm(7, 1), m.atomic("add", 8, 1, 7, 0, fetch=True)]
    else:
        code += [m.ldx_mem(8, 7, 1, 0), m.mov64_imm(2, 1), m.atomic("add", 8, 1, 2, 0)]
    load(1, "map", "events")
    code += [m.mov64_imm(2, 304), m.mov64_imm(3, 0), m.call_helper(RESERVE)]
    code += [m.jmp_imm("jne", 0, 0, 6)]
    load(1, "value", ".bss", 8)
    code += [m.mov64_imm(2, 1), m.atomic("add", 8, 1, 2, 0), m.mov64_imm(0, 0), m.exit_()]
    code += [m.mov64_reg(6, 0), m.stx_mem(8, 6, 7, 0), m.call_helper(GET_CPU)]
    code += [m.stx_mem(4, 6, 0, 8), m.st_mem(4, 6, 12, int.from_bytes(b"name", "little"))]
    code += [m.st_mem(8, 6, 16, 0), m.st_mem(8, 6, 24, 0), m.st_mem(8, 6, 296, 0)]
    load(1, "value", ".bss", 16)
    code += [m.ldx_mem(4, 1, 1, 0), m.mov64_imm(8, SUBMIT), m.jmp_imm("jeq", 1, 0, 6)]
    code += [m.mov64_reg(2, 7), m.alu64_reg("mod", 2, 1), m.jmp_imm("jne", 2, 0, 3)]
    code += [m.mov64_reg(1, 6), m.mov64_imm(2, 0), m.ja(3)]
    code += [m.mov64_reg(1, 6), m.mov64_imm(2, 0), m.ja(3)]
    code += [m.call_helper(DISCARD), m.mov64_imm(0, 0), m.exit_()]
    code += [m.call_helper(SUBMIT), m.mov64_imm(0, 0), m.exit_()]
    return encode(code), tuple(relocs)


def session(
    *, hook: bool = False, consts: Any = None, sizes: Any = None, reuse: Any = None
) -> Session:
    code, relocs = event_code(filtered=hook)
    if hook:
        program = rawspecs.program("probe", ("raw_tp", "sys_enter"), code=code, relocs=relocs)
    else:
        kind = uapi.BPF_PROG_TYPE_SOCKET_FILTER
        program = ProgramSpec("probe", kind, 0, (), code, relocs)
    made = Session(probe, consts=consts, map_sizes=sizes, reuse=reuse)
    made._spec = CollectionSpec(MAPS, (program,), VARIABLES, COUNTERS)
    return made
