"""Trying out what the kernel can do: a feature's name in; yes, no, or unknown (None) out.

Each probe makes the smallest object that needs the feature and closes it at once. Only an answer
that the feature itself decides is yes or no: a refusal for want of rights or memory is unknown.
Where locked memory is counted, it is counted for all processes of a user together, so even one page
can be refused while another tool runs: the limit is raised for probes as it is for programs.
"""

from __future__ import annotations

from os import close

from probee.btf import types as t
from probee.btf.writer import BtfBuilder
from probee.errors import KernelError, UsageError, VerifierError
from probee.host import bpf
from probee.host.memlock import with_memlock
from probee.uapi import bpf as uapi
from probee.uapi.bpf_func import BPF_FUNC_get_attach_cookie, BPF_FUNC_get_ns_current_pid_tgid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.tables.maps import MapType

_EPERM, _EBADF, _ENOMEM, _EINVAL, _E2BIG = 1, 9, 12, 22, 7
_PAGE = 4096

# Instructions as (opcode, registers, offset, immediate).
_R0_0 = (0xB7, 0x00, 0, 0)  # r0 = 0
_EXIT = (0x95, 0x00, 0, 0)


def _code(*slots: tuple[int, int, int, int]) -> bytes:
    from struct import pack

    return b"".join(pack("=BBhi", *slot) for slot in slots)


def _loads(code: bytes, *, type: int = uapi.BPF_PROG_TYPE_SOCKET_FILTER, name: str = "") -> str:
    """`yes`, or the verifier's log, or `` where the refusal does not tell of the feature."""
    try:
        fd, _ = with_memlock(lambda: bpf.prog_load(type, code, "GPL", name=name))
    except VerifierError as error:
        return error.log
    except KernelError as error:
        return "refused" if error.errno in {_EINVAL, _E2BIG} else ""
    close(fd)
    return "yes"


def _takes(code: bytes, name: str = "") -> bool | None:
    answer = _loads(code, name=name)
    return answer == "yes" if answer else None


def probe_helper(program_type: int, function: int) -> bool | None:
    """Whether programs of this type may call this helper.

    The call has no arguments, so a kernel that has the helper mostly complains of those; one that
    has not says so in words: `invalid func` (no such helper), `unknown func` or `program of this
    type cannot use helper` (not for this type; kernel/bpf/verifier.c, check_helper_call).
    """
    answer = _loads(_code((0x85, 0, 0, function), _R0_0, _EXIT), type=program_type)
    if not answer or answer == "refused":
        return None
    return not any(
        words in answer
        for words in ("invalid func ", "unknown func ", "program of this type cannot use helper ")
    )


def _makes(type: int, key: int, value: int, entries: int, flags: int = 0) -> bool | None:
    try:
        fd = with_memlock(lambda: bpf.map_create(type, key, value, entries, flags=flags))
    except KernelError as error:
        return False if error.errno == _EINVAL else None
    close(fd)
    return True


def probe_map_type(row: MapType) -> bool | None:
    """Whether the kernel makes maps of this type, in the smallest form that its row allows.

    Unknown of types that need more than numbers: other maps, BTF, a struct_ops of the kernel.
    """
    if row.name.endswith(("_of_maps", "_storage")) or row.name == "struct_ops":
        return None
    sizes = {"lpm_trie": (8, 4), "stack_trace": (4, 8)}
    key, value = sizes.get(
        row.name, (row.key[0] if row.key else 4, row.value[0] if row.value else 8)
    )
    entries = {"none": 0, "bytes": _PAGE}.get(row.entries, 1)
    return _makes(row.number, key, value, entries, row.flags)


def _perf_link() -> bool | None:
    """A link to a descriptor that is none: EBADF where the kernel got as far as looking at it."""
    code = _code(_R0_0, _EXIT)
    try:
        fd, _ = with_memlock(lambda: bpf.prog_load(uapi.BPF_PROG_TYPE_TRACEPOINT, code, "GPL"))
    except (KernelError, VerifierError):
        return None
    try:
        close(bpf.link_create(fd, -1, uapi.BPF_PERF_EVENT))
    except KernelError as error:
        return {_EBADF: True, _EINVAL: False}.get(error.errno)
    finally:
        close(fd)
    return None


def _cookie() -> bool | None:
    return probe_helper(uapi.BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_get_attach_cookie)


def _ns_pid() -> bool | None:
    return probe_helper(uapi.BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_get_ns_current_pid_tgid)


def _btf(*types: t.Type, respell: tuple[bytes, bytes] = (b"", b"")) -> bool | None:
    """Whether the kernel takes these types behind an `int`, which has id 1."""
    builder = BtfBuilder()
    for type_ in (t.Int("int", 4, 32, t.SIGNED), *types):
        builder.add(type_)
    blob = builder.build().replace(*respell) if respell[0] else builder.build()
    try:
        fd = with_memlock(lambda: bpf.btf_load(blob))
    except VerifierError:
        return False
    except KernelError as error:
        return False if error.errno == _EINVAL else None
    close(fd)
    return True


_PROTO = t.FuncProto(0, (t.Param("a", 1),))
_VAR = t.Var("x", 1)


_DATASEC = t.Datasec(".x", 4, (t.SecVar(2, 0, 4),))


PROBES: dict[str, Callable[[], bool | None]] = {
    # 4.14: if r0 < 1 goto +0; 5.1: if w0 == 0 goto +0; 6.6: r0 = (s8)r0
    "isa_v2": lambda: _takes(_code(_R0_0, (0xA5, 0, 0, 1), _EXIT)),
    "isa_v3": lambda: _takes(_code(_R0_0, (0x16, 0, 0, 0), _EXIT)),
    "isa_v4": lambda: _takes(_code(_R0_0, (0xBF, 0, 8, 0), _EXIT)),
    # 5.12: r1 = 0; *(u64 *)(r10 - 8) = r1; r1 = atomic_fetch_add((u64 *)(r10 - 8), r1)
    "atomic_fetch": lambda: _takes(
        _code(
            (0xB7, 1, 0, 0), (0x7B, 0x1A, -8, 0), (0xDB, 0x1A, -8, 1), _R0_0, _EXIT,
        )
    ),
    "ringbuf": lambda: _makes(uapi.BPF_MAP_TYPE_RINGBUF, 0, 0, _PAGE),
    "mmapable": lambda: _makes(uapi.BPF_MAP_TYPE_ARRAY, 4, 8, 1, uapi.BPF_F_MMAPABLE),
    "rdonly_prog": lambda: _makes(uapi.BPF_MAP_TYPE_ARRAY, 4, 8, 1, uapi.BPF_F_RDONLY_PROG),
    "prog_name": lambda: _takes(_code(_R0_0, _EXIT), "probe"),
    "perf_link": _perf_link,
    "cookie": _cookie,
    "ns_pid": _ns_pid,
    # The parts of BTF, by the names of probee.btf.lower.Features.
    "btf_func": lambda: _btf(_PROTO, t.Func("f", 2)),
    "btf_datasec": lambda: _btf(_VAR, _DATASEC),
    "btf_func_global": lambda: _btf(_PROTO, t.Func("f", 2, "global")),
    "btf_float": lambda: _btf(t.Float("float", 4)),
    "btf_decl_tag": lambda: _btf(_VAR, t.DeclTag("tag", 2)),
    "btf_type_tag": lambda: _btf(t.TypeTag("tag", 1), t.Ptr(2)),
    "btf_enum64": lambda: _btf(t.Enum64("e", 8, (t.Enumerator("v", 1),))),
    "btf_qmark_datasec": lambda: _btf(_VAR, _DATASEC, respell=(b".x\0", b"?x\0")),
    "btf_tag_attributes": lambda: _btf(t.TypeTag("tag", 1, True), t.Ptr(2)),
}  # fmt: skip


def probe(name: str) -> bool | None:
    """Tries out the feature `name`, a key of PROBES."""
    if name not in PROBES:
        raise UsageError(f"there is no feature {name!r}, only {', '.join(PROBES)}")
    return PROBES[name]()
