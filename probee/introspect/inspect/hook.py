"""Whether what a program's section names is there, and whether such programs load.

In: a program's section, as tables/sections.py reads it, and a kernel. Out: two `Asked`: of the
hook itself, and of the kernel's taking a program for it.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.types import Enum
from probee.introspect.inspect.facts import YES, Asked, not_in_types
from probee.tables import programs
from probee.uapi.bpf import BPF_PROG_TYPE_STRUCT_OPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable
    from probee.introspect.inspect.facts import Kernel
    from probee.spec.programs import ProgramSpec
    from probee.tables.hooks import Hook

# The type in a kernel's BTF that a program is loaded for: its kind, and what its name begins with.
_IN_BTF = {
    "traced": (kinds.FUNC, "", "its types have no function {}"),
    "lsm": (kinds.FUNC, "bpf_lsm_", "its types have no security hook {}"),
    "iter": (kinds.FUNC, "bpf_iter_", "its types have no iterator {}"),
    "tp_btf": (kinds.TYPEDEF, "btf_trace_", "its types have no tracepoint {}"),
    "struct_ops": (kinds.STRUCT, "", "its types have no struct {}"),
}
_OPEN = Asked("not asked", "the section names no hook: the loader says which")


def ask_hook(program: ProgramSpec, hook: Hook, kernel: Kernel) -> tuple[Asked, Asked]:
    """(whether the hook is there, whether a program for it loads)."""
    target = hook_of(program)
    known = _known(program, kernel)
    if known.answer == "no":
        return _OPEN if not target else Asked("not asked", known.why), known
    if hook.check in ("traced", "lsm", "iter", "struct_ops") or hook.section == "tp_btf":
        return _typed(program, hook, target, kernel)
    loads = kernel.loads(program.type, program.attach_type, 0, program.flags)
    point = _point(hook, target, kernel) if target else _OPEN
    if hook.check == "type":
        point = _by_loader(hook, target)
    if hook.section == "freplace":
        loads = Asked("not asked", "it can only be tried with the program that it goes into")
    return point, loads


def hook_of(program: ProgramSpec) -> str:
    """What a program is attached to, '' where its loader says.

    A struct_ops program's section may name anything: the map that holds it says which member it is.
    """
    target = program.attach[0].target if program.attach else ""
    named = "." in target or program.type != BPF_PROG_TYPE_STRUCT_OPS
    return target if named else ""


def _known(program: ProgramSpec, kernel: Kernel) -> Asked:
    """Whether the kernel's types have its program type and attach type."""
    types = kernel.types
    row = programs.by_number(program.type)
    if types is None or row is None:
        return YES
    wanted = [("bpf_prog_type", f"BPF_PROG_TYPE_{row.name.upper()}", row.since)]
    if program.attach_type:
        wanted += [
            ("bpf_attach_type", f"BPF_{attach.name}", attach.since)
            for attach in programs.ATTACH_TYPES
            if attach.number == program.attach_type
        ]
    for enum, name, since in wanted:
        for id in types.by_name(kinds.ENUM, enum):
            record = types.type(id)
            values = record.values if isinstance(record, Enum) else ()
            if all(value.name != name for value in values):
                return Asked("no", f"it does not know {name} (Linux {since})")
    return YES


def _by_loader(hook: Hook, target: str) -> Asked:
    """Of hooks that no section names in full."""
    if hook.target:
        return Asked("not asked", f"it is attached to {hook.target}")
    return Asked("not asked", "the loader looks for what matches") if target else _OPEN


def _point(hook: Hook, target: str, kernel: Kernel) -> Asked:
    match hook.check:
        case "tracepoint":
            category, _, name = target.partition(":")
            return kernel.tracepoint(category, name)
        case "raw_tracepoint":
            return _raw_tracepoint(target, kernel)
        case "function":
            return kernel.function(target)
        case "syscall":
            return kernel.syscall(target)
        case "user":
            path, colon, symbol = target.rpartition(":")
            return (
                kernel.user(path, symbol) if colon else Asked("no", f"{target}: no FILE:FUNCTION")
            )
        case "usdt":
            path, provider, name = [*target.rsplit(":", 2), "", ""][:3]
            if not name:
                return Asked("no", f"{target}: expected FILE:PROVIDER:NAME")
            return kernel.usdt(path, provider, name)
        case _:
            return _OPEN


def _raw_tracepoint(name: str, kernel: Kernel) -> Asked:
    types = kernel.types
    if types is None:
        return Asked("unknown", kernel.no_types)
    if types.by_name(kinds.TYPEDEF, f"btf_trace_{name}"):
        return YES
    return not_in_types(kernel, f"its types have no tracepoint {name}")


def _typed(program: ProgramSpec, hook: Hook, target: str, kernel: Kernel) -> tuple[Asked, Asked]:
    """Programs that are loaded for one thing in the kernel's types."""
    types = kernel.types
    if types is None:
        return Asked("unknown", kernel.no_types), Asked("no", kernel.no_types)
    if not target:
        return _OPEN, Asked("not asked", "it can only be tried for a hook")
    key = "tp_btf" if hook.section == "tp_btf" else hook.check
    kind, prefix, missing = _IN_BTF[key]
    struct, _, member = target.partition(".")
    found = types.by_name(kind, prefix + (struct if key == "struct_ops" else target))
    attach_type = program.attach_type
    point = YES if found else not_in_types(kernel, missing.format(struct))
    if found and key == "struct_ops":
        attach_type, point = _member(types, found[0], struct, member)
    if point.answer != "yes":
        return point, Asked(point.answer, "there is nothing to load it for")
    if key == "lsm":
        point = _active(kernel)
    return point, kernel.loads(program.type, attach_type, found[0], program.flags)


def _active(kernel: Kernel) -> Asked:
    runs = kernel.lsm_runs()
    return YES if runs.answer == "yes" else Asked("yes", runs.why)


def _member(types: TypeTable, id: int, struct: str, member: str) -> tuple[int, Asked]:
    """The number of a struct_ops member, which stands in the attach type's place."""
    if not types.by_name(kinds.STRUCT, f"bpf_struct_ops_{struct}"):
        return 0, Asked("no", f"struct {struct} takes no programs here")
    field = types.member(id, member)
    if field is None:
        return 0, Asked("no", f"struct {struct} has no member {member} here")
    return field.path[0], YES


def type_name(number: int) -> str:
    """The name of a program type, or its number in words."""
    row = programs.by_number(number)
    return row.name if row is not None else f"type {number}" if number else ""
