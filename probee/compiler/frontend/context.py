"""What a program is told: the fields of its context, and of `current`.

In: an attribute of the context or of `current`. Out: loads from the context, calls of helpers.

A tracepoint's fields are those of its format file. The kernel stores a system call's arguments in
8 bytes each whatever their C type, so a field is read at the width of its type, not of its slot.
A raw tracepoint's context is an array of 8-byte arguments.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from probee.compiler.frontend import kernel, memory, stated
from probee.compiler.frontend.values import U32, U64, Comm, Kern, Method, Num, Ref, Thing
from probee.frozen import Frozen
from probee.lang.kernel import KernelMeta
from probee.spec.programs import UNPLACED, ContextField
from probee.spec.types import CharArray, Int, Pointer

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import Context, TypedValue
    from probee.spec.target import FormatField, RawArgument

# C types of format files whose slot does not tell their width or sign: all slots of system calls
# have 8 bytes and no sign. The rest go by size and sign.
_C_INTS = {
    "int": (4, True),
    "unsigned int": (4, False),
    "unsigned": (4, False),
    "long": (8, True),
    "unsigned long": (8, False),
    "umode_t": (2, False),
    "short": (2, True),
    "unsigned short": (2, False),
    "size_t": (8, False),
    "pid_t": (4, True),
    "uid_t": (4, False),
    "gid_t": (4, False),
    "old_uid_t": (2, False),
    "old_gid_t": (2, False),
    "u32": (4, False),
    "s32": (4, True),
    "__s32": (4, True),
    "__u32": (4, False),
    "clockid_t": (4, True),
    "key_t": (4, True),
    "mqd_t": (4, True),
    "qid_t": (4, False),
    "timer_t": (4, True),
    "rwf_t": (4, True),
    "key_serial_t": (4, True),
    "off_t": (8, True),
    "loff_t": (8, True),
}
COMMON_BYTES = 8  # trace_entry: the verifier refuses reads of it


class CurrentRow(Frozen):
    """A field of `current`: the helper that gives it, and how its 64 bits are cut."""

    helper: str
    type: Int
    shift: int = 0


CURRENT = {
    "pid": CurrentRow("get_current_pid_tgid", U32, 32),
    "tid": CurrentRow("get_current_pid_tgid", U32),
    "gid": CurrentRow("get_current_uid_gid", U32, 32),
    "uid": CurrentRow("get_current_uid_gid", U32),
    "cgroup_id": CurrentRow("get_current_cgroup_id", U64),
}


def current(low: Lowering, owner: Thing, node: ast.Attribute) -> TypedValue:
    """`current.NAME`."""
    if node.attr == "comm":
        return Comm()
    if node.attr == "task":
        return kernel.current_task(low)
    if node.attr == "syscall_arg":
        return Method(owner, "syscall_arg")
    row = CURRENT.get(node.attr)
    if row is None:
        names = ", ".join([*CURRENT, "comm", "task", "syscall_arg(n)"])
        raise low.refuse(
            node, "no-attribute", f"current has no {node.attr!r}", fix=f"it has: {names}"
        )
    both = low.builder.emit("call", result="int", symbol=row.helper)
    if row.type.size == 8:
        return Num(row.type, both)
    if row.shift:
        return Num(row.type, low.builder.emit("lshr", both, row.shift, size=8))
    return Num(row.type, low.builder.emit("zext", both, size=4))


def syscall_arg(low: Lowering, node: ast.Call) -> Num:
    """`current.syscall_arg(n)`: the n-th argument of the system call the task is in, from 0."""
    from probee.tables.architectures import by_machine

    if len(node.args) != 1 or node.keywords:
        raise low.refuse(node, "arguments", "syscall_arg takes the argument's number, 0 to 5")
    number = low.number(node.args[0])
    n, top = number.bounds
    if n != top or not 0 <= n <= 5:
        raise low.refuse(node.args[0], "arguments", "syscall_arg takes a constant from 0 to 5")
    registers = by_machine(low.world.target.arch)
    low.place(node)
    saved = kernel.saved_registers(low)
    offset = registers.syscall_args[n]
    return Num(U64, low.builder.emit("load", saved, size=8, offset=offset))


def field(low: Lowering, owner: Context, node: ast.Attribute) -> TypedValue:
    """`ctx.NAME`, by the kind of the program."""
    low.world.context_reads += 1
    stated.check_named(low, owner, node)
    if low.program.kind == "tracepoint":
        return _tracepoint_field(low, owner, node)
    return _raw_argument(low, owner, node)


def _no_hook(low: Lowering, target: str, message: str) -> Refusal:
    """At the decorator that names the hook, so that it is told once, whatever is read of it."""
    source = low.frames[0].source
    inside = [n for d in source.definition.decorator_list for n in ast.walk(d)]
    named = [n for n in inside if isinstance(n, ast.Constant) and n.value == target]
    return source.refuse(named[0] if named else source.definition, "no-tracepoint", message)


def _tracepoint_field(low: Lowering, owner: Context, node: ast.Attribute) -> TypedValue:
    answers: list[tuple[FormatField, Int | Pointer | CharArray | None]] = []
    structs: list[str] = []
    for hook in low.program.attach:
        category, _, name = hook.target.partition(":")
        format_ = low.world.facts.tracepoint(category, name)
        if format_ is None:
            raise _no_hook(low, hook.target, f"this kernel has no tracepoint {hook.target}")
        field_ = format_.field(node.attr)
        if field_ is None:
            names = ", ".join(f.name for f in format_.fields if f.offset >= COMMON_BYTES)
            raise low.refuse(
                node,
                "no-attribute",
                f"{hook.target} has no field {node.attr!r}",
                fix=f"it has: {names}",
            )
        answers.append((field_, field_type(field_, category)))
        structs.append(format_.struct)
        (first, type_), (last, other) = answers[0], answers[-1]
        if (structs[0], first.offset, first.size, first.type, type_) != (
            structs[-1],
            last.offset,
            last.size,
            last.type,
            other,
        ):
            raise low.refuse(
                node,
                "hooks-differ",
                f"{node.attr!r} is not the same field in all hooks of this program",
                fix="write one program a hook, and share the rest in a function",
            )
    return _read_format_field(low, owner, *answers[-1], node, structs[-1])


def _read_format_field(
    low: Lowering,
    owner: Context,
    found: FormatField,
    type_: Int | Pointer | CharArray | None,
    node: ast.Attribute,
    struct: str,
) -> TypedValue:
    if found.offset < COMMON_BYTES:
        raise low.refuse(
            node, "no-attribute", "the verifier does not let programs read common fields"
        )
    if low.live:
        low.context_fields[found.name] = ContextField(
            found.name, UNPLACED if struct else found.offset, found.size, found.signed
        )
    low.place(node)
    if type_ is None:
        raise low.not_yet(node, f"a field of type {found.type}")
    stated.check_type(low, owner, node, type_)
    if struct:
        record = KernelMeta("Record", (), {"__module__": __name__}, name=struct)
        place = Kern(record, owner.ptr, record, direct=True)
        enum = found.type.startswith("enum ")
        return kernel.member(low, place, found.name, type_, enum=enum)
    if isinstance(type_, CharArray):
        return Ref(owner.ptr, found.offset, type_, "ctx")
    offset = found.offset
    if low.world.target.endian == "big":
        offset += found.size - type_.size
    return _load(low, owner, offset, type_)


def field_type(found: FormatField, category: str) -> Int | Pointer | CharArray | None:
    """The language's type for a field of a format file; None where there is none yet.

    Events of `syscalls` record the arguments as they came, so a `char *` there is the caller's;
    others point to the kernel's own strings, as rcu:rcu_utilization (include/trace/events/rcu.h).
    """
    c_type = " ".join(w for w in found.type.split() if w not in ("const", "struct", "volatile"))
    if "__data_loc" in c_type or "__rel_loc" in c_type:
        return None
    if "*" in c_type and found.size == 8:
        text = c_type.replace(" ", "") == "char*"
        space = "user" if text and category == "syscalls" else "kernel"
        return Pointer(space, "char" if text else "")
    if "[" in c_type:
        head = c_type.partition("[")[0].strip()
        return (
            CharArray(found.size) if head in ("char", "signed char") and found.size >= 2 else None
        )
    if c_type.startswith("enum "):
        size, signed = min(4, found.size), found.signed
    else:
        size, signed = _C_INTS.get(c_type, (found.size, found.signed))
    if size not in (1, 2, 4, 8) or size > found.size:
        return None
    return Int(f"{'s' if signed else 'u'}{size * 8}", size, signed)


def _load(low: Lowering, owner: Context, offset: int, type_: Int | Pointer) -> Num:
    return memory.load_number(
        low, memory.Place(memory.bare(owner.ptr, "ctx"), offset, type_), type_
    )


def _raw_argument(low: Lowering, owner: Context, node: ast.Attribute) -> Num:
    answers: list[tuple[int, RawArgument]] = []
    for hook in low.program.attach:
        arguments = low.world.facts.raw_tracepoint(hook.target)
        if arguments is None:
            raise _no_hook(low, hook.target, f"this kernel has no raw tracepoint {hook.target}")
        named = [(i, a) for i, a in enumerate(arguments) if a.name == node.attr]
        if not named:
            names = ", ".join(a.name for a in arguments)
            raise low.refuse(
                node,
                "no-attribute",
                f"{hook.target} has no argument {node.attr!r}",
                fix=f"it has: {names}",
            )
        answers.append(named[0])
    if len(set(answers)) > 1:
        raise low.refuse(
            node,
            "hooks-differ",
            f"{node.attr!r} is not the same argument in all hooks of this program",
        )
    index, argument = answers[0]
    if argument.recorded and low.live:
        low.context_fields[argument.name] = ContextField(
            argument.name, 8 * index, argument.size, argument.signed
        )
    low.place(node)
    type_ = argument_type(argument)
    stated.check_type(low, owner, node, type_)
    # the kernel stores every argument as a u64; some verifiers refuse a read of its low bytes
    op = low.builder.emit("load", owner.ptr, size=8, offset=8 * index)
    if isinstance(type_, Int) and type_.size < 8:
        op = low.builder.emit("sext" if type_.signed else "zext", op, size=type_.size)
    return Num(type_, op)


def argument_type(argument: RawArgument) -> Int | Pointer:
    """The language's type for an argument of a raw tracepoint."""
    if argument.kind == "pointer":
        return Pointer("kernel", argument.target)
    sign = "s" if argument.signed else "u"
    return Int(f"{sign}{argument.size * 8}", argument.size, argument.signed)
