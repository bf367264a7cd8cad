"""Files as a linker leaves them, made by hand: segments, a dynamic section, hashes, versions.

In: nothing. Out: `SEEDS`, by name, for the fuzzing of `probee readelf`. Addresses are places in the
file.
"""

from __future__ import annotations

import struct
import zlib

_NAMES = ("", "more", "exported", "data", "printf", "libc.so.6", "VERS_1", "GLIBC_2.2.5", "/there")
_STRINGS = b"".join(name.encode() + b"\0" for name in _NAMES)


def _string(name: str) -> int:
    return _STRINGS.index(name.encode() + b"\0") if name else 0


def _elf_hash(name: bytes) -> int:
    value = 0
    for byte in name:
        value = (value << 4) + byte
        top = value & 0xF0000000
        value = (value ^ top >> 24) & ~top & 0xFFFFFFFF
    return value


def _gnu_hash(name: bytes) -> int:
    value = 5381
    for byte in name:
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def _align(name: str) -> int:
    return 4 if name == ".note.x" else 8


class _Linker:
    """Sections one after another; `type_`, `machine` are the header's."""

    def __init__(self, order: str, type_: int, machine: int) -> None:
        self.order, self.type, self.machine = order, type_, machine
        self.body = bytearray(64 + 9 * 56)
        self.rows: list[tuple[str, int, int, int, int, int, int, int]] = []

    def pack(self, form: str, *values: int) -> bytes:
        return struct.pack(self.order + form, *values)

    def add(
        self, name: str, kind: int, flags: int, data: bytes, link: int = 0, info: int = 0,
        entry: int = 0,
    ) -> int:  # fmt: skip
        """The place of a section."""
        self.body += bytes(-len(self.body) % 8)
        at = len(self.body)
        self.rows.append((name, kind, flags, at, len(data), link, info, entry))
        self.body += data
        return at

    def place(self, name: str) -> tuple[int, int]:
        """Where a section is, and its size."""
        return next((row[3], row[4]) for row in self.rows if row[0] == name)

    def finish(self, segments: list[tuple[int, int, str]]) -> bytes:
        """The file. A segment is a type, flags and the section that it is, '' for all."""
        names = b"\0" + b"".join(row[0].encode() + b"\0" for row in self.rows) + b".shstrtab\0"
        self.add(".shstrtab", 3, 0, names)
        self.body += bytes(-len(self.body) % 8)
        start = len(self.body)
        table = bytes(64)
        for name, kind, flags, at, size, link, info, entry in self.rows:
            where = names.index(name.encode() + b"\0")
            table += self.pack(
                "IIQQQQIIQQ", where, kind, flags, at if flags & 2 else 0, at, size, link, info,
                _align(name), entry,
            )  # fmt: skip
        rows = b""
        for kind, flags, name in segments:
            at, size = self.place(name) if name else (0, start)
            if kind == 6:
                at, size = 64, 56 * len(segments)
            rows += self.pack("IIQQQQQQ", kind, flags, at, at, at, size, size, _align(name))
        order = 1 if self.order == "<" else 2
        header = b"\x7fELF" + bytes([2, order, 1]) + bytes(9)
        header += self.pack(
            "HHIQQQIHHHHHH", self.type, self.machine, 1, self.place(".text")[0], 64, start, 0, 64,
            56, len(segments), 64, len(self.rows) + 1, len(self.rows),
        )  # fmt: skip
        self.body[: 64 + len(rows)] = header + rows
        return bytes(self.body) + table


def linked(order: str = "<", type_: int = 3, machine: int = 62) -> bytes:
    """A library, or a program, with everything that a linker puts into either."""
    file = _Linker(order, type_, machine)
    pack = file.pack
    file.add(".interp", 1, 2, b"/lib/ld.so\0")
    file.add(".dynstr", 3, 2, _STRINGS)
    symbols = [(0, 0, 0, 0, 0), (_string("more"), 0x12, 4, 0x300, 8),
               (_string("exported"), 0x12, 4, 0x308, 8), (_string("data"), 0x11, 4, 0x310, 4),
               (_string("printf"), 0x12, 0, 0, 0),
               (_string("exported"), 0x22, 4, 8, 8)]  # fmt: skip
    file.add(".dynsym", 11, 2, b"".join(pack("IBBHQQ", *_parts(row)) for row in symbols), 2, 1, 24)
    buckets = [[n for n in range(1, 5) if _elf_hash(_of(symbols[n])) % 2 == b] for b in (0, 1)]
    chains = [0] * 6
    for row in buckets:
        for one, following in zip(row, [*row[1:], 0], strict=True):
            chains[one] = following
    heads = [row[0] if row else 0 for row in buckets]
    file.add(".hash", 5, 2, pack("10I", 2, 6, *heads, *chains), 3, 0, 4)
    hashes = [_gnu_hash(_of(symbols[n])) & ~1 for n in range(1, 6)]
    hashes[-1] |= 1
    file.add(".gnu.hash", 0x6FFFFFF6, 2, pack("4IQI5I", 1, 1, 1, 6, 1, 1, *hashes), 3)
    file.add(".gnu.version", 0x6FFFFFFF, 2, pack("6H", 0, 1, 2, 2, 3, 0x8002), 3, 0, 2)
    verdef = pack("HHHHIII", 1, 1, 1, 1, _elf_hash(b"more"), 20, 28)
    verdef += pack("II", _string("more"), 0)
    verdef += pack("HHHHIII", 1, 0, 2, 2, _elf_hash(b"VERS_1"), 20, 0)
    verdef += pack("II", _string("VERS_1"), 8) + pack("II", _string("more"), 0)
    file.add(".gnu.version_d", 0x6FFFFFFD, 2, verdef, 2, 2)
    verneed = pack("HHIII", 1, 1, _string("libc.so.6"), 16, 0)
    verneed += pack("IHHII", _elf_hash(b"GLIBC_2.2.5"), 0, 3, _string("GLIBC_2.2.5"), 0)
    file.add(".gnu.version_r", 0x6FFFFFFE, 2, verneed, 2, 1)
    _relocations(file)
    file.add(".text", 1, 6, bytes(range(64)))
    _notes(file)
    file.add(".dynamic", 6, 3, b"".join(pack("QQ", *row) for row in _dynamic(file)), 2, 0, 16)
    text = b"packed " * 12
    packed = pack("IIQQ", 1, 0, len(text), 1) + zlib.compress(text)
    file.add(".debug_str", 1, 0x800, packed)
    file.add(".zdebug_info", 1, 0, b"ZLIB" + struct.pack(">Q", len(text)) + zlib.compress(text))
    file.add(".strtab", 3, 0, _STRINGS)
    local = (_string("data"), 1, 4, 0x310, 4)
    rows = [symbols[0], local, *symbols[1:]]
    file.add(".symtab", 2, 0, b"".join(pack("IBBHQQ", *_parts(row)) for row in rows), 19, 2, 24)
    file.add(".symtab_shndx", 18, 0, pack("7I", *range(7)), 20, 0, 4)
    file.add(".gnu.lto_.symtab.1", 1, 0, b"more\0\0\1\0" + bytes(16) + b"data\0\0\2\1" + bytes(16))
    file.add(".gnu.lto_.ext_symtab.1", 1, 0, pack("HI", 1, 2) + b"\1\1\2\0")
    return file.finish([
        (6, 4, ""), (3, 4, ".interp"), (1, 5, ""), (2, 6, ".dynamic"), (4, 4, ".note.x"),
        (0x6474E553, 4, ".note.gnu.property"), (0x6474E551, 6, ".text"),
        (0x6474E552, 4, ".dynamic"), (7, 4, ".text"),
    ])  # fmt: skip


def _relocations(file: _Linker) -> None:
    pack = file.pack
    relas = [(0x800, 4 << 32 | 6, 0), (0x808, 8, 0x310), (0x810, 3 << 32 | 1, -4)]
    file.add(".rela.dyn", 4, 2, b"".join(pack("QQq", *row) for row in relas), 3, 0, 24)
    file.add(".rela.plt", 4, 0x42, pack("QQq", 0x818, 4 << 32 | 7, 0), 3, 0, 24)
    file.add(".rel.dyn", 9, 2, pack("QQQQ", 0x820, 8, 0x828, 3 << 32 | 1), 3, 0, 16)
    file.add(".relr.dyn", 19, 2, pack("4Q", 0x900, 0x7, 0x1000, 0x8000000000000001), 0, 0, 8)


def _parts(row: tuple[int, int, int, int, int]) -> tuple[int, ...]:
    name, info, section, value, size = row
    return name, info, 0, section, value, size


def _of(symbol: tuple[int, int, int, int, int]) -> bytes:
    return _STRINGS[symbol[0] :].partition(b"\0")[0]


def _notes(file: _Linker) -> None:
    """Of every owner that has words for its notes."""
    pack = file.pack
    notes = b""
    for owner, kind, content in (
        (b"GNU", 1, pack("4I", 0, 3, 2, 0)), (b"GNU", 3, b"\1\2\3\xff"),
        (b"GNU", 2, pack("2I", 1, 2)),
        (b"GNU", 4, b"1.2\0"), (b"GNU", 0x77, pack("I", 5)), (b"FDO", 0xCAFE1A7E, b"{} \0"),
        (b"stapsdt", 3, pack("3Q", 1, 2, 3) + b"prov\0name\x008@%rax\0"), (b"Go", 4, b"id\0\0"),
        (b"CORE", 1, bytes(16)), (b"NetBSD", 1, pack("I", 599000000)), (b"", 5, b""),
        (b"GA$\x013p1111", 0x100, pack("QQ", 0, 64)), (b"GA*\x09\x12", 0x101, b""),
    ):  # fmt: skip
        name = owner + b"\0" if owner else b""
        notes += pack("III", len(name), len(content), kind) + name + bytes(-len(name) % 4)
        notes += content + bytes(-len(content) % 4)
    file.add(".note.x", 7, 2, notes)
    properties = pack("IIQ", 1, 8, 4096) + pack("II", 2, 0)
    for kind, bits in (
        (0xB0000000, 7), (0xB0008000, 3), (0xC0000000, 0x80000401), (0xC0000002, 3),
        (0xC0008000, 0x1FFFFFF), (0xC0008002, 0x1F), (0xC0010001, 0xF), (0xC0010002, 1),
        (0xE0010003, 1),
    ):  # fmt: skip
        properties += pack("IIII", kind, 4, bits, 0)
    file.add(".note.gnu.property", 7, 2, pack("III", 4, len(properties), 5) + b"GNU\0" + properties)


def _dynamic(file: _Linker) -> list[tuple[int, int]]:
    at = {row[0]: (row[3], row[4]) for row in file.rows}
    return [
        (1, _string("libc.so.6")), (14, _string("more")), (15, _string("/there")),
        (29, _string("/there")), (0x7FFFFFFD, _string("data")),
        (4, at[".hash"][0]), (0x6FFFFEF5, at[".gnu.hash"][0]), (5, at[".dynstr"][0]),
        (6, at[".dynsym"][0]), (10, at[".dynstr"][1]), (11, 24),
        (7, at[".rela.dyn"][0]), (8, at[".rela.dyn"][1]), (9, 24), (0x6FFFFFF9, 1),
        (23, at[".rela.plt"][0]), (2, at[".rela.plt"][1]), (20, 7), (3, 0x800),
        (17, at[".rel.dyn"][0]), (18, at[".rel.dyn"][1]), (19, 16),
        (36, at[".relr.dyn"][0]), (35, at[".relr.dyn"][1]), (37, 8),
        (0x6FFFFFF0, at[".gnu.version"][0]), (0x6FFFFFFC, at[".gnu.version_d"][0]),
        (0x6FFFFFFD, 2), (0x6FFFFFFE, at[".gnu.version_r"][0]), (0x6FFFFFFF, 1),
        (30, 0x1E), (0x6FFFFFFB, 0x08000FFF), (12, at[".text"][0]), (25, at[".text"][0]), (27, 8),
        (0x6FFFFDF5, 1), (0x6FFFFDFD, 3), (0x6FFFFE00, 5), (21, 0), (24, 0), (22, 0), (0, 0),
    ]  # fmt: skip


def stripped(data: bytes) -> bytes:
    """Without a table of sections: segments alone say what there is."""
    return data[:40] + bytes(8) + data[48:60] + bytes(4) + data[64:]


SEEDS = {
    "library": linked(),
    "program": linked("<", 2, 183),
    "library-big": linked(">", 3, 247),
    "library-stripped": stripped(linked()),
    "program-stripped": stripped(linked(">", 2, 183)),
}
