"""RLIMIT_MEMLOCK, raised only on kernels that count maps and programs against it.

In: something that creates a map, program or BTF. Out: its result. Since Linux 5.11 (commits up to
97306be45fbe, "bpf: switch to memcg-based memory accounting") the limit means nothing to bpf();
before, a creation beyond it fails with EPERM. So: try, and on EPERM raise the limit and try again.
"""

from __future__ import annotations

from probee.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

_EPERM = 1


def with_memlock(create: Callable[[], T]) -> T:
    """`create()`, tried again with the limit raised if it failed with EPERM and that can help."""
    try:
        return create()
    except KernelError as error:
        if error.errno != _EPERM or not raise_limit():
            raise
    return create()


def raise_limit() -> bool:
    """Takes the limit away from this process; False if it had none, or may not."""
    from resource import RLIM_INFINITY, RLIMIT_MEMLOCK, getrlimit, setrlimit

    if getrlimit(RLIMIT_MEMLOCK)[0] == RLIM_INFINITY:
        return False
    try:
        setrlimit(RLIMIT_MEMLOCK, (RLIM_INFINITY, RLIM_INFINITY))
    except (OSError, ValueError):
        return False
    return True
