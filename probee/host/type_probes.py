"""What types of programs and maps the kernel takes, and which helpers: tried out, one by one.

In: a number of a table's row, and the index of an interface if the program is to run on its
hardware. Out: yes or no. Where `probes` says that nobody knows, this says no: it answers whether
the kernel does it for this process. What each type needs to be tried stands in a row here; the
refusals are those of kernel/bpf/syscall.c and verifier.c (check_helper_call).
"""

from __future__ import annotations

from os import close
from struct import pack
from sys import byteorder

from probee.frozen import Frozen
from probee.host.attributes import Attributes, call, repeated
from probee.host.causes import ENOTSUPP
from probee.tables.maps import MAP_TYPES
from probee.tables.programs import PROGRAM_TYPES, attach_type
from probee.uapi import bpf as uapi, bpf_func

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.host.attributes import Value

_EPERM, _EACCES, _EINVAL = 1, 13, 22
_LOG = 4096
_PAGE = 4096
# Levels of the verifier's log: each instruction; nothing but why a program is refused (Linux 6.4,
# 1216640938035, BPF_LOG_FIXED), which costs the kernel less.
_ALL, _REFUSAL = 1, 8

_EXIT = pack("=BBhi", 0x95, 0, 0, 0)
_CALL = 0x85  # its immediate is the helper's number
_UNSET = pack("=BBhi", 0xBF, 0x90, 0, 0)  # r0 = r9, which holds nothing: EACCES
_NO_NUMBER = 0x7FFF_FFFF  # no helper's
# Helpers without arguments, that many types have: one program calls them all.
_PLAIN = frozenset((
    bpf_func.BPF_FUNC_ktime_get_ns, bpf_func.BPF_FUNC_get_prandom_u32,
    bpf_func.BPF_FUNC_get_smp_processor_id, bpf_func.BPF_FUNC_get_numa_node_id,
    bpf_func.BPF_FUNC_jiffies64, bpf_func.BPF_FUNC_ktime_get_boot_ns,
    bpf_func.BPF_FUNC_get_current_task, bpf_func.BPF_FUNC_get_current_task_btf,
    bpf_func.BPF_FUNC_ktime_get_tai_ns, bpf_func.BPF_FUNC_ktime_get_coarse_ns,
))  # fmt: skip


def _set_r0(value: int) -> bytes:
    return pack("=BBhi", 0xB7, 0, 0, value)


class Trial(Frozen):
    """How a program type is tried besides its number: fields of BPF_PROG_LOAD.

    `says`: programs of this type attach to one of the kernel's types. They are tried with type 1,
    which is none of theirs, and a kernel that has the type says so in these words. A row with
    `errno` is there if the kernel refuses with that.
    """

    type: str
    attach: str = ""
    flags: int = 0
    says: str = ""
    errno: int = 0


# Types without a row load as they are. Of several rows one that works suffices: a kernel that
# lets programs attach to none of its functions takes tracing programs for raw tracepoints still.
TRIALS = (
    Trial("cgroup_sock_addr", "CGROUP_INET4_CONNECT"),
    Trial("cgroup_sockopt", "CGROUP_GETSOCKOPT"),
    Trial("sk_lookup", "SK_LOOKUP"),
    Trial("lirc_mode2", "LIRC_MODE2"),
    Trial("netfilter", "NETFILTER"),
    Trial("syscall", flags=uapi.BPF_F_SLEEPABLE),
    Trial("struct_ops", errno=ENOTSUPP),
    Trial("tracing", "TRACE_FENTRY", says="attach_btf_id 1 is not a function"),
    Trial("tracing", "TRACE_RAW_TP", says="attach_btf_id 1 is not a typedef"),
    Trial("lsm", "MODIFY_RETURN", says="attach_btf_id 1 is not a function"),
    Trial("ext", says="Cannot replace kernel functions"),
)

# What these words begin says that there is no such helper, or none for this type of program.
NO_HELPER = (b"invalid func ", b"unknown func ", b"program of this type cannot use helper ")

_KEYLESS = {"queue", "stack", "ringbuf", "user_ringbuf", "bloom_filter", "arena"}
_STORAGE = {"sk_storage", "inode_storage", "task_storage", "cgrp_storage"}
_CGROUP_STORAGE = {"cgroup_storage", "percpu_cgroup_storage"}
_VALUE_8 = {"stack_trace", "lpm_trie", *_STORAGE, *_CGROUP_STORAGE}
_VALUE_0 = {"ringbuf", "user_ringbuf", "arena"}


def _fields(trial: Trial, interface: int) -> dict[str, Value]:
    number = next(row.number for row in PROGRAM_TYPES if row.name == trial.type)
    return {
        "prog_type": number,
        "license": b"GPL\0",
        "expected_attach_type": attach_type(trial.attach).number if trial.attach else 0,
        "prog_flags": trial.flags,
        "attach_btf_id": 1 if trial.says else 0,
        "prog_ifindex": interface,
    }


def _load(fields: dict[str, Value]) -> int:
    """0 for a program that the kernel took, which is let go again, or the errno."""
    result = call(Attributes("BPF_PROG_LOAD", fields))
    if result < 0:
        return -result
    close(result)
    return 0


def has_bpf() -> bool:
    """Whether the kernel has the system call at all."""
    from errno import ENOSYS

    return call(Attributes("BPF_PROG_LOAD", {})) != -ENOSYS


def takes_program(name: str, interface: int = 0) -> bool:
    """Whether the kernel loads programs of this type; `interface`: onto its hardware."""
    trials = [row for row in TRIALS if row.type == name] or [Trial(name)]
    return any(_takes(trial, interface) for trial in trials)


def _takes(trial: Trial, interface: int) -> bool:
    log = bytearray(_LOG if trial.says else 0)
    # 2 and no 0: the driver of Netronome's cards refuses that in a tc program.
    code = _set_r0(2 if interface else 0) + _EXIT
    errno = _load(
        {
            **_fields(trial, interface),
            "insns": code,
            "insn_cnt": 2,
            "log_buf": log,
            "log_size": len(log),
            "log_level": 1 if log else 0,
        }
    )
    if trial.says:
        return errno == _EINVAL and trial.says.encode() in log
    return errno == trial.errno


def helper_probe(
    name: str, interface: int = 0, refusals: tuple[bytes, ...] = ()
) -> Callable[[int], bool]:
    """A function that says of a helper's number whether programs of this type may call it.

    It loads a program that does nothing but the call, with arguments that the helper need not
    like. One that likes them is refused behind the call: what the kernel takes costs it the most.
    `refusals`: words of an interface's driver that mean no too, and it is asked for whole programs.
    """
    trial = next((row for row in TRIALS if row.type == name), Trial(name))
    caller = _Caller(_fields(trial, interface), b"" if interface else _UNSET)
    if not interface:
        quick = caller.quick()
        if not quick(_NO_NUMBER):
            taken = caller.plain()
            return lambda number: number in taken or quick(number)
    return caller.patient(refusals)


class _Caller:
    """Programs of one type that call a helper. `behind`: what stands between that and the end."""

    __slots__ = ("_behind", "_code", "_fields", "_log")

    def __init__(self, fields: dict[str, Value], behind: bytes) -> None:
        self._fields, self._behind = fields, behind
        self._code = bytearray(pack("=BBhi", _CALL, 0, 0, 0) + behind + _EXIT)
        self._log = bytearray(_LOG)

    def _given(self, code: bytes | bytearray, level: int) -> dict[str, Value]:
        return self._fields | {
            "insns": code, "insn_cnt": len(code) // 8,
            "log_buf": self._log, "log_size": _LOG, "log_level": level,
        }  # fmt: skip

    def _loads(self, level: int) -> Callable[[int], int]:
        code, log = self._code, self._log
        load = repeated(Attributes("BPF_PROG_LOAD", self._given(code, level)))

        def with_helper(number: int) -> int:
            code[4:8] = number.to_bytes(4, byteorder)
            log[0] = 0
            return load()

        return with_helper

    def quick(self) -> Callable[[int], bool]:
        """Asks with a log that is the refusal; says yes to all where the kernel has no such log."""
        log, load = self._log, self._loads(_REFUSAL)

        def ask(number: int) -> bool:
            result = load(number)
            if result >= 0:
                close(result)
            return result != -_EPERM and not log.startswith(NO_HELPER)

        return ask

    def patient(self, refusals: tuple[bytes, ...]) -> Callable[[int], bool]:
        """Asks with a log in which the refusal stands somewhere."""
        log, load, words = self._log, self._loads(_ALL), (*NO_HELPER, *refusals)

        def ask(number: int) -> bool:
            result = load(number)
            if result >= 0:
                close(result)
                return True
            if result == -_EACCES and not refusals:  # it is the arguments that were not liked
                return True
            end = log.find(0)
            return result != -_EPERM and all(log.find(one, 0, end) < 0 for one in words)

        return ask

    def plain(self) -> frozenset[int]:
        """_PLAIN if programs may call all of these, as one shows that does; or none."""
        calls = b"".join(pack("=BBhi", _CALL, 0, 0, number) for number in _PLAIN)
        self._log[0] = 0
        errno = _load(self._given(calls + self._behind + _EXIT, _REFUSAL))
        all_called = errno == _EACCES and self._log.startswith(b"R9 ")
        return _PLAIN if all_called else frozenset()


def makes_map(name: str, interface: int = 0) -> bool:
    """Whether the kernel makes maps of this type; `interface`: on its hardware."""
    row = next(row for row in MAP_TYPES if row.name == name)
    fields: dict[str, Value] = {
        "map_type": row.number,
        "key_size": 0 if name in _KEYLESS else 8 if name == "lpm_trie" else 4,
        "value_size": 0 if name in _VALUE_0 else 8 if name in _VALUE_8 else 4,
        "max_entries": 0 if row.entries == "none" else _PAGE if row.entries == "bytes" else 1,
        "map_flags": row.flags,
        "map_ifindex": interface,
    }
    if name in _CGROUP_STORAGE:
        fields["key_size"] = 16
    if name == "struct_ops":  # type 1 is no struct of operations
        return _create({**fields, "btf_vmlinux_value_type_id": 1}) == -ENOTSUPP
    kept = -1
    if name in _STORAGE:
        kept = _storage_types()
        fields |= {"btf_fd": kept, "btf_key_type_id": 1, "btf_value_type_id": 3}
    elif name.endswith("_of_maps"):
        kept = call(
            Attributes(
                "BPF_MAP_CREATE",
                {"map_type": 1, "key_size": 4, "value_size": 4, "max_entries": 1},
            )
        )
        fields["inner_map_fd"] = kept
    try:
        return _create(fields) >= 0
    finally:
        if kept >= 0:
            close(kept)


def _create(fields: dict[str, Value]) -> int:
    """0 for a map that the kernel made, which is let go again, or minus the errno."""
    result = call(Attributes("BPF_MAP_CREATE", fields))
    if result < 0:
        return result
    close(result)
    return 0


# BTF with an int (1), and as local storage wants its value a struct of two words (3) of which the
# second is a struct bpf_spin_lock (2): header; each type, its members as name, type, bit offset.
_NAMES = b"\0bpf_spin_lock\0val\0cnt\0l\0"
_TYPES = pack(
    "=19I",
    *(0, 1 << 24, 4, 1 << 24 | 32),  # int, signed
    *(1, 4 << 24 | 1, 4, 15, 1, 0),  # struct bpf_spin_lock { int val; }
    *(15, 4 << 24 | 2, 8, 19, 1, 0, 23, 2, 32),  # struct val { int cnt; struct bpf_spin_lock l; }
)
_BTF = pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(_TYPES), len(_TYPES), len(_NAMES))


def _storage_types() -> int:
    """A descriptor of that, or minus an errno."""
    blob = _BTF + _TYPES + _NAMES
    return call(Attributes("BPF_BTF_LOAD", {"btf": blob, "btf_size": len(blob)}))


# Abilities of the verifier, each with a program that a kernel without it refuses. Opcodes:
# r0 = N, r0 -= 1, if r0 != 0 goto, if r0 < 0 goto, if w0 < 0 goto.
_R0_1 = _set_r0(1)
MISC: dict[str, Callable[[], bytes]] = {
    # 5.3, c04c0d2b968a: more than 4096 instructions
    "large_insn_limit": lambda: _R0_1 * 4096 + _EXIT,
    # 5.3, 2589726d12a1
    "bounded_loops": lambda: _set_r0(10) + pack("=BBhiBBhi", 0x17, 0, 0, 1, 0x55, 0, -2, 0) + _EXIT,
    # 4.14, 92b31a9af73b
    "v2_isa_extension": lambda: _set_r0(0) + pack("=BBhi", 0xA5, 0, 1, 0) + _R0_1 + _EXIT,
    # 5.1, 092ed0968bb6
    "v3_isa_extension": lambda: _set_r0(0) + pack("=BBhi", 0xA6, 0, 1, 0) + _R0_1 + _EXIT,
}


def has_misc(name: str, interface: int = 0) -> bool:
    """Whether the kernel takes the program that shows this ability."""
    code = MISC[name]()
    return not _load(
        {
            **_fields(Trial("socket_filter"), interface),
            "insns": code,
            "insn_cnt": len(code) // 8,
        }
    )
