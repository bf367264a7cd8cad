"""Programs, maps and links without CAP_SYS_ADMIN: a program of ours that the kernel runs for each.

In: a kind of object, and which fields of the kernel's structs are wanted. Out: their numbers, a
dict for each object.

Finding an object by its id takes CAP_SYS_ADMIN. The iterators iter/bpf_prog, iter/bpf_map and
iter/bpf_link (Linux 5.9; of links 6.0) call a tracing program for each object, which takes CAP_BPF
and CAP_PERFMON. Ours copies fields to its stack with bpf_probe_read_kernel(), which is zero where a
pointer is null, and writes them into the file that we read. Where the fields lie, the kernel's BTF
says.
"""

from __future__ import annotations

import os
from struct import unpack_from

from probee.asm import make as m
from probee.asm.encode import encode
from probee.btf import kinds
from probee.errors import NotSupportedError
from probee.frozen import Frozen
from probee.host.attributes import Attributes, demand
from probee.host.bpf import prog_load
from probee.host.btf import open_kernel_btf
from probee.host.info import LINK, PROGRAM, read
from probee.uapi.bpf import BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probee.asm.insn import Insn
    from probee.btf.table import TypeTable

_PROBE_READ_KERNEL, _SEQ_WRITE = 113, 127
_POINTER = -8  # of the frame: where a pointer on the way is put
# kind: the iterator's function, the struct that it hands over
_ITERATORS = {
    "PROG": ("bpf_iter_bpf_prog", "bpf_prog"),
    "MAP": ("bpf_iter_bpf_map", "bpf_map"),
    "LINK": ("bpf_iter_bpf_link", "bpf_link"),
}


class Wanted(Frozen):
    """A field: `path` leads through pointers, `aux.btf.id`. `elements`: of an array of pointers,
    so many; the last two members of the path are then the array and a field of what it points to.
    """

    name: str
    path: str
    elements: int = 0


class _Step(Frozen):
    """Offset of a member; `size` in bytes, `shift` and `mask` of a bit-field in it."""

    offset: int
    size: int
    shift: int = 0
    mask: int = -1


def walk(kind: str, fields: Sequence[Wanted]) -> Iterator[dict[str, int | bytes | list[int]]]:
    """The fields of every object: numbers, bytes where they are longer than 8, lists for elements.

    Our own program and link are left out. Raises KernelError without CAP_BPF and CAP_PERFMON.
    """
    function, struct = _ITERATORS[kind]
    types = open_kernel_btf()
    found = types.by_name(kinds.FUNC, function)
    if not found:
        raise NotSupportedError(f"this kernel has no iterator {function}", since="Linux 5.9")
    layouts = [(field, _steps(types, struct, field.path)) for field in fields]
    code, places, size = _assembled(types, layouts)
    program, _ = prog_load(
        BPF_PROG_TYPE_TRACING, encode(code), "GPL", name="probee_iter",
        attach_type=BPF_TRACE_ITER, attach_btf_id=found[0],
    )  # fmt: skip
    link = file = -1
    try:
        fields_ = {"prog_fd": program, "attach_type": BPF_TRACE_ITER}
        link = demand(Attributes("BPF_LINK_CREATE", fields_))
        own = {"PROG": read(program, PROGRAM)[0]["id"], "LINK": read(link, LINK)[0]["id"]}
        file = demand(Attributes("BPF_ITER_CREATE", {"link_fd": link}))
        data = _whole(file)
    finally:
        for fd in (file, link, program):
            if fd >= 0:
                os.close(fd)
    for start in range(0, len(data) - size + 1, size):
        record = data[start : start + size]
        row = {field.name: _value(record, field, steps[-1], place)
               for (field, steps), place in zip(layouts, places, strict=True)}  # fmt: skip
        if row["id"] != own.get(kind):
            yield row


def _whole(file: int) -> bytes:
    parts = []
    while part := os.read(file, 1 << 16):
        parts.append(part)
    return b"".join(parts)


def _value(record: bytes, field: Wanted, step: _Step, place: int) -> int | bytes | list[int]:
    if field.elements:
        return list(unpack_from(f"={field.elements}Q", record, place))
    if step.size > 8:
        return record[place : place + step.size].partition(b"\0")[0]
    number = int.from_bytes(record[place : place + step.size], "little")
    return number >> step.shift & step.mask


def _steps(types: TypeTable, struct: str, path: str) -> list[_Step]:
    """Where each member of a path lies in the struct that the one before points to."""
    candidates = types.by_name(kinds.STRUCT, struct)
    id, steps = (candidates or (0,))[0], []
    words = types.sections.words
    for name in path.split("."):
        field = types.member(id, name) if id else None
        if field is None:
            raise NotSupportedError(f"this kernel's struct {struct} has no {path}")
        if field.bits:
            shift = field.bit_offset % 8
            steps.append(_Step(field.offset, 2, shift, (1 << field.bits) - 1))
        else:
            steps.append(_Step(field.offset, field.size))
        target = types.resolve(field.type)
        while types.kind(target) == kinds.PTR:  # `**` is followed to the end
            target = types.resolve(words[types.starts[target] + 2])
        id = target
    return steps


def _assembled(
    types: TypeTable, layouts: Sequence[tuple[Wanted, list[_Step]]]
) -> tuple[list[Insn], list[int], int]:
    """The program, where each field lies in a record, and how long that is."""
    places, size = [], 0
    for field, steps in layouts:
        places.append(size)
        size += 8 * field.elements if field.elements else (steps[-1].size + 7) // 8 * 8
    base = -size - 8
    body: list[Insn] = [m.st_mem(8, 10, at, 0) for at in range(base, 0, 8)]
    for (field, steps), place in zip(layouts, places, strict=True):
        for number in range(field.elements or 1):
            way = steps
            if field.elements:  # the array, an element of it, the field
                way = [*steps[:-1], _Step(8 * number, 8), steps[-1]]
            body += _copied(way, base + place + 8 * number)
    seq = _steps(types, "bpf_iter_meta", "seq")[0].offset
    body += [
        m.ldx_mem(8, 1, 6, 0), m.ldx_mem(8, 1, 1, seq), m.mov64_reg(2, 10),
        m.alu64_imm("add", 2, base), m.mov64_imm(3, size), m.call_helper(_SEQ_WRITE),
    ]  # fmt: skip
    end = [m.mov64_imm(0, 0), m.exit_()]
    head = [m.mov64_reg(6, 1), m.ldx_mem(8, 7, 6, 8), m.jmp_imm("jeq", 7, 0, len(body))]
    return [*head, *body, *end], places, size


def _copied(way: Sequence[_Step], slot: int) -> list[Insn]:
    """Follows pointers from r7 on, and copies the last field to `slot` of the frame."""
    code = [m.mov64_reg(3, 7)]
    for number, step in enumerate(way):
        last = number == len(way) - 1
        code += [
            m.alu64_imm("add", 3, step.offset), m.mov64_reg(1, 10),
            m.alu64_imm("add", 1, slot if last else _POINTER),
            m.mov64_imm(2, step.size if last else 8), m.call_helper(_PROBE_READ_KERNEL),
        ]  # fmt: skip
        if not last:
            code.append(m.ldx_mem(8, 3, 10, _POINTER))
    return code
