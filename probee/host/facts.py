"""The running kernel's answers to the compiler's questions: it fulfils `spec.target.KernelFacts`.

In: names of tracepoints. Out: their formats from tracefs, their arguments and type ids from BTF.
Nothing is opened before the first question that needs it.
"""

from __future__ import annotations

from probee.errors import FormatError, NotSupportedError, RelocationError
from probee.host.tracefs import Tracefs
from probee.spec.target import RawArgument, TracepointFormat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from probee.btf.table import TypeTable

# kernel functions that the compiler calls by itself → the first release that has them
KFUNCS_SINCE = {
    "bpf_rdonly_cast": "Linux 6.2",
    **{f"bpf_iter_num_{part}": "Linux 6.4" for part in ("new", "next", "destroy")},
}
_PREFIX = "btf_trace_"  # of the typedef that each tracepoint leaves in BTF
_BY_NAME = "__traceiter_"  # of the function whose prototype has the parameters' names too


class RunningKernel:
    """What this kernel has. Close it, or use it in a `with`: it may hold tracefs open."""

    __slots__ = ("_btf", "_tracefs")

    def __init__(self) -> None:
        self._tracefs: Tracefs | None = None
        self._btf: TypeTable | None = None

    def close(self) -> None:
        """Closes what was opened. May be called again; a later question opens it anew."""
        tracefs, self._tracefs = self._tracefs, None
        if tracefs is not None:
            tracefs.close()
        self._btf = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def tracefs(self) -> Tracefs:
        """The open tracefs. KernelError where there is none for this process."""
        if self._tracefs is None:
            self._tracefs = Tracefs()
        return self._tracefs

    @property
    def btf(self) -> TypeTable:
        """The kernel's types. NotSupportedError where it brings none."""
        if self._btf is None:
            from probee.host.btf import open_kernel_btf

            self._btf = open_kernel_btf()
        return self._btf

    def tracepoint(self, category: str, name: str) -> TracepointFormat | None:
        """The format of a tracepoint, or None where the kernel has no such one."""
        return self.tracefs.format(category, name)

    def raw_tracepoint(self, name: str) -> tuple[RawArgument, ...] | None:
        """The arguments of a raw tracepoint, or None where the kernel itself has no such one."""
        typedef = self._trace_typedef(name)
        return None if typedef is None else raw_arguments(self.btf, name, typedef)

    def raw_tracepoints(self) -> list[str]:
        """The names of the raw tracepoints that the kernel's own BTF tells of."""
        from probee.btf.kinds import TYPEDEF

        btf = self.btf
        names = [btf.name(id) for id in range(1, len(btf)) if btf.kind(id) == TYPEDEF]
        return sorted(n.removeprefix(_PREFIX) for n in names if n.startswith(_PREFIX))

    def attach_btf_id(self, name: str) -> int:
        """The type id that a tp_btf program on tracepoint `name` is loaded with."""
        typedef = self._trace_typedef(name)
        if typedef is None:
            raise RelocationError(
                f"this kernel has no raw tracepoint {name}",
                hint="the name is that of the event, without its category: sched_switch, sys_enter",
            )
        return typedef

    def kfunc(self, name: str) -> bool:
        """Whether BTF has a function of that name: those for programs always are there."""
        from probee.btf.kinds import FUNC

        try:
            return bool(self.btf.by_name(FUNC, name))
        except NotSupportedError:  # no BTF: then no program can name a kfunc either
            return False

    def helper(self, program_type: int, function: int) -> bool:
        """Whether programs of this type may call helper `function`; False where nobody can tell."""
        from probee.host.features import Features

        return Features().helper(program_type, function) is True

    def saved_registers(self) -> int | None:
        """How far behind `task_struct.stack` a task's saved registers stand, or None."""
        from probee.host.registers import saved_registers

        return saved_registers(self.btf) if self.kfunc("bpf_rdonly_cast") else None

    def kfunc_id(self, name: str) -> int:
        """The type id by which a program calls the kernel's function `name`."""
        from probee.btf.kinds import FUNC

        found = self.btf.by_name(FUNC, name)
        if not found:
            raise NotSupportedError(
                f"this kernel has no function {name} for programs to call",
                since=KFUNCS_SINCE.get(name, ""),
                hint="compile the program on this kernel, or for it",
            )
        return found[0]

    def _trace_typedef(self, name: str) -> int | None:
        from probee.btf.kinds import TYPEDEF

        found = self.btf.by_name(TYPEDEF, _PREFIX + name)
        return found[0] if found else None


def raw_arguments(btf: TypeTable, name: str, typedef: int) -> tuple[RawArgument, ...]:
    """The arguments of raw tracepoint `name`, whose typedef in `btf` has this id.

    The typedef is a pointer to a function whose first parameter is the tracepoint's own `void *`.
    Its parameters have no names; those are taken from the function that calls the tracepoint's
    programs, where BTF has it, and are `arg0`, `arg1`, … where not.
    """
    from probee.btf.kinds import FUNC
    from probee.btf.types import Func, FuncProto, Ptr

    pointer = btf.type(btf.resolve(typedef))
    prototype = btf.type(pointer.type) if isinstance(pointer, Ptr) else None
    if not isinstance(prototype, FuncProto) or not prototype.params:
        raise FormatError(f"BTF type {typedef}, {_PREFIX}{name}, points to no function")
    names = [f"arg{number}" for number in range(len(prototype.params) - 1)]
    for id in btf.by_name(FUNC, _BY_NAME + name):
        function = btf.type(id)
        named = btf.type(function.type) if isinstance(function, Func) else None
        if isinstance(named, FuncProto) and len(named.params) == len(prototype.params):
            names = [param.name or old for param, old in zip(named.params[1:], names, strict=True)]
    return tuple(
        _argument(btf, known, param.type)
        for known, param in zip(names, prototype.params[1:], strict=True)
    )


def _argument(btf: TypeTable, name: str, id: int) -> RawArgument:
    """One argument: a number, an address, or something small passed by value, as its bytes."""
    from probee.btf.types import Enum, Enum64, Int, Ptr, Struct, Union

    type_ = btf.type(btf.resolve(id))
    match type_:
        case Int():
            return RawArgument(name, "int", type_.size, type_.signed)
        case Enum() | Enum64():
            return RawArgument(name, "int", type_.size, type_.signed)
        case Ptr():
            target = btf.type(btf.resolve(type_.type))
            named = target.name if isinstance(target, Struct | Union) else ""
            return RawArgument(name, "pointer", 8, False, named)
        case Struct() | Union() if type_.size in {1, 2, 4, 8}:
            return RawArgument(name, "int", type_.size, False)
    raise FormatError(f"argument {name} is of BTF type {id}, which does not fit in a register")
