"""Collections assembled by hand, for tests of host and runtime that need no compiler.

`counting(...)`: programs that count, in `.bss`, the hits of the process whose id is the constant
`only`; everything else on the machine passes them by.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from probee.asm import make as m
from probee.asm.encode import encode
from probee.asm.insn import Insn
from probee.btf import types as t
from probee.btf.writer import BtfBuilder
from probee.frozen import replace
from probee.host import bpf
from probee.spec import (
    Attach,
    CollectionSpec,
    ContextField,
    Int,
    MapSpec,
    ProgramSpec,
    Reloc,
    VariableSpec,
)
from probee.uapi import bpf as uapi

if TYPE_CHECKING:
    from probee.runtime.loader import Loaded

GETPPID = ("tracepoint", "syscalls:sys_enter_getppid")
GETPPID_EXIT = ("tracepoint", "syscalls:sys_exit_getppid")
FIVE = tuple(
    ("tracepoint", f"syscalls:sys_exit_{name}")
    for name in ("getppid", "getpgid", "getsid", "getuid", "getgid")
)

GET_CURRENT_PID_TGID = 14
RETURN_0 = encode([m.mov64_imm(0, 0), m.exit_()])
TYPES = {
    "tracepoint": (uapi.BPF_PROG_TYPE_TRACEPOINT, 0),
    "raw_tp": (uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, 0),
    "tp_btf": (uapi.BPF_PROG_TYPE_TRACING, uapi.BPF_TRACE_RAW_TP),
}
U32, U64 = Int("u32", 4, False), Int("u64", 8, False)


def count_own(place: int) -> tuple[bytes, tuple[Reloc, ...]]:
    """Code that adds 1 to the u64 at byte `place` of `.bss` if the process is the one meant."""
    code = [
        m.call_helper(GET_CURRENT_PID_TGID),
        m.alu64_imm("rsh", 0, 32),
        m.ld_imm64(1, 0),  # .rodata
        m.ldx_mem(4, 1, 1, 0),
        m.jmp_reg("jne", 0, 1, 4),
        m.mov64_imm(2, 1),
        m.ld_imm64(1, 0),  # .bss
        m.atomic("add", 8, 1, 2, 0),
        m.mov64_imm(0, 0),
        m.exit_(),
    ]
    return encode(code), (Reloc(2, "value", ".rodata"), Reloc(7, "value", ".bss", place))


def types(
    *programs: str, line: str = "hits[0] += 1"
) -> tuple[bytes, dict[str, tuple[bytes, bytes]]]:
    """BTF, and for each program its func_info and a line_info that says probe.py, line 31, 32, …"""
    builder = BtfBuilder()
    proto = builder.add(t.FuncProto(builder.add(t.Int("int", 4, 32, t.SIGNED))))
    builder.add(t.Int("u64", 8, 64))
    file, text = builder.string("probe.py"), builder.string(line)
    infos = {}
    for number, name in enumerate(programs):
        function = builder.add(t.Func(name, proto))
        infos[name] = (
            struct.pack("=2I", 0, function),
            struct.pack("=4I", 0, file, text, 31 + number << 10 | 5),
        )
    return builder.build(), infos


def program(
    name: str,
    *hooks: tuple[str, str],
    code: bytes = RETURN_0,
    relocs: tuple[Reloc, ...] = (),
    context: tuple[ContextField, ...] = (),
    infos: dict[str, tuple[bytes, bytes]] | None = None,
    type: tuple[int, int] | None = None,
    flags: int = 0,
) -> ProgramSpec:
    """A program on hooks such as `("tracepoint", "syscalls:sys_enter_getppid")`."""
    number, attach_type = type or TYPES[hooks[0][0]]
    func_info, line_info = (infos or {}).get(name, (b"", b""))
    return ProgramSpec(
        name,
        number,
        attach_type,
        tuple(Attach(*hook) for hook in hooks),
        code,
        relocs,
        func_info,
        line_info,
        context=context,
        flags=flags,
    )


def counting(*hooks: tuple[str, str], context: tuple[ContextField, ...] = ()) -> CollectionSpec:
    """One program for each hook, `count0`, `count1`, …; its count is at 8 times its number."""
    names = [f"count{number}" for number in range(len(hooks))]
    btf, infos = types(*names)
    programs = []
    for number, (name, hook) in enumerate(zip(names, hooks, strict=True)):
        code, relocs = count_own(8 * number)
        programs.append(program(name, hook, code=code, relocs=relocs, infos=infos, context=context))
    size = 8 * len(hooks)
    return CollectionSpec(
        maps=(
            MapSpec(".rodata", uapi.BPF_MAP_TYPE_ARRAY, 4, 4, 1, contents=bytes(4), frozen=True),
            MapSpec(".bss", uapi.BPF_MAP_TYPE_ARRAY, 4, size, 1, contents=bytes(size)),
            MapSpec("opens", uapi.BPF_MAP_TYPE_RINGBUF, 0, 0, 5000),
        ),
        programs=tuple(programs),
        variables=(VariableSpec("only", ".rodata", 0, U32),),
        btf=btf,
    )


def failing(code: list[Insn], name: str = "bad") -> CollectionSpec:
    """A good program, then one of this code, with lines, and a map of its own."""
    btf, infos = types("good", name, line="x = m[7]")
    hook = ("tracepoint", "syscalls:sys_enter_getppid")
    return CollectionSpec(
        maps=(MapSpec("m", uapi.BPF_MAP_TYPE_HASH, 4, 8, 16),),
        programs=(
            program("good", hook, infos=infos),
            program(name, hook, code=encode(code), infos=infos),
        ),
        btf=btf,
    )


def with_map(spec: CollectionSpec, map_spec: MapSpec) -> CollectionSpec:
    made: CollectionSpec = replace(spec, maps=(*spec.maps, map_spec))
    return made


def with_btf(spec: CollectionSpec, btf: bytes) -> CollectionSpec:
    """Another blob; programs lose their lines, whose type ids were the old one's."""
    programs = tuple(replace(p, func_info=b"", line_info=b"") for p in spec.programs)
    made: CollectionSpec = replace(spec, btf=btf, programs=programs)
    return made


def with_hook(spec: CollectionSpec, hook: Attach) -> CollectionSpec:
    """The first program on one more hook."""
    first = spec.programs[0]
    changed = replace(first, attach=(*first.attach, hook))
    made: CollectionSpec = replace(spec, programs=(changed, *spec.programs[1:]))
    return made


def own() -> dict[str, int | bytes]:
    """Constants that make `counting` count this process."""
    return {"only": os.getpid()}


def counts(loaded: Loaded) -> tuple[int, ...]:
    """The hits that the programs of `counting` have counted."""
    section = loaded.maps[".bss"]
    data = bpf.map_lookup(section.fd, bytes(4), section.spec.value_size)
    assert data is not None
    return struct.unpack(f"{len(data) // 8}Q", data)
