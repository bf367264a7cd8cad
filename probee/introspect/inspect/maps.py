"""Maps and data sections of an object, one row each.

In: a map of an object, its types, its variables, and a kernel or none. Out: a `MapRow`.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.types import Struct, Var
from probee.introspect.inspect.facts import NOT_ASKED, YES, Asked
from probee.introspect.inspect.report import MapRow, VariableRow
from probee.introspect.inspect.spelling import declaration, plain_bytes, shown, text, type_row
from probee.objfile.read_datasecs import KCONFIG
from probee.relocate.view import essential_name
from probee.tables import maps as table
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from probee.introspect.inspect.facts import Kernel
    from probee.relocate.view import View
    from probee.spec.programs import MapSpec, VariableSpec

_FLAGS = (
    "NO_PREALLOC", "NO_COMMON_LRU", "NUMA_NODE", "RDONLY", "WRONLY", "STACK_BUILD_ID", "ZERO_SEED",
    "RDONLY_PROG", "WRONLY_PROG", "CLONE", "MMAPABLE", "PRESERVE_ELEMS", "INNER_MAP", "LINK",
    "PATH_FD", "VTYPE_BTF_OBJ_FD", "TOKEN_FD", "SEGV_ON_FAULT", "NO_USER_CONV", "RB_OVERWRITE",
)  # fmt: skip
_ABOUT = {
    "hash": "values by key", "array": "values by index", "prog_array": "programs to jump to",
    "perf_event_array": "perf buffers, one a CPU", "percpu_hash": "values by key, for each CPU",
    "percpu_array": "values by index, for each CPU", "stack_trace": "stacks by their number",
    "cgroup_array": "cgroups by index", "lru_hash": "values by key; the longest unused one goes",
    "lru_percpu_hash": "values by key, for each CPU; the longest unused one goes",
    "lpm_trie": "values by the longest prefix that matches", "array_of_maps": "maps by index",
    "hash_of_maps": "maps by key", "devmap": "network interfaces to redirect to",
    "sockmap": "sockets by index", "cpumap": "CPUs to redirect packets to",
    "xskmap": "AF_XDP sockets by queue", "sockhash": "sockets by key",
    "cgroup_storage": "memory of each cgroup", "reuseport_sockarray": "sockets that share a port",
    "percpu_cgroup_storage": "memory of each cgroup, for each CPU",
    "queue": "values, the oldest out first", "stack": "values, the newest out first",
    "sk_storage": "memory of each socket", "devmap_hash": "network interfaces to redirect to",
    "struct_ops": "functions for the kernel", "ringbuf": "records for user space, in order",
    "inode_storage": "memory of each inode", "task_storage": "memory of each task",
    "bloom_filter": "values that may have been added", "user_ringbuf": "records from user space",
    "cgrp_storage": "memory of each cgroup", "arena": "memory shared with user space",
    "insn_array": "places in code to jump to", "rhash": "values by key, in a table that grows",
}  # fmt: skip
_DATA = (
    (".rodata", "constants: frozen before programs are loaded"), (".data", "variables"),
    (".bss", "variables that begin as zero"), (".kconfig", "the kernel's configuration"),
)  # fmt: skip


def map_row(
    map_: MapSpec,
    view: View | None,
    variables: Iterable[VariableSpec],
    kernel: Kernel | None,
) -> MapRow:
    """One map explained. `variables`: those of the object."""
    row = table.by_number(map_.type)
    here = NOT_ASKED
    if kernel is not None and row is not None:
        here = kernel.map_type(row)
    elif kernel is not None:
        here = Asked("unknown", f"map type {map_.type} is newer than probee")
    own = tuple(_variable(v, map_, view) for v in variables if v.section == map_.name)
    kconfig = map_.name == KCONFIG
    struct_ops = row is not None and row.name == "struct_ops"
    if struct_ops and kernel is not None:
        here = _takes_ops(map_, view, kernel)
    return MapRow(
        name=map_.name,
        type=row.name if row is not None else f"type {map_.type}",
        about=about(map_.name, row.name if row is not None else ""),
        since=row.since if row is not None else "",
        key=type_row(view, map_.key_btf, map_.key_size),
        value=type_row(view, 0 if own or kconfig else map_.value_btf, map_.value_size),
        entries=map_.max_entries,
        flags=flag_names(map_.flags),
        extra=map_.extra,
        numa_node=map_.numa_node,
        pinning="by name" if map_.pinning else "",
        autocreate=map_.autocreate,
        inner=tuple(map_row(inner, view, (), kernel) for inner in map_.inner),
        initial=tuple((_place(map_, view, at), name) for at, name in map_.values),
        variables=own,
        contents=shown(view, map_.value_btf, map_.contents)
        if struct_ops and view is not None and map_.value_btf
        else "",
        here=here,
    )


def _takes_ops(map_: MapSpec, view: View | None, kernel: Kernel) -> Asked:
    """Whether the kernel takes functions by the struct of a struct_ops map."""
    if kernel.types is None:
        return Asked("no", kernel.no_types)
    name = essential_name(view.name(map_.value_btf)) if view is not None else ""
    if kernel.types.by_name(kinds.STRUCT, f"bpf_struct_ops_{name}"):
        return YES
    return Asked("no", f"struct {name} takes no programs here")


def _place(map_: MapSpec, view: View | None, at: int) -> str:
    """Where a first value stands: an index, or the member of a struct."""
    if view is not None and map_.contents and map_.value_btf:
        _, struct = view.behind(map_.value_btf)
        for member in struct.members if isinstance(struct, Struct) else ():
            if member.bit_offset == at * 8:
                return member.name
    return str(at)


def about(name: str, type_: str) -> str:
    """What a map is for, by its type and, where it holds variables, by its name."""
    for start, words in _DATA:
        if type_ == "array" and name.startswith(start):
            return words
    return _ABOUT.get(type_, "")


def flag_names(flags: int) -> tuple[str, ...]:
    """`BPF_F_...` for each bit, a number for bits that have no name."""
    names = []
    for name in _FLAGS:
        bit: int = getattr(uapi, f"BPF_F_{name}")
        if flags & bit:
            names.append(f"BPF_F_{name}")
            flags &= ~bit
    return (*names, *([hex(flags)] if flags else []))


def _variable(variable: VariableSpec, map_: MapSpec, view: View | None) -> VariableRow:
    words = variable.name
    data = map_.contents[variable.offset : variable.offset + variable.type.size]
    value = text(data) if variable.name.startswith(f"{map_.name}+") else plain_bytes(data)
    if view is not None and variable.btf:
        record = view.type(variable.btf)
        if isinstance(record, Var):
            words = declaration(view, record.type, variable.name)
            value = shown(view, record.type, data)
    return VariableRow(variable.name, words, variable.offset, variable.type.size, value)
