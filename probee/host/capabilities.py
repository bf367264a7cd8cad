"""What this process may do, and why the kernel said no: /proc and /sys in, one sentence out.

Read only when a call was refused: asking first would cost every start time, and could be wrong.
"""

from __future__ import annotations

from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.errors import KernelError

# include/uapi/linux/capability.h
CAPABILITIES = {
    "CAP_DAC_READ_SEARCH": 2,
    "CAP_NET_ADMIN": 12,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_RESOURCE": 24,
    "CAP_PERFMON": 38,  # Linux 5.8, as CAP_BPF; CAP_SYS_ADMIN stands for either
    "CAP_BPF": 39,
}

# include/linux/proc_ns.h: the first namespaces have fixed inode numbers
_PID_NAMESPACE = 0xEFFF_FFFC
_USER_NAMESPACE = 0xEFFF_FFFD

# What the calls need, by the beginning of their names; the first that fits. Creating maps and BTF
# needs no CAP_PERFMON, but tracing goes no further.
_NEEDED = (
    ("bpf(BPF_ENABLE_STATS)", ("CAP_SYS_ADMIN",)),
    *((f"bpf(BPF_{kind}_GET_", ("CAP_SYS_ADMIN",)) for kind in ("PROG", "MAP", "BTF", "LINK")),
    ("bpf(BPF_TASK_FD_QUERY)", ("CAP_SYS_ADMIN",)),
    ("bpf(BPF_PROG_QUERY)", ("CAP_NET_ADMIN",)),
    ("perf_event_open", ("CAP_PERFMON",)),
    ("open tracefs", ("CAP_DAC_READ_SEARCH",)),
    ("mount tracefs", ("CAP_SYS_ADMIN",)),
    ("", ("CAP_BPF", "CAP_PERFMON")),
)


class Surroundings(Frozen):
    """The process and its kernel, as far as they decide what it may do.

    `effective`: capability bits, -1 where unknown. `last_capability`: the highest that the kernel
    knows. `lockdown`: `none`, `integrity`, `confidentiality`, or "" where it is not told.
    `unprivileged_bpf`: /proc/sys/kernel/unprivileged_bpf_disabled, -1 where there is none.
    `seccomp`: a filter restricts the system calls. The namespaces are the first ones, or a
    container's.
    """

    effective: int = -1
    last_capability: int = 40
    lockdown: str = ""
    unprivileged_bpf: int = -1
    seccomp: bool = False
    own_pids: bool = False
    own_users: bool = False

    def has(self, capability: str) -> bool:
        """Whether this capability is in effect, or CAP_SYS_ADMIN, which stands for CAP_BPF."""
        bit = CAPABILITIES[capability]
        stands_for = capability in ("CAP_BPF", "CAP_PERFMON")
        admin = bool(stands_for and self.effective >> CAPABILITIES["CAP_SYS_ADMIN"] & 1)
        return self.effective < 0 or bool(self.effective >> bit & 1) or admin

    def missing(self, needed: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `needed` that the process has not; CAP_SYS_ADMIN where the kernel is too old."""
        if self.last_capability < CAPABILITIES["CAP_BPF"]:
            needed = tuple(
                "CAP_SYS_ADMIN" if name in ("CAP_BPF", "CAP_PERFMON") else name for name in needed
            )
        return tuple(dict.fromkeys(name for name in needed if not self.has(name)))

    @property
    def container(self) -> bool:
        """Whether the process sees other process ids, or user ids, than the machine itself has."""
        return self.own_pids or self.own_users


def surroundings() -> Surroundings:
    """Those of this process, now."""
    status = _status(_text("/proc/self/status"))
    return Surroundings(
        effective=int(status["CapEff"], 16) if "CapEff" in status else -1,
        last_capability=_number("/proc/sys/kernel/cap_last_cap", 40),
        lockdown=_chosen(_text("/sys/kernel/security/lockdown")),
        unprivileged_bpf=_number("/proc/sys/kernel/unprivileged_bpf_disabled", -1),
        seccomp=status.get("Seccomp", "0") == "2",
        own_pids=_namespace("pid", _PID_NAMESPACE),
        own_users=_namespace("user", _USER_NAMESPACE),
    )


def explain_refusal(error: KernelError, around: Surroundings | None = None) -> str:
    """One sentence on why a call failed with EPERM or EACCES, and what to do about it."""
    cause, remedy = refusal(error.call, around)
    return f"{cause}: {remedy}"


def refusal(call: str, around: Surroundings | None = None) -> tuple[str, str]:
    """Why `call` (as `KernelError.call` has it) was not permitted, and the remedy."""
    here = surroundings() if around is None else around
    needed = next(names for start, names in _NEEDED if call.startswith(start))
    missing = here.missing(needed)
    if missing:
        # tracefs comes before the first bpf(): who lacks rights there is told all at once
        tracing = here.missing(("CAP_BPF", "CAP_PERFMON")) if "tracefs" in call else ()
        more = tuple(name for name in tracing if name not in missing)
        first = f"{_listed(more)}, and for tracefs " if more else ""
        return f"this process lacks {first}{_listed(missing)}", _grant((*more, *missing), here)
    if here.lockdown == "confidentiality":
        return (
            "the kernel is locked down (confidentiality), which forbids tracing even to root",
            "boot with lockdown=integrity or lockdown=none",
        )
    if here.own_users:
        return (
            "this process is root only in its own user namespace",
            "run it in the machine's first one: outside the container, or with --userns=host",
        )
    if here.seccomp:
        return (
            "a seccomp filter forbids the call",
            "start the container with --privileged or --security-opt seccomp=unconfined",
        )
    if call.startswith("bpf") and not here.has("CAP_SYS_RESOURCE"):
        return (
            "the kernel counts locked memory, or a security module forbids the call",
            "try ulimit -l unlimited, and look for a denial in the kernel log",
        )
    return (
        "a security module may forbid the call",
        "look for a denial in the kernel log (SELinux: ausearch -m avc)",
    )


def _grant(missing: tuple[str, ...], here: Surroundings) -> str:
    if here.container:
        added = " ".join(f"--cap-add {name.removeprefix('CAP_')}" for name in _whole(missing))
        return f"start the container with --privileged, or with {added}"
    names = ",".join(name.lower() for name in _whole(missing))
    return f"run it with sudo, or let a copy of the interpreter have them: setcap {names}+ep COPY"


def _whole(missing: tuple[str, ...]) -> tuple[str, ...]:
    """All that tracing needs, not only what the first refusal named: one round must do."""
    if missing[0] == "CAP_SYS_ADMIN":
        return (*missing, "CAP_DAC_READ_SEARCH")
    tracing = ("CAP_BPF", "CAP_PERFMON", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN")
    return (*(name for name in missing if name not in tracing), *tracing)


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(names)


def _status(text: str) -> dict[str, str]:
    rows = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, colon, value in rows if colon}


def _chosen(text: str) -> str:
    """`none [integrity] confidentiality` -> `integrity`."""
    return text.partition("[")[2].partition("]")[0]


def _number(path: str, default: int) -> int:
    text = _text(path).strip()
    return int(text) if text.isdigit() else default


def _namespace(kind: str, first: int) -> bool:
    """Whether the process is in another namespace of this kind than the machine's first."""
    from os import readlink

    try:
        target = readlink(f"/proc/self/ns/{kind}")
    except OSError:
        return False
    return target != f"{kind}:[{first}]"


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(65536)
    except OSError:
        return ""
