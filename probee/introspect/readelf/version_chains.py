"""The tables of symbol versions as chains: what a file defines, what it needs of others.

In: an image, where a chain begins. Out: `Definitions` and `Needs`, which find a version by its
number; they say what readelf says on its way to it, each time.
"""

from __future__ import annotations

from probee.introspect.readelf.image import NotShown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

VERDEF, VERDAUX, VERNEED, VERNAUX = 20, 8, 16, 16  # bytes of each
VERSION = 0x7FFF
MOST = 1 << 18  # entries of a chain: more is a file that has been made to keep its reader busy
U64 = (1 << 64) - 1


class Entry:
    """`number`, its `flags`, where its name's entry is (`aux`), or its `name`, an offset."""

    __slots__ = ("aux", "flags", "name", "number")

    def __init__(self, number: int, flags: int = 0, aux: int = 0, name: int = 0) -> None:
        self.number, self.flags, self.aux, self.name = number, flags, aux, name


class Chain:
    """Entries in order, and where between them the file ended."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.entries: list[Entry] = []
        self.first: dict[int, int] = {}
        self.failures: list[tuple[int, int, int, str]] = []  # before which entry; what was read

    def add(self, entry: Entry) -> None:
        """At the end."""
        if len(self.entries) > MOST:
            raise NotShown("there are more entries of symbol versions than are looked at here")
        self.first.setdefault(entry.number, len(self.entries))
        self.entries.append(entry)

    def read(self, at: int, size: int, what: str) -> bytes | None:
        """Bytes of the file, silently; a failure is remembered."""
        data = self.image.read(at, size, "")
        if data is None:
            self.failures.append((len(self.entries), at, size, what))
        return data

    def find(self, number: int) -> int | None:
        """The place of the first entry of that number; complaints of what stands before it."""
        place = self.first.get(number)
        for before, at, size, what in self.failures:
            if place is None or before <= place:
                self.image.read(at, size, what)
        return place


class Definitions(Chain):
    """Versions that the file defines. `highest`: the highest number up to each entry."""

    def __init__(self, image: Image, at: int) -> None:
        super().__init__(image)
        self.highest: list[int] = []
        number = image.number
        while True:
            data = self.read(at, VERDEF, "version def")
            following = 0
            if data is None:
                self._append(Entry(0, 0, at))
            else:
                following = number(data[16:20])
                aux = (at + number(data[12:16])) & U64
                self._append(Entry(number(data[4:6]), number(data[2:4]), aux))
            at = (at + following) & U64
            if not following:
                return

    def _append(self, entry: Entry) -> None:
        self.add(entry)
        before = self.highest[-1] if self.highest else 0
        self.highest.append(max(before, entry.number & VERSION))


class Needs(Chain):
    """Versions of other files. `what`: how the message names an entry that is not there."""

    def __init__(self, image: Image, at: int, what: str) -> None:
        super().__init__(image)
        number = image.number
        while True:
            data = self.read(at, VERNEED, "version need")
            if data is None:
                return
            self._names((at + number(data[8:12])) & U64, what)
            following = number(data[12:16])
            at = (at + following) & U64
            if not following:
                return

    def _names(self, at: int, what: str) -> None:
        number = self.image.number
        while True:
            data = self.read(at, VERNAUX, what)
            if data is None:
                self.add(Entry(0))
                return
            self.add(Entry(number(data[6:8]), name=number(data[8:12])))
            following = number(data[12:16])
            at = (at + following) & U64
            if not following:
                return
