"""Stack traces as declarations: stacks that programs take, each kept once, under a number.

In: how many, how deep. Out: a passive `StackTrace`, whose `kernel` and `user` kernel programs call;
`session[stacks]` gives the addresses of a stack, and their names.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.lang.maps import MapDeclaration, kernel_only
from probee.spec.types import ArrayOf, Int
from probee.uapi import bpf as uapi

DEEPEST = 1024  # what kernel.perf_event_max_stack can be raised to and still makes sense
_U32, _U64 = Int("u32", 4, False), Int("u64", 8, False)


class StackTrace(MapDeclaration):
    """BPF_MAP_TYPE_STACK_TRACE: up to `max_entries` different stacks of up to `depth` frames.

    The kernel takes no `depth` above its sysctl kernel.perf_event_max_stack, which is 127.
    """

    map_type = uapi.BPF_MAP_TYPE_STACK_TRACE

    def __init__(self, *, max_entries: int = 16_384, depth: int = 127) -> None:
        super().__init__(_U32, None, max_entries)
        if type(depth) is not int or not 1 <= depth <= DEEPEST:
            raise UsageError(f"depth={depth!r}: a stack has 1 to {DEEPEST} frames")
        self.value = ArrayOf(_U64, depth)

    def kernel(self, skip: int = 0) -> int | None:
        """The number of the kernel stack here, without the `skip` innermost frames, or None."""
        kernel_only("kernel()")

    def user(self, skip: int = 0) -> int | None:
        """The same of the stack in user space; None where the task has none."""
        kernel_only("user()")
