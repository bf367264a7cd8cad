"""Programs written as instructions, for the tests of the simulator.

In: instructions, maps. Out: a `Machine` whose program is called `main`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.asm import make as asm
from probee.asm.encode import encode
from probee.asm.insn import slot_starts
from probee.asm.opcodes import R1, R2, R3, R4, R5, R10
from probee.sim import Machine, World
from probee.spec import CollectionSpec, MapSpec, ProgramSpec, Reloc
from probee.tables.helpers import by_name
from probee.tables.maps import by_name as map_type
from probee.uapi.bpf import BPF_PROG_TYPE_SYSCALL

if TYPE_CHECKING:
    from probee.asm.insn import Insn

MAP = asm.ld_map_fd(R1, 0)
MARK = asm.ld_map_value(R1, 0, 0)  # the same of a data section


def helper(name: str) -> Insn:
    return asm.call_helper(by_name(name).id)


def load_map(dst: int) -> Insn:
    return asm.ld_map_fd(dst, 0)


def table(
    kind: str, key: int = 4, value: int = 8, entries: int = 4, contents: bytes = b""
) -> MapSpec:
    number = map_type(kind).number
    return MapSpec("m", number, key, value, entries, contents=contents)


def machine(
    insns: list[Insn], *maps: MapSpec, world: World | None = None, strict_stack: bool = True
) -> Machine:
    """Every load of a map's address refers to the first of `maps`."""
    relocs = tuple(
        Reloc(slot, "value" if insn.src == 2 else "map", maps[0].name)
        for slot, insn in zip(slot_starts(insns), insns, strict=False)
        if insn.code == 0x18 and insn.src in (1, 2)
    )
    program = ProgramSpec("main", BPF_PROG_TYPE_SYSCALL, 0, (), encode(insns), relocs)
    return Machine(CollectionSpec(maps, (program,)), world=world, strict_stack=strict_stack)


def call_on_map(name: str, key: int, value: int = 0, flags: int = 0) -> list[Insn]:
    """`name(map, &key, &value, flags)` as a whole program that returns what it gives."""
    return [
        asm.st_mem(4, R10, -4, key),
        asm.st_mem(8, R10, -16, value),
        load_map(R1),
        asm.mov64_reg(R2, R10),
        asm.alu64_imm("add", R2, -4),
        asm.mov64_reg(R3, R10),
        asm.alu64_imm("add", R3, -16),
        asm.mov64_imm(R4, flags),
        asm.mov64_imm(R5, 0),
        helper(name),
        asm.exit_(),
    ]
