"""Records as they stand in a ring or perf buffer, unpacked to tuples.

In: a struct's layout, bytes. Out: `RecordLayout`: for records of the struct's size, which come in
runs, one `struct` format for all of them; for shorter ones, whose text ends sooner, one for each
length.
"""

from __future__ import annotations

from struct import Struct as Layout

from probee.spec.types import CharArray, last_field, least_record, struct_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from probee.spec.types import StructType

    Row: TypeAlias = tuple[Any, ...]
    Shape: TypeAlias = tuple[Callable[[Any, int], Row], int]

HEADER = 8  # what stands before a record in a ring: BPF_RINGBUF_HDR_SZ
REMEMBERED = 1024  # lengths


class Shapes(dict):  # type: ignore[type-arg]
    """A record's header -> what unpacks it where it stands, and how far the next one is.

    None for headers that are looked at one by one: of records that are busy, discarded, too long
    or too short, of the declared size, or empty behind their fixed part. `fixed`: the codes of all
    before the text that is last, `begin`: its place; it has up to `room` bytes.
    """

    __slots__ = ("begin", "fixed", "room")

    def __init__(self, fixed: str, begin: int, room: int) -> None:
        super().__init__()
        self.fixed, self.begin, self.room = fixed, begin, room

    def __missing__(self, head: int) -> Shape | None:
        length = head - self.begin
        if not 0 < length <= self.room:
            return None
        if len(self) >= REMEMBERED:
            self.clear()
        unpack = Layout(f"@{self.fixed}{length}s").unpack_from
        shape = self[head] = unpack, head + HEADER + 7 & ~7
        return shape


class RecordLayout:
    """A record as it stands in memory. `format`: native `struct` codes, as "@" reads them.

    `least`: the fewest bytes that a record may have, if not all; a shorter one than `size` reads as
    if zeroes followed: its writer left an unused tail out. `shapes`: see there; empty where the
    last field is no text.
    """

    __slots__ = ("least", "run", "shapes", "single", "size", "stride")

    def __init__(self, format: str, least: int = 0, shapes: Shapes | None = None) -> None:
        self.single = Layout(f"@{format}")
        self.size = self.single.size
        self.least = least or self.size
        self.stride = self.size + HEADER + 7 & ~7
        # Native codes ("<" reads byte by byte), the header skipped, the filling skipped.
        self.run = Layout(f"@{HEADER}x{format}{self.stride - HEADER - self.size}x")
        self.shapes = Shapes("", 0, 0) if shapes is None else shapes

    @classmethod
    def of(cls, type_: StructType) -> RecordLayout:
        """The layout of a struct."""
        codes, least = struct_format(type_), least_record(type_)
        begin, last = last_field(type_)
        if not isinstance(last, CharArray):
            return cls(codes, least)
        fixed = codes.rstrip("x").removesuffix(f"{last.size}s")
        room = min(last.size, type_.size - begin - 1)  # those of the whole size come in runs
        return cls(codes, least, Shapes(fixed, begin, room))

    def holds(self, length: int) -> bool:
        """Whether a record may have this length."""
        return self.least <= length <= self.size

    def unpack(self, data: bytes) -> Row:
        """The fields of one record of up to `size` bytes."""
        return self.single.unpack(data.ljust(self.size, b"\0"))
