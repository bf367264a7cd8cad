"""Objects made by hand, in C's place: what a compiler would not write can be written here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probee.btf.ext import BtfExt, CoreRelo, ExtSection, FuncInfo, write_ext
from probee.btf.writer import BtfBuilder
from probee.elf.write import ElfWriter
from probee.errors import FormatError
from probee.objfile.read import read
from probee.uapi import elf as uapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CODE = uapi.SHF_ALLOC | uapi.SHF_EXECINSTR
DATA = uapi.SHF_ALLOC | uapi.SHF_WRITE
EXIT = b"\x95" + bytes(7)
LD64 = b"\x18" + bytes(15)
CALL = b"\x85\x10\0\0\xff\xff\xff\xff"
NAMED, CALLED = uapi.R_BPF_64_64, uapi.R_BPF_64_32


class Sample:
    """An object in the making; little-endian. `types` become its BTF if any were made."""

    def __init__(self, machine: int = uapi.EM_BPF) -> None:
        self.elf = ElfWriter(machine)
        self.types = BtfBuilder()
        self.int = self.types.int_("int", 4, signed=True)
        self.funcs: list[ExtSection] = []
        self.core: list[ExtSection] = []
        self.blob: bytes | None = None
        self.ext: bytes | None = None

    def code(self, section: str, data: bytes = EXIT, **functions: tuple[int, int]) -> int:
        """A section of code, with one function over all of it or those given: (start, size)."""
        number = self.elf.section(section, uapi.SHT_PROGBITS, data, flags=CODE, align=8)
        rows = functions or {"program": (0, len(data))}
        for name, (start, size) in rows.items():
            self.function(number, name, start, size)
        return number

    def function(self, section: int, name: str, start: int, size: int) -> int:
        bind = uapi.STB_LOCAL if name.startswith("local") else uapi.STB_GLOBAL
        return self.elf.symbol(name, section, value=start, size=size, bind=bind, type=uapi.STT_FUNC)

    def data(self, section: str, data: bytes = bytes(8), size: int | None = None) -> int:
        kind = uapi.SHT_PROGBITS if size is None else uapi.SHT_NOBITS
        return self.elf.section(section, kind, data if size is None else b"", flags=DATA, size=size)

    def object(self, section: int, name: str, start: int = 0, size: int = 8) -> int:
        return self.elf.symbol(
            name, section, value=start, size=size, bind=uapi.STB_GLOBAL, type=uapi.STT_OBJECT
        )

    def extern(self, name: str, *, weak: bool = False) -> int:
        return self.elf.symbol(name, None, bind=uapi.STB_WEAK if weak else uapi.STB_GLOBAL)

    def number(self, value: int) -> int:
        """The type of an attribute `__uint(name, value)`."""
        return self.types.ptr(self.types.array(self.int, value))

    def map(self, name: str, members: Iterable[tuple[str, int]], datasec: bool = True) -> int:
        """The only map, and its section; the number of the section."""
        members = list(members)
        size = 8 * len(members)
        struct = self.types.struct("", size, [(n, t, 64 * i) for i, (n, t) in enumerate(members)])
        number = self.data(".maps", bytes(size))
        self.object(number, name, 0, size)
        if datasec:
            self.types.datasec(".maps", size, [(self.types.var(name, struct), 0, size)])
        return number

    def hash(self) -> int:
        return self.map("table", [("type", self.number(1)), ("max_entries", self.number(8))])

    def ask(self, section: str, type_: int, access: str, kind: int, at: int = 0) -> None:
        """A CO-RE record."""
        record = CoreRelo(at, type_, self.types.string(access), kind)
        self.core.append(ExtSection(self.types.string(section), (record,)))

    def typed(self, section: str, type_: int, at: int = 0) -> None:
        """A func_info record."""
        self.funcs.append(ExtSection(self.types.string(section), (FuncInfo(at, type_),)))

    def build(self) -> bytes:
        ext = BtfExt(func_info=tuple(self.funcs), core_relo=tuple(self.core))
        blob = self.types.build() if self.blob is None else self.blob
        if blob:
            self.elf.section(".BTF", uapi.SHT_PROGBITS, blob)
        made = write_ext(ext) if self.funcs or self.core else b""
        made = made if self.ext is None else self.ext
        if made:
            self.elf.section(".BTF.ext", uapi.SHT_PROGBITS, made)
        return self.elf.build()


def refusal(data: bytes) -> str:
    with pytest.raises(FormatError) as caught:
        read(data)
    assert 0 <= caught.value.offset <= len(data)
    return str(caught.value)


def one_reference(kind: int, code: bytes, offset: int = 0) -> Callable[[Sample, int], None]:
    """A program whose instruction at `offset` refers to a symbol by a relocation."""

    def build(sample: Sample, symbol: int) -> None:
        sample.elf.relocate(sample.code("socket", code), [(offset, symbol, kind)])

    return build
