"""What this machine lets probee do: one row a finding, each with what to do about it.

In: the running kernel and the rights of this process. Out: `Finding`s in the order of `SUBJECTS`.
Everything is tried where trying is harmless, and read from /proc and /sys where not; nothing is
changed. What cannot be found out is a finding too.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from probee.errors import KernelError, NotSupportedError, ProbeeError, VerifierError
from probee.frozen import Frozen
from probee.host import hooks, probes
from probee.host.capabilities import CAPABILITIES, surroundings
from probee.host.facts import RunningKernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probee.host.capabilities import Surroundings

OK, NOTE, PROBLEM, UNKNOWN = "ok", "note", "problem", "unknown"

# What a process without the right cannot do here.
RIGHTS = (
    ("CAP_BPF", "load programs and make most maps"),
    ("CAP_PERFMON", "trace: read the kernel's memory, attach to tracepoints and probes"),
    ("CAP_DAC_READ_SEARCH", "read tracefs, which belongs to root"),
    ("CAP_SYS_ADMIN", "mount tracefs, see programs of others by their ids"),
)
_TRACING = ("CAP_BPF", "CAP_PERFMON")
_BTF = "/sys/kernel/btf/vmlinux"
_CORE = "/proc/sys/net/core"
_KERNEL = "/proc/sys/kernel"


class Finding(Frozen):
    """`state`: `ok`, `note` (works, but is worth knowing), `problem`, `unknown`.

    `subject` is one word for machines; `what` says what it is about, `found` what was found, and
    `do` what to do, "" where there is nothing to be done.
    """

    subject: str
    what: str
    state: str
    found: str
    do: str = ""


def findings() -> Iterator[Finding]:
    """All of them, as they are found: some take a tenth of a second."""
    here = surroundings()
    with RunningKernel() as kernel:
        for about in SUBJECTS:
            yield from about(here, kernel)


def _machine(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    about = os.uname()
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("kernel", "Linux", OK, f"{about.release}, {about.machine}")
    yield Finding("python", "Python", OK, f"{version}, {sys.executable}")


def _load(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    """A program is loaded: where that fails, the error says why better than any rule here."""
    answer, do = "programs load", ""
    try:
        hooks.load(hooks.SIMPLEST)
    except (KernelError, VerifierError) as error:
        answer, do = error.message, error.hint
    yield Finding("bpf", "bpf()", PROBLEM if do or answer != "programs load" else OK, answer, do)


def _rights(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    if here.effective < 0:
        yield Finding("rights", "Capabilities", UNKNOWN, "/proc/self/status does not tell them")
        return
    wanted = tuple(name for name, _ in RIGHTS)
    missing = here.missing(wanted)
    for name, what in RIGHTS:
        has = name not in missing
        yield Finding(
            name.lower(),
            name,
            OK if has else PROBLEM,
            f"this process may {what}" if has else f"missing: it takes this to {what}",
            "" if has else f"run as root, or give the interpreter {name.lower()}+ep with setcap",
        )


def _confinement(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    if here.own_users or here.own_pids:
        which = " and ".join(
            word for word, own in (("users", here.own_users), ("processes", here.own_pids)) if own
        )
        yield Finding(
            "container",
            "Namespaces",
            PROBLEM if here.own_users else NOTE,
            f"a container: {which} have numbers of their own here",
            "run it on the machine itself to see all of it" if here.own_users else "",
        )
    else:
        yield Finding("container", "Namespaces", OK, "the machine's own processes and users")
    if here.seccomp:
        yield Finding(
            "seccomp", "Seccomp", NOTE, "a filter restricts system calls",
            "where bpf() is refused: --security-opt seccomp=unconfined",
        )  # fmt: skip


def _lockdown(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    match here.lockdown:
        case "":
            yield Finding("lockdown", "Lockdown", OK, "this kernel does not lock itself down")
        case "confidentiality":
            yield Finding(
                "lockdown", "Lockdown", PROBLEM, "confidentiality: even root may not trace",
                "boot with lockdown=integrity or lockdown=none",
            )  # fmt: skip
        case level:
            yield Finding("lockdown", "Lockdown", OK, f"{level}: tracing is allowed")


def _unprivileged(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    if here.unprivileged_bpf == 0:
        yield Finding(
            "unprivileged", "Unprivileged bpf()", NOTE, "every user may load simple programs",
            "sysctl kernel.unprivileged_bpf_disabled=2, unless somebody needs it",
        )  # fmt: skip
    elif here.unprivileged_bpf > 0:
        yield Finding("unprivileged", "Unprivileged bpf()", OK, "only those with rights may load")
    else:
        yield Finding("unprivileged", "Unprivileged bpf()", UNKNOWN, "the kernel does not tell")


def _types(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    try:
        count = len(kernel.btf)
    except NotSupportedError as error:
        do = "a kernel with CONFIG_DEBUG_INFO_BTF=y; tracepoint programs do without"
        yield Finding("btf", "Types (BTF)", PROBLEM, error.message, do)
        return
    size = os.stat(_BTF).st_size
    yield Finding("btf", "Types (BTF)", OK, f"{count:,} types, {size / 1e6:.1f} MB")


def _tracefs(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    try:
        path, groups = kernel.tracefs.path, kernel.tracefs.events()
    except ProbeeError as error:
        yield Finding("tracefs", "tracefs", PROBLEM, error.message, error.hint)
        return
    where = f"at {path}" if path else "mounted nowhere; probee mounts one for itself"
    count = sum(len(kernel.tracefs.events(group)) for group in groups)
    yield Finding("tracefs", "tracefs", OK, f"{where}, {count:,} tracepoints")


def _jit(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    enabled, harden = _read(f"{_CORE}/bpf_jit_enable"), _read(f"{_CORE}/bpf_jit_harden")
    match enabled:
        case "0":
            yield Finding(
                "jit", "Compiler (JIT)", PROBLEM, "off: programs are interpreted, much slower",
                "sysctl net.core.bpf_jit_enable=1",
            )  # fmt: skip
        case "1" | "2":
            yield Finding(
                "jit", "Compiler (JIT)", OK if enabled == "1" else NOTE,
                "on" if enabled == "1" else "on, and prints code to the kernel's log",
                "" if enabled == "1" else "sysctl net.core.bpf_jit_enable=1",
            )  # fmt: skip
        case _:
            yield Finding("jit", "Compiler (JIT)", UNKNOWN, "the kernel does not tell this process")
    if harden in ("1", "2"):
        whose = "users without rights" if harden == "1" else "everybody"
        yield Finding(
            "jit_harden", "JIT hardening", NOTE, f"on for programs of {whose}: they run slower",
            "sysctl net.core.bpf_jit_harden=0 where that matters" if harden == "2" else "",
        )  # fmt: skip


def _statistics(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    value = _read(f"{_KERNEL}/bpf_stats_enabled")
    if value == "1":
        yield Finding(
            "stats", "Statistics", NOTE, "on: each run of a program costs some 20 ns more",
            "sysctl kernel.bpf_stats_enabled=0, if nobody looks",
        )  # fmt: skip
    elif value == "0":
        yield Finding("stats", "Statistics", OK, "off; what needs them turns them on meanwhile")
    else:
        yield Finding("stats", "Statistics", UNKNOWN, "this kernel does not tell", "")


def _symbols(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    from probee.host.kallsyms import Kallsyms

    symbols = Kallsyms()
    try:
        symbols.find(0)
    except KernelError as error:
        yield Finding("kallsyms", "Kernel symbols", PROBLEM, error.message)
        return
    if symbols.hidden:
        yield Finding(
            "kallsyms", "Kernel symbols", PROBLEM, "addresses are hidden: stacks have no names",
            "sysctl kernel.kptr_restrict=1, and run with CAP_SYSLOG",
        )  # fmt: skip
    else:
        yield Finding("kallsyms", "Kernel symbols", OK, "addresses can be read")


def _hooks(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    if here.missing(_TRACING):
        yield Finding("hooks", "Kinds of programs", UNKNOWN, "cannot be tried without the rights")
        return
    for hook in hooks.HOOKS:
        answer = hooks.ask(hook, kernel)
        state = {True: OK, False: NOTE, None: UNKNOWN}[answer.works]
        found = hook.what if answer.works else f"{hook.what}: {answer.why}"
        do = "" if answer.works else f"it takes Linux {hook.since} or later, built with it"
        if answer.why.endswith("EPERM"):
            do = "something forbids it to those who may all else: a security module, or the machine"
        yield Finding(f"hook_{hook.name}", f"Programs: {hook.name}", state, found, do)


def _features(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    if here.missing(_TRACING):
        yield Finding("features", "Features", UNKNOWN, "cannot be tried without the rights")
        return
    for name, what, since in FEATURES:
        answer = probes.probe(name)
        state = {True: OK, False: NOTE, None: UNKNOWN}[answer]
        found = {True: what, False: f"not here: {what}", None: f"cannot be asked: {what}"}[answer]
        do = f"Linux {since} has it" if answer is False else ""
        yield Finding(name, f"Feature: {name}", state, found, do)


# name of a probe, what it is for, since when
FEATURES = (
    ("isa_v3", "32-bit comparisons: smaller programs", "5.1"),
    ("isa_v4", "instructions of level 4: sign extension, signed division, far jumps", "6.6"),
    ("atomic_fetch", "atomic operations that give the old value", "5.12"),
    ("ringbuf", "ring buffers", "5.8"),
    ("mmapable", "arrays that user space maps", "5.5"),
    ("perf_link", "links to tracepoints and probes, which others can see", "5.15"),
    ("cookie", "cookies that tell one attachment from another", "5.15"),
    ("ns_pid", "process ids as a container sees them", "5.7"),
)


def _file_system(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    mounted = any(" - bpf " in line for line in _text("/proc/self/mountinfo").splitlines())
    yield Finding(
        "bpffs", "bpf file system", OK if mounted else NOTE,
        "mounted" if mounted else "not mounted: nothing is pinned, nothing can be",
        "" if mounted else "mount -t bpf bpf /sys/fs/bpf, to pin something",
    )  # fmt: skip


def _cache(here: Surroundings, kernel: RunningKernel) -> Iterator[Finding]:
    from probee.host.cachedir import CacheDir

    folder = CacheDir()
    kept = folder.store("doctor", b"")
    problem = "; ".join(folder.problems)
    yield Finding(
        "cache", "Compile cache", OK if kept else NOTE,
        "compiled programs are kept" if kept else f"not used: {problem or 'it is switched off'}",
        "" if kept else "PROBEE_CACHE_DIR=FOLDER names another one, of mode 0700",
    )  # fmt: skip


def _read(path: str) -> str:
    """A number of /proc/sys, or "" where it cannot be read."""
    return _text(path).strip()


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


SUBJECTS: tuple[Callable[[Surroundings, RunningKernel], Iterator[Finding]], ...] = (
    _machine, _load, _rights, _confinement, _lockdown, _unprivileged, _types, _tracefs, _jit,
    _statistics, _symbols, _file_system, _cache, _hooks, _features,
)  # fmt: skip
assert {name for name, _ in RIGHTS} <= set(CAPABILITIES)
