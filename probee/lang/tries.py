"""Tries of prefixes, as declarations.

In: key and value types. Out: passive objects, as in maps.py.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.lang.maps import Mapping
from probee.spec.types import Int, StructType
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, TypeVar, overload

    from probee.lang.types import Chars
    from probee.spec.types import ValueType

    K = TypeVar("K")
    V = TypeVar("V")
else:
    K = V = None

_MOST_DATA = 256  # LPM_DATA_SIZE_MAX in kernel/bpf/lpm_trie.c


class LpmTrie(Mapping[K, V]):
    """BPF_MAP_TYPE_LPM_TRIE: the value of the longest prefix that a key begins with.

    The key is a Struct: `prefixlen: u32`, the number of bits that count, then 1 to 256 bytes of
    data without gaps. Bits are compared from the first byte's highest on: an address stands there
    in network order. `m.get(k)`, `m[k]` and `k in m` look for the longest prefix that matches;
    `m[k] = v` and `del m[k]` mean exactly that prefix. An entry is made when it comes
    (BPF_F_NO_PREALLOC, which the kernel demands).
    """

    map_type = uapi.BPF_MAP_TYPE_LPM_TRIE

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: LpmTrie[K, str], key: type[K], value: Chars, *, max_entries: int = ...
        ) -> None: ...
        @overload
        def __init__(self, key: type[K], value: type[V], *, max_entries: int = ...) -> None: ...
        def __init__(self, key: type[K], value: Any, *, max_entries: int = ...) -> None: ...

    else:

        def __init__(self, key: object, value: object, *, max_entries: int = 10_240) -> None:
            super().__init__(key, value, max_entries, uapi.BPF_F_NO_PREALLOC)
            _check_key(self.key)


def _check_key(key: ValueType | None) -> None:
    if not isinstance(key, StructType):
        _refuse("is a Struct")
    first = key.fields[0]
    if first.name != "prefixlen" or not isinstance(first.type, Int) or first.type.name != "u32":
        _refuse("begins with `prefixlen: u32`")
    if not 1 <= key.size - 4 <= _MOST_DATA:
        _refuse(f"has 1 to {_MOST_DATA} bytes behind its prefixlen, not {key.size - 4}")
    if sum(field.type.size for field in key.fields) != key.size:
        _refuse("has no gaps: each field is aligned to its own size where it stands")


def _refuse(what: str) -> NoReturn:
    raise UsageError(
        f"the key of an LpmTrie {what}",
        hint="class Key(Struct): prefixlen: u32; address: u32",
    )
