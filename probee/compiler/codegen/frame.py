"""The stack frame: where the slots of a function stand, and whether the kernel takes as much.

In: IR functions. Out: offsets from r10 (negative, multiples of 8), or a CompileError that names the
biggest slots. The kernel gives 512 bytes to all frames of a chain of calls together, and rounds
each frame up to 32 (check_max_stack_depth in kernel/bpf/verifier.c), at most 8 frames deep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.errors import CompileError, Diagnostic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.compiler.ir.ops import Function, Slot

STACK = 512
FRAMES = 8
ROUNDED = 32


def place_slots(function: Function) -> tuple[dict[Slot, int], int]:
    """Slot -> offset, each padded to 8 bytes, and the bytes that they take."""
    used = {op.symbol for block in function.blocks for op in block.ops if op.kind == "slot"}
    offsets: dict[Slot, int] = {}
    size = 0
    for slot in function.slots:
        if slot in used:
            size += -(-slot.size // 8) * 8
            offsets[slot] = -size
    return offsets, size


def check_frames(functions: Sequence[Function], frames: dict[str, int]) -> int:
    """The bytes that the deepest chain of calls takes; `frames`: bytes of each function."""
    by_name = {function.name: function for function in functions}
    calls = {
        function.name: {
            str(op.symbol) for block in function.blocks for op in block.ops if op.kind == "callfn"
        }
        for function in functions
    }
    deepest: dict[str, list[str]] = {}

    def size(names: list[str]) -> int:
        return _bytes(names, frames)

    def chain(name: str) -> list[str]:
        if name not in deepest:
            deepest[name] = [name]  # a recursion is for the front end to refuse
            below = [chain(called) for called in sorted(calls[name])]
            if below:
                longest = max(below, key=size)
                deepest[name] += longest
        return deepest[name]

    for function in functions:
        names = chain(function.name)
        if _bytes(names, frames) > STACK or len(names) > FRAMES:
            raise _too_much(by_name, names, frames)
    return _bytes(chain(functions[0].name), frames)


def _bytes(names: Sequence[str], frames: dict[str, int]) -> int:
    if len(names) == 1:
        return frames[names[0]]
    return sum(-(-max(frames[name], 1) // ROUNDED) * ROUNDED for name in names)


def _too_much(
    functions: dict[str, Function], names: Sequence[str], frames: dict[str, int]
) -> CompileError:
    way = " > ".join(names)
    if len(names) > FRAMES:
        code, why, fix = "call-depth", "", "call fewer functions from one another"
        message = f"{way}: {len(names)} frames, and the kernel allows {FRAMES}"
    else:
        slots = [slot for name in names for slot in functions[name].slots]
        slots.sort(key=lambda slot: -slot.size)
        named = [(slot.name.rstrip("0123456789"), slot.size) for slot in slots[:3]]
        biggest = ", ".join(f"{name} ({size} bytes)" for name, size in named)
        code = "stack"
        message = f"{way} needs {_bytes(names, frames)} bytes of stack; the kernel allows {STACK}"
        why = f"the biggest on it: {biggest}" if biggest else "too many values live at a time"
        fix = "keep big records in a map or a ring buffer record, or make them smaller"
    loc = functions[names[0]].loc
    return CompileError(
        [
            Diagnostic(
                code,
                message,
                file=loc.file,
                line=loc.line,
                column=loc.column,
                end_column=len(loc.text),
                text=loc.text,
                why=why,
                fix=fix,
            )
        ]
    )
