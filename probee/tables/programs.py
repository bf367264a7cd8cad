"""Program types and attach types, one row a member of the kernel's enums.

Out: `PROGRAM_TYPES`, `ATTACH_TYPES` and look-ups in them; the section names that say both stand
in sections.py. Sources: include/linux/bpf_types.h and the bpf_prog_ops of each type; versions
from bcc's kernel-versions.md and the dates in libbpf's history of linux/bpf.h.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.frozen import Frozen


class ProgramType(Frozen):
    """One program type. `context` is what r1 points to.

    A struct of linux/bpf.h or the kernel, or "record" (a tracepoint's own format), "arguments"
    (an array of u64, typed by BTF), "memory" (what BPF_PROG_TEST_RUN hands over), "target" (that
    of the program it replaces). `test_run`: BPF_PROG_TEST_RUN works; of tracing programs for
    fentry, fexit and fmod_ret alone, of struct_ops only for the kernel's own test struct.
    """

    name: str
    number: int
    since: str
    context: str
    test_run: bool = False


PROGRAM_TYPES = (
    ProgramType("socket_filter", 1, "3.19", "__sk_buff", test_run=True),
    ProgramType("kprobe", 2, "4.1", "pt_regs"),
    ProgramType("sched_cls", 3, "4.1", "__sk_buff", test_run=True),
    ProgramType("sched_act", 4, "4.1", "__sk_buff", test_run=True),
    ProgramType("tracepoint", 5, "4.7", "record"),
    ProgramType("xdp", 6, "4.8", "xdp_md", test_run=True),
    ProgramType("perf_event", 7, "4.9", "bpf_perf_event_data"),
    ProgramType("cgroup_skb", 8, "4.10", "__sk_buff", test_run=True),
    ProgramType("cgroup_sock", 9, "4.10", "bpf_sock"),
    ProgramType("lwt_in", 10, "4.10", "__sk_buff", test_run=True),
    ProgramType("lwt_out", 11, "4.10", "__sk_buff", test_run=True),
    ProgramType("lwt_xmit", 12, "4.10", "__sk_buff", test_run=True),
    ProgramType("sock_ops", 13, "4.13", "bpf_sock_ops"),
    ProgramType("sk_skb", 14, "4.14", "__sk_buff"),
    ProgramType("cgroup_device", 15, "4.15", "bpf_cgroup_dev_ctx"),
    ProgramType("sk_msg", 16, "4.17", "sk_msg_md"),
    ProgramType("raw_tracepoint", 17, "4.17", "bpf_raw_tracepoint_args", test_run=True),
    ProgramType("cgroup_sock_addr", 18, "4.17", "bpf_sock_addr"),
    ProgramType("lwt_seg6local", 19, "4.18", "__sk_buff"),
    ProgramType("lirc_mode2", 20, "4.18", "u32"),
    ProgramType("sk_reuseport", 21, "4.19", "sk_reuseport_md"),
    ProgramType("flow_dissector", 22, "4.20", "__sk_buff", test_run=True),
    ProgramType("cgroup_sysctl", 23, "5.2", "bpf_sysctl"),
    ProgramType("raw_tracepoint_writable", 24, "5.2", "bpf_raw_tracepoint_args"),
    ProgramType("cgroup_sockopt", 25, "5.3", "bpf_sockopt"),
    ProgramType("tracing", 26, "5.5", "arguments", test_run=True),
    ProgramType("struct_ops", 27, "5.6", "arguments", test_run=True),
    ProgramType("ext", 28, "5.6", "target"),
    ProgramType("lsm", 29, "5.7", "arguments"),
    ProgramType("sk_lookup", 30, "5.9", "bpf_sk_lookup", test_run=True),
    ProgramType("syscall", 31, "5.14", "memory", test_run=True),
    ProgramType("netfilter", 32, "6.4", "bpf_nf_ctx", test_run=True),
)

# Members of enum bpf_prog_type that are no type of their own.
UNSUPPORTED = {"BPF_PROG_TYPE_UNSPEC": "marks a missing type"}


class AttachType(Frozen):
    """One member of enum bpf_attach_type, its name without BPF_."""

    name: str
    number: int
    since: str


# fmt: off
ATTACH_TYPES = (
    AttachType("CGROUP_INET_INGRESS", 0, "4.10"), AttachType("CGROUP_INET_EGRESS", 1, "4.10"),
    AttachType("CGROUP_INET_SOCK_CREATE", 2, "4.10"), AttachType("CGROUP_SOCK_OPS", 3, "4.13"),
    AttachType("SK_SKB_STREAM_PARSER", 4, "4.14"), AttachType("SK_SKB_STREAM_VERDICT", 5, "4.14"),
    AttachType("CGROUP_DEVICE", 6, "4.15"), AttachType("SK_MSG_VERDICT", 7, "4.17"),
    AttachType("CGROUP_INET4_BIND", 8, "4.17"), AttachType("CGROUP_INET6_BIND", 9, "4.17"),
    AttachType("CGROUP_INET4_CONNECT", 10, "4.17"), AttachType("CGROUP_INET6_CONNECT", 11, "4.17"),
    AttachType("CGROUP_INET4_POST_BIND", 12, "4.17"),
    AttachType("CGROUP_INET6_POST_BIND", 13, "4.17"),
    AttachType("CGROUP_UDP4_SENDMSG", 14, "4.18"), AttachType("CGROUP_UDP6_SENDMSG", 15, "4.18"),
    AttachType("LIRC_MODE2", 16, "4.18"), AttachType("FLOW_DISSECTOR", 17, "4.20"),
    AttachType("CGROUP_SYSCTL", 18, "5.2"), AttachType("CGROUP_UDP4_RECVMSG", 19, "5.2"),
    AttachType("CGROUP_UDP6_RECVMSG", 20, "5.2"), AttachType("CGROUP_GETSOCKOPT", 21, "5.3"),
    AttachType("CGROUP_SETSOCKOPT", 22, "5.3"), AttachType("TRACE_RAW_TP", 23, "5.5"),
    AttachType("TRACE_FENTRY", 24, "5.5"), AttachType("TRACE_FEXIT", 25, "5.5"),
    AttachType("MODIFY_RETURN", 26, "5.7"), AttachType("LSM_MAC", 27, "5.7"),
    AttachType("TRACE_ITER", 28, "5.8"), AttachType("CGROUP_INET4_GETPEERNAME", 29, "5.8"),
    AttachType("CGROUP_INET6_GETPEERNAME", 30, "5.8"),
    AttachType("CGROUP_INET4_GETSOCKNAME", 31, "5.8"),
    AttachType("CGROUP_INET6_GETSOCKNAME", 32, "5.8"), AttachType("XDP_DEVMAP", 33, "5.8"),
    AttachType("CGROUP_INET_SOCK_RELEASE", 34, "5.9"), AttachType("XDP_CPUMAP", 35, "5.9"),
    AttachType("SK_LOOKUP", 36, "5.9"), AttachType("XDP", 37, "5.9"),
    AttachType("SK_SKB_VERDICT", 38, "5.13"), AttachType("SK_REUSEPORT_SELECT", 39, "5.14"),
    AttachType("SK_REUSEPORT_SELECT_OR_MIGRATE", 40, "5.14"), AttachType("PERF_EVENT", 41, "5.15"),
    AttachType("TRACE_KPROBE_MULTI", 42, "5.18"), AttachType("LSM_CGROUP", 43, "6.0"),
    AttachType("STRUCT_OPS", 44, "6.4"), AttachType("NETFILTER", 45, "6.5"),
    AttachType("TCX_INGRESS", 46, "6.6"), AttachType("TCX_EGRESS", 47, "6.6"),
    AttachType("TRACE_UPROBE_MULTI", 48, "6.6"), AttachType("CGROUP_UNIX_CONNECT", 49, "6.7"),
    AttachType("CGROUP_UNIX_SENDMSG", 50, "6.7"), AttachType("CGROUP_UNIX_RECVMSG", 51, "6.7"),
    AttachType("CGROUP_UNIX_GETPEERNAME", 52, "6.7"),
    AttachType("CGROUP_UNIX_GETSOCKNAME", 53, "6.7"), AttachType("NETKIT_PRIMARY", 54, "6.7"),
    AttachType("NETKIT_PEER", 55, "6.7"), AttachType("TRACE_KPROBE_SESSION", 56, "6.10"),
    AttachType("TRACE_UPROBE_SESSION", 57, "6.13"), AttachType("TRACE_FSESSION", 58, "7.0"),
    AttachType("TRACE_FENTRY_MULTI", 59, "7.2"), AttachType("TRACE_FEXIT_MULTI", 60, "7.2"),
    AttachType("TRACE_FSESSION_MULTI", 61, "7.2"),
)
# fmt: on

_BY_NAME = {row.name: row for row in PROGRAM_TYPES}
_BY_NUMBER = {row.number: row for row in PROGRAM_TYPES}
_ATTACH = {row.name: row for row in ATTACH_TYPES}


def by_name(name: str) -> ProgramType:
    """The row of "raw_tracepoint" and the like. Raises NotSupportedError."""
    row = _BY_NAME.get(name)
    if row is None:
        raise NotSupportedError(f"there is no program type named {name!r}")
    return row


def by_number(number: int) -> ProgramType | None:
    """The row of a member of enum bpf_prog_type, or None for one newer than this table."""
    return _BY_NUMBER.get(number)


def attach_type(name: str) -> AttachType:
    """The row of "TRACE_FENTRY" and the like. Raises NotSupportedError."""
    row = _ATTACH.get(name)
    if row is None:
        raise NotSupportedError(f"there is no attach type named {name!r}")
    return row
