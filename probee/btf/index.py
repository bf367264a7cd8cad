"""An index of a big blob: types by id and by name without scanning 5 MB.

In: /sys/kernel/btf/vmlinux as bytes or mmap. Out of `build_index`: bytes of our own format, to be
kept by somebody else; out of `IndexedBtf`: everything that `Btf` answers, at once.

    64 bytes   the header below, in the machine's byte order
    u64 × K    name keys, ascending: crc32 of kind and name above, id below
    u32 × N+2  the word of the type section where each type starts; 0 is void, the last the end

The index is bound to its blob by section lengths and by a checksum of samples of it, and guarded
by a checksum of its own. That tells a stale or damaged index from a good one; it does not tell a
forged one, so the file must lie where only its owner writes. A forged index can hide a type, but
not misplace one: each record is held against its kind, name and length when it is read.
"""

from __future__ import annotations

from binascii import crc32
from struct import Struct

from probee.btf.raw import Sections
from probee.btf.table import TypeTable
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# magic; types; names; blob length; type words; string bytes; types at; strings at; blob checksum;
# checksum of what follows the header; four words of 0; checksum of the header before it
_HEADER = Struct("=8s14I")
_MAGIC = b"prbBTFi1"
_SAMPLES = 64
_SAMPLE = 256


def build_index(data: ReadableBuffer) -> bytes:
    """The index of `data` (1.1 MB for a kernel's 5.5). Raises FormatError as `Btf` does.

    Only for blobs in the machine's own byte order, which the running kernel's always is.
    """
    from probee.btf.names import name_keys
    from probee.btf.raw import scan

    sections = _native(data)
    starts = scan(sections)
    keys = name_keys(sections, starts)
    body = keys.tobytes() + starts.tobytes()
    facts = (len(starts) - 2, len(keys), *_shape(sections), _fingerprint(sections), crc32(body))
    header = _HEADER.pack(_MAGIC, *facts, 0, 0, 0, 0, 0)
    return header[:-4] + crc32(header[:-4]).to_bytes(4, "big") + body


class IndexedBtf(TypeTable):
    """`data` through the index that `build_index` made of it; both are only viewed.

    Raises FormatError for an index that is damaged, or of another blob: build a new one then.
    """

    __slots__ = ()

    def __init__(self, data: ReadableBuffer, index: ReadableBuffer) -> None:
        sections = _native(data)
        view = memoryview(index).cast("B").toreadonly()
        types, names = _check(view, sections)
        middle = _HEADER.size + names * 8
        starts = view[middle : middle + (types + 2) * 4].cast("I")
        super().__init__(sections, starts, view[_HEADER.size : middle].cast("Q"))


def _native(data: ReadableBuffer) -> Sections:
    sections = Sections(data)
    if not isinstance(sections.words, memoryview):
        raise FormatError("BTF index is only for BTF in this machine's byte order", offset=0)
    return sections


def _shape(sections: Sections) -> tuple[int, ...]:
    return (
        sections.length,
        len(sections.words),
        len(sections.strings),
        sections.types_at,
        sections.strings_at,
    )


def _fingerprint(sections: Sections) -> int:
    """Of evenly spread samples: all of 5.5 MB would take longer than the rest of opening it."""
    assert isinstance(sections.words, memoryview)
    total = 0
    for part in sections.words.cast("B"), sections.strings:
        step = max(len(part) // _SAMPLES, 1)
        for at in range(0, len(part), step):
            total = crc32(part[at : at + _SAMPLE], total)
        total = crc32(part[-_SAMPLE:], total)
    return total


def _check(view: memoryview[int], sections: Sections) -> tuple[int, int]:
    """How many types and names the index holds, everything else about it checked."""
    size = _HEADER.size
    if len(view) < size:
        raise FormatError(f"BTF index is shorter than its header of {size} bytes", offset=0)
    magic, types, names, *facts = _HEADER.unpack_from(view)
    if magic != _MAGIC:
        raise FormatError("BTF index does not start with its magic", offset=0)
    if view[size - 4 : size].tobytes() != crc32(view[: size - 4]).to_bytes(4, "big"):
        raise FormatError("BTF index header does not match its checksum", offset=size - 4)
    if len(view) != size + names * 8 + (types + 2) * 4:
        raise FormatError(f"BTF index has the wrong length, {len(view)}", offset=8)
    if tuple(facts[:5]) != _shape(sections) or facts[5] != _fingerprint(sections):
        raise FormatError("BTF index is of another blob", offset=16)
    if facts[6] != crc32(view[size:]):
        raise FormatError("BTF index does not match its checksum", offset=size)
    return types, names
