"""Asking the kernel thousands of things on two CPUs: a child process asks half of them.

In: a function from an item to bytes of a known number, and items. Out: the answers, in order. What
the child cannot answer, for whatever reason, is asked here.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def shared(ask: Callable[[str], bytes], items: Sequence[str], size: int) -> list[bytes]:
    """`ask(item)` for each item, `size` bytes each. It must need nothing but this process's memory.

    With one CPU, or few items, all is done here.
    """
    if len(items) < 2 or len(os.sched_getaffinity(0)) < 2:
        return [ask(item) for item in items]
    theirs, ours = items[::2], items[1::2]
    reader, writer = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if not child:
        _answer(writer, ask, theirs)
    os.close(writer)
    try:
        here = [ask(item) for item in ours]
        data = b""
        while more := os.read(reader, 1 << 16):
            data += more
    finally:
        os.close(reader)
        os.waitpid(child, 0)
    there = [data[at : at + size] for at in range(0, size * len(theirs), size)]
    there = [
        got if len(got) == size else ask(item) for got, item in zip(there, theirs, strict=True)
    ]
    answers = dict(zip((*theirs, *ours), (*there, *here), strict=True))
    return [answers[item] for item in items]


def _answer(writer: int, ask: Callable[[str], bytes], items: Sequence[str]) -> None:
    """The child: it writes its answers and ends, with nothing of the parent's run behind it."""
    try:
        for item in items:
            os.write(writer, ask(item))
    finally:
        os._exit(0)
