"""A few small objects, each of another kind, which are kept for tests that have no compiler.

In: rows of build.py, and programs of probee's. Out: the files in tests/unit/objfile/seeds.
`python -m tests.objects.seeds` makes them anew.
"""

from __future__ import annotations

from probee.compiler.pipeline import compile_programs
from probee.objfile.write import write
from probee.spec.target import Target
from tests.frontend_cases import Facts, captured, names_of
from tests.objects.build import HERE, TARGETS, Object, path

FOLDER = HERE.parent / "unit" / "objfile" / "seeds"
_NOWHERE = "-fdebug-compilation-dir=."  # no folder of the machine that made them
SEEDS = (
    Object(("smallest",), 19, flags=_NOWHERE, stripped=True),
    Object(("relocs",), 19, "big", flags=_NOWHERE, stripped=True),
    Object(("calls",), 16, flags=_NOWHERE, stripped=True),
    Object(("own_section",), 19, flags=_NOWHERE, stripped=True),
    Object(("data",), 14, "big", flags=_NOWHERE, stripped=True),
    Object(("nested",), 19, flags=_NOWHERE, stripped=True),
    Object(("kconfig",), 16, flags=_NOWHERE, stripped=True),
    Object(("ksyms",), 19, "big", flags=_NOWHERE, stripped=True),
    Object(("struct_ops",), 19, flags=_NOWHERE, stripped=True),
    Object(("core_fields",), 19, flags=_NOWHERE, stripped=True),
    Object(("core_types",), 16, "big", flags=_NOWHERE, stripped=True),
    Object(("arena",), 19, flags=_NOWHERE, stripped=True),
    Object(("switches",), 22, "big", f"-mcpu=v4 {_NOWHERE}", stripped=True),
    Object(("link_one", "link_two"), 19, flags=_NOWHERE, stripped=True, linked=True),
)

# By the name of the file and its byte order.
PROGRAMS = {
    ("probee", "little"): """
from probee import (
    Chars, Const, Context, Global, Hash, KernelStruct, PerCpuGlobal, RingBuf, Struct, UserPtr,
    chars, current, tp_btf, tracepoint, s32, u64,
)
from probee.lang.kernel import cast

class Task(KernelStruct, name="task_struct"):
    tgid: s32

class Event(Struct):
    text: Chars = chars(18)
    at: UserPtr

events = RingBuf(Event, size="4K")
counts = Hash(u64, Event)
flag = Const(bool, True)
last = Global(u64, 7)
each = PerCpuGlobal(u64, 5)

@tracepoint("syscalls:sys_enter_openat", "syscalls:sys_exit_openat")
def opening(ctx: Context) -> None:
    event = events.reserve()
    if event is not None:
        event.text = current.comm
        event.submit()
    counts[last.value] = Event()

@tp_btf("sys_enter")
def typed(ctx: Context) -> None:
    each.value += 1
    if flag:
        last.value = u64(cast(Task, current.task).tgid)
""",
    ("percpu", "big"): """
from probee import Context, PerCpuGlobal, raw_tracepoint, u8

small = PerCpuGlobal(u8, 3)

@raw_tracepoint("sys_enter")
def entering(ctx: Context) -> None:
    small.value += 1
""",
}


def main() -> None:
    """Writes all of them."""
    for row in SEEDS:
        name = f"{'+'.join(row.sources)}.{TARGETS[row.endian]}.o"
        (FOLDER / name).write_bytes(path(row).read_bytes())
    for (name, endian), source in PROGRAMS.items():
        target = Target(endian=endian)
        made = compile_programs(captured(names_of(source)), target=target, facts=Facts(), frozen={})
        (FOLDER / f"{name}.{TARGETS[endian]}.o").write_bytes(write(made))


if __name__ == "__main__":
    main()
