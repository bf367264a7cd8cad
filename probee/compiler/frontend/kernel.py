"""Structs of the kernel: members read by the layout that the kernel turns out to have.

In: an address in the kernel with its declared struct, the name of a member. Out: loads whose offset
the loader writes in. Where the verifier knows what an address points to, that is a load like any
other, which gives 0 where nothing can be read. Elsewhere the verifier is told (bpf_rdonly_cast), or
in kernels without that bpf_probe_read_kernel copies the member to the stack, zeroes if it cannot. A
chain through structs inside structs is one access.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from probee.compiler.frontend import numbers
from probee.compiler.frontend.values import (
    U64,
    Kern,
    KernItems,
    KernPointers,
    KernText,
    Num,
    describe,
)
from probee.errors import UsageError
from probee.frozen import replace
from probee.lang.kernel import EnumOf, ItemsOf, KernelMeta, PointerTo, kernel_name, member_type
from probee.lang.linux import PtRegs, TaskStruct
from probee.spec.programs import CoreReloc
from probee.spec.types import CharArray, Int, Pointer
from probee.uapi.bpf import BPF_PROG_TYPE_TRACEPOINT
from probee.uapi.bpf_func import BPF_FUNC_get_current_task_btf

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.source import Refusal
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Operand, Value
    from probee.lang.kernel import MemberType


def current_task(low: Lowering) -> Kern:
    """`current.task`."""
    # all tracing programs are given the same helpers (bpf_tracing_func_proto), these can be tried
    typed = low.world.facts.helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_get_current_task_btf)
    helper = "get_current_task_btf" if typed else "get_current_task"
    pointer = low.builder.emit("call", result="ptr", symbol=helper)
    return Kern(TaskStruct, pointer, TaskStruct, direct=typed)


def saved_registers(low: Lowering) -> Value:
    """The address of the running task's saved registers, at a known place of its kernel stack."""
    task = low.builder.emit("call", result="ptr", symbol="get_current_task_btf")
    distance = low.world.facts.saved_registers()
    if distance is None:
        return low.builder.emit("call", task, result="ptr", symbol="task_pt_regs")
    owner = Kern(TaskStruct, task, TaskStruct, direct=True)
    stack = _load(low, owner, "stack", "ptr", 8)
    place = low.builder.emit("add", stack, distance, size=8)
    type_id = access(low, "target_type_id", PtRegs, (), "")
    return low.builder.emit("kcast", place, symbol=type_id, result="ptr")


def read(low: Lowering, owner: Kern, node: ast.Attribute) -> TypedValue:
    """`owner.attr`."""
    try:
        type_ = member_type(owner.cls, node.attr)
    except UsageError as error:
        raise low.refuse(node, "annotation", error.message, why="its annotation says so") from None
    low.place(node)
    wants = "" if type_ is None else wanted(type_)
    match type_:
        case KernelMeta():
            return replace(owner, cls=type_, path=(*owner.path, node.attr))
        case Int():
            return _number(low, type_, _load(low, owner, node.attr, wants, type_.size))
        case EnumOf(target=Int() as number):
            return _number(low, number, _load(low, owner, node.attr, wants, number.size))
        case Pointer():
            return Num(type_, _load(low, owner, node.attr, wants, 8))
        case PointerTo(target=KernelMeta() as target, many=many):
            op = _load(low, owner, node.attr, wants, 8, "ptr")
            if many:
                return KernPointers(target, op)
            return Kern(target, op, target, direct=owner.direct and not _can_cast(low))
        case ItemsOf(target=Int() | KernelMeta() as item):
            return KernItems(item, _unseen(low, address(low, owner, node.attr, wants), "ptr"))
        case CharArray(size=size):
            return KernText(owner, node.attr, size)
        case None:
            raise _undeclared(low, owner, node)
        case _:
            raise low.not_yet(node, f"{node.attr}, an array in a struct of the kernel")


def member(
    low: Lowering, owner: Kern, name: str, type_: Int | Pointer | CharArray, *, enum: bool
) -> Num | KernText:
    """The member `name` of a program's context, a struct of the kernel, as what its type says.

    `enum`: it is one in C, which CO-RE tells from an integer. Of a context the verifier lets words
    be loaded only where they are aligned, and nobody knows whether text is: it is copied.
    """
    if isinstance(type_, CharArray):
        return KernText(replace(owner, direct=False), name, type_.size)
    wants = f"enum {type_.size}" if enum else wanted(type_)
    loaded = _load(low, owner, name, wants, type_.size)
    return _number(low, type_, loaded) if isinstance(type_, Int) else Num(type_, loaded)


def wanted(type_: MemberType) -> str:
    """What the loader holds a member against, as in `CoreReloc.wants`."""
    match type_:
        case KernelMeta():
            return f"struct {kernel_name(type_)}"
        case Int(size=size):
            return f"int {size}"
        case EnumOf(target=Int(size=size)):
            return f"enum {size}"
        case CharArray(size=size):
            return f"chars {size}"
        case PointerTo(target=KernelMeta() as target, many=many):
            return f"{'ptrs' if many else 'ptr'} {kernel_name(target)}"
        case ItemsOf(target=Int() | KernelMeta() as item):
            return f"items {wanted(item)}"
        case _:
            return "ptr"


def _number(low: Lowering, type_: Int, op: Value) -> Num:
    """What was loaded, zero-extended, as a number of its type."""
    if type_.signed and type_.size < 8:
        op = low.builder.emit("sext", op, size=type_.size)
    if type_.boolean:
        op = low.builder.emit("cmp", op, 0, size=8, symbol="ne")
    return Num(type_, op)


def _undeclared(low: Lowering, owner: Kern, node: ast.Attribute) -> Refusal:
    name = owner.cls.__name__
    near = get_close_matches(node.attr, owner.cls.declared_, 1)
    fix = f"declare it: `class My{name}({name}):`, `{node.attr}: u32`, and cast(My{name}, …)"
    return low.refuse(
        node,
        "no-attribute",
        f"{name} declares no member {node.attr!r}",
        why="a KernelStruct names the members that are used, and their types",
        fix=f"is `{near[0]}` meant? Else {fix}" if near else fix,
    )


def _access(low: Lowering, owner: Kern, name: str, wants: str) -> str:
    """The symbol that stands for the member's offset."""
    return access(low, "byte_off", owner.root, (*owner.path, name), wants)


def access(low: Lowering, kind: str, root: KernelMeta, path: tuple[str, ...], wants: str) -> str:
    """The symbol of a question about the kernel's structs: a `CoreReloc` that has no place yet."""
    struct, dotted = root.struct_, ".".join(path)
    key = f"{kind} {struct}.{dotted} {wants}"
    if key not in low.world.accesses:
        steps = []
        for number, name in enumerate(path, 1):
            inner = member_type(root, name) if number < len(path) else None
            word = f"struct {inner.struct_}" if isinstance(inner, KernelMeta) else wants
            steps.append((root.struct_, name, word))
            root = inner if isinstance(inner, KernelMeta) else root
        low.world.steps[key] = tuple(steps) or ((struct, "", ""),)
        low.world.accesses[key] = CoreReloc(0, kind, struct, dotted, wants, 0, "")
    return key


def _load(
    low: Lowering, owner: Kern, name: str, wants: str, size: int, result: str = "int"
) -> Value:
    """The member, zero-extended."""
    base = owner.op
    if not owner.direct:
        if not _can_cast(low):
            return copied(low, address(low, owner, name, wants), size, result)
        type_id = access(low, "target_type_id", owner.root, (), "")
        base = low.builder.emit("kcast", base, symbol=type_id, result="ptr")
    symbol = _access(low, owner, name, wants)
    return low.builder.emit("kload", base, size=size, symbol=symbol, result=result)


def _can_cast(low: Lowering) -> bool:
    """Whether the verifier can be told what an address points to (Linux 6.2)."""
    return low.world.gpl and low.world.facts.kfunc("bpf_rdonly_cast")


def copied(low: Lowering, source: Value, size: int, result: str = "int") -> Value:
    """What stands at an address of which the verifier knows nothing."""
    slot = low.scratch_slot("kernel", 8)
    low.builder.emit("call", slot, size, source, result="none", symbol="probe_read_kernel")
    return low.builder.emit("load", slot, size=size, result=result)


def word(low: Lowering, owner: Kern, name: str, size: int, at: int, width: int) -> Value:
    """`width` bytes of a char array of `size`, from byte `at`; the verifier knows the owner."""
    symbol = _access(low, owner, f"{name}[{at}]" if at else name, f"chars {size}")
    return low.builder.emit("kload", owner.op, size=width, symbol=symbol, result="int")


def address(low: Lowering, owner: Kern, name: str, wants: str) -> Value:
    """The address of a member."""
    return low.builder.emit("kaddr", owner.op, symbol=_access(low, owner, name, wants))


def unknown(low: Lowering, value: Kern) -> Kern:
    """The same struct as an address that stands for it alone, of which the verifier knows nothing.

    A struct inside another comes out as its own address.
    """
    if not value.path:
        return replace(value, direct=False)
    owner, name = replace(value, path=value.path[:-1]), value.path[-1]
    pointer = address(low, owner, name, wanted(value.cls))
    return Kern(value.cls, pointer, value.cls)


def element(
    low: Lowering, owner: KernPointers | KernItems, key: ast.expr, node: ast.expr
) -> Kern | Num:
    """`array[n]`: nothing is known of how many there are."""
    number = low.number(key)
    if number.bounds[0] < 0:
        raise low.refuse(
            key,
            "index-range",
            "this index may be negative",
            why="an array that only its address tells of has no end to count from",
            fix="bound it from below, or write u32(n)",
        )
    low.place(node)
    number = numbers.cast(low, number, U64)
    item = owner.item if isinstance(owner, KernItems) else None
    size: Operand = item.size if isinstance(item, Int) else 8
    if isinstance(item, KernelMeta):
        size = low.builder.emit("core", size=4, symbol=access(low, "type_size", item, (), ""))
    offset = low.builder.emit("mul", number.op, size, size=8)
    at = low.builder.emit("add", owner.op, offset, result="ptr", size=8)
    if isinstance(item, Int):
        return _number(low, item, copied(low, at, item.size))
    if isinstance(item, KernelMeta):
        return Kern(item, at, item)
    assert isinstance(owner, KernPointers)
    return Kern(owner.cls, copied(low, at, 8, "ptr"), owner.cls)


def as_number(low: Lowering, value: Kern) -> Num:
    """Its address, as a number to reckon with: the verifier allows little to be done to one that
    it knows as a pointer, and what it is handed by the helper it does not know.
    """
    return Num(U64, _unseen(low, unknown(low, value).op))


def _unseen(low: Lowering, pointer: Operand, result: str = "int") -> Value:
    """An address of which the verifier no longer knows that it is one."""
    slot = low.scratch_slot("pointer", 8)
    low.builder.emit("store", slot, pointer, size=8)
    return copied(low, slot, 8, result)


def not_written(low: Lowering, owner: Kern, node: ast.AST) -> Refusal:
    """The refusal of an assignment to a member."""
    return low.refuse(
        node,
        "read-only",
        f"{describe(owner)} is only read",
        why="the verifier lets no tracing program write the kernel's own structs",
        fix="copy what is needed into a record of your own",
    )
