"""The list of passes: from kernel-side Python functions to a `CollectionSpec`. Read this first.

    Python function
      │ frontend/source.py      its tree, checked against the code in memory
      │ frontend/subset.py      syntax outside the language is refused
      │ frontend/lower.py       types, names, rules → IR in SSA form
      ▼
    IR (ir/ops.py)
      │ passes/order.py         each pass in its own file
      ▼
    IR, optimised
      │ codegen/                instructions, registers, stack frame, lines, relocations
      ▼
    bytecode
      │ btfgen.py               types of maps and programs, function and line info
      ▼
    CollectionSpec (spec/programs.py)

In: a `Capture` (lang/capture.py), what to compile for, facts about a kernel. Out: the spec. No
kernel is touched, nothing is written, the same input gives the same bytes.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from probee.asm.disasm import kernel_lines
from probee.compiler.assemble import assemble
from probee.compiler.codegen import generate
from probee.compiler.debug import debug_info
from probee.compiler.frontend.lower import lower
from probee.compiler.frontend.world import World
from probee.compiler.ir.printer import print_function
from probee.compiler.ir.verifier import verify
from probee.compiler.passes.order import optimise as run_passes
from probee.errors import CompileError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from probee.compiler.ir.ops import Function
    from probee.errors import Diagnostic
    from probee.lang.capture import Capture
    from probee.spec.debug import DebugInfo
    from probee.spec.programs import CollectionSpec
    from probee.spec.target import KernelFacts, Target

    Dump: TypeAlias = Callable[[str, str, str], None]


def compile_programs(
    capture: Capture,
    *,
    target: Target,
    facts: KernelFacts,
    frozen: Mapping[str, int | bytes] | None = None,
    patched: bool = False,
    license_: str = "Dual MIT/GPL",
    check: bool = False,
    dump: Dump | None = None,
    debug: dict[str, DebugInfo] | None = None,
    file_name: Callable[[str], str] = str,
) -> CollectionSpec:
    """Compiles every program of `capture`.

    `frozen`: consts by name with the values to fold into the code. The others live in .rodata or,
    with `patched`, in the code for the loader to write in, if they are integers. `check`: verify
    the IR after each pass. `dump(stage, program, text)` is called with each stage's text: `ir`,
    `pass:NAME`, `asm`. `debug` is filled, by program. `file_name` says what a source file is called
    in the result. Raises CompileError with every diagnostic found.

    Python's collector of cycles rests meanwhile: nearly all that is made lives until the end, and
    looking through it again and again would take more time than compiling a large program.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        world = World(capture, target, facts, frozen or {}, license_, patched=patched)
        world.file_name = file_name
        return _compile(world, check=check, dump=dump, debug=debug)
    finally:
        if collecting:
            gc.enable()


def _compile(
    world: World, *, check: bool, dump: Dump | None, debug: dict[str, DebugInfo] | None
) -> CollectionSpec:
    """All stages, for all programs."""
    lowered = []
    diagnostics: list[Diagnostic] = []
    for program in world.capture.programs:
        result, found = lower(world, program)
        diagnostics += [d for d in found if not _told(d, diagnostics)]
        if result is not None:
            lowered.append(result)
    diagnostics += world.twins.diagnostics()
    if diagnostics:
        raise CompileError(diagnostics)
    codes = []
    for item in lowered:
        big_endian = world.target.endian == "big"
        optimise(item.function, big_endian=big_endian, check=check, dump=dump)
        code = generate([item.function], world.target)
        if dump is not None:
            dump(
                "asm", item.program.name, "".join(f"{line}\n" for line in kernel_lines(code.insns))
            )
        if debug is not None:
            debug[item.program.name] = debug_info(item.program.name, code, [item.function])
        codes.append((item, code))
    return assemble(world, codes)


def optimise(
    function: Function,
    *,
    big_endian: bool = False,
    check: bool = False,
    dump: Dump | None = None,
) -> None:
    """Runs every pass, in order; `check` and `dump` as in `compile_programs`."""
    shown = ""

    def watch(name: str, function: Function) -> None:
        nonlocal shown
        if check:
            verify(function)
        if dump is not None and (text := print_function(function)) != shown:
            dump(name, function.name, text)
            shown = text

    watched = check or dump is not None
    if watched:
        watch("ir", function)
    run_passes(
        function,
        (lambda name, f: watch(f"pass:{name}", f)) if watched else None,
        big_endian=big_endian,
    )


def _told(diagnostic: Diagnostic, before: list[Diagnostic]) -> bool:
    """A function that several programs call is refused once."""
    return any(str(diagnostic) == str(d) for d in before)
