"""The header of a BTF blob, its sections, and where each record starts.

In: the bytes of `.BTF` or of /sys/kernel/btf/vmlinux (bytes, memoryview or mmap; a view is kept).
Out: `Sections`, with the type section as native u32 words, and `scan`, the word at which each
type starts. Sources: include/uapi/linux/btf.h; btf_parse_hdr in kernel/bpf/btf.c.

All positions within the type section are in words; `FormatError` gives them in bytes of the blob.
"""

from __future__ import annotations

from itertools import pairwise
from struct import pack, unpack_from
from sys import byteorder

from probee.btf import kinds
from probee.errors import FormatError, UsageError
from probee.uapi import btf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from typing import TypeAlias

    from _typeshed import ReadableBuffer

    Words: TypeAlias = "memoryview[int] | array[int]"

MAGIC = uapi.BTF_MAGIC
VERSION = uapi.BTF_VERSION
HEADER = 24
HEADER_WITH_LAYOUT = uapi.BTF_HEADER_SIZE  # 32, since the kernels of 2026
MAX_TYPE = uapi.BTF_MAX_TYPE
MAX_STRINGS = uapi.BTF_MAX_NAME_OFFSET + 1

# How long a name of a type, member, parameter or enumerator may be. The kernel takes 511 bytes
# (KSYM_NAME_LEN); Rust and C++ objects go beyond. The bound keeps a small hostile record, whose
# members all point into one long string, from becoming gigabytes.
MAX_NAME = 4096


def text_bytes(text: str) -> bytes:
    """UTF-8, with surrogate escapes as the bytes that they stand for; UsageError for others."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UsageError(f"{text!r} has a surrogate that stands for no byte") from None


class Sections:
    """The parts of one blob.

    `words`: the type section. `strings`: the string section, which starts and ends with a NUL.
    `types_at`, `strings_at`: their offsets in the blob. `fixed` and `item`: how many words follow
    a record of each kind, once and per element; -1 in `fixed` where the kind is unknown.

    `split`: the blob stands on top of another, whose strings go before its own.
    """

    __slots__ = (
        "big_endian", "fixed", "item", "length", "strings", "strings_at", "types_at", "words",
    )  # fmt: skip

    def __init__(self, data: ReadableBuffer, *, split: bool = False) -> None:
        view = memoryview(data).cast("B").toreadonly()
        order, header = _header(view)
        self.big_endian = order == ">"
        self.length = len(view)
        types, self.types_at = _section(view, header, "type", header[1], header[2])
        self.strings, self.strings_at = _section(view, header, "string", header[3], header[4])
        layout, layout_at = _section(view, header, "layout", header[5], header[6])
        _apart(
            ("type", self.types_at, len(types)),
            ("string", self.strings_at, len(self.strings)),
            ("layout", layout_at, len(layout)),
        )
        for name, at, part in ("type", self.types_at, types), ("layout", layout_at, layout):
            if at & 3 or len(part) & 3:
                raise FormatError(f"BTF {name} section is not made of aligned words", offset=at)
        _check_strings(self.strings, self.strings_at, split=split)
        self.words = _words(types, self.big_endian)
        self.fixed, self.item = _widths(layout, layout_at)

    def within(self, at: int) -> None:
        """From now on errors count from the start of a file in which the blob begins at `at`."""
        self.types_at += at
        self.strings_at += at

    def byte(self, word: int) -> int:
        """The offset in the blob, or in its file, of a word of the type section."""
        return self.types_at + word * 4

    def raw_string(self, offset: int, limit: int = MAX_STRINGS) -> bytes:
        """The string at `offset` of the string section without its NUL, at most `limit` bytes."""
        strings = self.strings
        if offset >= len(strings):
            raise FormatError(
                f"BTF string offset {offset:#x} is outside the string section of "
                f"{len(strings):#x} bytes",
                offset=self.strings_at,
            )
        size = 64
        while True:
            text, nul, _ = strings[offset : offset + size].tobytes().partition(b"\0")
            if nul or len(text) > limit:
                break
            size *= 8
        if len(text) > limit:
            raise FormatError(
                f"BTF name is longer than {limit} bytes", offset=self.strings_at + offset
            )
        return text

    def name(self, offset: int) -> str:
        """The name at `offset` of the string section; longer than MAX_NAME is a FormatError."""
        return self.raw_string(offset, MAX_NAME).decode("utf-8", "surrogateescape")

    def string(self, offset: int) -> str:
        """The string at `offset`, however long: a source line, a file name, a tag."""
        return self.raw_string(offset).decode("utf-8", "surrogateescape")

    def record_words(self, start: int) -> int:
        """How many words the record at word `start` takes, itself unchecked against the end."""
        info = self.words[start + 1]
        kind = kinds.kind_of(info)
        if self.fixed[kind] < 0:
            raise FormatError(
                f"BTF has a record of unknown {kinds.kind_name(kind)}", offset=self.byte(start + 1)
            )
        return 3 + self.fixed[kind] + self.item[kind] * kinds.vlen_of(info)


def _header(view: memoryview[int]) -> tuple[str, tuple[int, ...]]:
    """Byte order, and (header length, type off, len, string off, len, layout off, len)."""
    if len(view) < HEADER:
        raise FormatError(f"BTF needs a header of {HEADER} bytes, there are {len(view)}", offset=0)
    order = {pack("<H", MAGIC): "<", pack(">H", MAGIC): ">"}.get(view[:2].tobytes())
    if order is None:
        raise FormatError(f"BTF starts with {MAGIC:#x}, not {view[:2].tobytes().hex()}", offset=0)
    version, flags, length, *fields = unpack_from(order + "BB5I", view, 2)
    if version != VERSION:
        raise FormatError(f"BTF version is {VERSION}, not {version}", offset=2)
    if flags:
        raise FormatError(f"BTF header flags are 0, not {flags:#x}", offset=3)
    if length < HEADER or length > len(view):
        raise FormatError(f"BTF header length {length} is outside {HEADER}..{len(view)}", offset=4)
    layout = (0, 0)
    known = HEADER
    if length >= HEADER_WITH_LAYOUT:
        layout = unpack_from(order + "2I", view, HEADER)
        known = HEADER_WITH_LAYOUT
    if any(view[known:length]):
        raise FormatError("BTF header has unknown fields that are not zero", offset=known)
    return order, (length, *fields, *layout)


def _section(
    view: memoryview[int], header: tuple[int, ...], name: str, offset: int, length: int
) -> tuple[memoryview[int], int]:
    at = header[0] + offset
    if at + length > len(view):
        raise FormatError(
            f"BTF {name} section {at:#x}..{at + length:#x} ends behind the blob's "
            f"{len(view):#x} bytes",
            offset=4,
        )
    return view[at : at + length], at


def _apart(*sections: tuple[str, int, int]) -> None:
    """Sections share no byte: overlapping ones would mean two things at once."""
    filled = sorted((at, at + length, name) for name, at, length in sections if length)
    for (_, end, first), (at, _, second) in pairwise(filled):
        if at < end:
            raise FormatError(f"BTF {second} section overlaps the {first} section", offset=at)


def _check_strings(strings: memoryview[int], at: int, *, split: bool) -> None:
    if split:
        if len(strings) and strings[-1]:
            raise FormatError("BTF string section must end with a NUL", offset=at)
    elif not len(strings) or strings[0] or strings[-1]:
        raise FormatError("BTF string section must start and end with a NUL", offset=at)
    if len(strings) > MAX_STRINGS:
        raise FormatError(f"BTF string section is longer than {MAX_STRINGS:#x} bytes", offset=at)


def _words(section: memoryview[int], big_endian: bool) -> Words:
    if big_endian == (byteorder == "big"):
        return section.cast("I")
    from array import array  # 2 ms, for its abstract base classes: off the way of an index

    words = array("I", section.tobytes())
    words.byteswap()
    return words


def _widths(layout: memoryview[int], at: int) -> tuple[list[int], list[int]]:
    """Words per kind. A layout section (struct btf_layout) tells those of kinds newer than us."""
    fixed, item = [-1] * 128, [0] * 128
    for kind in range(kinds.INT, kinds.ENUM64 + 1):
        fixed[kind] = kinds.FIXED_WORDS.get(kind, 0)
        item[kind] = kinds.ITEM_WORDS.get(kind, 0)
    for kind in range(kinds.ENUM64 + 1, min(len(layout) // 4, 128)):
        info_size, item_size = layout[kind * 4], layout[kind * 4 + 1]
        if info_size & 3 or item_size & 3:
            raise FormatError(f"BTF layout of kind {kind} is not in words", offset=at + kind * 4)
        fixed[kind], item[kind] = info_size // 4, item_size // 4
    return fixed, item


def scan(sections: Sections) -> array[int]:
    """Word where each type starts, by id: entry 0 (void) is 0, one more entry holds the end.

    Every record lies wholly within the section, and the records fill it; their insides are not
    looked at. 15 to 45 ms for the 126,000 types of a kernel.
    """
    from array import array

    words, fixed, item = sections.words, sections.fixed, sections.item
    starts = array("I", [0])
    add = starts.append
    position, end = 0, len(words)
    while position + 3 <= end:
        add(position)
        info = words[position + 1]
        kind = info >> 24 & 0x7F
        more = fixed[kind]
        if more < 0:
            sections.record_words(position)  # raises
        position += 3 + more + item[kind] * (info & 0xFFFFFF)
    if position != end:
        last = starts[-1] if position > end else position
        raise FormatError(
            f"BTF record of type {len(starts) - (position > end)} ends behind the type section",
            offset=sections.byte(last),
        )
    if len(starts) - 1 > MAX_TYPE:
        raise FormatError(f"BTF has more than {MAX_TYPE} types", offset=sections.types_at)
    add(end)
    return starts
