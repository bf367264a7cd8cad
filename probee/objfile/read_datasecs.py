"""The DATASECs of an object's BTF, with what the compiler left to the linker filled in.

In: an `ObjectFile`. Out: by section its variables with their places, and the BTF as the kernel
would take it: sizes of sections, offsets of variables, static where a symbol is hidden. clang
leaves the size 0 and the offsets of global variables 0; the BPF linker does not. Source:
btf_fixup_datasec and bpf_object__sanitize_and_load_btf in libbpf.c.
"""

from __future__ import annotations

from struct import pack_into

from probee.btf import kinds
from probee.errors import FormatError
from probee.frozen import Frozen
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.reader import Btf
    from probee.objfile.read_object import ObjectFile

KCONFIG, KSYMS = ".kconfig", ".ksyms"
EXTERNAL = (KCONFIG, KSYMS)  # sections that no object has
_HIDDEN = (uapi.STV_HIDDEN, uapi.STV_INTERNAL)
_STATIC, _GLOBAL = 0, 1


class Placed(Frozen):
    """Variable `name`, the VAR `id` of type `type`, takes `size` bytes at `offset` of its section.

    `linkage`: 0 static, 1 global, 2 extern. In `.ksyms` `id` may be a FUNC.
    """

    id: int
    name: str
    type: int
    linkage: int
    offset: int
    size: int


class Datasec(Frozen):
    """A DATASEC `id` of `size` bytes; `vars` ascend by offset."""

    id: int
    name: str
    size: int
    vars: tuple[Placed, ...]


class Datasecs:
    """All of an object by name, none where it has no BTF. `blob` is the BTF, filled in."""

    def __init__(self, file: ObjectFile) -> None:
        self._file = file
        self.by_name: dict[str, Datasec] = {}
        section = file.named.get(".BTF")
        self.blob = bytearray() if section is None else bytearray(section.data)
        self._start = 0 if section is None else section.offset
        if file.types is not None:
            self._read(file.types)

    def get(self, name: str) -> Datasec | None:
        """The DATASEC of that name, or None."""
        return self.by_name.get(name)

    def _read(self, types: Btf) -> None:
        for id in range(1, len(types) + 1):
            if types.kind(id) == kinds.DATASEC:
                found = self._datasec(types, id)
                if found.name in self.by_name:
                    raise FormatError(
                        f"BTF has a second DATASEC {found.name}", offset=self._byte(types, id)
                    )
                self.by_name[found.name] = found
                if found.name not in EXTERNAL:
                    self.place(types, found)
        self._mark_hidden(types)

    def _byte(self, types: Btf, id: int) -> int:
        return types.sections.byte(types.starts[id])

    def _datasec(self, types: Btf, id: int) -> Datasec:
        name = types.name(id)
        start = types.starts[id]
        words = types.sections.words
        size, count = words[start + 2], kinds.vlen_of(words[start + 1])
        rows = [tuple(words[at : at + 3]) for at in range(start + 3, start + 3 + 3 * count, 3)]
        found = [self._var(types, id, *row) for row in rows]
        section = self._file.named.get(name)
        if name not in EXTERNAL and section is not None:
            size = size or section.size & 0xFFFFFFFF
            places = {
                symbol.name: symbol.value
                for symbol in self._file.by_section.get(section.index, ())
                if symbol.bind != uapi.STB_LOCAL
            }
            found = [self._at(types, id, var, places, section.size) for var in found]
        return Datasec(id, name, size, tuple(sorted(found, key=lambda var: var.offset)))

    def _var(self, types: Btf, id: int, var: int, offset: int, size: int) -> Placed:
        kind = types.kind(var)
        if kind not in (kinds.VAR, kinds.FUNC):
            raise FormatError(
                f"BTF DATASEC {types.name(id)} lists type {var}, {kinds.kind_name(kind)}; expected"
                " variables",
                offset=self._byte(types, id),
            )
        words, start = types.sections.words, types.starts[var]
        linkage = words[start + 3] if kind == kinds.VAR else kinds.vlen_of(words[start + 1])
        return Placed(var, types.name(var), words[start + 2], linkage, offset, size)

    def _at(self, types: Btf, id: int, var: Placed, places: dict[str, int], size: int) -> Placed:
        """Where the symbol says, unless the variable is static: then the BTF knows."""
        offset = places.get(var.name, var.offset) if var.linkage else var.offset
        if offset + var.size > size:
            raise FormatError(
                f"variable {var.name} at {offset} with {var.size} bytes is not within the {size}"
                f" bytes of {types.name(id)}",
                offset=self._byte(types, id),
            )
        return Placed(var.id, var.name, var.type, var.linkage, offset, var.size)

    def place(self, types: Btf, datasec: Datasec) -> None:
        """Writes a DATASEC's size, variables and their order into the blob."""
        at = self._byte(types, datasec.id) - self._start
        order = self._file.order
        pack_into(order + "I", self.blob, at + 8, datasec.size)
        for number, var in enumerate(datasec.vars):
            pack_into(order + "3I", self.blob, at + 12 + 12 * number, var.id, var.offset, var.size)

    def define(self, types: Btf, datasec: Datasec) -> None:
        """Makes variables of the kernel's configuration ordinary ones, at the places given."""
        self.by_name[datasec.name] = datasec
        self.place(types, datasec)
        for var in datasec.vars:
            self._link(types, var.id, _GLOBAL)

    def _link(self, types: Btf, var: int, linkage: int) -> None:
        at = self._byte(types, var) - self._start
        pack_into(self._file.order + "I", self.blob, at + 12, linkage)

    def _mark_hidden(self, types: Btf) -> None:
        """A hidden function of `.text` is verified as a static one, a hidden variable is one."""
        order = self._file.order
        hidden = {
            symbol.name: symbol
            for symbol in self._file.symbols
            if symbol.visibility in _HIDDEN and symbol.bind != uapi.STB_LOCAL and symbol.section
        }
        for symbol in hidden.values():
            if symbol.type == uapi.STT_FUNC and symbol.section == self._file.text:
                for id in types.by_name(kinds.FUNC, symbol.name):
                    word = kinds.info_word(kinds.FUNC, _STATIC)
                    at = self._byte(types, id) - self._start
                    pack_into(order + "I", self.blob, at + 4, word)
            elif symbol.type == uapi.STT_OBJECT:
                for id in types.by_name(kinds.VAR, symbol.name):
                    self._link(types, id, _STATIC)
