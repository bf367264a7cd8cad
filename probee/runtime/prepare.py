"""What is made ready before the kernel is asked: data sections, sizes, names, code, offsets.

In: parts of a CollectionSpec, values, descriptors. Out: bytes and numbers for the loader. Nothing
here makes a system call.
"""

from __future__ import annotations

from mmap import PAGESIZE

from probee.errors import NotSupportedError, RelocationError, UsageError
from probee.host.attributes import NAME_LENGTH
from probee.spec.programs import CODE, UNPLACED
from probee.spec.types import Int, Pointer
from probee.uapi.bpf_insn import BPF_PSEUDO_KFUNC_CALL, BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from probee.spec.programs import CollectionSpec, ProgramSpec, Reloc, VariableSpec
    from probee.spec.target import RawArgument, TracepointFormat

_RECORD = "trace_event_raw_"  # of the struct of each tracepoint's record
_LD_IMM64 = 0x18
_CALL = 0x85
_MOVES = (0xB4, 0xB7)  # mov of an immediate, of 32 and of 64 bits
_PSEUDO = {"map": BPF_PSEUDO_MAP_FD, "value": BPF_PSEUDO_MAP_VALUE}
_KEPT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.")


def section_contents(
    spec: CollectionSpec, consts: Mapping[str, int | bytes]
) -> dict[str, bytearray]:
    """The bytes of each data section, by its map's name, with the values of `consts` written in."""
    contents = {m.name: bytearray(m.contents) for m in spec.maps if m.contents}
    variables = {variable.name: variable for variable in spec.variables}
    for name, value in consts.items():
        variable = variables.get(name)
        if variable is None:
            raise UsageError(f"the programs have no constant or variable {name!r}")
        data = encode_value(variable, value, spec.endian)
        if variable.section == CODE:
            continue
        section = contents.get(variable.section)
        if section is None or variable.offset + len(data) > len(section):
            raise UsageError(f"{name} lies outside of section {variable.section!r}")
        section[variable.offset : variable.offset + len(data)] = data
    return contents


def encode_value(variable: VariableSpec, value: int | bytes, endian: str) -> bytes:
    """A variable's value as bytes of its type. UsageError where it does not fit."""
    type_ = variable.type
    if not isinstance(value, int):
        if len(value) != type_.size:
            raise UsageError(f"{variable.name} takes {type_.size} bytes, not {len(value)}")
        return bytes(value)
    order: Literal["little", "big"] = "little" if endian == "little" else "big"
    if isinstance(type_, Pointer) and 0 <= value < 1 << 64:
        return value.to_bytes(8, order)
    if not isinstance(type_, Int):
        raise UsageError(f"{variable.name} takes {type_.size} bytes, not a number")
    if not type_.low <= value <= type_.high:
        raise UsageError(
            f"{variable.name} = {value} does not fit in {type_.name}: {type_.low} to {type_.high}"
        )
    return value.to_bytes(type_.size, order, signed=type_.signed)


def ring_size(wanted: int) -> int:
    """The bytes of a ring buffer that holds `wanted`: a power of two, whole pages."""
    if not 0 < wanted <= 1 << 31:
        raise UsageError(f"a ring buffer of {wanted} bytes: the kernel takes 1 to 2147483648")
    return max(PAGESIZE, 1 << (wanted - 1).bit_length())


def kernel_name(name: str) -> str:
    """`name` as the kernel keeps it: letters, digits, `_` and `.` of ASCII, cut to 15."""
    return "".join(c if c in _KEPT else "_" for c in name)[:NAME_LENGTH]


def patched(
    program: ProgramSpec,
    fds: Mapping[str, int],
    consts: Mapping[str, int],
    endian: str,
) -> bytes:
    """The program's code with what its relocations ask for written in.

    `fds`: map descriptors, for maps and places in sections. `consts`: values.
    """
    code = bytearray(program.code)
    order: Literal["little", "big"] = "little" if endian == "little" else "big"
    for reloc in program.relocs:
        if reloc.kind == "const":
            _write_const(code, program, reloc, consts, order)
            continue
        if reloc.kind == "kfunc":
            _write_kfunc(code, program, reloc, order)
            continue
        if reloc.kind not in _PSEUDO:
            raise NotSupportedError(
                f"{program.name} needs {reloc.symbol}, which a {reloc.kind} relocation gives",
                hint="this release of probee resolves what compilers of today ask for",
            )
        if reloc.symbol not in fds:
            raise UsageError(f"{program.name} uses map {reloc.symbol!r}, which is not in its spec")
        at = reloc.insn * 8
        if not 0 <= at <= len(code) - 16 or code[at] != _LD_IMM64:
            raise UsageError(f"{program.name}: slot {reloc.insn} is no 64-bit load to relocate")
        # Registers share a byte; the source is the half that an ordinary load leaves 0.
        pseudo = _PSEUDO[reloc.kind]
        code[at + 1] |= pseudo << 4 if order == "little" else pseudo
        code[at + 4 : at + 8] = fds[reloc.symbol].to_bytes(4, order)
        if not 0 <= reloc.addend < 1 << 32:
            raise UsageError(f"{program.name}: byte {reloc.addend} of {reloc.symbol} is no place")
        code[at + 12 : at + 16] = reloc.addend.to_bytes(4, order)
    return bytes(code)


def _write_kfunc(
    code: bytearray,
    program: ProgramSpec,
    reloc: Reloc,
    order: Literal["little", "big"],
) -> None:
    """The type id of a kernel function into the immediate of the call."""
    at = reloc.insn * 8
    registers = BPF_PSEUDO_KFUNC_CALL << 4 if order == "little" else BPF_PSEUDO_KFUNC_CALL
    if not 0 <= at <= len(code) - 8 or code[at : at + 2] != bytes((_CALL, registers)):
        raise UsageError(f"{program.name}: slot {reloc.insn} calls no function of the kernel")
    if reloc.addend == 0:
        raise UsageError(f"{program.name} calls {reloc.symbol}, whose type id was not looked up")
    code[at + 4 : at + 8] = reloc.addend.to_bytes(4, order)


def _write_const(
    code: bytearray,
    program: ProgramSpec,
    reloc: Reloc,
    consts: Mapping[str, int],
    order: Literal["little", "big"],
) -> None:
    """A constant's value into the immediate of a mov, or the two of an ld_imm64."""
    at = reloc.insn * 8
    if reloc.symbol not in consts:
        raise UsageError(f"{program.name} needs a value for {reloc.symbol}")
    value = consts[reloc.symbol] & 0xFFFFFFFFFFFFFFFF
    wide = 0 <= at <= len(code) - 16 and code[at] == _LD_IMM64
    if not wide and not (0 <= at <= len(code) - 8 and code[at] in _MOVES):
        raise UsageError(f"{program.name}: slot {reloc.insn} takes no constant")
    code[at + 4 : at + 8] = (value & 0xFFFFFFFF).to_bytes(4, order)
    if wide:
        code[at + 12 : at + 16] = (value >> 32).to_bytes(4, order)


def check_context(program: ProgramSpec, found: TracepointFormat) -> None:
    """RelocationError unless the fields that the program reads lie where its code expects them."""
    where = f"{found.category}:{found.name}"
    for wanted in program.context:
        field = found.field(wanted.name)
        if field is None:
            raise RelocationError(
                f"{program.name} reads {wanted.name} of {where}, which has no such field here",
                hint="compile it on this kernel; the tracepoint's format file lists its fields",
            )
        offset = wanted.offset
        if offset == UNPLACED:
            offset = _found(program, wanted.name)
        expected = (offset, wanted.size, wanted.signed)
        if (field.offset, field.size, field.signed) != expected:
            raise RelocationError(
                f"{program.name} reads {wanted.name} of {where} as {_placed(*expected)};"
                f" here it is {_placed(field.offset, field.size, field.signed)}",
                hint="compile it on this kernel: the tracepoint's format differs",
            )


def check_arguments(program: ProgramSpec, hook: str, found: Sequence[RawArgument]) -> None:
    """The same for the arguments of a raw tracepoint; a kernel may know them by place alone."""
    for wanted in program.context:
        at = wanted.offset // 8
        argument = found[at] if at < len(found) else None
        if (
            argument is None
            or argument.name not in (wanted.name, f"arg{at}")
            or (argument.size, argument.signed) != (wanted.size, wanted.signed)
        ):
            names = ", ".join(argument.name for argument in found)
            raise RelocationError(
                f"{program.name} reads {wanted.name}, argument {at} of raw tracepoint {hook};"
                f" here its arguments are {names or 'unknown'}",
                hint="compile it on this kernel: the tracepoint has other arguments",
            )


def _found(program: ProgramSpec, name: str) -> int:
    """Where the kernel's types have a field of the record: what its CO-RE records were given."""
    for core in program.core:
        if core.kind == "byte_off" and core.path == name and core.struct.startswith(_RECORD):
            return core.value
    return UNPLACED


def _placed(offset: int, size: int, signed: bool) -> str:
    return f"{size} {'signed' if signed else 'unsigned'} bytes at byte {offset}"
