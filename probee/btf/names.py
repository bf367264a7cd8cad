"""The sorted name keys of a blob: what `by_name` searches, and half of what an index holds."""

from __future__ import annotations

from array import array
from binascii import crc32

from probee.btf.table import HASHED_NAME
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.raw import Sections, Words


def name_keys(sections: Sections, starts: Words, first: int = 1) -> array[int]:
    """One u64 a named type, ascending: its `table.name_key` above, its id below.

    `first`: ids below it are left out. 30 ms for the 71,000 names of a kernel. Raises FormatError
    for a name outside the strings.
    """
    words = sections.words
    strings = sections.strings.tobytes()
    size = len(strings)
    find = strings.find
    keys: list[int] = []
    add = keys.append
    for id in range(first, len(starts) - 1):
        start = starts[id]
        offset = words[start]
        if offset:
            if offset >= size:
                raise FormatError(
                    f"BTF type {id} has its name at {offset:#x}, outside the string section",
                    offset=sections.byte(start),
                )
            # Without a NUL in reach, -1 would cut one byte short.
            end = find(b"\0", offset, offset + HASHED_NAME)
            name = strings[offset : end if end >= 0 else offset + HASHED_NAME]
            add(crc32(name, words[start + 1] >> 24 & 0x7F) << 32 | id)
    keys.sort()
    return array("Q", keys)
