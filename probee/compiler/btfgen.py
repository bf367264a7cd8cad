"""Describes a compilation to the kernel: types of maps, sections and programs, lines of source.

In: layouts and places. Out: a BTF blob, and func_info and line_info arrays that refer to it. The
kernel prints maps and programs by these names, and the verifier quotes the Python lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.btf.ext import FuncInfo, LineInfo, func_info_bytes, line_info_bytes
from probee.btf.writer import BtfBuilder
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from probee.compiler.ir.ops import Loc
    from probee.spec.programs import VariableSpec
    from probee.spec.types import ValueType

MAX_LINE = (1 << 22) - 1  # line_col keeps 22 bits of line and 10 of column
MAX_COLUMN = (1 << 10) - 1
# What C calls integers, by size and sign: BTF knows no others by itself, `__u32` is a typedef.
_C_NAMES = {
    (1, False): "unsigned char", (1, True): "signed char",
    (2, False): "unsigned short", (2, True): "short",
    (4, False): "unsigned int", (4, True): "int",
    (8, False): "unsigned long long", (8, True): "long long",
}  # fmt: skip


class BtfGenerator:
    """Collects what is described; `build` gives the blob."""

    def __init__(self, *, big_endian: bool = False) -> None:
        self._builder = BtfBuilder()
        self._big_endian = big_endian
        self._sizes: dict[str, int] = {}  # of structs of the kernel, as they are described

    def value(self, type_: ValueType) -> int:
        """The type id of a value's layout."""
        build = self._builder
        match type_:
            case Int(boolean=True):
                return build.int_("_Bool", 1, boolean=True)
            case Int():
                return self._int(type_.name, type_.size, signed=type_.signed)
            case CharArray():
                return build.array(build.int_("char", 1, signed=True), type_.size)
            case ArrayOf():
                return build.array(self.value(type_.element), type_.count)
            case Pointer():
                return self._int("u64", 8)  # an address in another space is a number here
            case StructType():
                members = [(f.name, self.value(f.type), f.offset * 8) for f in type_.fields]
                return build.struct(type_.name, type_.size, members)

    def _int(self, name: str, size: int, *, signed: bool = False) -> int:
        """An integer by its name in linux/types.h, which every C program on BPF includes."""
        return self._builder.typedef(
            f"__{name}", self._builder.int_(_C_NAMES[size, signed], size, signed=signed)
        )

    def kernel_structs(self, structs: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
        """The type ids of structs of the kernel, as far as programs name them.

        `structs`: by name, each member with what it is taken for (`CoreReloc.wants`); structs
        inside others come before those. The layout is nobody's: only names and kinds count.
        """
        build = self._builder
        ids: dict[str, int] = {}
        for name, wanted in structs.items():
            members, at = [], 0
            for member, wants in wanted.items():
                type_, size = self._kernel_member(wants, ids)
                members.append((member, type_, at * 8))
                at += size + -size % 8
            ids[name] = build.struct(name, at, members)
            self._sizes[name] = at
        return ids

    def _kernel_member(self, wants: str, ids: Mapping[str, int]) -> tuple[int, int]:
        """The type of a member, and its size."""
        build = self._builder
        kind, _, detail = wants.partition(" ")
        match kind:
            case "int":
                return self._int(f"u{8 * int(detail)}", int(detail)), int(detail)
            case "enum":
                return build.enum("", (), size=int(detail)), int(detail)
            case "chars":
                return build.array(build.int_("char", 1, signed=True), int(detail)), int(detail)
            case "struct":
                return ids[detail], self._sizes[detail]
            case "items":
                type_, size = self._kernel_member(detail, ids)
                return build.array(type_, 1), size
            case _:
                return build.ptr(0), 8

    def section(self, name: str, variables: Sequence[VariableSpec], size: int) -> int:
        """A DATASEC of the user's variables."""
        rows = []
        for variable in variables:
            type_ = self.value(variable.type)
            if name == ".rodata":
                type_ = self._builder.const(type_)
            rows.append(
                (self._builder.var(variable.name, type_), variable.offset, variable.type.size)
            )
        return self._builder.datasec(name, size, rows)

    def counters(self, name: str, rows: Sequence[tuple[str, int, int]], size: int) -> int:
        """A DATASEC of u64 counters: (name, offset, size)."""
        u64 = self._int("u64", 8)
        placed = [(self._builder.var(f"probee_{n}", u64), o, s) for n, o, s in rows]
        return self._builder.datasec(name, size, placed)

    def func_info(self, program: str, functions: Sequence[tuple[str, int]]) -> bytes:
        """Where each function begins, and its type: the main one takes the context."""
        build = self._builder
        result = build.int_("int", 4, signed=True)
        rows = []
        for i, (name, slot) in enumerate(functions):
            params = [("ctx", build.ptr(0))] if i == 0 else []
            proto = build.func_proto(result, params)
            linkage = "global" if i == 0 else "static"
            rows.append(FuncInfo(slot, build.func(name, proto, linkage)))
        return func_info_bytes(rows, big_endian=self._big_endian)

    def line_info(
        self, lines: Sequence[tuple[int, Loc]], file_name: Callable[[str], str] = str
    ) -> bytes:
        """The Python line behind each run of instructions, in files as `file_name` calls them."""
        build = self._builder
        rows = [
            LineInfo(
                slot,
                build.string(file_name(loc.file)),
                build.string(loc.text.strip()),
                min(loc.line, MAX_LINE),
                min(loc.column, MAX_COLUMN),
            )
            for slot, loc in lines
        ]
        return line_info_bytes(rows, big_endian=self._big_endian)

    def build(self) -> bytes:
        """All that was described, as a BTF blob."""
        return self._builder.build(big_endian=self._big_endian)
