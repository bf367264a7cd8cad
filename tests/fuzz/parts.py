"""Parts of files that `probee readelf` reads for some machines or compilers only, made by hand.

In: nothing. Out: `SEEDS`, by name: files with many sections of one kind, sound and damaged.
"""

from __future__ import annotations

import struct
import zlib

from tests.readelf_objects import packed

_NOTHING = ("", 0, 0, b"", 0, 0, 0)
_NAMES = (".shstrtab", 3, 0, None, 0, 0, 0)
_RISCV, _MIPS, _X86, _ARM = 243, 8, 62, 183
_COMPRESSED = 0x800


def _file(machine: int, *rows: tuple[str, int, int, bytes], order: str = "<") -> bytes:
    return packed(order, machine, [_NOTHING, *((*row, 0, 0, 0) for row in rows), _NAMES])


def _part(tag: int, body: bytes, more: int = 0) -> bytes:
    return bytes([tag]) + struct.pack("<I", 5 + len(body) + more) + body


def _vendor(name: bytes, parts: bytes, more: int = 0) -> bytes:
    return struct.pack("<I", 4 + len(name) + len(parts) + more) + name + parts


def _attributes() -> bytes:
    far, endless = b"\xff" * 10 + b"\1", b"\x80"
    values = (
        b"\4\x10", b"\5rv64i\0", b"\6\0\6\1\6\2", b"\x08\1", b"\x21x\0", b"\x22\7",
        b"\x22" + b"\x80" * 9 + b"\1", far + b"\1", b"\x80\x80\x80\x80\x08\1", b"\5rv",
    )  # fmt: skip
    lists = _part(2, b"\1\xff\xff\xff\xff\x0f\0\4\1") + _part(3, far + b"\0")
    whole = [
        b"A" + _vendor(b"riscv\0", _part(1, b"".join(values))),
        *(b"A" + _vendor(b"riscv\0", _part(1, body)) for body in (b"\5", b"\5x", b"\4" + endless)),
        b"A" + _vendor(b"riscv\0", lists),
        b"A" + _vendor(b"riscv\0", _part(7, b"") + _part(1, b"\4\1")),
        b"A" + _vendor(b"riscv\0", _part(1, b"\4\1", 9)),
        b"A" + _vendor(b"riscv\0", _part(1, b"\4\1", -4)),
        b"A" + _vendor(b"riscv\0", _part(1, b"\4\1") + b"\1\1\1"),
        b"A" + _vendor(b"other\0", _part(1, b"\4\1" * 20)),
        b"A" + _vendor(b"riscv\0", _part(1, b"\4\1")) * 2,
        b"A" + _vendor(b"riscv\0", _part(1, b"\4\1"), 9),
        b"A\2\0\0\0\0\0", b"A\1\2", b"A" + _vendor(b"riscv", b""), b"B",
    ]  # fmt: skip
    return _file(_RISCV, *((f".riscv.{n}", 0x70000003, 0, data) for n, data in enumerate(whole)))


def _of_gnu() -> bytes:
    gnu = b"A" + _vendor(b"gnu\0", _part(1, b"\4\1"))
    return _file(_RISCV, (".riscv.attributes", 0x70000003, 0, gnu))


def _flags(size: int, number: int, *more: tuple[str, int, int, bytes]) -> bytes:
    low = (64, 3, number + 1, number, number, 9 * number)
    flags = struct.pack("<H6BIIII", 0, *low, 900000000 * (number // 5), 0x20000002 * number, 1, 2)
    return _file(_MIPS, (".MIPS.abiflags", 0x7000002A, 2, flags[:size]), *more)


def _compressed(*datas: tuple[int, bytes], kind: int = 1) -> bytes:
    heads = (struct.pack("<IIQQ", kind, 0, size, 1) + data for size, data in datas)
    rows = [(f".debug_{n}", 1, _COMPRESSED, data) for n, data in enumerate(heads)]
    small = [(f".small_{n}", 1, _COMPRESSED, b"small") for n in range(2)]
    return _file(_X86, *rows, *small)


def _note(kind: int, data: bytes, owner: bytes = b"GNU\0") -> bytes:
    head = struct.pack("<III", len(owner), len(data), kind)
    return head + owner + bytes(-len(owner) % 4) + data + bytes(-len(data) % 4)


def _property(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def _notes(machine: int) -> bytes:
    kinds = (
        1,
        2,
        3,
        0xB0000000,
        0xB0008000,
        0xC0000000,
        0xC0000002,
        0xC0008002,
        0xD0000000,
        0xE0000000,
    )
    odd = b"".join(_property(kind, bytes(3)) for kind in kinds)
    none = b"".join(_property(kind, bytes(4)) for kind in kinds)
    notes = (
        _note(1, b"short"), _note(2, b"short"), _note(5, odd), _note(5, none), _note(5, b""),
        _note(5, bytes(12)), _note(5, struct.pack("<II", 1, 99)), _note(5, _property(2, b"")),
        _note(0xCAFE1A7E, b"{}\0", b"FDO\0"), _note(3, bytes(8), b"stapsdt\0"), _note(1, b""),
    )  # fmt: skip
    return _file(machine, *((f".note.{n}", 7, 2, note) for n, note in enumerate(notes)))


def _symbol(name: bytes, kind: int = 0, visibility: int = 0) -> bytes:
    return name + b"\0\0" + bytes([kind, visibility]) + struct.pack("<QI", 4, 5)


def _of_compilers() -> bytes:
    two = _symbol(b"one") + _symbol(b"two", 9, 9)
    tables = (
        (two, b"\1\0\1\0\2\0"), (two, b"\2\0\1\0"), (two, b"\1\0\1\0\1\0\1\0\1\0"), (two, b"\1"),
        (two, b"\1\0\x09\0\x09\0"), (b"", b""), (two[:-3], b""), (b"one", b""),
    )  # fmt: skip
    rows = []
    for number, (table, extension) in enumerate(tables):
        rows.append((f".gnu.lto_.symtab.x{number}", 1, 0, table))
        if extension:
            rows.append((f".gnu.lto_.ext_symtab.{number}", 1, 0, extension))
    return _file(_X86, *rows)


def _foreign() -> bytes:
    """Symbols of names that are not ASCII."""
    names = [text.encode() for text in ("é", "日本", "\U0001f600", "a" * 12 + "é", "x" * 30 + "日")]
    names += [b"\xff", b"\xc3", b"\xe6\x97", b"\xf0\x9f\x98", b"\x80x", b"\xc3x", b"\x01\x7f"]
    names += [b"y" * n + b"\xe6\x97\xa5\xc3\xa9\xff" for n in range(8, 22)]
    strings, rows = b"\0", bytes(24)
    for name in names:
        rows += struct.pack("<IBBHQQ", len(strings), 0x11, 0, 1, 0, 0)
        strings += name + b"\0"
    table = [
        _NOTHING,
        (".symtab", 2, 0, rows, 2, 1, 24),
        (".strtab", 3, 0, strings, 0, 0, 0),
        _NAMES,
    ]
    return packed("<", _X86, table)


_TEXT = zlib.compress(b"text" * 40)
SEEDS = {
    "riscv": _attributes(),
    "riscv-gnu": _of_gnu(),
    "mips": _flags(24, 0),
    "mips-unknown": _flags(24, 5),
    "mips-short": _flags(23, 1),
    "mips-got": _flags(24, 1, (".got", 1, 3, bytes(8))),
    "compressed": _compressed((160, _TEXT), (160, _TEXT), (100, _TEXT), (200, _TEXT), (0, _TEXT),
                              (1 << 40, _TEXT), (160, b"none")),
    "compressed-more": _compressed((160, _TEXT[:-8]), (0, _TEXT), (1 << 40, _TEXT), (160, b"none"),
                                   (320, _TEXT * 2)),
    "zstd": _compressed((1, b"x"), (1, b"x"), kind=2),
    "unknown": _compressed((1, b"x"), (1, b"x"), kind=0x80000000),
    "notes-x86": _notes(_X86),
    "notes-arm": _notes(_ARM),
    "compilers": _of_compilers(),
    "foreign": _foreign(),
}  # fmt: skip
