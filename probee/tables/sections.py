"""Section names of program code in BPF object files, as libbpf reads them.

In: a section's name, such as "tp/syscalls/sys_enter_openat" or "uprobe.multi.s/libc.so.6:malloc".
Out: program type, expected attach type, whether it may sleep, how it is attached, and to what.

Source: libbpf's section_defs (1.7). There a name is either taken as it stands or may be followed
by a slash and the hook; ".s" on a name makes the program sleepable.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.frozen import Frozen


class Section(Frozen):
    """One kind of section. `names` are aliases; the first is the one to write.

    `attach_type` has no BPF_; empty where the kernel expects none. `attach` says by which way a
    loader attaches the program, empty where the user must say to what (a device, a cgroup).
    `hook`: the name may go on with "/HOOK". `sleepable`: "never", "suffix" (with ".s") or
    "always". `optional`: kernels older than the attach type take the program without it.
    `frags`: BPF_F_XDP_HAS_FRAGS.
    """

    names: tuple[str, ...]
    program_type: str
    attach_type: str
    attach: str = ""
    hook: bool = False
    sleepable: str = "never"
    optional: bool = False
    frags: bool = False


class ProgramSection(Frozen):
    """What one section's name says: its row, the hook after the slash, whether it may sleep."""

    row: Section
    hook: str
    sleepable: bool


def _hooked(names: str, program: str, kind: str, attach: str, *, s: bool = False) -> Section:
    """A section that names its hook."""
    sleepable = "suffix" if s else "never"
    return Section(tuple(names.split()), program, kind, attach, hook=True, sleepable=sleepable)


# fmt: off
SECTIONS = (
    _hooked("kprobe", "kprobe", "", "kprobe"),
    _hooked("kretprobe", "kprobe", "", "kretprobe"),
    _hooked("ksyscall", "kprobe", "", "ksyscall"),
    _hooked("kretsyscall", "kprobe", "", "kretsyscall"),
    _hooked("kprobe.multi", "kprobe", "TRACE_KPROBE_MULTI", "kprobe_multi"),
    _hooked("kretprobe.multi", "kprobe", "TRACE_KPROBE_MULTI", "kretprobe_multi"),
    _hooked("kprobe.session", "kprobe", "TRACE_KPROBE_SESSION", "kprobe_session"),
    _hooked("uprobe", "kprobe", "", "uprobe", s=True),
    _hooked("uretprobe", "kprobe", "", "uretprobe", s=True),
    _hooked("uprobe.multi", "kprobe", "TRACE_UPROBE_MULTI", "uprobe_multi", s=True),
    _hooked("uretprobe.multi", "kprobe", "TRACE_UPROBE_MULTI", "uretprobe_multi", s=True),
    _hooked("uprobe.session", "kprobe", "TRACE_UPROBE_SESSION", "uprobe_session", s=True),
    _hooked("usdt", "kprobe", "", "usdt", s=True),
    _hooked("tracepoint tp", "tracepoint", "", "tracepoint", s=True),
    _hooked("raw_tracepoint raw_tp", "raw_tracepoint", "", "raw_tracepoint", s=True),
    _hooked("raw_tracepoint.w raw_tp.w", "raw_tracepoint_writable", "", "raw_tracepoint"),
    _hooked("tp_btf", "tracing", "TRACE_RAW_TP", "tracing", s=True),
    _hooked("fentry", "tracing", "TRACE_FENTRY", "tracing", s=True),
    _hooked("fexit", "tracing", "TRACE_FEXIT", "tracing", s=True),
    _hooked("fmod_ret", "tracing", "MODIFY_RETURN", "tracing", s=True),
    _hooked("fsession", "tracing", "TRACE_FSESSION", "tracing", s=True),
    _hooked("fentry.multi", "tracing", "TRACE_FENTRY_MULTI", "tracing_multi", s=True),
    _hooked("fexit.multi", "tracing", "TRACE_FEXIT_MULTI", "tracing_multi", s=True),
    _hooked("fsession.multi", "tracing", "TRACE_FSESSION_MULTI", "tracing_multi", s=True),
    _hooked("iter", "tracing", "TRACE_ITER", "iter", s=True),
    _hooked("lsm", "lsm", "LSM_MAC", "lsm", s=True),
    _hooked("lsm_cgroup", "lsm", "LSM_CGROUP", ""),
    _hooked("freplace", "ext", "", "tracing"),
    _hooked("struct_ops", "struct_ops", "", "struct_ops", s=True),
    Section(("syscall",), "syscall", "", sleepable="always"),
    Section(("perf_event",), "perf_event", "", "perf_event"),
    Section(("socket",), "socket_filter", ""),
    Section(("tcx/ingress", "tc/ingress"), "sched_cls", "TCX_INGRESS"),
    Section(("tcx/egress", "tc/egress"), "sched_cls", "TCX_EGRESS"),
    Section(("tc", "classifier"), "sched_cls", ""),
    Section(("action",), "sched_act", ""),
    Section(("netkit/primary",), "sched_cls", "NETKIT_PRIMARY"),
    Section(("netkit/peer",), "sched_cls", "NETKIT_PEER"),
    Section(("xdp",), "xdp", "XDP", optional=True),
    Section(("xdp/devmap",), "xdp", "XDP_DEVMAP"),
    Section(("xdp/cpumap",), "xdp", "XDP_CPUMAP"),
    Section(("xdp.frags",), "xdp", "XDP", frags=True),
    Section(("xdp.frags/devmap",), "xdp", "XDP_DEVMAP", frags=True),
    Section(("xdp.frags/cpumap",), "xdp", "XDP_CPUMAP", frags=True),
    Section(("lwt_in",), "lwt_in", ""),
    Section(("lwt_out",), "lwt_out", ""),
    Section(("lwt_xmit",), "lwt_xmit", ""),
    Section(("lwt_seg6local",), "lwt_seg6local", ""),
    Section(("sk_reuseport",), "sk_reuseport", "SK_REUSEPORT_SELECT"),
    Section(("sk_reuseport/migrate",), "sk_reuseport", "SK_REUSEPORT_SELECT_OR_MIGRATE"),
    Section(("sk_lookup",), "sk_lookup", "SK_LOOKUP"),
    Section(("sk_skb",), "sk_skb", ""),
    Section(("sk_skb/stream_parser",), "sk_skb", "SK_SKB_STREAM_PARSER", optional=True),
    Section(("sk_skb/stream_verdict",), "sk_skb", "SK_SKB_STREAM_VERDICT", optional=True),
    Section(("sk_skb/verdict",), "sk_skb", "SK_SKB_VERDICT", optional=True),
    Section(("sk_msg",), "sk_msg", "SK_MSG_VERDICT", optional=True),
    Section(("sockops",), "sock_ops", "CGROUP_SOCK_OPS", optional=True),
    Section(("lirc_mode2",), "lirc_mode2", "LIRC_MODE2", optional=True),
    Section(("flow_dissector",), "flow_dissector", "FLOW_DISSECTOR", optional=True),
    Section(("netfilter",), "netfilter", "NETFILTER"),
    Section(("cgroup_skb/ingress",), "cgroup_skb", "CGROUP_INET_INGRESS", optional=True),
    Section(("cgroup_skb/egress",), "cgroup_skb", "CGROUP_INET_EGRESS", optional=True),
    Section(("cgroup/skb",), "cgroup_skb", ""),
    Section(("cgroup/sock_create",), "cgroup_sock", "CGROUP_INET_SOCK_CREATE"),
    Section(("cgroup/sock",), "cgroup_sock", "CGROUP_INET_SOCK_CREATE", optional=True),
    Section(("cgroup/sock_release",), "cgroup_sock", "CGROUP_INET_SOCK_RELEASE"),
    Section(("cgroup/post_bind4",), "cgroup_sock", "CGROUP_INET4_POST_BIND"),
    Section(("cgroup/post_bind6",), "cgroup_sock", "CGROUP_INET6_POST_BIND"),
    Section(("cgroup/bind4",), "cgroup_sock_addr", "CGROUP_INET4_BIND"),
    Section(("cgroup/bind6",), "cgroup_sock_addr", "CGROUP_INET6_BIND"),
    Section(("cgroup/connect4",), "cgroup_sock_addr", "CGROUP_INET4_CONNECT"),
    Section(("cgroup/connect6",), "cgroup_sock_addr", "CGROUP_INET6_CONNECT"),
    Section(("cgroup/connect_unix",), "cgroup_sock_addr", "CGROUP_UNIX_CONNECT"),
    Section(("cgroup/sendmsg4",), "cgroup_sock_addr", "CGROUP_UDP4_SENDMSG"),
    Section(("cgroup/sendmsg6",), "cgroup_sock_addr", "CGROUP_UDP6_SENDMSG"),
    Section(("cgroup/sendmsg_unix",), "cgroup_sock_addr", "CGROUP_UNIX_SENDMSG"),
    Section(("cgroup/recvmsg4",), "cgroup_sock_addr", "CGROUP_UDP4_RECVMSG"),
    Section(("cgroup/recvmsg6",), "cgroup_sock_addr", "CGROUP_UDP6_RECVMSG"),
    Section(("cgroup/recvmsg_unix",), "cgroup_sock_addr", "CGROUP_UNIX_RECVMSG"),
    Section(("cgroup/getpeername4",), "cgroup_sock_addr", "CGROUP_INET4_GETPEERNAME"),
    Section(("cgroup/getpeername6",), "cgroup_sock_addr", "CGROUP_INET6_GETPEERNAME"),
    Section(("cgroup/getpeername_unix",), "cgroup_sock_addr", "CGROUP_UNIX_GETPEERNAME"),
    Section(("cgroup/getsockname4",), "cgroup_sock_addr", "CGROUP_INET4_GETSOCKNAME"),
    Section(("cgroup/getsockname6",), "cgroup_sock_addr", "CGROUP_INET6_GETSOCKNAME"),
    Section(("cgroup/getsockname_unix",), "cgroup_sock_addr", "CGROUP_UNIX_GETSOCKNAME"),
    Section(("cgroup/sysctl",), "cgroup_sysctl", "CGROUP_SYSCTL"),
    Section(("cgroup/getsockopt",), "cgroup_sockopt", "CGROUP_GETSOCKOPT"),
    Section(("cgroup/setsockopt",), "cgroup_sockopt", "CGROUP_SETSOCKOPT"),
    Section(("cgroup/dev",), "cgroup_device", "CGROUP_DEVICE", optional=True),
)
# fmt: on

_BY_NAME = {name: row for row in SECTIONS for name in row.names}

# Attach types that no section names: links of that kind are made for other program types.
WITHOUT_SECTION = {
    "PERF_EVENT": "links of kprobe, uprobe, tracepoint and perf_event programs",
    "STRUCT_OPS": "links of struct_ops maps",
}


def by_section(section: str) -> ProgramSection:
    """What a section's name says. Raises NotSupportedError for a name that libbpf refuses too."""
    row = _BY_NAME.get(section)
    if row is not None:
        return ProgramSection(row, "", row.sleepable == "always")
    name, slash, hook = section.partition("/")
    plain = name.removesuffix(".s")
    row = _BY_NAME.get(plain)
    suffix = plain != name
    if row is None or (slash and not row.hook) or (suffix and row.sleepable != "suffix"):
        raise NotSupportedError(f"section {section!r} says no known program type")
    return ProgramSection(row, hook, suffix)
