"""What an errno means for a system call: call, errno and subject in, a KernelError with cause out.

`ROWS` is read from the top; the first row whose call begins the name of the failed one and whose
errno is equal says the likely cause and what to do. Any other EPERM, and EACCES where it is about
rights, is explained by `capabilities` from what this process has.
"""

from __future__ import annotations

from errno import (
    E2BIG,
    EACCES,
    EAGAIN,
    EBUSY,
    EEXIST,
    EFAULT,
    EINVAL,
    EMFILE,
    ENODEV,
    ENOENT,
    ENOMEM,
    ENOSPC,
    ENOSYS,
    ENOTSUP,
    EPERM,
)

from probee.errors import KernelError

ENOTSUPP = 524  # the kernel's own, which no libc names

_FILES = "the process has as many files open as it may"
_BUSY = "the verifier was interrupted again and again"

# call, errno, cause, hint
ROWS: tuple[tuple[str, int, str, str], ...] = (
    ("bpf", ENOSYS, "this kernel is built without bpf()", "it needs CONFIG_BPF_SYSCALL=y"),
    ("perf_event_open", ENOSYS, "this kernel is built without perf events",
     "it needs CONFIG_PERF_EVENTS=y"),
    ("perf_event_open", ENOENT, "this kernel has no tracepoint events for programs",
     "it needs CONFIG_BPF_EVENTS=y"),
    ("perf_event_open", EINVAL, "the tracepoint is gone, or its module is", ""),
    ("perf_event_open", ENODEV, "CPU 0 is offline", "bring it online: chcpu -e 0"),
    ("ioctl", EEXIST, "the kernel takes no more programs on this tracepoint", ""),
    ("ioctl", E2BIG, "64 programs are attached to this tracepoint already",
     "probee prog show lists them"),
    ("bpf(BPF_LINK_CREATE", E2BIG, "64 programs are attached to this tracepoint already",
     "probee prog show lists them"),
    ("ioctl", EACCES, "the program reads beyond the tracepoint's record",
     "it was compiled against another kernel's format"),
    ("bpf(BPF_LINK_CREATE", EACCES, "the program reads beyond the tracepoint's record",
     "it was compiled against another kernel's format"),
    ("bpf(BPF_RAW_TRACEPOINT_OPEN", ENOENT, "this kernel has no such raw tracepoint", ""),
    ("bpf(BPF_RAW_TRACEPOINT_OPEN", EINVAL,
     "the program reads more arguments than the tracepoint has", ""),
    ("bpf(BPF_MAP_CREATE", EINVAL,
     "this kernel does not know the map's type or flags, or refuses its sizes", ""),
    ("bpf(BPF_MAP_CREATE", E2BIG, "the map's keys, values or number of entries are too large", ""),
    ("bpf(BPF_MAP_CREATE", ENOMEM, "the kernel has no memory for a map of this size",
     "make it smaller, or raise the memory limit of the cgroup"),
    ("bpf(BPF_MAP_UPDATE", EPERM, "the map is frozen, or for programs only to write", ""),
    ("bpf(BPF_MAP_DELETE", EPERM, "the map is frozen, or for programs only to write", ""),
    ("bpf(BPF_MAP_LOOKUP", EPERM, "the map is for programs only to read", ""),
    ("bpf(BPF_MAP_UPDATE", E2BIG, "the map is full, or the index is beyond its end", ""),
    ("bpf(BPF_MAP_UPDATE", EEXIST, "the key is in the map already", ""),
    ("bpf(BPF_MAP", ENOTSUPP, "this type of map has no such operation", ""),
    ("bpf(BPF_MAP", ENOTSUP, "this type of map has no such operation", ""),
    ("bpf(BPF_MAP", ENOSPC, "more elements share one bucket than were asked for",
     "ask for more at a time"),
    ("bpf(BPF_PROG_LOAD", EAGAIN, _BUSY, "stop sending it signals"),
    ("bpf(BPF_PROG_LOAD", E2BIG, "the program is too long, or takes the verifier too many steps",
     "make loops shorter, or split the program"),
    ("bpf(BPF_PROG_LOAD", EINVAL, "the kernel does not know this program type or instruction", ""),
    ("bpf(BPF_PROG_LOAD", EACCES, "the verifier refused the program", ""),
    ("bpf(BPF_PROG_LOAD", ENOSPC, "the verifier's log is longer than the kernel can give", ""),
    ("bpf(BPF_PROG_TEST_RUN", ENOTSUPP, "programs of this type have no test run", ""),
    ("bpf(BPF_PROG_TEST_RUN", EINVAL, "the kernel cannot run this program on this input", ""),
    ("bpf(BPF_BTF_LOAD", EINVAL, "the kernel does not take these types", ""),
    ("bpf(BPF_OBJ_PIN", EEXIST, "something is pinned there already", ""),
    ("bpf(BPF_OBJ", ENOENT, "there is no such path",
     "mount the bpf file system: mount -t bpf bpf /sys/fs/bpf"),
    ("bpf(BPF_OBJ", EACCES, "no rights to this path", ""),
    ("bpf", EFAULT, "a buffer is not where the kernel was told", "this is a bug in probee"),
    ("bpf", EBUSY, "the object is in use in a way that excludes this call", ""),
    ("", ENOMEM, "the kernel has no memory left for this", ""),
    ("", EMFILE, _FILES, "raise the limit: ulimit -n 4096"),
    ("open tracefs", ENOENT, "no tracefs is mounted, and this process may not mount one for itself",
     "mount it: mount -t tracefs tracefs /sys/kernel/tracing"),
    ("mount tracefs", ENODEV, "this kernel is built without tracing", "it needs CONFIG_TRACING=y"),
    ("mount tracefs", ENOSYS, "this kernel is older than the call (Linux 5.2)",
     "mount it: mount -t tracefs tracefs /sys/kernel/tracing"),
)  # fmt: skip

# EACCES from these is about rights; from bpf() it is the verifier's, or about a file.
_ABOUT_RIGHTS = ("perf_event_open", "open tracefs", "mount tracefs")


def explain(call: str, errno: int, subject: str = "") -> KernelError:
    """The KernelError for `errno` of `call`: a bpf() command, or another call by name.

    `subject` says what it was about, as in `map opens`, or is empty.
    """
    name = f"bpf({call})" if call.startswith("BPF_") else call
    cause, hint = _cause(name, errno)
    return KernelError(f"{name} for {subject}" if subject else name, errno, cause=cause, hint=hint)


def _cause(name: str, errno: int) -> tuple[str, str]:
    for call, number, cause, hint in ROWS:
        if errno == number and name.startswith(call):
            return cause, hint
    if errno == EPERM or (errno == EACCES and name.startswith(_ABOUT_RIGHTS)):
        from probee.host.capabilities import refusal

        return refusal(name)
    return "", ""
