"""The rights of this process: which it has, and doing something without them.

In: names of capabilities. Out: what is missing; a block in which they are not in effect. They stay
permitted, so they can be put back behind it. The calls are capget(2) and capset(2), of this thread.
"""

from __future__ import annotations

from struct import Struct

from probee.errors import KernelError
from probee.host.capabilities import CAPABILITIES
from probee.host.syscall import capabilities

_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3, include/uapi/linux/capability.h
_HEADER = Struct("=Ii")  # version, thread: 0 is this one
_DATA = Struct("=6I")  # effective, permitted, inheritable: the lower 32 of each, then the upper


def _get() -> list[int]:
    data = bytearray(_DATA.size)
    _call(data, change=False)
    return list(_DATA.unpack(data))


def _set(words: list[int]) -> None:
    _call(bytearray(_DATA.pack(*words)), change=True)


def _call(data: bytearray, *, change: bool) -> None:
    result = capabilities(bytearray(_HEADER.pack(_VERSION, 0)), data, change=change)
    if result < 0:
        raise KernelError("capset" if change else "capget", -result)


def missing(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of these capabilities that are not in effect."""
    words = _get()
    return tuple(name for name in names if not _word(words, name) >> CAPABILITIES[name] % 32 & 1)


def _word(words: list[int], name: str) -> int:
    return words[_place(name)]


def _place(name: str) -> int:
    return 3 if CAPABILITIES[name] >= 32 else 0  # of the effective ones


class without:  # noqa: N801 - a word of a sentence: `with without(names):`
    """A block in which these capabilities are not in effect."""

    __slots__ = ("_before", "_names")

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._before: list[int] = []

    def __enter__(self) -> None:
        self._before = _get()
        words = list(self._before)
        for name in self._names:
            words[_place(name)] &= ~(1 << CAPABILITIES[name] % 32)
        _set(words)

    def __exit__(self, *_: object) -> None:
        _set(self._before)
