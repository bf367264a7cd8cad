"""Helper functions that BPF programs may call: one record each, by name.

In: helpers_data.py, generated from the kernel's own prototypes (`struct bpf_func_proto`), the
prototypes in linux/bpf.h and the functions that say which program type may call what.
Out: `by_name`, `all_helpers`, and the meaning of every kind of argument and result.
Only the compiler needs this; importing it costs 1 ms.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.frozen import Frozen
from probee.tables.helpers_data import ROWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.tables.helpers_data import Arguments, Row

# What the verifier wants of an argument, in its own terms (kernel/bpf/verifier.c, check_func_arg).
ARGUMENT_KINDS = {
    "scalar": "a number, or anything initialised: the kernel checks nothing",
    "const_map": "a map, as loaded by its descriptor",
    "map_key": "pointer to key_size initialised bytes, of the map argument before it",
    "map_value": "pointer to value_size initialised bytes",
    "map_value_or_null": "the same, or NULL",
    "map_value_write": "pointer to value_size bytes that the helper fills",
    "mem_read": "pointer to initialised memory; its size is the next argument",
    "mem_read_or_null": "the same, or NULL with size 0",
    "mem_write": "pointer to memory that the helper fills; its size is the next argument",
    "mem_readwrite": "pointer to initialised memory that the helper changes; size next",
    "mem_readwrite_or_null": "the same, or NULL with size 0",
    "mem_size": "size of the memory before it, proved to lie in 1..its length",
    "mem_size_or_zero": "the same, in 0..its length",
    "fixed_mem_read": "pointer to initialised memory of the size in `detail`",
    "fixed_mem_write": "pointer to memory of that size that the helper fills",
    "fixed_mem_readwrite": "pointer to initialised memory of that size that the helper changes",
    "alloc_size": "a constant: bytes to reserve",
    "ctx": "the program's context pointer, unchanged",
    "ctx_or_null": "the same, or NULL",
    "user_ptr": "an address in user space; the kernel checks nothing",
    "kernel_ptr": "an address in kernel space; the kernel checks nothing",
    "any_ptr": "an address in either space; the kernel checks nothing",
    "btf_id": "pointer to the kernel struct in `detail`, known to the verifier by its BTF",
    "btf_id_or_null": "the same, or NULL",
    "percpu_btf_id": "pointer to a per-CPU kernel variable (ksym)",
    "btf_sock_common": "pointer to a kernel socket by BTF, or to struct bpf_sock",
    "btf_sock_common_or_null": "the same, or NULL",
    "sock_common": "pointer to struct bpf_sock, full or not",
    "socket_or_null": "pointer to a full struct bpf_sock, or NULL",
    "ringbuf_mem": "a ring buffer record, released by the call",
    "func": "a function of the same program: the callback",
    "stack_ptr_or_null": "pointer into the stack, handed to the callback, or NULL",
    "const_str": "pointer to a NUL-terminated string in a read-only map",
    "spin_lock": "pointer to a struct bpf_spin_lock in a map value",
    "timer": "pointer to a struct bpf_timer in a map value",
    "kptr_dest": "pointer to a __kptr field of a map value or allocated object",
    "dynptr": "pointer to an initialised struct bpf_dynptr on the stack",
    "dynptr_ringbuf": "the same over a ring buffer record, released by the call",
    "dynptr_uninit": "pointer to a struct bpf_dynptr on the stack that the helper fills",
}
RESULT_KINDS = {
    "int": "a number, often a negative errno",
    "void": "nothing; r0 must not be read",
    "map_value": "pointer to a map value",
    "map_value_or_null": "the same, or NULL",
    "ringbuf_mem_or_null": "a ring buffer record that must be submitted or discarded, or NULL",
    "dynptr_mem_or_null": "pointer into a dynptr's memory, or NULL",
    "socket_or_null": "pointer to struct bpf_sock, or NULL",
    "tcp_sock_or_null": "pointer to struct bpf_tcp_sock, or NULL",
    "sock_common_or_null": "pointer to struct bpf_sock, maybe not a full one, or NULL",
    "percpu_mem": "this CPU's copy of a per-CPU variable, read only",
    "percpu_mem_or_null": "a given CPU's copy of a per-CPU variable, read only, or NULL",
    "btf_id": "pointer to the kernel struct in `ret_struct`",
    "btf_id_trusted": "the same, and valid for as long as the program runs",
    "btf_id_or_null": "pointer to the kernel struct in `ret_struct`, or NULL",
}


class Argument(Frozen):
    """One argument. `detail` is a struct's name for BTF kinds, a size for fixed_mem kinds."""

    kind: str
    type: str
    name: str
    detail: str


class Helper(Frozen):
    """A helper as one program type sees it; where types differ, the most common form.

    `name` has no `bpf_` prefix. `type` and `ret_type` are C, integers as u32, s64 and the like.
    `since` is the kernel that first had it for any program type, `program_types` those that may
    call it in the newest recorded kernel; of tracing programs only those attached as `tracing`
    says, where it is not empty. `sleeps`: only sleepable programs. `packet`: takes pointers into
    packets. `variadic`: up to the five registers may be filled with further numbers.
    """

    name: str
    id: int
    args: tuple[Argument, ...]
    ret: str
    ret_type: str
    ret_struct: str
    gpl: bool
    sleeps: bool
    packet: bool
    variadic: bool
    since: str
    program_types: tuple[str, ...]
    tracing: tuple[str, ...]

    @property
    def arg_names(self) -> tuple[str, ...]:
        """The arguments' names in linux/bpf.h."""
        return tuple(argument.name for argument in self.args)


_BY_NAME = {row[0]: row for row in ROWS}
_NAMES = {row[1]: row[0] for row in ROWS}


def by_name(name: str, program_type: str = "") -> Helper:
    """The helper `name`, with or without `bpf_`, as `program_type` (say "kprobe") may call it.

    Without a program type the common form is given. Raises NotSupportedError for a name that no
    kernel has, and for a program type that may not call it.
    """
    row = _BY_NAME.get(name.removeprefix("bpf_"))
    if row is None:
        raise NotSupportedError(f"there is no BPF helper named {name!r}")
    helper = _record(row, row[3], row[6])
    if not program_type:
        return helper
    if program_type not in helper.program_types:
        callers = ", ".join(helper.program_types)
        raise NotSupportedError(
            f"{program_type} programs may not call bpf_{helper.name}", hint=f"callers: {callers}"
        )
    for programs, flags, arguments in row[8]:
        if program_type in programs.split():
            return _record(row, flags, arguments)
    return helper


def exists(name: str) -> bool:
    """Whether there is a helper of that name, with or without `bpf_`."""
    return name.removeprefix("bpf_") in _BY_NAME


def name_of(id: int) -> str | None:
    """The name of helper `id`, or None: kernels newer than the table have more."""
    return _NAMES.get(id)


def all_helpers() -> Iterator[Helper]:
    """Every helper in its common form, by id."""
    return (_record(row, row[3], row[6]) for row in ROWS)


def _record(row: Row, flags: str, arguments: Arguments) -> Helper:
    name, number, since, _, tracing, (ret, ret_type, ret_struct), _, programs, _ = row
    words = flags.split()
    return Helper(
        name=name,
        id=number,
        args=tuple(Argument(*argument) for argument in arguments),
        ret=ret,
        ret_type=ret_type,
        ret_struct=ret_struct,
        gpl="gpl" in words,
        sleeps="sleeps" in words,
        packet="packet" in words,
        variadic="variadic" in words,
        since=since,
        program_types=tuple(programs.split()),
        tracing=tuple(tracing.split()),
    )
