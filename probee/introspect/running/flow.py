"""A loaded program as code to draw: an id in, `Code` of cfg.py out.

The code is what the verifier made of the program: with instructions that it added, without those
that can never run.
"""

from __future__ import annotations

from os import close

from probee.asm.blocks import called
from probee.asm.decode import decode
from probee.asm.insn import slot_starts
from probee.asm.opcodes import CALL, CALL_LOCAL, JMP, LD_IMM64, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE
from probee.errors import ProbeeError
from probee.host.info import PROGRAM, read
from probee.introspect.cfg import Code
from probee.introspect.loaded.code import XLATED, code_of
from probee.introspect.loaded.reach import opened
from probee.introspect.running.names import Names
from probee.introspect.running.symbols import Symbols

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.asm.insn import Insn
    from probee.introspect.loaded.types import Types


def code(id: int, types: Types) -> Code:
    """Program `id`. Raises ProbeeError where it is gone, KernelError, FormatError."""
    fd = opened("PROG", id)
    if fd is None:
        raise ProbeeError(f"no loaded program has the id {id}")
    try:
        return code_behind(fd, types)
    finally:
        close(fd)


def code_behind(fd: int, types: Types) -> Code:
    """The program of a descriptor. Raises as `code`."""
    found = code_of(fd, XLATED, types)
    insns = tuple(decode(found.data, xlated=True))
    info, buffer = read(fd, PROGRAM)
    name = types.program_name(fd, info, buffer) or f"program {info['id']}"
    functions = {0: name}
    if found.types is not None:
        names = found.types
        functions |= {at: names.name(id) for at, id in found.functions if 0 < id <= len(names)}
    sources = {line.at: line.text for line in found.lines}
    places = list(zip(slot_starts(insns), insns, strict=False))
    for slot, insn in places:
        target = called(insn, slot)
        if target is not None:
            functions.setdefault(target, f"function at {target}")
    return Code(name, insns, functions, sources, _subjects(places, types), {})


def _subjects(places: list[tuple[int, Insn]], types: Types) -> dict[int, str]:
    """Maps and functions of the kernel, by the slots of the instructions that name them."""
    names, symbols = Names(types), Symbols()
    found = {}
    for slot, insn in places:
        if insn.code == LD_IMM64 and insn.src in (PSEUDO_MAP_FD, PSEUDO_MAP_VALUE):
            map_ = names.map(insn.imm & 0xFFFF_FFFF)
            offset = f"+{insn.high}" if insn.src == PSEUDO_MAP_VALUE and insn.high else ""
            found[slot] = f"{map_}{offset}" if insn.src == PSEUDO_MAP_VALUE else f"map[{map_}]"
        elif insn.code == JMP | CALL and insn.src != CALL_LOCAL:
            found[slot] = symbols.function(insn) or "a function of the kernel"
    names.close()
    return found
