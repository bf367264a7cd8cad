"""Machine code as text, in LLVM's words for the same bytes.

In: bytes of x86-64 or arm64. Out: (size, operation, operands) of each instruction: AT&T's syntax on
x86-64, with jumps to offsets in those bytes. What reads the bytes is capstone, of the extra
`probee[disasm]`; only this module uses it. It and LLVM differ in how they write some operands, and
that is evened out here: numbers are decimal but for the places that jumps go to.
"""

from __future__ import annotations

import re
from os import uname

from probee.errors import NotSupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Row = tuple[int, str, str]
    Disassemble = Callable[[bytes], Iterator[Row]]

_X86_NUMBER = re.compile(r"(?<![\w%])(\$?)(-?(?:0x[0-9a-f]+|\d+))")
_ARM64_NUMBER = re.compile(r"(?<=#)-?(?:0x[0-9a-f]+|\d+)")
_SHIFTS_BY_ONE = (0xD0, 0xD1)  # opcodes: the count is in no byte of its own
_BYTE_EXTENDED = (0x6A, 0x6B, 0x83)  # opcodes: the immediate is a byte with a sign
_REX = range(0x40, 0x50)
_OPERAND_SIZE = 0x66
_SHIFTS = ("rol", "ror", "rcl", "rcr", "shl", "shr", "sar")
# arm64: what is written in hex are masks and codes of traps; where the last operand is a place.
_MASKS = {"and", "ands", "eor", "orr", "tst", "brk"}
_BRANCHES = {"b", "bl", "cbz", "cbnz", "tbz", "tbnz"}
_RELATIVE = {"adr", "ldr"}  # places in bytes from the instruction


def disassembler(machine: str = "") -> Disassemble:
    """What makes (size, operation, operands) of the code of `machine`, this one's without."""
    try:
        import capstone  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise NotSupportedError(
            "disassembling machine code needs capstone",
            hint="install probee[disasm], or write the bytes with file FILE",
        ) from None
    machine = machine or uname().machine
    rows: Callable[[bytes, Iterator[tuple[int, int, str, str]]], Iterator[Row]]
    if machine == "x86_64":
        engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        engine.syntax = capstone.CS_OPT_SYNTAX_ATT
        rows = _x86
    elif machine == "aarch64":
        engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
        rows = _arm64
    else:
        raise NotSupportedError(
            f"machine code of {machine} is not disassembled, only that of x86-64 and arm64",
            hint="write the bytes with file FILE",
        )
    engine.skipdata = True  # bytes that are no instruction are shown as such
    return lambda data: rows(data, engine.disasm_lite(data, 0))


def _x86(data: bytes, found: Iterator[tuple[int, int, str, str]]) -> Iterator[Row]:
    for at, size, operation, operands in found:
        code, name = data[at : at + size], operation
        if operation.startswith("lock "):  # a prefix is an instruction to LLVM
            yield 1, "lock", ""
            code, name = code[1:], operation[5:]
        yield len(code), name, _x86_operands(code, name, operands)


def _x86_operands(code: bytes, operation: str, text: str) -> str:
    if operation.startswith(("call", "j")) and text[:1].isdigit():
        return f"0x{int(text, 0):x}"
    if operation.startswith(_SHIFTS) and _opcode(code) in _SHIFTS_BY_ONE:
        text = text.removeprefix("$1, ")
    before, bracket, inside = text.partition("(")
    text = before + bracket + inside.replace(", ", ",", inside.partition(")")[0].count(","))
    bits = 8 if operation.endswith("b") or _opcode(code) in _BYTE_EXTENDED else 64
    return _X86_NUMBER.sub(
        lambda found: f"{found[1]}{_signed(int(found[2], 0), bits if found[1] else 64)}", text
    )


def _opcode(code: bytes) -> int:
    """The first byte that is no prefix."""
    return next((byte for byte in code if byte != _OPERAND_SIZE and byte not in _REX), 0)


def _signed(value: int, bits: int) -> int:
    """The number that the low `bits` of `value` are."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _arm64(_: bytes, found: Iterator[tuple[int, int, str, str]]) -> Iterator[Row]:
    for at, size, operation, operands in found:
        yield size, operation, _arm64_operands(at, operation, operands)


def _arm64_operands(at: int, operation: str, text: str) -> str:
    if operation == "mrs":
        register, _, special = text.partition(" ")
        return f"{register} {special.upper()}"
    place = ""
    if operation in _BRANCHES or operation.startswith("b."):
        before, _, target = text.rpartition("#")
        text, place = before, f"{int(target, 0):#x}"
    elif operation in _RELATIVE and "[" not in text:
        before, _, target = text.rpartition("#")
        text, place = before, f"#{int(target, 0) - at}"
    is_mask = operation in _MASKS and " ls" not in text  # no register that is shifted
    form = "{:#x}" if is_mask else "{}"
    return _ARM64_NUMBER.sub(lambda found: form.format(int(found[0], 0)), text) + place
