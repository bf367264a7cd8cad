"""Hash tables of symbols, and the lengths of their lists: option -I.

In: an image whose dynamic section has been read. Out: how many symbols there are, and lines.
"""

from __future__ import annotations

from probee.introspect.readelf import dynamic_names as names
from probee.introspect.readelf.names import plural
from probee.introspect.readelf.segments import offset_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

WORD = 4
NOWHERE = 0xFFFFFFFF
HEAD = " Length  Number     % of total  Coverage\n"


class Damaged(Exception):
    """A table that is of no use; what there is to say has been said."""


class Reader:
    """Reads one thing after another from the file, with readelf's words where it ends."""

    def __init__(self, image: Image) -> None:
        self.image, self.at = image, 0

    def go(self, address: int, size: int) -> None:
        """To where an address is in the file."""
        self.at = offset_of(self.image, address, size)
        if self.at >> 63:
            self.image.out.error("Unable to seek to start of dynamic information\n")
            raise Damaged

    def take(self, size: int, message: str) -> bytes:
        """So many bytes."""
        data = self.image.data[self.at : self.at + size]
        self.at += len(data)
        if len(data) < size:
            self.image.out.error(message)
            raise Damaged
        return data

    def words(self, count: int) -> list[int] | None:
        """So many words, None after a message."""
        image = self.image
        if count * WORD > image.size:
            image.out.error(f"Invalid number of dynamic entries: {count}\n")
            return None
        data = image.data[self.at : self.at + count * WORD]
        self.at += len(data)
        if len(data) < count * WORD:
            message = f"Unable to read in {count * WORD} bytes of dynamic data\n"
            image.out.error(message)
            return None
        return [image.number(data[at : at + WORD]) for at in range(0, len(data), WORD)]


class GnuHash:
    """Buckets lead into chains, the first of which belongs to symbol `first`. `ends`: for each word
    of the chains where its list ends, which a word with its lowest bit set does.
    """

    def __init__(self, buckets: list[int], chains: list[int], first: int) -> None:
        self.buckets, self.first, self.count = buckets, first, len(chains)
        self.ends = [self.count] * self.count
        end = self.count
        for at in range(self.count - 1, -1, -1):
            end = at if chains[at] & 1 else end
            self.ends[at] = end

    def length(self, bucket: int) -> int:
        """Of the list of a bucket that is not empty."""
        at = bucket - self.first
        if at < 0 or at >= self.count:
            return 1
        return self.ends[at] - at + 1

    def symbols(self) -> int:
        """How many symbols there must be."""
        most = 0
        for bucket in filter(None, self.buckets):
            at = bucket - self.first
            more = 0
            if 0 <= at < self.count:
                more = self.ends[at] - at
            most = max(most, bucket + more + 1)
        return most


def count_symbols(image: Image) -> int:
    """The number of dynamic symbols by the hash tables, which are kept for the histogram."""
    shown = image.shown
    if not shown.histogram and (not shown.use_dynamic or shown.dynamic_symbols):
        return 0
    count = 0
    if image.dynamic.get(names.HASH):
        try:
            count = _read_hash(image)
        except Damaged:
            image.hash_table = None
    if image.dynamic.get(names.GNU_HASH):
        try:
            count = max(count, _read_gnu_hash(image))
        except Damaged:
            image.gnu_hash_table = None
    return count


def _read_hash(image: Image) -> int:
    reader = Reader(image)
    reader.go(image.dynamic[names.HASH], 16)
    buckets = image.number(reader.take(WORD, "Failed to read in number of buckets\n"))
    chains = image.number(reader.take(WORD, "Failed to read in number of chains\n"))
    if not buckets or not chains:
        return 0
    found = reader.words(buckets), reader.words(chains)
    if found[0] is None or found[1] is None:
        return 0
    image.hash_table = found[0], found[1]
    return chains


def _read_gnu_hash(image: Image) -> int:
    reader, start = Reader(image), image.dynamic[names.GNU_HASH]
    reader.go(start, 16)
    head = reader.take(16, "Failed to read in number of buckets\n")
    count, first, bloom = (image.number(head[at : at + WORD]) for at in range(0, 12, WORD))
    start += 16 + 8 * bloom
    reader.go(start, WORD)
    buckets = reader.words(count) if count else []
    if buckets is None or any(0 < bucket < first for bucket in buckets):
        raise Damaged
    last = NOWHERE
    for bucket in filter(None, buckets):
        if last == NOWHERE or bucket > last:
            last = bucket
    if last == NOWHERE:
        raise Damaged
    last -= first
    reader.go(start + WORD * (count + last), WORD)
    while True:
        word = image.number(reader.take(WORD, "Failed to determine last chain length\n"))
        last += 1
        if word & 1:
            break
    reader.go(start + WORD * count, WORD)
    chains = reader.words(last)
    if chains is None:
        raise Damaged
    image.gnu_hash_table = GnuHash(buckets, chains, first)
    return image.gnu_hash_table.symbols()


def show_histograms(image: Image) -> None:
    """Of both kinds of table, where there are any."""
    if image.hash_table is not None:
        buckets, chains = image.hash_table
        some = plural(len(buckets), "bucket", "buckets")
        image.out.put(
            f"\nHistogram for bucket list length (total of {len(buckets)} {some}):\n{HEAD}"
        )
        _show(image, _lengths(image, buckets, chains))
    if image.gnu_hash_table is not None:
        table = image.gnu_hash_table
        some = plural(len(table.buckets), "bucket", "buckets")
        image.out.put(
            f"\nHistogram for `.gnu.hash' bucket list length (total of {len(table.buckets)} {some}"
            f"):\n{HEAD}"
        )
        lengths = [table.length(bucket) if bucket else 0 for bucket in table.buckets]
        _show(image, lengths)


def _lengths(image: Image, buckets: list[int], chains: list[int]) -> list[int]:
    visited = bytearray(len(chains))
    lengths = []
    for bucket in buckets:
        length, at = 0, bucket
        while at > 0:
            length += 1
            if at >= len(chains) or visited[at]:
                image.out.error("histogram chain is corrupt\n")
                break
            visited[at] = 1
            at = chains[at]
        lengths.append(length)
    return lengths


def _show(image: Image, lengths: list[int]) -> None:
    total, put = len(lengths), image.out.put
    counts = [0] * (max(lengths) + 1)
    for length in lengths:
        counts[length] += 1
    put(f"      0  {counts[0]:<10} ({counts[0] * 100.0 / total:5.1f}%)\n")
    covered, symbols = 0, sum(lengths)
    for length, count in enumerate(counts[1:], 1):
        covered += count * length
        put(
            f"{length:7}  {count:<10} ({count * 100.0 / total:5.1f}%)    "
            f"{covered * 100.0 / symbols:5.1f}%\n"
        )
