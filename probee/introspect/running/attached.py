"""Where a program is attached, in words: `tracepoint syscalls:sys_exit_openat`, `xdp eth0`.

In: what links, perf events, cgroups and interfaces say, as plain values. Out: `Attachment`s. Names
come from anywhere and may hold anything: whoever shows them escapes them.
"""

from __future__ import annotations

from probee.frozen import Frozen


class Attachment(Frozen):
    """One place where a program is called.

    `kind` is the hook's own word: `tracepoint`, `kprobe`, `uprobe`, `fentry`, `xdp`, `cgroup`, ...
    and `link` where only its link's type is known, which is then `target`.
    `target` is what it hangs on, `way` a direction or hook of it (`egress`, `connect4`), `through`
    what holds it there: `link`, `perf event`, `cgroup`, `netlink`, `tail call`. `link` is the
    link's id, 0 where there is none.
    """

    kind: str
    target: str = ""
    way: str = ""
    through: str = "link"
    link: int = 0

    @property
    def words(self) -> str:
        """`cgroup /app egress`."""
        if self.kind == "link":
            return f"a link of type {self.target}"
        return " ".join(part for part in (self.kind, self.target, self.way) if part)


# hook of a cgroup, as the attach type's name has it behind CGROUP_: what people call it
_CGROUP_WORDS = {
    "inet_ingress": "ingress",
    "inet_egress": "egress",
    "inet_sock_create": "sock_create",
    "inet_sock_release": "sock_release",
    "inet4_bind": "bind4",
    "inet6_bind": "bind6",
    "inet4_connect": "connect4",
    "inet6_connect": "connect6",
    "inet4_post_bind": "post_bind4",
    "inet6_post_bind": "post_bind6",
    "udp4_sendmsg": "sendmsg4",
    "udp6_sendmsg": "sendmsg6",
    "udp4_recvmsg": "recvmsg4",
    "udp6_recvmsg": "recvmsg6",
    "inet4_getpeername": "getpeername4",
    "inet6_getpeername": "getpeername6",
    "inet4_getsockname": "getsockname4",
    "inet6_getsockname": "getsockname6",
    "unix_connect": "connect_unix",
    "unix_sendmsg": "sendmsg_unix",
    "unix_recvmsg": "recvmsg_unix",
    "unix_getpeername": "getpeername_unix",
    "unix_getsockname": "getsockname_unix",
}
# what programs of type tracing, lsm, ext are called by their attach type
_TRACING_WORDS = {
    "trace_raw_tp": "tp_btf",
    "trace_fentry": "fentry",
    "trace_fexit": "fexit",
    "modify_return": "fmod_ret",
    "lsm_mac": "lsm",
    "lsm_cgroup": "lsm",
    "trace_iter": "iter",
    "trace_fsession": "fsession",
    "trace_fentry_multi": "fentry.multi",
    "trace_fexit_multi": "fexit.multi",
    "trace_fsession_multi": "fsession.multi",
}
# All that `kind` can be.
KINDS = (
    "tracepoint", "raw_tracepoint", "tp_btf", "kprobe", "kretprobe", "kprobe.multi",
    "kretprobe.multi", "uprobe", "uretprobe", "uprobe.multi", "uretprobe.multi", "perf_event",
    "fentry", "fexit", "fmod_ret", "fsession", "fentry.multi", "fexit.multi", "fsession.multi",
    "freplace", "lsm", "iter", "tracing",
    "xdp", "tc", "tc action", "tcx", "netkit", "flow_dissector", "sk_lookup", "netns", "netfilter",
    "sockmap", "cgroup", "struct_ops", "tail call", "link",
)  # fmt: skip


def cgroup_hook(attach_type: str) -> str:
    """`egress` for CGROUP_INET_EGRESS; the rest of the name where nobody has a word for it."""
    name = attach_type.lower().removeprefix("cgroup_")
    return _CGROUP_WORDS.get(name, name)


def tracing_hook(attach_type: str) -> str:
    """`fentry` for TRACE_FENTRY; `tracing` where nobody has a word for it."""
    return _TRACING_WORDS.get(attach_type.lower(), "tracing")


def place(name: str, offset: int) -> str:
    """A function, or an instruction of it: `vfs_read`, `vfs_read+16`."""
    return f"{name}+{offset}" if offset else name


def user_place(path: str, offset: int, symbol: str = "") -> str:
    """A place in a file: `/lib/libc.so.6:malloc`, or with the offset where no symbol is known."""
    return f"{path}:{symbol or hex(offset)}"


def interface(index: int) -> str:
    """The name of an interface of this network namespace, or its number."""
    from socket import if_indextoname

    try:
        return if_indextoname(index)
    except OSError:
        return f"interface {index}"


def count(number: int, what: str) -> str:
    """`1 function`, `3 functions`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def summary(attached: tuple[Attachment, ...], most: int = 3) -> str:
    """All places in one line; the first `most` and how many more."""
    if not attached:
        return ""
    seen = dict.fromkeys(one.words for one in attached)
    words = list(seen)[:most]
    more = len(seen) - len(words)
    return ", ".join(words) + (f", {more} more" if more else "")


# Types of programs of which the kernel tells nobody where they are attached.
UNTOLD = {
    "socket_filter": "the kernel does not tell which sockets use it",
    "sk_reuseport": "the kernel does not tell which sockets use it",
    "lwt_in": "routes that use it are not looked at",
    "lwt_out": "routes that use it are not looked at",
    "lwt_xmit": "routes that use it are not looked at",
    "lwt_seg6local": "routes that use it are not looked at",
    "lirc_mode2": "the kernel does not tell which receivers use it",
    "syscall": "it is attached nowhere: it runs when a process asks for it",
}
