"""A program's code with addresses in place of what its relocations name.

In: a ProgramSpec, the maps, the constants' values. Out: code in which every `ld_imm64` is a number,
and every call of a kernel's function has the number that kfuncs.py knows it by.
"""

from __future__ import annotations

from sys import byteorder

from probee.errors import NotSupportedError, UsageError
from probee.sim.kfuncs import number_of
from probee.sim.maps import SectionMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from probee.sim.maps import SimMap
    from probee.spec.programs import ProgramSpec, Reloc

LD_IMM64, CALL = 0x18, 0x85
DST = 0x0F if byteorder == "little" else 0xF0  # registers share a byte
MOVES = (0xB4, 0xB7)  # mov of an immediate, of 32 and of 64 bits


def linked(program: ProgramSpec, maps: Mapping[str, SimMap], consts: Mapping[str, int]) -> bytes:
    """UsageError for a map or constant that is not there."""
    if program.core:
        raise NotSupportedError(
            f"simulating {program.name}: it reads struct {program.core[0].struct} of a kernel",
            hint="there is none here; give the program what it needs in a map or a constant",
        )
    code = bytearray(program.code)
    for reloc in program.relocs:
        value = _value(program, reloc, maps, consts)
        at = 8 * reloc.insn
        if code[at] == LD_IMM64:
            code[at + 1] &= DST  # a plain number now
            code[at + 12 : at + 16] = (value >> 32 & 0xFFFFFFFF).to_bytes(4, byteorder)
        elif reloc.kind == "kfunc":
            if code[at] != CALL:
                raise UsageError(f"{program.name}: slot {reloc.insn} is no call")
        elif reloc.kind != "const" or code[at] not in MOVES:
            raise UsageError(f"{program.name}: slot {reloc.insn} is nothing to relocate")
        code[at + 4 : at + 8] = (value & 0xFFFFFFFF).to_bytes(4, byteorder)
    return bytes(code)


def _value(
    program: ProgramSpec, reloc: Reloc, maps: Mapping[str, SimMap], consts: Mapping[str, int]
) -> int:
    if reloc.kind == "const":
        if reloc.symbol not in consts:
            raise UsageError(f"{program.name} needs a value for {reloc.symbol}")
        return consts[reloc.symbol] & 0xFFFFFFFFFFFFFFFF
    if reloc.kind == "kfunc":
        return number_of(program.name, reloc.symbol)
    if reloc.kind not in ("map", "value"):
        raise NotSupportedError(
            f"simulating {program.name}: {reloc.symbol} comes from a running kernel"
        )
    map_ = maps.get(reloc.symbol)
    if map_ is None:
        raise UsageError(f"{program.name} uses map {reloc.symbol!r}, which is not in its spec")
    if reloc.kind == "map":
        return map_.address
    if not isinstance(map_, SectionMap):
        raise UsageError(f"{program.name} wants an address in {reloc.symbol}, no data section")
    return map_.region.base + reloc.addend
