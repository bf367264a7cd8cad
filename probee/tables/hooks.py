"""When a program runs, in a sentence for a person: by the kind of its section, and by its hook.

In: the first name of a row of sections.py, and what follows the slash in a section's name.
Out: `runs_when`, a sentence without its full stop; `Hook.check`, how one finds out whether a
kernel has the hook; `Hook.target`, what a person must say besides.

Sources: Documentation/bpf/libbpf/program_types.rst, the attach functions of kernel/bpf/,
kernel/trace/bpf_trace.c and net/core/filter.c, and the trace_* calls of the tracepoints named here.
"""

from __future__ import annotations

from probee.frozen import Frozen


class Hook(Frozen):
    """`section`: first name of a row of sections.py. `runs`: when, `{}` standing for the hook.

    `named` says the hook in `{}`'s place, `unnamed` what stands there where the section names
    none. `check`: `tracepoint`, `raw_tracepoint`, `function` (of kallsyms), `syscall`, `user` (a
    place in a file), `usdt`, `traced` (a function in BTF that programs are loaded for), `lsm`,
    `iter`, `struct_ops`, or `type`: whether the kernel takes programs of this type is all there is.
    `target`: what the program is attached to by whoever loads it.
    """

    section: str
    runs: str
    check: str
    named: str = "{}"
    unnamed: str = ""
    target: str = ""


_FUNCTION = ("the kernel's function {}", "a function of the kernel that its loader names")
_FUNCTIONS = (
    "a function of the kernel that matches {}",
    "one of the functions that its loader names",
)
_USER = ("{}", "a place in a program or library that its loader names")
_TRACEPOINT = ("tracepoint {}", "a tracepoint that its loader names")
_CALL = ("{}", "a system call that its loader names")
_PACKETS = "a network interface"
_CGROUP = "a cgroup"
_SOCKMAP = "a sockmap or sockhash"
_ROUTE = "a route, by ip route add ... encap bpf"


def _function(section: str, runs: str, check: str = "traced") -> Hook:
    return Hook(section, runs, check, *_FUNCTION)


def _user(section: str, runs: str) -> Hook:
    return Hook(section, runs, "user", *_USER)


def _cgroup(section: str, runs: str) -> Hook:
    return Hook(section, f"each time a task of the cgroup {runs}", "type", target=_CGROUP)


def _net(section: str, runs: str, target: str = _PACKETS) -> Hook:
    return Hook(section, runs, "type", target=target)


_BEFORE = "each time {} is called, before its first instruction"
_AFTER = "each time {} returns: its result is known"
_BOTH = "each time {} is called, and once more when that call returns"

# fmt: off
HOOKS = (
    _function("kprobe", _BEFORE, "function"),
    _function("kretprobe", _AFTER, "function"),
    Hook("ksyscall", "each time a task enters {}, in the kernel's function for it", "syscall", *_CALL),
    Hook("kretsyscall", "each time {} returns: its result is known", "syscall", *_CALL),
    Hook("kprobe.multi", _BEFORE, "function", *_FUNCTIONS),
    Hook("kretprobe.multi", _AFTER, "function", *_FUNCTIONS),
    Hook("kprobe.session", _BOTH, "function", *_FUNCTIONS),
    _user("uprobe", "each time a process gets to {}"),
    _user("uretprobe", "each time a process returns from {}"),
    _user("uprobe.multi", "each time a process gets to {}"),
    _user("uretprobe.multi", "each time a process returns from {}"),
    _user("uprobe.session", "each time a process gets to {}, and once more when it returns from there"),
    Hook("usdt", "each time a process gets to {}", "usdt", "the marker {}",
         "a marker that its loader names"),
    Hook("tracepoint", "each time the kernel gets to {}", "tracepoint", *_TRACEPOINT),
    Hook("raw_tracepoint", "each time the kernel gets to {}, with its arguments as they are",
         "raw_tracepoint", *_TRACEPOINT),
    Hook("raw_tracepoint.w", "each time the kernel gets to {}, whose argument it may change",
         "raw_tracepoint", *_TRACEPOINT),
    Hook("tp_btf", "each time the kernel gets to {}, with arguments whose types are known",
         "raw_tracepoint", *_TRACEPOINT),
    _function("fentry", _BEFORE),
    _function("fexit", "each time {} returns: arguments and result are known"),
    _function("fmod_ret", "each time {} is called: a result that is not 0 stands for the call"),
    _function("fsession", _BOTH),
    Hook("fentry.multi", _BEFORE, "type", *_FUNCTIONS),
    Hook("fexit.multi", _AFTER, "type", *_FUNCTIONS),
    Hook("fsession.multi", _BOTH, "type", *_FUNCTIONS),
    Hook("iter", "when somebody reads the iterator's file: once for {}", "iter",
         "each element of the kernel's iterator {}", "each element"),
    Hook("lsm", "each time the kernel asks its security modules at {}: a result that is not 0"
         " forbids it", "lsm", "hook {}", "a hook that its loader names"),
    Hook("lsm_cgroup", "each time the kernel asks its security modules at {} for a task of the"
         " cgroup: 0 forbids it", "lsm", "hook {}", "a hook that its loader names", target=_CGROUP),
    Hook("freplace", "in place of {}", "type", "the function {} of another program",
         "a function of another program", target="a loaded program"),
    Hook("struct_ops", "when the kernel calls {}", "struct_ops", "{}",
         "the member of the struct_ops map that holds it"),
    Hook("syscall", "when a process runs it with BPF_PROG_TEST_RUN", "type", target="nothing"),
    Hook("perf_event", "each time a perf event overflows, such as a clock for sampling", "type",
         target="a perf event"),
    _net("socket", "for each packet that a socket receives: its result is how much of it is kept",
         "a socket"),
    _net("tcx/ingress", "for each packet that comes in at a network interface, before routing"),
    _net("tcx/egress", "for each packet that leaves by a network interface"),
    _net("tc", "for each packet at the filter of a network interface's queueing"),
    _net("action", "for each packet that a filter of traffic control hands to it", "a tc filter"),
    _net("netkit/primary", "for each packet that leaves the primary side of a netkit pair",
         "a netkit interface"),
    _net("netkit/peer", "for each packet that leaves the peer side of a netkit pair",
         "a netkit interface"),
    _net("xdp", "for each packet that comes in at a network interface, before the network stack"),
    _net("xdp/devmap", "for each packet that an XDP program redirects to an interface",
         "an entry of a devmap"),
    _net("xdp/cpumap", "for each packet that an XDP program redirects to a CPU, there",
         "an entry of a cpumap"),
    _net("xdp.frags", "for each packet that comes in at a network interface, before the network stack;"
         " packets of several buffers too"),
    _net("xdp.frags/devmap", "for each packet that an XDP program redirects to an interface; packets of"
         " several buffers too", "an entry of a devmap"),
    _net("xdp.frags/cpumap", "for each packet that an XDP program redirects to a CPU, there; packets of"
         " several buffers too", "an entry of a cpumap"),
    _net("lwt_in", "for each packet that comes in by a route", _ROUTE),
    _net("lwt_out", "for each packet that goes out by a route", _ROUTE),
    _net("lwt_xmit", "for each packet of a route when it is sent", _ROUTE),
    _net("lwt_seg6local", "for each packet at an SRv6 End.BPF action", "an SRv6 route"),
    _net("sk_reuseport", "when one of the sockets that share a port is chosen for a packet",
         "a socket with SO_REUSEPORT"),
    _net("sk_reuseport/migrate", "when one of the sockets that share a port is chosen for a packet, or"
         " for a connection whose socket closes", "a socket with SO_REUSEPORT"),
    _net("sk_lookup", "when the kernel looks for the socket of a new connection or datagram",
         "a network namespace"),
    _net("sk_skb", "for each piece of data that a socket of a sockmap receives", _SOCKMAP),
    _net("sk_skb/stream_parser", "to find where a message ends in what a socket of a sockmap receives",
         _SOCKMAP),
    _net("sk_skb/stream_verdict", "for each message that a socket of a sockmap receives: where to", _SOCKMAP),
    _net("sk_skb/verdict", "for each piece of data that a socket of a sockmap receives: where to", _SOCKMAP),
    _net("sk_msg", "for each message that a task sends on a socket of a sockmap", _SOCKMAP),
    _net("sockops", "at the turns of a TCP connection of the cgroup's tasks: connected, retransmitting,"
         " closing and others", _CGROUP),
    _net("lirc_mode2", "for each pulse and space that an infrared receiver hears", "a /dev/lirc device"),
    _net("flow_dissector", "when the kernel takes a packet's headers apart to find its flow",
         "a network namespace"),
    _net("netfilter", "for each packet at a hook of netfilter", "a netfilter hook and priority"),
    _net("cgroup_skb/ingress", "for each packet that sockets of the cgroup receive: 0 drops it", _CGROUP),
    _net("cgroup_skb/egress", "for each packet that sockets of the cgroup send: 0 drops it", _CGROUP),
    _net("cgroup/skb", "for each packet that sockets of the cgroup send or receive: 0 drops it", _CGROUP),
    _cgroup("cgroup/sock_create", "makes a socket: 0 forbids it"),
    _cgroup("cgroup/sock", "makes a socket: 0 forbids it"),
    _cgroup("cgroup/sock_release", "closes a socket"),
    _cgroup("cgroup/post_bind4", "has bound a socket to an IPv4 address: 0 undoes it"),
    _cgroup("cgroup/post_bind6", "has bound a socket to an IPv6 address: 0 undoes it"),
    _cgroup("cgroup/bind4", "calls bind(2) with an IPv4 address, which it may change"),
    _cgroup("cgroup/bind6", "calls bind(2) with an IPv6 address, which it may change"),
    _cgroup("cgroup/connect4", "calls connect(2) with an IPv4 address, which it may change"),
    _cgroup("cgroup/connect6", "calls connect(2) with an IPv6 address, which it may change"),
    _cgroup("cgroup/connect_unix", "calls connect(2) with a Unix address, which it may change"),
    _cgroup("cgroup/sendmsg4", "sends a datagram to an IPv4 address, which it may change"),
    _cgroup("cgroup/sendmsg6", "sends a datagram to an IPv6 address, which it may change"),
    _cgroup("cgroup/sendmsg_unix", "sends a datagram to a Unix address, which it may change"),
    _cgroup("cgroup/recvmsg4", "receives a datagram from an IPv4 address, which it may change"),
    _cgroup("cgroup/recvmsg6", "receives a datagram from an IPv6 address, which it may change"),
    _cgroup("cgroup/recvmsg_unix", "receives a datagram from a Unix address, which it may change"),
    _cgroup("cgroup/getpeername4", "asks for its peer's IPv4 address, which it may change"),
    _cgroup("cgroup/getpeername6", "asks for its peer's IPv6 address, which it may change"),
    _cgroup("cgroup/getpeername_unix", "asks for its peer's Unix address, which it may change"),
    _cgroup("cgroup/getsockname4", "asks for a socket's own IPv4 address, which it may change"),
    _cgroup("cgroup/getsockname6", "asks for a socket's own IPv6 address, which it may change"),
    _cgroup("cgroup/getsockname_unix", "asks for a socket's own Unix address, which it may change"),
    _cgroup("cgroup/sysctl", "reads or writes a file of /proc/sys: 0 forbids it"),
    _cgroup("cgroup/getsockopt", "calls getsockopt(2), after the kernel did: it may change the answer"),
    _cgroup("cgroup/setsockopt", "calls setsockopt(2), before the kernel does: it may change the value"),
    _cgroup("cgroup/dev", "opens or makes a device file: 0 forbids it"),
)
# Tracepoints by their category and name. {} is what `*` stands for.
EVENTS = {
    "syscalls:sys_enter_*": "each time a task enters {}(2), before the kernel reads its arguments",
    "syscalls:sys_exit_*": "each time {}(2) returns to a task: its result is known",
    "raw_syscalls:sys_enter": "each time a task enters any system call",
    "raw_syscalls:sys_exit": "each time any system call returns to a task",
    "sched:sched_switch": "each time a CPU goes from one task to another",
    "sched:sched_wakeup": "each time a sleeping task becomes ready to run",
    "sched:sched_wakeup_new": "each time a new task becomes ready to run for the first time",
    "sched:sched_waking": "each time one task is about to wake another",
    "sched:sched_migrate_task": "each time a task moves to another CPU",
    "sched:sched_process_fork": "each time a task makes another",
    "sched:sched_process_exec": "each time a task becomes another program, by execve(2)",
    "sched:sched_process_exit": "each time a task ends",
    "sched:sched_process_free": "each time the kernel frees what it kept of a task that ended",
    "task:task_newtask": "each time a task makes another",
    "task:task_rename": "each time a task gets another name",
    "signal:signal_generate": "each time a signal is sent to a task",
    "signal:signal_deliver": "each time a signal reaches a task",
    "block:block_rq_insert": "each time a request is queued for a disk",
    "block:block_rq_issue": "each time a request is handed to a disk's driver",
    "block:block_rq_complete": "each time a disk has done a request",
    "irq:irq_handler_entry": "each time a CPU begins to handle an interrupt",
    "irq:irq_handler_exit": "each time a CPU has handled an interrupt",
    "irq:softirq_entry": "each time a CPU begins work that an interrupt put off",
    "irq:softirq_exit": "each time a CPU ends work that an interrupt put off",
    "timer:hrtimer_expire_entry": "each time a timer of the kernel runs out",
    "kmem:kmalloc": "each time the kernel allocates memory for itself",
    "kmem:kfree": "each time the kernel frees memory of its own",
    "exceptions:page_fault_user": "each time a process touches memory that is not mapped yet",
    "oom:mark_victim": "each time the kernel chooses a process to end because memory ran out",
    "net:net_dev_queue": "each time a packet is queued at a network interface",
    "net:netif_receive_skb": "each time a packet comes in from a network interface",
    "skb:kfree_skb": "each time a packet is dropped",
    "skb:consume_skb": "each time a packet is freed after it was used",
    "sock:inet_sock_set_state": "each time an internet socket changes its state",
    "tcp:tcp_retransmit_skb": "each time TCP sends a segment again",
}
# fmt: on

_BY_SECTION = {hook.section: hook for hook in HOOKS}
_RAW_EVENTS = {key.partition(":")[2]: words for key, words in EVENTS.items() if "*" not in key}


def by_section(section: str) -> Hook:
    """The row of a section of sections.py, by its first name. KeyError for any other."""
    return _BY_SECTION[section]


def runs_when(section: str, hook: str) -> str:
    """When a program runs whose section is of kind `section` and names `hook`, or '' for none."""
    row = _BY_SECTION[section]
    if row.check == "tracepoint" and hook:
        category, _, name = hook.replace("/", ":", 1).partition(":")
        known = _event(f"{category}:{name}")
        return known or row.runs.format(row.named.format(f"{category}:{name}"))
    if row.check == "raw_tracepoint" and hook in _RAW_EVENTS:
        return ",".join((_RAW_EVENTS[hook], row.runs.partition(",")[2]))
    if row.check == "syscall" and hook:
        return row.runs.format(row.named.format(f"{hook}(2)"))
    return row.runs.format(row.named.format(hook) if hook else row.unnamed)


def _event(event: str) -> str:
    known = EVENTS.get(event, "")
    for pattern, words in EVENTS.items():
        start, star, _ = pattern.partition("*")
        if star and event.startswith(start) and len(event) > len(start):
            known = words.format(event.removeprefix(start))
    return known


# Sections that hold no program, by name; a name that ends with `*` stands for all that begin so.
SECTION_WORDS = (
    ("license", "says whether GPL helpers may be called"),
    ("version", "for which kernel; nobody asks since 5.0"),
    (".maps", "maps, declared by their types"),
    ("maps", "maps in the form before BTF, taken no more"),
    (".rodata*", "constants: a map of one value, frozen"),
    (".data*", "variables: a map of one value"),
    (".bss*", "variables that begin as zero: a map"),
    (".struct_ops*", "tables of functions for the kernel"),
    ("?.struct_ops*", "the same, made only if asked for"),
    (".addr_space.1", "variables of the arena"),
    (".jumptables", "where code may jump to: a map of each table for each program"),
    (".text", "functions that programs call"),
    (".BTF", "types, and the strings of .BTF.ext"),
    (".BTF.ext", "source lines and CO-RE records"),
    (".symtab", "symbols: what begins where"),
    (".strtab", "names of symbols and sections"),
    (".shstrtab", "names of sections"),
    (".symtab_shndx", "numbers of sections, for symbols"),
    (".debug*", "debugging (DWARF): no loader reads it"),
    (".llvm_addrsig", "for linkers: no loader reads it"),
    (".eh_frame", "unwinding: no loader reads it"),
    (".comment", "who compiled it"),
    (".note*", "a note"),
)


def section_words(name: str) -> str:
    """What a section that holds no program is for; '' for a name that is not known."""
    for known, words in SECTION_WORDS:
        if name == known or (known.endswith("*") and name.startswith(known[:-1])):
            return words
    return ""
