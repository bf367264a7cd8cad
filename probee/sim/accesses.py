"""Loads, stores and atomic operations as steps.

In: instructions, the memory they work on. Out: `Step`s; an access outside of what the program may
touch raises Fault. A load from memory that only the world has (a kernel struct behind a pointer
that the verifier knows) reads the world's bytes, and 0 where it has none, as the kernel does.
"""

from __future__ import annotations

from struct import Struct, error
from sys import byteorder

from probee.sim.arithmetic import ATOMICS, M64
from probee.sim.memory import INSIDE, WINDOW_BITS, unwritten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.asm.insn import Insn
    from probee.sim.memory import Memory
    from probee.sim.steps import Registers, Step

_UNSIGNED = {1: Struct("=B"), 2: Struct("=H"), 4: Struct("=I"), 8: Struct("=Q")}
_SIGNED = {1: Struct("=b"), 2: Struct("=h"), 4: Struct("=i")}
_ONES = {size: b"\1" * size for size in _UNSIGNED}


def access(name: str, insn: Insn, after: int, memory: Memory) -> Step | None:
    """The step of a form as `ldx_mem8`, `st_mem64`, `atomic_xchg32`; None for any other one."""
    kind, _, rest = name.partition("_")
    size = int("".join(c for c in name[-2:] if c.isdigit()) or 0) // 8
    match kind:
        case "ldx":
            return _load(insn, after, memory, size, signed=rest.startswith("memsx"))
        case "load":
            return _load(insn, after, memory, size, signed=False)
        case "st" | "stx" | "store":
            return _store(insn, after, memory, size, immediate=kind == "st")
        case "atomic":
            return _atomic(insn, after, memory, size, rest[:-2])
        case _:
            return None


def _load(insn: Insn, after: int, memory: Memory, size: int, *, signed: bool) -> Step:
    dst, src, off, regions = insn.dst, insn.src, insn.off, memory.regions
    unpack = (_SIGNED if signed else _UNSIGNED)[size].unpack_from

    def step(regs: Registers) -> int:
        address = (regs[src] + off) & M64
        region = regions.get(address >> WINDOW_BITS)
        if region is None:
            found = memory.read_kernel(address, size) if memory.kernel else None
            if found is None:
                raise memory.fault(address, size, write=False)
            regs[dst] = int.from_bytes(found, byteorder, signed=signed) & M64
            return after
        at = address & INSIDE
        try:
            regs[dst] = unpack(region.data, at)[0] & M64
        except error:
            raise memory.fault(address, size, write=False) from None
        written = region.written
        if written is not None and 0 in written[at : at + size]:
            raise unwritten(region, at, size)
        return after

    return step


def _store(insn: Insn, after: int, memory: Memory, size: int, *, immediate: bool) -> Step:
    dst, src, off, regions = insn.dst, insn.src, insn.off, memory.regions
    pack, mask, ones = _UNSIGNED[size].pack_into, (1 << 8 * size) - 1, _ONES[size]
    number = insn.imm & mask

    def step(regs: Registers) -> int:
        address = (regs[dst] + off) & M64
        value = number if immediate else regs[src] & mask
        region = regions.get(address >> WINDOW_BITS)
        if region is None or not region.writable:
            raise memory.fault(address, size, write=True)
        at = address & INSIDE
        try:
            pack(region.data, at, value)
        except error:
            raise memory.fault(address, size, write=True) from None
        if region.written is not None:
            region.written[at : at + size] = ones
        return after

    return step


def _atomic(insn: Insn, after: int, memory: Memory, size: int, name: str) -> Step:
    """`add`, `fetch_or`, `xchg`, `cmpxchg` …: one program runs at a time, so nothing comes between.

    What comes back from 32 bits is zero-extended.
    """
    dst, src, off, mask = insn.dst, insn.src, insn.off, (1 << 8 * size) - 1
    operation = name.removeprefix("fetch_")
    fetches = name != operation or name == "xchg"
    form = _UNSIGNED[size]

    def step(regs: Registers) -> int:
        address, by = (regs[dst] + off) & M64, regs[src] & mask
        if address % size:
            raise memory.fault(address, size, write=True)
        region, at = memory.find(address, size)
        old: int = form.unpack_from(region.data, at)[0]
        region, at = memory.find(address, size, write=True)
        if name == "cmpxchg":
            if old == regs[0] & mask:
                form.pack_into(region.data, at, by)
            regs[0] = old
            return after
        form.pack_into(region.data, at, ATOMICS[operation](old, by) & mask)
        if fetches:
            regs[src] = old
        return after

    return step
