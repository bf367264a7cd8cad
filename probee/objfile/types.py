"""The BTF of an object file: the collection's own, and behind it what loaders and readers need.

In: a spec and its placed functions. Out: `ObjectTypes`: the license and the maps as variables in
their sections, functions for programs that stand at several hooks, the kernel's functions that are
called, and probee's metadata as decl tags. Type ids and string offsets of the spec stay as they
are, since its types come first.
"""

from __future__ import annotations

from probee.btf.ext import read_func_info
from probee.btf.mapdef import map_def
from probee.btf.reader import Btf
from probee.btf.types import Datasec, Func, Var
from probee.btf.writer import BtfBuilder
from probee.frozen import Frozen
from probee.objfile import forms, metadata
from probee.tables.kfuncs import by_name as kfunc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.objfile.place import Placed
    from probee.spec.programs import CollectionSpec


class Variable(Frozen):
    """A variable to be named by a symbol: `size` bytes at `offset` of its section.

    `weak`: what two objects may both have, that are linked to one.
    """

    section: str
    name: str
    offset: int
    size: int
    weak: bool = False


class ObjectTypes:
    """Everything that the object's types say.

    `variables`: what has a symbol, in order. `functions`: the FUNC of each placed function, by its
    symbol. `kfuncs`: names of the kernel's functions that are called.
    """

    def __init__(self, spec: CollectionSpec, functions: Sequence[Placed]) -> None:
        self.spec = spec
        self.builder = BtfBuilder.resumed(spec.btf) if spec.btf else BtfBuilder()
        self._own = Btf(spec.btf) if spec.btf else None
        self.variables: list[Variable] = []
        self.functions: dict[str, int] = {}
        self.kfuncs = _called(functions)
        self.sizes: dict[str, int] = {}
        tags = metadata.Tags(self.builder, spec, own_types(self._own))
        license_ = self._license()
        self._data(tags)
        self._maps(tags)
        self._kfuncs()
        self._functions(functions, tags)
        tags.collection(license_)

    def build(self) -> bytes:
        """The section `.BTF`."""
        return self.builder.build(big_endian=self.spec.endian == "big")

    def _license(self) -> int:
        build, size = self.builder, len(forms.license_bytes(self.spec.license)) + 1
        used = {v.name for v in self.spec.variables} | {m.name for m in self.spec.maps}
        name = "LICENSE"
        while name in used:
            name += "_"
        char = build.int_("char", 1, signed=True)
        var = build.var(name, build.array(char, size))
        build.datasec(forms.LICENSE, size, [(var, 0, size)])
        self.variables.append(Variable(forms.LICENSE, name, 0, size))
        return var

    def _data(self, tags: metadata.Tags) -> None:
        """The variables of the spec's own data sections."""
        own = self._own
        users = {variable.name for variable in self.spec.variables} - {"_zero"}
        for section in self.spec.maps:
            if own is None or section.name not in forms.DATA_SECTIONS or not section.value_btf:
                continue
            datasec = own.type(section.value_btf)
            assert isinstance(datasec, Datasec)
            for item in datasec.vars:
                var = own.type(item.type)
                assert isinstance(var, Var)
                weak = var.name not in users
                self.variables.append(
                    Variable(section.name, var.name, item.offset, item.size, weak)
                )
                tags.variable(item.type, var.name)

    def _maps(self, tags: metadata.Tags) -> None:
        rows, at = [], 0
        for map_ in self.spec.maps:
            if map_.name in forms.DATA_SECTIONS:
                continue
            name = forms.map_symbol(map_.name)
            made = map_def(
                self.builder, name, map_.type, max_entries=forms.entries(map_),
                key=map_.key_btf, value=map_.value_btf,
                key_size=0 if map_.key_btf else map_.key_size,
                value_size=0 if map_.value_btf else map_.value_size,
                map_flags=map_.flags, map_extra=map_.extra,
            )  # fmt: skip
            rows.append((made.var, at, made.size))
            self.variables.append(Variable(forms.MAPS, name, at, made.size))
            at += made.size
            tags.map(made.var, map_)
        if rows:
            self.builder.datasec(forms.MAPS, at, rows)
            self.sizes[forms.MAPS] = at

    def _kfuncs(self) -> None:
        rows = []
        for name in self.kfuncs:
            rows.append((self.builder.func(name, _prototype(self.builder, name), "extern"), 0, 0))
        if rows:
            self.builder.datasec(forms.KSYMS, 0, rows)

    def _functions(self, functions: Sequence[Placed], tags: metadata.Tags) -> None:
        """The FUNC of each: the spec's own, and one more for each further hook."""
        own = _func_infos(self.spec)
        for function in functions:
            known = own.get((function.program.name, function.start))
            if known is None or self._own is None:
                continue
            if function.hook > 0:
                func = self._own.type(known)
                assert isinstance(func, Func)
                known = self.builder.func(function.symbol, func.type, func.linkage)
                tags.also(known, function.program)
            elif function.hook == 0:
                tags.program(known, function.program)
            self.functions[function.symbol] = known


def own_types(own: Btf | None) -> tuple[int, int, int]:
    """(types, bytes of strings, checksum) of a blob, by which it is found again inside another."""
    if own is None:
        return 0, 0, 0
    words = own.sections.words.tobytes()
    strings = bytes(own.sections.strings)
    return len(own), len(strings), metadata.own_checksum(words, strings)


def _called(functions: Sequence[Placed]) -> list[str]:
    """The kernel's functions that are called, each once."""
    found = [r.symbol for f in functions for r in f.references if r.kind == "kfunc"]
    return list(dict.fromkeys(found))


def _func_infos(spec: CollectionSpec) -> dict[tuple[str, int], int]:
    """The FUNC of each function, by its program's name and its first slot."""
    return {
        (program.name, row.insn_off): row.type
        for program in spec.programs
        for row in read_func_info(program.func_info, big_endian=spec.endian == "big")
    }


def _prototype(build: BtfBuilder, name: str) -> int:
    row = kfunc(name)
    params = [(called, _c_type(build, type_)) for called, type_ in row.params]
    return build.func_proto(_c_type(build, row.returns), params)


def _c_type(build: BtfBuilder, text: str) -> int:
    """The id of a C type as tables/kfuncs.py writes it."""
    if text.endswith("*"):
        return build.ptr(_c_type(build, text[:-1].strip()))
    word, _, rest = text.partition(" ")
    match word:
        case "const":
            return build.const(_c_type(build, rest))
        case "struct":
            # libbpf compares kinds, and nothing of what is in it
            return build.struct(rest, 8, [("opaque", _c_type(build, "u64"), 0)])
        case "void":
            return 0
        case _:
            return build.int_(text, 8 if text == "u64" else 4, signed=text == "int")
