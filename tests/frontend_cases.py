"""Compiles small kernel programs from text, against a kernel made of literals.

In: the source of a module. Out: IR by program, a spec, or the diagnostics.
"""

from __future__ import annotations

import linecache
from typing import Any

from probee.compiler.frontend.lower import lower
from probee.compiler.frontend.world import World
from probee.compiler.ir.printer import print_function
from probee.compiler.ir.verifier import verify
from probee.compiler.pipeline import compile_programs
from probee.lang.capture import Capture, capture
from probee.lang.programs import Program
from probee.lang.variables import Const
from probee.spec.programs import CollectionSpec
from probee.spec.target import FormatField, RawArgument, Target, TracepointFormat

_COMMON = (
    FormatField("common_type", "unsigned short", 0, 2, signed=False),
    FormatField("common_pid", "int", 4, 4, signed=True),
    FormatField("__syscall_nr", "int", 8, 4, signed=True),
)
_FORMATS = {
    "sys_enter_openat": (
        FormatField("dfd", "int", 16, 8, signed=False),
        FormatField("filename", "const char *", 24, 8, signed=False),
        FormatField("flags", "int", 32, 8, signed=False),
        FormatField("mode", "umode_t", 40, 8, signed=False),
    ),
    "sys_enter_close": (FormatField("fd", "unsigned int", 16, 8, signed=False),),
    "sys_enter_fsync": (FormatField("fd", "int", 24, 8, signed=False),),
    "sys_exit_openat": (FormatField("ret", "long", 16, 8, signed=True),),
    "rcu_utilization": (FormatField("s", "const char *", 8, 8, signed=False),),
    "task_rename": (
        FormatField("pid", "pid_t", 8, 4, signed=True),
        FormatField("oldcomm", "char[16]", 12, 16, signed=False),
    ),
}


class Facts:
    """A kernel with a few tracepoints."""

    def tracepoint(self, category: str, name: str) -> TracepointFormat | None:
        fields = _FORMATS.get(name)
        return TracepointFormat(category, name, _COMMON + fields) if fields else None

    def kfunc(self, name: str) -> bool:
        return True

    def saved_registers(self) -> int | None:
        return None

    def helper(self, program_type: int, function: int) -> bool:
        return True

    def raw_tracepoint(self, name: str) -> tuple[RawArgument, ...] | None:
        if name != "sys_enter":
            return None
        return (
            RawArgument("regs", "pointer", 8, signed=False, target="pt_regs"),
            RawArgument("id", "int", 8, signed=True),
        )


def names_of(source: str, file: str = "program.py", **given: Any) -> dict[str, Any]:
    """Runs a module's text as if `file` said it; `given` are names that it finds there."""
    lines = source.splitlines(keepends=True)
    linecache.cache[file] = (len(source), None, lines, file)
    names: dict[str, Any] = {"__name__": "program", **given}
    exec(compile(source, file, "exec", dont_inherit=True), names)
    return names


def captured(names: dict[str, Any]) -> Capture:
    programs = dict.fromkeys(v for v in names.values() if isinstance(v, Program))
    return capture(tuple(programs))


def compiled(names: dict[str, Any], **options: Any) -> CollectionSpec:
    """All programs of a module. Raises CompileError."""
    world = captured(names)
    options.setdefault("frozen", declared(world))
    return compile_programs(world, target=Target(), facts=Facts(), check=True, **options)


def declared(world: Capture) -> dict[str, Any]:
    """Every Const at its declared value."""
    return {
        name: declaration.identity()[2]
        for name, declaration in world.declarations.items()
        if isinstance(declaration, Const)
    }


def ir_of(names: dict[str, Any]) -> str:
    """The IR of a module's programs, before any pass. Raises AssertionError on diagnostics."""
    capture_ = captured(names)
    world = World(capture_, Target(), Facts(), declared(capture_), "Dual MIT/GPL")
    texts = []
    for program in capture_.programs:
        result, diagnostics = lower(world, program)
        assert result is not None, "\n".join(map(str, diagnostics))
        verify(result.function)
        texts.append(print_function(result.function))
    return "\n".join(texts)
