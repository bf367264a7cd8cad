"""From the code of all programs to one `CollectionSpec`: maps, sections, BTF, lines.

In: the `World` of a compilation and each program's `Lowered` and `Code`. Out: the spec. Only what
the code still refers to after optimisation is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler import core
from probee.compiler.btfgen import BtfGenerator
from probee.lang.maps import MapDeclaration, RingBuf
from probee.lang.perf import PerfEventArray
from probee.lang.stacks import StackTrace
from probee.spec.programs import PER_CPU, CollectionSpec, MapSpec, ProgramSpec
from probee.spec.types import Field, Int, StructType
from probee.uapi import bpf as uapi

if TYPE_CHECKING:
    from probee.compiler.codegen import Code
    from probee.compiler.frontend.lower import Lowered
    from probee.compiler.frontend.world import World

PROGRAM_TYPES = {
    "tracepoint": (uapi.BPF_PROG_TYPE_TRACEPOINT, 0),
    "raw_tracepoint": (uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, 0),
    "tp_btf": (uapi.BPF_PROG_TYPE_TRACING, uapi.BPF_TRACE_RAW_TP),
}
BPF_F_RDONLY_PROG = 1 << 7
BPF_F_MMAPABLE = 1 << 10
U32_SIZE = 4


def assemble(world: World, codes: list[tuple[Lowered, Code]]) -> CollectionSpec:
    """Puts the pieces together, in the order in which the programs name them."""
    used = list(dict.fromkeys(r.symbol for _, code in codes for r in code.relocs))
    btf = BtfGenerator(big_endian=world.target.endian == "big")
    declared = world.capture.declarations
    maps = [_map(world, btf, n) for n in used if isinstance(declared.get(n), MapDeclaration)]
    sections = [_section(world, btf, name) for name in (".rodata", ".data", ".bss") if name in used]
    sections += [_per_cpu(world, btf)] if PER_CPU in used else []
    described = core.Described(world, btf, used)
    programs = []
    for item, code in codes:
        type_, attach_type = PROGRAM_TYPES[item.program.kind]
        programs.append(
            ProgramSpec(
                name=item.program.name,
                type=type_,
                attach_type=attach_type,
                attach=item.program.attach,
                code=code.code,
                relocs=tuple(r for r in code.relocs if r.kind != "core"),
                func_info=btf.func_info(item.program.name, code.functions),
                line_info=btf.line_info(code.lines, world.file_name),
                functions=code.functions,
                context=item.context,
                helpers=code.helpers,
                core=described.relocs(code.relocs),
            )
        )
    structs = [
        d.value for d in world.capture.declarations.values() if isinstance(d, MapDeclaration)
    ]
    return CollectionSpec(
        maps=(*maps, *sections),
        programs=tuple(programs),
        variables=tuple(v for v in world.variables.values() if v.section in used or v.name in used),
        counters=tuple(world.counters.values()) if ".bss" in used else (),
        structs=tuple(dict.fromkeys(s for s in structs if isinstance(s, StructType))),
        btf=btf.build(),
        license=world.license,
        endian=world.target.endian,
    )


def _map(world: World, btf: BtfGenerator, name: str) -> MapSpec:
    table = world.capture.declarations[name]
    assert isinstance(table, MapDeclaration)
    if isinstance(table, RingBuf):
        assert table.value is not None
        btf.value(table.value)  # so that tools can tell what its records are
        return MapSpec(name, table.map_type, 0, 0, table.max_entries, value_type=table.value)
    if isinstance(table, (PerfEventArray, StackTrace)):  # the kernel takes no types for them
        assert table.value is not None
        size = table.value.size
        if isinstance(table, PerfEventArray):
            btf.value(table.value)  # as of a ring
            size = U32_SIZE
        return MapSpec(
            name, table.map_type, U32_SIZE, size, table.max_entries, value_type=table.value
        )
    assert table.value is not None
    value_btf = btf.value(table.value)
    if table.key is None:  # tools can tell what is in it; the kernel takes no types for such maps
        value_btf = 0
    return MapSpec(
        name=name,
        type=table.map_type,
        key_size=0 if table.key is None else table.key.size,
        value_size=table.value.size,
        max_entries=table.max_entries,
        flags=table.flags,
        key_type=table.key,
        value_type=table.value,
        key_btf=0 if table.key is None else btf.value(table.key),
        value_btf=value_btf,
        extra=table.extra,
    )


def _per_cpu(world: World, btf: BtfGenerator) -> MapSpec:
    """What each CPU has for itself: a per-CPU array of one struct."""
    placed = [v for v in world.variables.values() if v.section == PER_CPU]
    contents = bytes(world.contents[PER_CPU])
    contents += bytes(-len(contents) % 8)
    fields = tuple(Field(v.name, v.type, v.offset) for v in placed)
    return MapSpec(
        name=PER_CPU,
        type=uapi.BPF_MAP_TYPE_PERCPU_ARRAY,
        key_size=U32_SIZE,
        value_size=len(contents),
        max_entries=1,
        key_btf=btf.value(Int("u32", U32_SIZE, False)),
        value_btf=btf.value(StructType("percpu_variables", fields, len(contents), 8)),
        contents=contents,
    )


def _section(world: World, btf: BtfGenerator, name: str) -> MapSpec:
    """A data section as a map of one value, described to the kernel as a DATASEC."""
    if name == ".bss":
        contents = bytes(8 * len(world.counters))
        variables = [(f"{c.kind}_{i}", c.offset, 8) for i, c in enumerate(world.counters.values())]
        section = btf.counters(name, variables, len(contents))
    else:
        contents = bytes(world.contents[name])
        contents += bytes(-len(contents) % 8)
        placed = [v for v in world.variables.values() if v.section == name]
        # Linux before 5.13 refuses all types for the sake of a section without variables.
        section = btf.section(name, placed, len(contents)) if placed else 0
    frozen = name == ".rodata"
    return MapSpec(
        name=name,
        type=uapi.BPF_MAP_TYPE_ARRAY,
        key_size=U32_SIZE,
        value_size=len(contents),
        max_entries=1,
        flags=BPF_F_RDONLY_PROG if frozen else BPF_F_MMAPABLE,
        key_btf=0,
        value_btf=section,
        contents=contents,
        frozen=frozen,
    )
