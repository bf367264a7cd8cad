"""`btf dump ... format raw`: one record a type, as bpftool prints it, plain or as JSON.

In: the types of a blob. Out: pieces of text. Which fields a kind and its elements have, and in
which order, is one table for all forms. Sources: dump_btf_type in bpftool's btf.c, and
json_writer.c beside it (7.5).
"""

from __future__ import annotations

from probee.btf import kinds
from probee.frozen import Frozen
from probee.introspect.bpftool.jsonw import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from probee.btf.flat import Flat

    Name = Callable[[int], str]  # of the name's offset

# Behind id, kind and name. Those in `_WORDS` are text, the others numbers.
_FIELDS: dict[int, tuple[str, ...]] = {
    0: (),
    kinds.INT: ("size", "bits_offset", "nr_bits", "encoding"),
    kinds.PTR: ("type_id",),
    kinds.ARRAY: ("type_id", "index_type_id", "nr_elems"),
    kinds.STRUCT: ("size", "vlen"),
    kinds.UNION: ("size", "vlen"),
    kinds.ENUM: ("encoding", "size", "vlen"),
    kinds.FWD: ("fwd_kind",),
    kinds.TYPEDEF: ("type_id",),
    kinds.VOLATILE: ("type_id",),
    kinds.CONST: ("type_id",),
    kinds.RESTRICT: ("type_id",),
    kinds.FUNC: ("type_id", "linkage"),
    kinds.FUNC_PROTO: ("ret_type_id", "vlen"),
    kinds.VAR: ("type_id", "linkage"),
    kinds.DATASEC: ("size", "vlen"),
    kinds.FLOAT: ("size",),
    kinds.DECL_TAG: ("type_id", "component_idx"),
    kinds.TYPE_TAG: ("type_id",),
    kinds.ENUM64: ("encoding", "size", "vlen"),
}
_WORDS = frozenset({"encoding", "fwd_kind", "linkage"})
# What JSON calls the elements, and their fields. An ordinary member has no bitfield_size.
_ELEMENTS: dict[int, tuple[str, tuple[str, ...]]] = {
    kinds.STRUCT: ("members", ("name", "type_id", "bits_offset", "bitfield_size")),
    kinds.UNION: ("members", ("name", "type_id", "bits_offset", "bitfield_size")),
    kinds.ENUM: ("values", ("name", "val")),
    kinds.ENUM64: ("values", ("name", "val")),
    kinds.FUNC_PROTO: ("params", ("name", "type_id")),
    kinds.DATASEC: ("vars", ("type_id", "offset", "size")),
}
_ENCODINGS = {0: "(none)", 1: "SIGNED", 2: "CHAR", 4: "BOOL"}
_LINKAGES = ("static", "global", "extern")


class _Form(Frozen):
    """Templates for `%`: of a record by its kind, of an element by its kind and its fields' count.

    `name` writes a name. A list of elements is `opens` (a template for what JSON calls it), the
    elements with `joint` between, `closes`; an empty one is `empty`. `end` closes a record.
    """

    records: dict[int, str]
    elements: dict[tuple[int, int], str]
    name: Callable[[str], str]
    opens: str
    joint: str
    closes: str
    empty: str
    end: str
    joint_of_records: str
    head: str
    tail: str
    plain: bool


def raw_text(flat: Flat, *, roots: Iterable[int] | None = None) -> Iterator[str]:
    """A line for each type, and one for each of its elements: the blob's own types, or `roots`."""
    return _pieces(flat, _plain_form(), roots)


def raw_json(
    flat: Flat, *, pretty: bool = False, roots: Iterable[int] | None = None
) -> Iterator[str]:
    """The same as one JSON object, `types` its only key; `pretty` puts each field on a line."""
    return _pieces(flat, _json_form(pretty=pretty), roots)


def _pieces(flat: Flat, form: _Form, roots: Iterable[int] | None) -> Iterator[str]:
    known: dict[int, str] = {0: form.name("(anon)")}

    def name(offset: int) -> str:
        text = known.get(offset)
        if text is None:
            text = known[offset] = form.name(flat.text(offset))
        return text

    yield form.head
    joint = ""
    for id in range(flat.first, flat.last + 1) if roots is None else roots:
        kind = flat.kinds[id]
        values = (id, name(flat.name_offsets[id]), *_values(flat, id, kind))
        text = f"{joint}{form.records[kind] % values}"
        if kind in _ELEMENTS:
            templates = form.elements
            rows = [templates[kind, len(row)] % row for row in _rows(flat, id, name, form.plain)]
            opens = form.opens % _ELEMENTS[kind][0] if form.opens else ""
            text += f"{opens}{form.joint.join(rows)}{form.closes if rows else form.empty}"
        yield text + form.end
        joint = form.joint_of_records
    yield form.tail


def _values(flat: Flat, id: int, kind: int) -> tuple[int | str, ...]:
    """Those of `_FIELDS`."""
    value, start = flat.values[id], flat.starts[id]
    match kind:
        case kinds.INT:
            word = flat.words[start]
            encoding = _ENCODINGS.get(word >> 24 & 0xF, "UNKN")
            return value, word >> 16 & 0xFF, word & 0xFF, encoding
        case kinds.STRUCT | kinds.UNION | kinds.DATASEC | kinds.FUNC_PROTO:
            return value, flat.counts[id]
        case kinds.ENUM | kinds.ENUM64:
            return "SIGNED" if flat.flags[id] else "UNSIGNED", value, flat.counts[id]
        case kinds.ARRAY:
            return tuple(flat.words[start : start + 3])
        case kinds.FWD:
            return ("union" if flat.flags[id] else "struct",)
        case kinds.FUNC:
            return value, _linkage(flat.counts[id])
        case kinds.VAR:
            return value, _linkage(flat.words[start])
        case kinds.DECL_TAG:
            component = flat.words[start]
            return value, component - ((component & 0x80000000) << 1)
        case _:
            return (value,) if kind else ()


def _kind(number: int) -> str:
    """What bpftool calls a kind; only a map without a key type, or value type, shows void."""
    return kinds.kind_name(number) if number else "UNKNOWN"


def _linkage(number: int) -> str:
    return _LINKAGES[number] if number < len(_LINKAGES) else "(unknown)"


def _rows(flat: Flat, id: int, name: Name, plain: bool) -> Iterator[tuple[int | str, ...]]:
    """The fields of each element, as `_ELEMENTS` has them."""
    kind, items = flat.kinds[id], flat.items(id)
    match kind:
        case kinds.STRUCT | kinds.UNION:
            wide = flat.flags[id]
            for at in range(0, len(items), 3):
                place = items[at + 2]
                if not wide or place < 1 << 24:
                    yield name(items[at]), items[at + 1], place
                else:
                    yield name(items[at]), items[at + 1], place & 0xFFFFFF, place >> 24
        case kinds.ENUM | kinds.ENUM64:
            yield from _enumerators(flat, id, name, plain)
        case kinds.FUNC_PROTO:
            for at in range(0, len(items), 2):
                yield name(items[at]), items[at + 1]
        case _:
            for at in range(0, len(items), 3):
                if plain:
                    var = items[at]
                    what = (_kind(flat.kinds[var]), name(flat.name_offsets[var]))
                    yield (*items[at : at + 3], *what)
                else:
                    yield tuple(items[at : at + 3])


def _enumerators(flat: Flat, id: int, name: Name, plain: bool) -> Iterator[tuple[int | str, ...]]:
    items, wide, signed = flat.items(id), flat.kinds[id] == kinds.ENUM64, flat.flags[id]
    step, top = (3, 1 << 63) if wide else (2, 1 << 31)
    suffix = ("LL" if signed else "ULL") if wide and plain else ""
    for at in range(0, len(items), step):
        value = items[at + 1] | (items[at + 2] << 32 if wide else 0)
        if value & top and signed:
            value -= top << 1
        elif value & top and not plain and not wide:
            value |= 0xFFFFFFFF << 32  # bpftool widens it for JSON as if it had a sign
        yield name(items[at]), f"{value}{suffix}"


# --------------------------------------------------------------------------------------- forms


def _plain_form() -> _Form:
    records = {
        kind: f"[%s] {_kind(kind)} '%s'" + "".join(f" {field}=%s" for field in fields)
        for kind, fields in _FIELDS.items()
    }
    records[kinds.VAR] = "[%s] VAR '%s' type_id=%s, linkage=%s"
    elements = {
        (kind, count): "\n\t" + " ".join(_plain_field(field) for field in fields[:count])
        for kind, (_, fields) in _ELEMENTS.items()
        for count in range(2, len(fields) + 1)
    }
    elements[kinds.DATASEC, 5] = elements[kinds.DATASEC, 3] + " (%s '%s')"
    return _Form(records, elements, str, "", "", "", "", "\n", "", "", "", plain=True)


def _plain_field(field: str) -> str:
    return "'%s'" if field == "name" else f"{field}=%s"


def _json_form(*, pretty: bool) -> _Form:
    step = 4 if pretty else 0

    def line(depth: int) -> str:
        return "\n" + " " * (step * depth) if pretty else ""

    colon = ": " if pretty else ":"

    def record(fields: Iterable[tuple[str, str]], depth: int) -> str:
        rows = (f'"{field}"{colon}{value}' for field, value in fields)
        return f"{{{line(depth)}" + f",{line(depth)}".join(rows)

    records = {
        kind: record(
            (("id", "%s"), ("kind", f'"{_kind(kind)}"'), ("name", "%s"),
             *((field, '"%s"' if field in _WORDS else "%s") for field in fields)), 3,
        )
        for kind, fields in _FIELDS.items()
    }  # fmt: skip
    elements = {
        (kind, count): record([(field, "%s") for field in fields[:count]], 5) + f"{line(4)}}}"
        for kind, (_, fields) in _ELEMENTS.items()
        for count in range(2, len(fields) + 1)
    }
    return _Form(
        records,
        elements,
        quoted,
        opens=f',{line(3)}"%s"{colon}[',
        joint=",",
        closes=f"{line(3)}]",
        empty="]",
        end=f"{line(2)}}}",
        joint_of_records=",",
        head=f'{{{line(1)}"types"{colon}[',
        tail=f"{line(1)}]{line(0)}}}",
        plain=False,
    )
