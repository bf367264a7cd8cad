"""What a program is compiled for, and what the compiler may ask of a kernel.

`Target` is plain data and part of the cache key. `KernelFacts` is the protocol through which the
compiler learns about a kernel without touching one: `host` fulfils it from the running kernel, a
test fulfils it with literals.
"""

from __future__ import annotations

from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:

    class Protocol:
        """Stands in for typing.Protocol, which costs 14 ms to import."""


class Target(Frozen):
    """`arch` as uname says it; `isa` 1 to 4 (v3: 32-bit jumps, v4: Linux 6.6); `endian`."""

    arch: str = "x86_64"
    isa: int = 3
    endian: str = "little"


class FormatField(Frozen):
    """A line of a tracepoint's `format` file; `type` is the C type as it is printed there."""

    name: str
    type: str
    offset: int
    size: int
    signed: bool


class TracepointFormat(Frozen):
    """A tracepoint's record: `category:name` and its fields, the `common_` ones included.

    `struct`: what the record is in the kernel's types, where no kernel has told its offsets: then
    those of `fields` say nothing, and each field is found when the program is loaded.
    """

    category: str
    name: str
    fields: tuple[FormatField, ...]
    struct: str = ""

    def field(self, name: str) -> FormatField | None:
        """The field of that name, or None."""
        return next((f for f in self.fields if f.name == name), None)


class RawArgument(Frozen):
    """An argument of a raw tracepoint: its name, and its type as C says it.

    `kind`: `int` or `pointer`; `size` in bytes (1, 2, 4, 8) and `signed` for an int; `target` is
    the struct behind a pointer, or ''. Each one fills 8 bytes of the program's context.
    `recorded`: some kernel had it so, which is to be held against the one that loads the program.
    """

    name: str
    kind: str
    size: int
    signed: bool
    target: str = ""
    recorded: bool = False


class KernelFacts(Protocol):
    """Questions that the compiler may ask. Every answer used becomes part of the cache key."""

    def tracepoint(self, category: str, name: str) -> TracepointFormat | None:
        """The format of a tracepoint, or None where the kernel has no such one."""

    def kfunc(self, name: str) -> bool:
        """Whether the kernel has a function of that name for programs to call."""

    def helper(self, program_type: int, function: int) -> bool:
        """Whether programs of this type (`BPF_PROG_TYPE_*`) may call this helper (`BPF_FUNC_*`)."""

    def saved_registers(self) -> int | None:
        """How far behind `task_struct.stack` a task's saved registers stand, in bytes.

        None where nobody can tell, or bpf_rdonly_cast is missing: then bpf_task_pt_regs finds them.
        """

    def raw_tracepoint(self, name: str) -> tuple[RawArgument, ...] | None:
        """The arguments of a raw tracepoint, from BTF, or None where there is no such one."""
