"""Whether programs of each kind load here, and why not: tried with the smallest one that there is.

In: a row of `HOOKS`, the running kernel. Out: an `Answer`. A kind may be refused although the
kernel knows its type: for want of rights, of BTF, of trampolines (fentry), by a security module.
Where a kind needs more than a load to be attached (the kprobe events of perf), that is asked too.
Whatever is made is closed at once.
"""

from __future__ import annotations

import os
from errno import errorcode

from probee.errors import KernelError, NotSupportedError, ProbeeError, VerifierError
from probee.frozen import Frozen
from probee.host import bpf
from probee.host.memlock import with_memlock
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable
    from probee.host.facts import RunningKernel

# r0 = N; exit
_RETURN = (
    b"\xb7\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0",
    b"\xb7\0\0\0\1\0\0\0\x95\0\0\0\0\0\0\0",
)
_EVENTS = "/sys/bus/event_source/devices"


class Hook(Frozen):
    """A kind of program. `attach` is BPF_*, 0 where none is expected.

    `types`: names of which the first that BTF has is what it is loaded for, of kind FUNC, or with
    the prefix `btf_trace_` a typedef. `events`: the event source that perf must have.
    `returns`: what such a program may return.
    """

    name: str
    what: str
    type: int
    attach: int = 0
    types: tuple[str, ...] = ()
    events: str = ""
    flags: int = 0
    returns: int = 0
    since: str = ""


class Answer(Frozen):
    """`works`: None where nobody can tell. `why`: where it does not."""

    works: bool | None
    why: str = ""


# Functions that every kernel with trampolines for programs has: net/bpf/test_run.c,
# include/linux/lsm_hook_defs.h.
_TESTED = ("bpf_fentry_test1", "vfs_read")

# fmt: off
HOOKS = (
    Hook("tracepoint", "tracepoints", uapi.BPF_PROG_TYPE_TRACEPOINT, since="4.7"),
    Hook("raw_tracepoint", "raw tracepoints", uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, since="4.17"),
    Hook("tp_btf", "tracepoints with typed arguments", uapi.BPF_PROG_TYPE_TRACING,
         uapi.BPF_TRACE_RAW_TP, ("btf_trace_sched_switch",), since="5.5"),
    Hook("kprobe", "functions of the kernel", uapi.BPF_PROG_TYPE_KPROBE, events="kprobe",
         since="4.1"),
    Hook("uprobe", "functions of user programs", uapi.BPF_PROG_TYPE_KPROBE, events="uprobe",
         since="4.3"),
    Hook("fentry", "functions of the kernel, by trampoline", uapi.BPF_PROG_TYPE_TRACING,
         uapi.BPF_TRACE_FENTRY, _TESTED, since="5.5"),
    Hook("fexit", "their ends, with arguments and result", uapi.BPF_PROG_TYPE_TRACING,
         uapi.BPF_TRACE_FEXIT, _TESTED, since="5.5"),
    Hook("fmod_ret", "changing what functions return", uapi.BPF_PROG_TYPE_TRACING,
         uapi.BPF_MODIFY_RETURN, ("bpf_modify_return_test",), since="5.7"),
    Hook("lsm", "security hooks", uapi.BPF_PROG_TYPE_LSM, uapi.BPF_LSM_MAC,
         ("bpf_lsm_file_open",), since="5.7"),
    Hook("iter", "walking through objects of the kernel", uapi.BPF_PROG_TYPE_TRACING,
         uapi.BPF_TRACE_ITER, ("bpf_iter_task",), since="5.8"),
    Hook("perf_event", "samples of a CPU or process", uapi.BPF_PROG_TYPE_PERF_EVENT, since="4.9"),
    Hook("xdp", "packets as they arrive", uapi.BPF_PROG_TYPE_XDP, since="4.8"),
    Hook("tc", "packets in traffic control", uapi.BPF_PROG_TYPE_SCHED_CLS, since="4.1"),
    Hook("cgroup_skb", "packets of a cgroup", uapi.BPF_PROG_TYPE_CGROUP_SKB,
         uapi.BPF_CGROUP_INET_EGRESS, returns=1, since="4.10"),
    Hook("sockops", "events of TCP sockets", uapi.BPF_PROG_TYPE_SOCK_OPS,
         uapi.BPF_CGROUP_SOCK_OPS, since="4.13"),
    Hook("socket_filter", "packets of a socket", uapi.BPF_PROG_TYPE_SOCKET_FILTER, since="3.19"),
    Hook("syscall", "programs run from user space", uapi.BPF_PROG_TYPE_SYSCALL,
         flags=uapi.BPF_F_SLEEPABLE, since="5.14"),
)
# fmt: on
SIMPLEST = HOOKS[-2]  # takes the fewest rights


def ask(hook: Hook, kernel: RunningKernel) -> Answer:
    """Whether such a program loads here."""
    try:
        target = target_of(hook, kernel.btf) if hook.types else 0
    except NotSupportedError as error:
        return Answer(False, error.message)
    except ProbeeError as error:
        return Answer(None, error.message)
    if hook.types and not target:
        return Answer(False, f"the kernel has no {' and no '.join(hook.types)} in its types")
    try:
        load(hook, target)
    except VerifierError as error:
        return Answer(False, (error.log.strip().splitlines() or [error.message])[0])
    except KernelError as error:
        return Answer(
            False, f"the kernel refuses the load: {errorcode.get(error.errno, error.errno)}"
        )
    if hook.events and not os.path.exists(f"{_EVENTS}/{hook.events}"):
        option = f"CONFIG_{hook.events.upper()}_EVENTS"
        return Answer(False, f"they load, but have nothing to be attached to: no {option}")
    return Answer(True)


def target_of(hook: Hook, btf: TypeTable) -> int:
    """The type id that the program is loaded for, 0 where the kernel has none of them."""
    from probee.btf.kinds import FUNC, TYPEDEF

    for name in hook.types:
        kind = TYPEDEF if name.startswith("btf_trace_") else FUNC
        if found := btf.by_name(kind, name):
            return found[0]
    return 0


def load(hook: Hook, target: int = 0) -> None:
    """Loads the smallest such program, and closes it. KernelError, VerifierError."""
    fd, _ = with_memlock(
        lambda: bpf.prog_load(
            hook.type,
            _RETURN[hook.returns],
            "GPL",
            attach_type=hook.attach,
            attach_btf_id=target,
            flags=hook.flags,
        )
    )
    os.close(fd)
