"""The world around a simulated program: time, task, CPU, memory.

In: what a test says about it. Out: what helpers answer. Nothing is read of the real machine, so a
run gives the same each time.
"""

from __future__ import annotations

from random import Random

from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMM_SIZE = 16  # TASK_COMM_LEN


class World:
    """All of it may be changed between runs.

    `time_ns`: what the next `ktime_get_ns` gives; each call lets `tick_ns` pass. `pid` is the
    process as user space says it, `tid` the thread (the kernel's tgid and pid). `cpu` of `cpus` is
    where programs run. `seed` decides what `get_prandom_u32` gives. `user` and `kernel` are memory
    that `probe_read` finds, as `{address: bytes}`; elsewhere it fails. `syscall_args`: what
    `current.syscall_arg(n)` gives, from registers laid out as those of `arch`. `kernel_stack`,
    `user_stack`: the addresses that a stack trace finds, the innermost first; none at all fails.
    """

    def __init__(
        self,
        *,
        time_ns: int = 1_000_000_000,
        tick_ns: int = 1_000,
        pid: int = 1000,
        tid: int = 1000,
        uid: int = 0,
        gid: int = 0,
        comm: str = "probee",
        cgroup_id: int = 1,
        cpu: int = 0,
        cpus: int = 1,
        seed: int = 0,
        user: Mapping[int, bytes] | None = None,
        kernel: Mapping[int, bytes] | None = None,
        syscall_args: Sequence[int] = (0, 0, 0, 0, 0, 0),
        kernel_stack: Sequence[int] = (),
        user_stack: Sequence[int] = (),
        arch: str = "x86_64",
    ) -> None:
        if not 0 <= cpu < cpus:
            raise UsageError(f"CPU {cpu} of {cpus}: CPUs count from 0")
        self.time_ns, self.tick_ns = time_ns, tick_ns
        self.pid, self.tid, self.uid, self.gid, self.comm = pid, tid, uid, gid, comm
        self.cgroup_id, self.cpu, self.cpus = cgroup_id, cpu, cpus
        self.user, self.kernel = dict(user or {}), dict(kernel or {})
        self.kernel_stack, self.user_stack = tuple(kernel_stack), tuple(user_stack)
        self.syscall_args, self.arch = tuple(syscall_args), arch
        self.random = Random(seed)  # noqa: S311 (no secret: the same numbers in each run)

    def now(self) -> int:
        """The time in nanoseconds; some passes."""
        now = self.time_ns
        self.time_ns += self.tick_ns
        return now

    def comm_bytes(self) -> bytes:
        """`comm` as the kernel keeps it: 15 bytes at most, filled up with NUL."""
        raw = self.comm.encode("utf-8", "surrogateescape")[: COMM_SIZE - 1]
        return raw.ljust(COMM_SIZE, b"\0")
