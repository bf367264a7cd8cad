"""A spec's programs as the verifier's log shows instructions, with the lines that they come from.

In: a `CollectionSpec`. Out: lines of text, escaped where a terminal would obey a line of source:

    opening: tracepoint syscalls:sys_enter_openat
    ; if only == ctx.dfd: @ my_tool.py:12
       0: (18) r5 = .rodata+8
       2: (61) r5 = *(u32 *)(r5 +0)

What only a loader or a kernel knows has its name: a map, a place in a data section, a function of
the kernel, a member of a struct of the kernel.
"""

from __future__ import annotations

from probee.asm.decode import decode
from probee.asm.disasm import kernel_text
from probee.btf.ext import read_line_info
from probee.btf.reader import Btf
from probee.frame.text import one_line
from probee.tables.helpers import by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from probee.asm.insn import Insn
    from probee.spec.programs import CollectionSpec, CoreReloc, ProgramSpec, Reloc


def assembly(spec: CollectionSpec) -> Iterator[str]:
    """The lines of all programs, an empty one between two."""
    types = Btf(spec.btf) if spec.btf else None
    for number, program in enumerate(spec.programs):
        if number:
            yield ""
        yield from _program(program, spec.endian, types)


def _program(program: ProgramSpec, endian: str, types: Btf | None) -> Iterator[str]:
    hooks = ", ".join(f"{hook.kind} {hook.target}" for hook in program.attach)
    starts = {slot: name for name, slot in program.functions[1:]}
    helpers = {by_name(name).id: f"bpf_{name}" for name in program.helpers}
    relocs = {reloc.insn: reloc for reloc in program.relocs}
    cores = {core.insn: core for core in program.core}
    rows = read_line_info(program.line_info, big_endian=endian == "big")
    lines = {row.insn_off: row for row in rows}
    yield f"{program.name}: {one_line(hooks)}"
    slot = 0
    for insn in decode(program.code, endian):
        if slot in starts:
            yield f"{starts[slot]}:"
        if slot in lines and types is not None:
            row = lines[slot]
            text, file = one_line(types.string(row.text)), one_line(types.string(row.file))
            yield f"; {text} @ {file}:{row.line}"
        yield f"{slot:4d}: {_text(insn, helpers, relocs.get(slot), cores.get(slot))}"
        slot += insn.slots


def _text(
    insn: Insn, helpers: Mapping[int, str], reloc: Reloc | None, core: CoreReloc | None
) -> str:
    name = ""
    if reloc is not None:
        name = f"{reloc.symbol}+{reloc.addend}" if reloc.kind == "value" else reloc.symbol
    text = kernel_text(
        insn, helpers=helpers, call=lambda _: name or None, imm=lambda _: name or None
    )
    if core is None:
        return text
    return f"{text}  ; {core.kind} {core.struct}{'.' + core.path if core.path else ''}"
