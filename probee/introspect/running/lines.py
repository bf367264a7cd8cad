"""The source lines of a loaded program, as its BTF keeps them.

In: a program's id. Out: `Source`: its lines with the number of instructions that each became. A
program that was loaded without BTF, or stripped of it, has none, and `why_not` says so.
"""

from __future__ import annotations

from os import close

from probee.errors import KernelError
from probee.frozen import Frozen
from probee.introspect.loaded.code import XLATED, code_of
from probee.introspect.loaded.reach import opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.introspect.loaded.code import Line as Piece
    from probee.introspect.loaded.types import Types


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
    code = code_of(fd, XLATED, types)
    if not code.lines:
        return Source(why_not="it was loaded without BTF, which would tell its source lines")
    places = zip(code.ksyms, code.lengths, strict=True)
    return Source(
        gathered(code.lines, len(code.data) // 8),
        code=tuple((start, length) for start, length in places if start),
    )


def gathered(pieces: Sequence[Piece], end: int) -> tuple[Line, ...]:
    """What comes in pieces, as whole lines; `end`: slots of the program."""
    found: dict[tuple[str, int], tuple[str, int, list[int]]] = {}
    for i, piece in enumerate(pieces):
        following = pieces[i + 1].at if i + 1 < len(pieces) else end
        key = piece.file, piece.number
        known, instructions, places = found.get(key, (piece.text, 0, []))
        places.append(piece.address)
        found[key] = known or piece.text, instructions + max(following - piece.at, 0), places
    return tuple(
        Line(file, number, text, count, tuple(places))
        for (file, number), (text, count, places) in sorted(found.items())
    )
