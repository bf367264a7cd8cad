"""A loaded program as code to draw: an id in, `Code` of cfg.py out.

The code is what the verifier made of the program: with instructions that it added, without those
that can never run.
"""

from __future__ import annotations

from os import close
from struct import iter_unpack

from probee.asm.blocks import called
from probee.asm.decode import decode
from probee.asm.insn import slot_starts
from probee.asm.opcodes import CALL, CALL_LOCAL, JMP, LD_IMM64, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE
from probee.errors import ProbeeError
from probee.host.info import PROGRAM, read
from probee.introspect.cfg import Code
from probee.introspect.loaded.reach import opened
from probee.introspect.running.lines import line_rows
from probee.introspect.running.names import Names
from probee.introspect.running.symbols import Symbols

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.asm.insn import Insn
    from probee.btf.reader import Btf
    from probee.introspect.loaded.types import Types

_FUNC_INFO = 8  # struct bpf_func_info: instruction, type


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
    info, buffer = read(fd, PROGRAM)
    size = info["xlated_prog_len"]
    if not size:
        raise ProbeeError("the kernel hides the code of this program from this process")
    data = bytearray(size)
    read(fd, PROGRAM, xlated_prog_len=size, xlated_prog_insns=data)
    insns = tuple(decode(bytes(data), xlated=True))
    name = types.program_name(fd, info, buffer) or f"program {info['id']}"
    btf = types.of(info["btf_id"]) if info["btf_id"] else None
    functions, sources = {0: name}, {}
    if btf is not None:
        functions |= _functions(fd, info["nr_func_info"], info["func_info_rec_size"], btf)
        rows = line_rows(fd, info["nr_line_info"], info["line_info_rec_size"], btf)
        sources = {at: text for at, _, text, _ in rows}
    places = list(zip(slot_starts(insns), insns, strict=False))
    for slot, insn in places:
        target = called(insn, slot)
        if target is not None:
            functions.setdefault(target, f"function at {target}")
    return Code(name, insns, functions, sources, _subjects(places, types))


def _functions(fd: int, count: int, size: int, btf: Btf) -> dict[int, str]:
    data = bytearray(count * size)
    if not count:
        return {}
    read(fd, PROGRAM, nr_func_info=count, func_info_rec_size=size, func_info=data)
    rows = iter_unpack(f"=II{size - _FUNC_INFO}x", data)
    return {at: btf.name(type_) for at, type_ in rows if 0 < type_ <= len(btf)}


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
