"""What is known of kernels without one at hand, for objects that are to run on any.

In: the architecture. Out: `PortableFacts`, which answers the compiler's questions from probee's
tables: the records of system calls are the same in every kernel; where a field stands in another
record is left to CO-RE. What only some kernels have is not there.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.spec.target import FormatField, RawArgument, TracepointFormat
from probee.tables.architectures import by_machine
from probee.tables.contexts_data import ROWS
from probee.tables.syscalls import by_entry
from probee.tables.tracepoints import CLASSES, ENUMS, RAW

# Every record of a system call: what all records begin with, the call's number, then 8 bytes each
# (struct syscall_trace_enter, syscall_trace_exit in kernel/trace/trace.h).
_NUMBER = FormatField("__syscall_nr", "int", 8, 4, True)
_FIRST, _SLOT = 16, 8
_RECORD = "trace_event_raw_"
# The words of contexts_data that are not C's.
_C_TYPES = {"UserStr": "const char *", "KernelStr": "char *", "UserPtr": "void *",
            "KernelPtr": "void *"}  # fmt: skip


class PortableFacts:
    """Fulfils `spec.target.KernelFacts` for kernels on `machine`, as uname says it."""

    def __init__(self, machine: str = "x86_64") -> None:
        self._architecture = by_machine(machine)

    def tracepoint(self, category: str, name: str) -> TracepointFormat | None:
        """The format of a tracepoint. NotSupportedError for one that no table has."""
        found = self._syscall(name) if category == "syscalls" else _recorded(category, name)
        if found is None:
            raise NotSupportedError(
                f"tracepoint {category}:{name} without a kernel to ask",
                hint="probee has records of system calls and of the events in probee.contexts",
            )
        return found

    def _syscall(self, name: str) -> TracepointFormat | None:
        kind, _, entry = name.removeprefix("sys_").partition("_")
        call = by_entry(entry, self._architecture)
        if call is None or kind not in ("enter", "exit"):
            return None
        fields = [_NUMBER]
        if kind == "exit":
            fields.append(FormatField("ret", "long", _FIRST, _SLOT, True))
        for number, argument in enumerate(call.args if kind == "enter" and call.args else ()):
            place = _FIRST + number * _SLOT
            fields.append(FormatField(argument.name, argument.type, place, _SLOT, False))
        return TracepointFormat("syscalls", name, tuple(fields))

    def raw_tracepoint(self, name: str) -> tuple[RawArgument, ...] | None:
        """The arguments of a raw tracepoint. NotSupportedError for one that no table has."""
        if name not in RAW:
            raise NotSupportedError(
                f"raw tracepoint {name} without a kernel to ask",
                hint="probee has the arguments of events in the categories of probee.contexts",
            )
        return tuple(RawArgument(*row, recorded=True) for row in RAW[name])

    def kfunc(self, name: str) -> bool:
        """Not in every kernel."""
        return False

    def helper(self, program_type: int, function: int) -> bool:
        """Nor is a helper of which the compiler asks."""
        return False

    def saved_registers(self) -> int | None:
        """Every kernel has its own."""
        return None


def _recorded(category: str, name: str) -> TracepointFormat | None:
    hook = f"{category}:{name}"
    for row in ROWS.values():
        event, *words = row.split(" ")
        if event == hook:
            enums = ENUMS.get(hook, ())
            pairs = [word.split(":", 1) for word in words]
            fields = tuple(_field(field, word, field in enums) for field, word in pairs)
            return TracepointFormat(category, name, fields, _RECORD + CLASSES.get(hook, name))
    return None


def _field(name: str, word: str, is_enum: bool) -> FormatField:
    """A field as a format file would have it, of a type that the compiler reads as `word`."""
    if word.startswith("chars("):
        size = int(word.removeprefix("chars(").removesuffix(")"))
        return FormatField(name, f"char[{size}]", _SLOT, size, False)
    if word in _C_TYPES:
        return FormatField(name, _C_TYPES[word], _SLOT, 8, False)
    size, signed = int(word[1:]) // 8, word[0] == "s"
    return FormatField(name, f"enum {name}" if is_enum else word, _SLOT, size, signed)
