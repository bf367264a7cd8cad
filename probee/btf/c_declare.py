"""Declarations in C: a type and a name, each part of the type on its side of the name.

In: `Flat`, `Names`, and what writes an anonymous struct or enum in its place. Out: `const char
*name`, `int (*name[4])(void *, ...)`. The forms are those of libbpf's btf_dump_emit_type_chain
(btf_dump.c, libbpf 1.5), spaces and all.

BTF says a declaration from the outside in (an array of pointers to functions), C from the inside
out; so the chain is followed to its end, and written from there.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.btf.c_names import Names
    from probee.btf.flat import Flat

_QUALIFIERS = {kinds.VOLATILE: "volatile", kinds.CONST: "const", kinds.RESTRICT: "restrict"}
# What C has no place for around functions and arrays; GCC writes some of them nevertheless.
_DROPPED = frozenset({*_QUALIFIERS, kinds.TYPE_TAG})
_ON = frozenset({kinds.PTR, kinds.FUNC_PROTO, *_DROPPED})
_ENDS = frozenset(
    {
        kinds.INT, kinds.ENUM, kinds.ENUM64, kinds.FWD, kinds.STRUCT, kinds.UNION, kinds.TYPEDEF,
        kinds.FLOAT,
    }
)  # fmt: skip
_LONGEST = 1000  # parts of one declaration
_CHARS = 16  # of a declaration, for each element that may be written
_NAME = "\0"  # stands for the name while the rest is written: no name has it


class Declarations:
    """`inline(id, level)` writes an anonymous struct, union or enum where it is used.

    `inlined` counts those: what holds one is written anew each time. `parts`: what stands before
    and behind a name, by type.
    """

    __slots__ = ("_flat", "_inline", "_nameless", "_names", "inlined", "parts", "spend")

    def __init__(
        self,
        flat: Flat,
        names: Names,
        inline: Callable[[int, int], str],
        spend: Callable[[int], None],
    ) -> None:
        self._flat, self._names, self._inline, self.spend = flat, names, inline, spend
        self.parts: dict[int, tuple[str, str]] = {}
        self._nameless: dict[int, tuple[str, str]] = {}
        self.inlined = 0

    def declare(self, id: int, name: str, level: int) -> str:
        """`name` may be empty; `level` is the indentation of lines that an inner struct takes."""
        known = self.parts if name else self._nameless
        parts = known.get(id)
        if parts is None and name and self._flat.kinds[id] == kinds.PTR:
            below = known.get(self._flat.values[id])
            if below is not None and not below[1]:  # neither array nor function
                parts = known[id] = f"{below[0]}*", ""
        if parts is None:
            inlined = self.inlined
            chain = self._chain(id)
            left, _, right = self._write(chain, _NAME if name else "", level).partition(_NAME)
            parts = left, right
            # A prototype of prototypes of prototypes may say the first ones 2^40 times.
            self.spend((len(left) + len(right)) // _CHARS)
            if inlined == self.inlined:
                known[id] = parts
        return f"{parts[0]}{name}{parts[1]}"

    def reference(self, id: int) -> str:
        """`struct name`, `enum name`."""
        kind = self._flat.kinds[id]
        if kind in (kinds.ENUM, kinds.ENUM64):
            return f"enum {self._names.tag(id)}"
        union = self._flat.flags[id] if kind == kinds.FWD else kind == kinds.UNION
        return f"{'union' if union else 'struct'} {self._names.tag(id)}"

    def _chain(self, id: int) -> list[int]:
        """`id` and what it leads to; the last is a name, a struct, an enum or void."""
        flat, chain = self._flat, [id]
        while id:
            kind = flat.kinds[id]
            if kind in _ON:
                id = flat.values[id]
            elif kind == kinds.ARRAY:
                id = flat.words[flat.starts[id]]
            elif kind in _ENDS:
                break
            else:
                raise FormatError(
                    f"BTF type {id}, {kinds.kind_name(kind)}, cannot be part of a declaration",
                    offset=flat.place(id),
                )
            chain.append(id)
            if len(chain) > _LONGEST:
                raise FormatError(
                    f"BTF type {chain[0]} leads through more than {_LONGEST} others",
                    offset=flat.place(chain[0]),
                )
        return chain

    def _write(self, chain: list[int], name: str, level: int) -> str:
        """Uses up `chain`, from its end."""
        flat, out = self._flat, []
        pointer = True  # whether a `*` or a name can stand without a space
        while chain:
            id = chain.pop()
            kind = flat.kinds[id]
            match kind:
                case kinds.PTR:
                    out.append("*" if pointer else " *")
                case kinds.VOLATILE | kinds.CONST | kinds.RESTRICT:
                    out.append(f" {_QUALIFIERS[kind]}")
                case kinds.TYPE_TAG:
                    out += (self._qualifiers(chain), self._type_tag(id))
                case kinds.ARRAY:
                    out.append(self._array(id, chain, name, level, pointer=pointer))
                    return "".join(out)
                case kinds.FUNC_PROTO:
                    out.append(self._function(id, chain, name, level, pointer=pointer))
                    return "".join(out)
                case _:
                    out += (self._qualifiers(chain), self._base(id, level))
            pointer = kind == kinds.PTR
        return "".join(out) + _spaced(name, pointer=pointer)

    def _base(self, id: int, level: int) -> str:
        flat = self._flat
        match flat.kinds[id]:
            case 0:
                return "void"
            case kinds.INT | kinds.FLOAT:
                return flat.name(id)
            case kinds.TYPEDEF:
                return self._names.identifier(id)
            case kinds.FWD:
                return self.reference(id)
            case _:
                if flat.name_offsets[id]:
                    return self.reference(id)
                self.inlined += 1
                return self._inline(id, level)

    def _type_tag(self, id: int) -> str:
        # So is a tag that is a whole attribute (kind_flag, Linux 6.15): libbpf 1.5 knows no other,
        # and to a compiler it is a word without effect.
        return f' __attribute__((btf_type_tag("{self._flat.name(id)}")))'

    def _qualifiers(self, chain: list[int]) -> str:
        """Those next in the chain, which C writes in front of what is no pointer."""
        words = ""
        while chain and (word := _QUALIFIERS.get(self._flat.kinds[chain[-1]])):
            words += f"{word} "
            chain.pop()
        return words

    def _drop(self, chain: list[int]) -> None:
        while chain and self._flat.kinds[chain[-1]] in _DROPPED:
            chain.pop()

    def _array(self, id: int, chain: list[int], name: str, level: int, *, pointer: bool) -> str:
        flat = self._flat
        size = f"[{flat.words[flat.starts[id] + 2]}]"
        self._drop(chain)
        if not chain:
            return _spaced(name, pointer=pointer) + size
        space = " " if name and not pointer else ""
        several = flat.kinds[chain[-1]] == kinds.ARRAY
        inner = self._write(chain, name, level)
        return f"{space}{inner if several else f'({inner})'}{size}"

    def _function(self, id: int, chain: list[int], name: str, level: int, *, pointer: bool) -> str:
        flat = self._flat
        self._drop(chain)
        spaced = _spaced(name, pointer=pointer)
        inner = f" ({self._write(chain, name, level)})" if chain else spaced
        items = flat.kept(id)
        self.spend(len(items))
        if not items or (len(items) == 2 and not items[1]):
            return f"{inner}(void)"
        last = len(items) - 2
        params = [
            "..."
            if at == last and not items[at + 1]
            else self.declare(items[at + 1], flat.text(items[at]), level)
            for at in range(0, len(items), 2)
        ]
        return f"{inner}({', '.join(params)})"


def _spaced(name: str, *, pointer: bool) -> str:
    return f" {name}" if name and not pointer else name
