"""The source lines of a loaded program, as its BTF keeps them.

In: a program's id. Out: `Source`: its lines with the number of instructions that each became. A
program that was loaded without BTF, or stripped of it, has none, and `why_not` says so.
"""

from __future__ import annotations

from os import close
from struct import iter_unpack

from probee.errors import KernelError
from probee.frozen import Frozen
from probee.host.info import PROGRAM, read
from probee.introspect.loaded.reach import opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.btf.reader import Btf
    from probee.introspect.loaded.types import Types

_LINE_INFO = 16  # struct bpf_line_info: instruction, file, text, line << 10 | column
_MOST = 1 << 20  # rows that are read


class Line(Frozen):
    """A line of a source file, and how many instructions of the program come from it.

    `addresses`: where the machine code of each of its pieces begins, 0 where nobody may know.
    """

    file: str
    number: int
    text: str
    instructions: int
    addresses: tuple[int, ...] = ()


class Source(Frozen):
    """The lines in the order of files and numbers. `why_not`: why there are none.

    `code`: start and length of each function's machine code, where it may be known.
    """

    lines: tuple[Line, ...] = ()
    why_not: str = ""
    code: tuple[tuple[int, int], ...] = ()


def source(id: int, types: Types) -> Source:
    """The lines of program `id`."""
    try:
        fd = opened("PROG", id)
        if fd is None:
            return Source(why_not="the program is gone")
        try:
            return _source(fd, types)
        finally:
            close(fd)
    except KernelError as error:
        return Source(why_not=error.message)


def _source(fd: int, types: Types) -> Source:
    info, _ = read(fd, PROGRAM)
    count, size = info["nr_line_info"], info["line_info_rec_size"]
    btf = types.of(info["btf_id"]) if info["btf_id"] else None
    if not count or btf is None:
        return Source(why_not="it was loaded without BTF, which would tell its source lines")
    count = min(count, _MOST)
    rows = line_rows(fd, count, size, btf)
    jited = info["nr_jited_line_info"]
    addresses = [0] * count
    if jited == info["nr_line_info"]:
        room = bytearray(8 * count)
        read(fd, PROGRAM, nr_jited_line_info=count, jited_line_info_rec_size=8,
             jited_line_info=room)  # fmt: skip
        addresses = memoryview(room).cast("Q").tolist()
    lines = gathered(rows, addresses, info["xlated_prog_len"] // 8)
    return Source(lines, code=_code(fd, info["nr_jited_ksyms"]))


def line_rows(fd: int, count: int, size: int, btf: Btf) -> list[tuple[int, str, str, int]]:
    """The first `count` records: instruction, file, text of the line, its number."""
    data = bytearray(count * size)
    read(fd, PROGRAM, nr_line_info=count, line_info_rec_size=size, line_info=data)
    return [
        (at, btf.string(file), btf.string(text), place >> 10)
        for at, file, text, place in iter_unpack(f"=IIII{size - _LINE_INFO}x", data)
    ]


def _code(fd: int, count: int) -> tuple[tuple[int, int], ...]:
    """Where the machine code of each function lies; nothing where nobody may know."""
    starts, lengths = bytearray(8 * count), bytearray(4 * count)
    if not count:
        return ()
    info, _ = read(fd, PROGRAM, nr_jited_ksyms=count, jited_ksyms=starts,
                   nr_jited_func_lens=count, jited_func_lens=lengths)  # fmt: skip
    if info["nr_jited_func_lens"] != count:
        return ()
    places = zip(memoryview(starts).cast("Q"), memoryview(lengths).cast("I"), strict=True)
    return tuple((start, length) for start, length in places if start)


def gathered(
    rows: Sequence[tuple[int, str, str, int]], addresses: Sequence[int], end: int
) -> tuple[Line, ...]:
    """Rows of (instruction, file, text, number), which come in pieces, as whole lines."""
    found: dict[tuple[str, int], tuple[str, int, list[int]]] = {}
    for i, (at, file, text, number) in enumerate(rows):
        following = rows[i + 1][0] if i + 1 < len(rows) else end
        known, instructions, places = found.get((file, number), (text, 0, []))
        places.append(addresses[i])
        found[file, number] = known or text, instructions + max(following - at, 0), places
    return tuple(
        Line(file, number, text, count, tuple(places))
        for (file, number), (text, count, places) in sorted(found.items())
    )
