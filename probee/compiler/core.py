"""What the code asks of the kernel's structs, as CO-RE records and the types that they refer to.

In: the relocations of kind `core` that selection left, and the accesses behind their symbols. Out:
`CoreReloc`s, whose local types are in the collection's BTF: of each struct the members that
programs read, so that libbpf finds by them what our own loader finds by names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.frozen import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probee.compiler.btfgen import BtfGenerator
    from probee.compiler.frontend.world import World
    from probee.spec.programs import CoreReloc, Reloc


class Described:
    """The accesses whose symbols are `used`, with their types in `btf`."""

    def __init__(self, world: World, btf: BtfGenerator, used: Iterable[str]) -> None:
        self._accesses = {key: world.accesses[key] for key in used if key in world.accesses}
        self._structs: dict[str, dict[str, str]] = {}
        for key in self._accesses:
            self._enter(world.steps[key])
        self._ids = btf.kernel_structs(self._in_order())
        self._steps = world.steps

    def _enter(self, steps: tuple[tuple[str, str, str], ...]) -> None:
        """Notes each step of a path: (struct, member, what the member is)."""
        for struct, member, wants in steps:
            members = self._structs.setdefault(struct, {})
            if member:
                members[_indexed(member)[0]] = wants

    def _in_order(self) -> dict[str, dict[str, str]]:
        """Structs that others hold before those."""
        ordered: dict[str, dict[str, str]] = {}

        def visit(name: str) -> None:
            if name in ordered:
                return
            for wants in self._structs[name].values():
                kind, _, inner = wants.removeprefix("items ").partition(" ")
                if kind == "struct":
                    self._structs.setdefault(inner, {})
                    visit(inner)
            ordered[name] = self._structs[name]

        for name in tuple(self._structs):
            visit(name)
        return ordered

    def relocs(self, relocs: Iterable[Reloc]) -> tuple[CoreReloc, ...]:
        """Those of one program."""
        out = []
        for reloc in relocs:
            if reloc.kind != "core":
                continue
            numbers = [0]
            for struct, member, _ in self._steps[reloc.symbol]:
                if member:
                    name, index = _indexed(member)
                    numbers += [list(self._structs[struct]).index(name), *index]
            access = self._accesses[reloc.symbol]
            out.append(
                replace(
                    access,
                    insn=reloc.insn,
                    type=self._ids[access.struct],
                    access=":".join(map(str, numbers)),
                )
            )
        return tuple(out)


def _indexed(member: str) -> tuple[str, tuple[int, ...]]:
    """`comm[8]` as name and index."""
    name, bracket, index = member.partition("[")
    return name, (int(index.removesuffix("]")),) if bracket else ()
