"""All keys and values of a hash map, as bytes, while programs go on writing it.

In: a map's descriptor and sizes. Out: pairs, each key once.
"""

from __future__ import annotations

from probee.errors import KernelError
from probee.host import bpf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_EAGAIN, _EINVAL, _ENOSPC, _ENOTSUPP = 11, 22, 28, 524
_BATCH = 256


def raw_items(
    fd: int, key_size: int, value_size: int, max_entries: int, guard: Callable[[], None]
) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a hash map as bytes, many a system call where the kernel can (5.6)."""
    cursor, count, begun = None, _BATCH, False
    while True:
        try:
            keys, values, got, following = bpf.map_lookup_batch(
                fd, key_size, value_size, count, cursor
            )
        except KernelError as error:
            if error.errno == _ENOSPC:  # one bucket holds more than `count` elements
                count *= 2
                continue
            if error.errno in {_EINVAL, _ENOTSUPP} and not begun:  # no batches, or not of this map
                break
            raise
        begun = True
        for i in range(got):
            yield (
                keys[i * key_size : (i + 1) * key_size],
                values[i * value_size : (i + 1) * value_size],
            )
            guard()
        if following is None:
            return
        cursor = following
    yield from _items_one_by_one(fd, key_size, value_size, max_entries, guard)


def _items_one_by_one(
    fd: int, key_size: int, value_size: int, max_entries: int, guard: Callable[[], None]
) -> Iterator[tuple[bytes, bytes]]:
    """The same by BPF_MAP_GET_NEXT_KEY. It starts again from the first key when the one it is given
    is gone, so keys already given are remembered and passed over.
    """
    given: set[bytes] = set()
    restarts = 0
    key = bpf.map_get_next_key(fd, None, key_size)
    while key is not None:
        # The next key first: the loop's body may delete this one.
        following = bpf.map_get_next_key(fd, key, key_size)
        if key not in given:
            given.add(key)
            value = bpf.map_lookup(fd, key, value_size)
            if value is not None:
                yield key, value
                guard()
        elif following in given:
            restarts += 1
            if restarts > 8 * max_entries + 1024:
                raise KernelError(
                    "BPF_MAP_GET_NEXT_KEY",
                    _EAGAIN,
                    cause="elements come and go faster than they can be read",
                )
        key = following
