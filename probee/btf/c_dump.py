"""Types as C: definitions that a compiler takes, in an order that it takes.

In: `Flat`. Out: text. `CDump.define(id)` gives what must be written so that `id` is defined and
was not written before; `CDump.declare(id, name)` one declaration. Both are byte for byte what
libbpf's btf_dump__dump_type and btf_dump__emit_type_decl print (btf_dump.c, libbpf 1.5).

Types that contain themselves, that nest deeper than Python's stack, or that would become more text
than their blob can mean are a FormatError.
"""

from __future__ import annotations

from itertools import repeat

from probee.btf import kinds
from probee.btf.c_declare import Declarations
from probee.btf.c_layout import Layout, padding, pointer_size
from probee.btf.c_names import Names
from probee.btf.c_order import Order
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.flat import Flat

_OPEN, _BUSY, _DONE = 0, 1, 2
_COMPOSITE = (kinds.STRUCT, kinds.UNION)
_STEP = frozenset({kinds.PTR, kinds.VOLATILE, kinds.CONST, kinds.RESTRICT, kinds.TYPE_TAG})
_TABS = "\t" * 13  # libbpf indents no further
# What compilers for ARM refer to and do not define.
_ALIASES = {
    "__Poly8_t": "unsigned char", "__Poly16_t": "unsigned short",
    "__Poly64_t": "unsigned long long", "__Poly128_t": "unsigned __int128",
}  # fmt: skip
_BUILT_IN = "__builtin_va_list"  # every compiler brings its own
# Members, parameters and holes written: anonymous types are written wherever they are used.
WRITTEN_A_WORD = 16
WRITTEN = 1_000_000


class CDump:
    """The C of one blob. `pointer`: bytes of a pointer, 0 to find out."""

    __slots__ = (
        "_budget", "_declarations", "_flat", "_forward", "_layout", "_names", "_out",
        "_settled", "_states", "order",
    )  # fmt: skip

    def __init__(self, flat: Flat, pointer: int = 0) -> None:
        self._flat = flat
        self._layout = Layout(flat, pointer or pointer_size(flat))
        self._names = Names(flat)
        self.order = Order(flat)
        self._states = bytearray(flat.last + 1)
        self._states[0] = _DONE
        self._forward = bytearray(flat.last + 1)
        self._settled = bytearray(flat.last + 1)  # may be referred to without another word
        self._settled[0] = 1
        self._out: list[str] = []
        self._declarations = Declarations(flat, self._names, self._inline, self._spend)
        self._budget = WRITTEN + WRITTEN_A_WORD * len(flat.words)

    def define(self, id: int) -> str:
        """Definitions for `id`, each with an empty line behind it; '' where nothing is to say."""
        first = self.order.before(id)
        if not first:
            return ""
        self._out = []
        try:
            for wanted in first:
                self._emit(wanted, 0)
        except RecursionError:
            raise self._too_deep(id) from None
        return "".join(self._out)

    def declare(self, id: int, name: str) -> str:
        """A declaration of `name`, without a semicolon: `int (*name)(void)`."""
        try:
            return self._declarations.declare(id, name, 0)
        except RecursionError:
            raise self._too_deep(id) from None

    def _too_deep(self, id: int) -> FormatError:
        return FormatError(
            f"BTF type {id} is nested too deep to be written in C", offset=self._flat.place(id)
        )

    def _spend(self, count: int) -> None:
        self._budget -= count
        if self._budget < 0:
            raise FormatError("BTF types become more C than types of this size can mean")

    # ------------------------------------------------------------------- what comes before what

    def _emit(self, id: int, container: int) -> None:
        """Whatever `id` needs: its definition at the top (`container` 0), else what names it.

        `container` is the definition that is on its way, which needs no declaration of itself.
        """
        flat, state = self._flat, self._states[id]
        if state == _DONE:
            return
        kind = flat.kinds[id]
        if state == _BUSY:
            self._emit_in_a_loop(id, kind, container)
            return
        match kind:
            case kinds.STRUCT | kinds.UNION:
                self._emit_struct(id, container)
            case kinds.INT:
                name = self._names.tag(id)
                if name in _ALIASES:
                    self._out.append(f"typedef {_ALIASES[name]} {name};\n\n")
                self._done(id)
            case kinds.ENUM | kinds.ENUM64:
                if not container:
                    self._out.append(f"{self._enum(id, 0)};\n\n")
                self._done(id)
            case kinds.FWD:
                self._out.append(f"{self._declarations.reference(id)};\n\n")
                self._done(id)
            case kinds.TYPEDEF:
                self._states[id] = _BUSY
                self._emit(self._end(flat.values[id]), id)
                if not self._forward[id]:
                    self._typedef(id)
                self._done(id)
            case kinds.FUNC_PROTO:
                self._settled[id] = self._emit_all(
                    (flat.values[id], *flat.kept(id)[1::2]), container
                )
            case _:
                end = self._end(id)
                if end != id:
                    self._emit(end, container)

    def _done(self, id: int) -> None:
        self._states[id] = _DONE
        self._settled[id] = 1

    def _emit_in_a_loop(self, id: int, kind: int, container: int) -> None:
        """`id` is on its way, and something inside refers to it."""
        if self._forward[id]:
            return
        if kind in _COMPOSITE and id != container and self._flat.name_offsets[id]:
            self._announce(id)
        elif kind == kinds.TYPEDEF:
            self._typedef(id)
            self._forward[id] = 1

    def _announce(self, id: int) -> None:
        self._out.append(f"{self._declarations.reference(id)};\n\n")
        self._forward[id] = self._settled[id] = 1

    def _typedef(self, id: int) -> None:
        if self._flat.name(id) == _BUILT_IN:
            return
        name = self._names.identifier(id)
        if not self._flat.values[id] and name == "__gnuc_va_list":
            self._out.append(f"typedef {_BUILT_IN} {name};\n\n")
        else:
            self._out.append(
                f"typedef {self._declarations.declare(self._flat.values[id], name, 0)};\n\n"
            )

    def _emit_struct(self, id: int, container: int) -> None:
        flat = self._flat
        named = flat.name_offsets[id] != 0
        self._states[id] = _BUSY
        settled = False
        if not container or not named:
            settled = self._emit_all(flat.kept(id)[1::3], id if named else container)
        elif not self._forward[id] and id != container:
            self._announce(id)
        if container:
            self._states[id] = _OPEN
            self._settled[id] |= settled
        else:
            self._out.append(f"{self._composite(id, 0)};\n\n")
            self._done(id)

    def _emit_all(self, ids: tuple[int, ...] | list[int], container: int) -> bool:
        """Whether all of them can be referred to from now on, whatever stands around."""
        settled = self._settled
        self._spend(len(ids))
        if all(map(settled.__getitem__, ids)):
            return True
        all_settled = True
        for id in ids:
            if not settled[id]:
                end = self._end(id)
                if not settled[end]:
                    self._emit(end, container)
                if settled[end]:
                    settled[id] = 1
                else:
                    all_settled = False
        return all_settled

    def _end(self, id: int) -> int:
        """What pointers, qualifiers and arrays lead to."""
        flat = self._flat
        for _ in range(1000):
            kind = flat.kinds[id]
            if kind in _STEP:
                id = flat.values[id]
            elif kind == kinds.ARRAY:
                id = flat.words[flat.starts[id]]
            else:
                return id
        raise self._too_deep(id)

    # -------------------------------------------------------------------------- definitions

    def _inline(self, id: int, level: int) -> str:
        """An anonymous struct, union or enum, where it is used."""
        composite = self._flat.kinds[id] in _COMPOSITE
        return self._composite(id, level) if composite else self._enum(id, level)

    def _composite(self, id: int, level: int) -> str:
        """`struct name { ... }`; `level` is how far what is inside the braces' line is indented."""
        flat, layout = self._flat, self._layout
        struct = flat.kinds[id] == kinds.STRUCT
        packed = struct and layout.packed(id)
        wide, size = flat.flags[id], flat.values[id]
        items = flat.kept(id)
        self._spend(len(items))
        tabs = "\n" + _TABS[: level + 1]
        name = self._names.tag(id)
        out = ["struct" if struct else "union", f" {name}" if flat.name_offsets[id] else "", " {"]
        fill = self._bit_members if wide else self._members
        at = fill(out, tabs, items, level + 1, packed=packed)
        if struct and at < size * 8:
            self._pad(out, tabs, at, size * 8, layout.align(id), in_bitfield=False)
        out.append(f"\n{_TABS[:level]}}}" if items or size else "}")
        if packed:
            out.append(" __attribute__((packed))")
        return "".join(out)

    def _members(
        self, out: list[str], tabs: str, items: list[int], level: int, *, packed: bool
    ) -> int:
        """Members that are no bit fields; the bit behind the last of them."""
        flat, layout = self._flat, self._layout
        texts, parts, sizes = flat.texts, self._declarations.parts, layout.sizes
        at = 0
        for offset, type, place in zip(items[::3], items[1::3], items[2::3], strict=True):
            if at < place:
                align = 1 if packed else layout.align(type)
                self._pad(out, tabs, at, place, align, in_bitfield=False)
            name = texts.get(offset)
            if name is None:
                name = flat.text(offset)
            known = parts.get(type)
            if known is not None and name:  # as declare() has it, without the call
                out.append(f"{tabs}{known[0]}{name}{known[1]};")
            else:
                out.append(f"{tabs}{self._declarations.declare(type, name, level)};")
            size = sizes.get(type)
            at = place + (layout.size(type) if size is None else size) * 8
        return at

    def _bit_members(
        self, out: list[str], tabs: str, items: list[int], level: int, *, packed: bool
    ) -> int:
        """Members of which some may be bit fields; the bit behind the last of them."""
        flat, layout = self._flat, self._layout
        at, before = 0, False
        for offset, type, where in zip(items[::3], items[1::3], items[2::3], strict=True):
            bits, place = where >> 24, where & 0xFFFFFF
            if at < place:
                align = 1 if packed else layout.align(type)
                self._pad(out, tabs, at, place, align, in_bitfield=before and bits != 0)
            text = self._declarations.declare(type, flat.text(offset), level)
            out.append(f"{tabs}{text}: {bits};" if bits else f"{tabs}{text};")
            at = place + (bits or layout.size(type) * 8)
            before = bits != 0
        return at

    def _pad(
        self, out: list[str], tabs: str, at: int, until: int, align: int, *, in_bitfield: bool
    ) -> None:
        pointer = self._layout.pointer
        for name, width in padding(at, until, align, pointer, in_bitfield=in_bitfield):
            out.append(f"{tabs}{name}: {width};")
        self._spend(max(until - at, 0) // (pointer * 8))

    def _enum(self, id: int, level: int) -> str:
        flat = self._flat
        kind, count, signed = flat.kinds[id], flat.counts[id], flat.flags[id]
        name = self._names.tag(id)
        head = f"enum {name}" if flat.name_offsets[id] else "enum"
        if not count:
            return head
        wide = kind == kinds.ENUM64
        items = flat.kept(id)
        self._spend(len(items))
        tabs = "\n" + _TABS[: level + 1]
        step, top = (3, 1 << 63) if wide else (2, 1 << 31)
        suffix = ("LL" if signed else "ULL") if wide else ""
        out = [head, " {"]
        enumerator, text = self._names.enumerator, flat.text
        high = items[2::3] if wide else repeat(0)
        for offset, low, above in zip(items[::step], items[1::step], high, strict=False):
            value = low | above << 32
            if signed and value & top:
                value -= top << 1
            out.append(f"{tabs}{enumerator(text(offset))} = {value}{suffix},")
        out.append(f"\n{_TABS[:level]}}}")
        size = flat.values[id]
        if size == 1:
            out.append(" __attribute__((mode(byte)))")
        elif size == 8 and self._layout.pointer == 8 and not (wide and any(items[2::3])):
            out.append(" __attribute__((mode(word)))")
        return "".join(out)
