"""A blob rewritten in kinds that an older kernel takes. No type id and no string offset changes.

In: a blob and `Features`, what the kernel knows (the host room probes it). Out: a blob.

    missing          becomes                                   since Linux
    func             FUNC a typedef, FUNC_PROTO a 1-byte INT   5.0
    datasec          VAR a 1-byte INT, DATASEC a struct        5.2
    func_global      a global FUNC a static one                5.6
    float            FLOAT a struct of its size                5.13
    decl_tag         DECL_TAG a 1-byte INT                     5.16
    type_tag         TYPE_TAG a const                          5.17
    enum64           ENUM64 an INT of its size, ENUM unsigned  6.0
    qmark_datasec    `?` in a DATASEC's name an `_`            6.9
    tag_attributes   a tag with kind_flag as without tags      6.15

The spirit is that of libbpf's bpf_object__sanitize_btf. Where it makes an ENUM64 a union, here it
is an integer: a bitfield or an argument of that type stays legal. In a struct made of a DATASEC
only variables have members: an extern function in it has no bytes to describe.
"""

from __future__ import annotations

from array import array

from probee.btf import kinds
from probee.btf.encode import blob
from probee.btf.reader import Btf
from probee.btf.types import SIGNED
from probee.errors import FormatError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Features(Frozen):
    """Which parts of BTF a kernel takes; the default is all of them."""

    func: bool = True
    datasec: bool = True
    func_global: bool = True
    float: bool = True
    decl_tag: bool = True
    type_tag: bool = True
    enum64: bool = True
    qmark_datasec: bool = True
    tag_attributes: bool = True


def lower(data: ReadableBuffer, features: Features) -> bytes:
    """`data` for a kernel with `features`, in the byte order of `data`. Raises FormatError."""
    lowering = _Lowering(Btf(data), features)
    words = array("I")
    for id in range(1, len(lowering.table) + 1):
        words.extend(lowering.record(id))
    return blob(words, bytes(lowering.strings), big_endian=lowering.table.big_endian)


def _placeholder(name: int, size: int = 1, encoding: int = 0) -> list[int]:
    """An INT. One byte fits wherever the type that it stands for had its place."""
    return [name, kinds.info_word(kinds.INT), size, encoding << 24 | size * 8]


class _Lowering:
    def __init__(self, table: Btf, features: Features) -> None:
        self.table, self.features = table, features
        self.strings = bytearray(table.sections.strings)
        self.renamed: dict[bytes, int] = {}
        # What a tag is on must still be there; kernels with tags have all three.
        self.tags = features.decl_tag and features.func and features.datasec

    def record(self, id: int) -> list[int]:
        """The words of type `id`, rewritten or as they were."""
        start, end = self.table.starts[id], self.table.starts[id + 1]
        words = self.table.sections.words[start:end].tolist()
        name, info, value = words[:3]
        has, flag = self.features, bool(info >> 31)
        match kinds.kind_of(info):
            case kinds.FUNC_PROTO if not has.func:
                return _placeholder(0)
            case kinds.FUNC if not has.func:
                return [name, kinds.info_word(kinds.TYPEDEF), value]
            case kinds.FUNC if not has.func_global:
                return [name, kinds.info_word(kinds.FUNC), value]
            case kinds.VAR if not has.datasec:
                return _placeholder(name)
            case kinds.DATASEC if not has.datasec:
                return self.datasec(id, words)
            case kinds.DATASEC if not has.qmark_datasec:
                return [self.identifier(name, "?"), *words[1:]]
            case kinds.FLOAT if not has.float:
                return [0, kinds.info_word(kinds.STRUCT), value]
            case kinds.DECL_TAG if not self.tags or (flag and not has.tag_attributes):
                return _placeholder(0)
            case kinds.TYPE_TAG if not has.type_tag or (flag and not has.tag_attributes):
                return [0, kinds.info_word(kinds.CONST), value]
            case kinds.ENUM64 if not has.enum64:
                if value not in {1, 2, 4, 8}:
                    raise FormatError(
                        f"BTF type {id}, ENUM64: no enum has {value} bytes",
                        offset=self.table.sections.byte(start + 2),
                    )
                return _placeholder(name, value, SIGNED if flag else 0)
            case kinds.ENUM if not has.enum64:
                return [name, info & 0x7FFFFFFF, *words[2:]]
            case kind if kind > kinds.ENUM64:
                raise FormatError(
                    f"BTF type {id} is of {kinds.kind_name(kind)}, newer than probee",
                    offset=self.table.sections.byte(start),
                )
            case _:
                return words

    def datasec(self, id: int, words: list[int]) -> list[int]:
        """A struct with a member for each variable."""
        members: list[int] = []
        for at in range(3, len(words), 3):
            var, offset = words[at : at + 2]
            if offset > 0x1FFFFFFF:
                raise FormatError(f"BTF type {id}, DATASEC, has a variable at byte {offset}")
            if self.table.kind(var) == kinds.VAR:
                name = self.table.sections.words[self.table.starts[var]]
                members += (self.identifier(name, "."), var, offset * 8)
        info = kinds.info_word(kinds.STRUCT, len(members) // 3)
        return [self.identifier(words[0], ".?"), info, words[2], *members]

    def identifier(self, offset: int, unwanted: str) -> int:
        """The offset of the string at `offset` with each unwanted character made an `_`."""
        text = self.table.sections.raw_string(offset)
        wanted = text
        for character in unwanted:
            wanted = wanted.replace(character.encode(), b"_")
        if wanted == text:
            return offset
        if wanted not in self.renamed:
            self.renamed[wanted] = len(self.strings)
            self.strings += wanted + b"\0"
        return self.renamed[wanted]
