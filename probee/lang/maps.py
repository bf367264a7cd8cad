"""Maps as declarations: what is wanted, never a live object.

In: key and value types, sizes. Out: passive objects that kernel functions name and a `Session`
makes live: `session[opens]` is the live ring of the declaration `opens`. A declaration's name is
the module-level name it is bound to. Methods exist for type checkers and for the compiler; calling
one outside a kernel program is an error that says so. Variables stand in variables.py.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.lang.generics import Generic
from probee.lang.types import Struct, value_type
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, TypeVar, overload

    from probee.lang.types import Chars
    from probee.spec.types import ValueType

    K = TypeVar("K")
    V = TypeVar("V")
    R = TypeVar("R", bound=Struct)
else:
    K = V = R = None


def kernel_only(what: str) -> NoReturn:
    """What a declaration says to whoever takes it for the live object."""
    raise UsageError(
        f"{what} belongs to kernel programs",
        hint="on the user side, ask the Session for the live object: session[declaration]",
    )


class MapDeclaration:
    """What all maps have: `map_type` (BPF_MAP_TYPE_*), types, entries, flags, `map_extra`."""

    map_type = 0
    one = False  # whether it is one thing, of which no size can be asked
    in_bytes = False  # whether `max_entries` counts bytes, and Session's map_sizes does

    def __init__(
        self, key: object, value: object, max_entries: int, flags: int = 0, extra: int = 0
    ) -> None:
        if type(max_entries) is not int or not 0 < max_entries < 1 << 32:
            raise UsageError(f"max_entries={max_entries!r}: a map has 1 to 2^32-1 entries")
        self.key: ValueType | None = None if key is None else value_type(key)
        self.value: ValueType | None = None if value is None else value_type(value)
        self.key_class, self.value_class = key, value
        self.max_entries, self.flags, self.extra = max_entries, flags, extra

    def identity(self) -> tuple[object, ...]:
        """All that a compiled program's meaning takes from this declaration."""
        kind = type(self).__name__
        return (kind, self.key, self.value, self.max_entries, self.flags, self.extra)


class Mapping(MapDeclaration, Generic[K, V]):
    """A map with keys, used as a dict."""

    if TYPE_CHECKING:

        @overload
        def get(self, key: K) -> V | None: ...
        @overload
        def get(self, key: K, default: V) -> V: ...
        def get(self, key: K, default: V | None = None) -> V | None:
            """A reference to the value, or the default."""

        @overload
        def pop(self, key: K) -> V: ...
        @overload
        def pop(self, key: K, default: None) -> V | None: ...
        @overload
        def pop(self, key: K, default: V) -> V: ...
        def pop(self, key: K, default: V | None = None) -> V | None:
            """Take the value out, or give the default."""

    else:

        def get(self, *_: object) -> object:
            """A reference to the value, or the default."""
            kernel_only("get()")

        def pop(self, *_: object) -> object:
            """Take the value out, or give the default."""
            kernel_only("pop()")

    def __getitem__(self, key: K) -> V:
        kernel_only("m[k]")

    def __setitem__(self, key: K, value: V) -> None:
        kernel_only("m[k] = v")

    def __delitem__(self, key: K) -> None:
        kernel_only("del m[k]")

    def __contains__(self, key: K) -> bool:
        kernel_only("k in m")

    def setdefault(self, key: K, value: V) -> V:
        """The value, put there first if it is missing."""
        kernel_only("setdefault()")


class Hash(Mapping[K, V]):
    """BPF_MAP_TYPE_HASH: a dict of fixed size; an insertion into a full one fails, counted.

    `prealloc=False` (BPF_F_NO_PREALLOC): memory is taken entry by entry, as they come.
    """

    map_type = uapi.BPF_MAP_TYPE_HASH

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: Hash[str, str],
            key: Chars,
            value: Chars,
            *,
            max_entries: int = ...,
            prealloc: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: Hash[str, V],
            key: Chars,
            value: type[V],
            *,
            max_entries: int = ...,
            prealloc: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: Hash[K, str],
            key: type[K],
            value: Chars,
            *,
            max_entries: int = ...,
            prealloc: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self, key: type[K], value: type[V], *, max_entries: int = ..., prealloc: bool = ...
        ) -> None: ...
        def __init__(
            self, key: Any, value: Any, *, max_entries: int = ..., prealloc: bool = ...
        ) -> None: ...

    else:

        def __init__(
            self, key: object, value: object, *, max_entries: int = 10_240, prealloc: bool = True
        ) -> None:
            super().__init__(key, value, max_entries, 0 if prealloc else uapi.BPF_F_NO_PREALLOC)


class LruHash(Mapping[K, V]):
    """BPF_MAP_TYPE_LRU_HASH: a dict that forgets what was not used for longest when full.

    `common_lru=False` (BPF_F_NO_COMMON_LRU): each CPU has a list of its own, and a share of the
    entries: faster, and less exact about what was not used for longest.
    """

    map_type = uapi.BPF_MAP_TYPE_LRU_HASH

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: LruHash[str, str],
            key: Chars,
            value: Chars,
            *,
            max_entries: int = ...,
            common_lru: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: LruHash[str, V],
            key: Chars,
            value: type[V],
            *,
            max_entries: int = ...,
            common_lru: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self: LruHash[K, str],
            key: type[K],
            value: Chars,
            *,
            max_entries: int = ...,
            common_lru: bool = ...,
        ) -> None: ...
        @overload
        def __init__(
            self, key: type[K], value: type[V], *, max_entries: int = ..., common_lru: bool = ...
        ) -> None: ...
        def __init__(
            self, key: Any, value: Any, *, max_entries: int = ..., common_lru: bool = ...
        ) -> None: ...

    else:

        def __init__(
            self, key: object, value: object, *, max_entries: int = 10_240, common_lru: bool = True
        ) -> None:
            super().__init__(key, value, max_entries, 0 if common_lru else uapi.BPF_F_NO_COMMON_LRU)


class Array(MapDeclaration, Generic[V]):
    """BPF_MAP_TYPE_ARRAY: `max_entries` values by index, zero at first."""

    map_type = uapi.BPF_MAP_TYPE_ARRAY

    if TYPE_CHECKING:

        @overload
        def __init__(self: Array[str], value: Chars, *, max_entries: int) -> None: ...
        @overload
        def __init__(self, value: type[V], *, max_entries: int) -> None: ...
        def __init__(self, value: Any, *, max_entries: int) -> None: ...

        @overload
        def get(self, index: int) -> V | None: ...
        @overload
        def get(self, index: int, default: V) -> V: ...
        def get(self, index: int, default: V | None = None) -> V | None:
            """A reference to the value, or the default where the index is out of range."""

    else:

        def __init__(self, value: object, *, max_entries: int) -> None:
            from probee.lang.types import u32

            super().__init__(u32, value, max_entries)

        def get(self, *_: object) -> object:
            """A reference to the value, or the default where the index is out of range."""
            kernel_only("get()")

    def __getitem__(self, index: int) -> V:
        kernel_only("a[i]")

    def __setitem__(self, index: int, value: V) -> None:
        kernel_only("a[i] = v")


class PerCpuArray(Array[V]):
    """BPF_MAP_TYPE_PERCPU_ARRAY: as Array, one copy a CPU; user space sees a list a value."""

    map_type = uapi.BPF_MAP_TYPE_PERCPU_ARRAY

    if TYPE_CHECKING:

        @overload
        def __init__(self: PerCpuArray[str], value: Chars, *, max_entries: int) -> None: ...
        @overload
        def __init__(self, value: type[V], *, max_entries: int) -> None: ...
        def __init__(self, value: Any, *, max_entries: int) -> None: ...


class RingBuf(MapDeclaration, Generic[R]):
    """BPF_MAP_TYPE_RINGBUF of records of one struct. `size`: bytes, or text as "2M".

    The kernel wants a power of two that is a multiple of the page size; other sizes are refused.
    """

    map_type = uapi.BPF_MAP_TYPE_RINGBUF
    in_bytes = True

    if TYPE_CHECKING:

        def __init__(self, record: type[R], *, size: int | str = ...) -> None: ...

    else:

        def __init__(self, record: type, *, size: int | str = "2M") -> None:
            super().__init__(None, record, parse_size(size))
            if not (isinstance(record, type) and issubclass(record, Struct)):
                raise UsageError("a RingBuf holds records of a Struct")

    def reserve(self) -> R | None:
        """A record to fill and submit, or None when the ring is full (which is counted)."""
        kernel_only("reserve()")

    def output(self, record: R, size: int = 0) -> bool:
        """Copy a record into the ring, and tell whether there was room; a full ring is counted.

        `size`: of the record only the first so many bytes are sent, and the rest of its last field,
        text or an array, reads as zeroes. Without it, all that means something: up to the end of
        its last text where the program has just read that.
        """
        kernel_only("output()")


def parse_size(size: int | str) -> int:
    """Bytes from 4096, "64K" or "2M". Raises UsageError unless a power of two of 4096 or more."""
    text = str(size).strip().upper().removesuffix("B")
    factor = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:], 1)
    digits = text[:-1] if factor > 1 else text
    number = int(digits) * factor if digits.isascii() and digits.isdigit() else 0
    if number < 4096 or number & (number - 1) or number > 1 << 30:
        raise UsageError(
            f"ring size {size!r}: a power of two from 4K to 1G is wanted", hint='for example "2M"'
        )
    return number
