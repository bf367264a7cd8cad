"""CollectionSpec <-> bytes, for the compile cache: a strict format that holds nothing but data.

In: a spec, or bytes from a file. Out: the bytes, or an equal spec; FormatError for anything that
`encode` did not write. Root loads what comes out of here into the kernel, so pickle and marshal,
which can run code, are out of the question.

    magic and version  8 bytes
    sha256 of the body 32
    body: counts of texts, blobs and words  3 x u32, 4 bytes of zero
          lengths of each text and blob     u32 each, then zeros up to a multiple of 8
          the words                         s64 each
          the texts in UTF-8, the blobs     one behind the other, up to the last byte

A record is its fields in the order of `SCHEMA`: a number as a word; a text or blob as a word that
is its index; a list as its length and its items; a value type as a tag and its record. One
`struct.unpack` turns all words into integers at once: opensnoop's spec decodes in well under 1 ms.
"""

from __future__ import annotations

from struct import Struct, error, pack, unpack_from

from probee.errors import FormatError
from probee.host.digest import sha256
from probee.spec.programs import (
    CODE,
    Attach,
    CollectionSpec,
    ContextField,
    CoreReloc,
    CounterSpec,
    ExternSpec,
    MapSpec,
    ProgramSpec,
    Reloc,
    VariableSpec,
)
from probee.spec.types import ArrayOf, CharArray, Field, Int, Pointer, StructType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAGIC = b"prbspec\x04"

# Kinds: u32, s64, bool, text, blob; `type` is any value type, `type?` may be None; `[X]` is a tuple
# of records X, and `[text u32]` one of pairs. A test holds the rows against the classes.
SCHEMA: dict[str, tuple[type, dict[str, str]]] = {
    "CollectionSpec": (CollectionSpec, {
        "maps": "[MapSpec]", "programs": "[ProgramSpec]", "variables": "[VariableSpec]",
        "counters": "[CounterSpec]", "structs": "[StructType]", "btf": "blob", "license": "text",
        "endian": "text", "externs": "[ExternSpec]", "version": "u32",
    }),
    "MapSpec": (MapSpec, {
        "name": "text", "type": "u32", "key_size": "u32", "value_size": "u32",
        "max_entries": "u32", "flags": "u32", "key_type": "type?", "value_type": "type?",
        "key_btf": "u32", "value_btf": "u32", "contents": "blob", "frozen": "bool", "extra": "s64",
        "pinning": "u32", "numa_node": "u32", "autocreate": "bool", "inner": "[MapSpec]",
        "values": "[u32 text]",
    }),
    "ProgramSpec": (ProgramSpec, {
        "name": "text", "type": "u32", "attach_type": "u32", "attach": "[Attach]",
        "code": "blob", "relocs": "[Reloc]", "func_info": "blob", "line_info": "blob",
        "functions": "[text u32]", "context": "[ContextField]", "helpers": "[text]",
        "flags": "u32", "core": "[CoreReloc]", "section": "text", "autoload": "bool",
    }),
    "VariableSpec": (VariableSpec, {
        "name": "text", "section": "text", "offset": "u32", "type": "type", "btf": "u32",
    }),
    "ExternSpec": (ExternSpec, {
        "name": "text", "kind": "text", "btf": "u32", "weak": "bool", "typed": "bool",
        "value": "text", "offset": "u32", "size": "u32",
    }),
    "CounterSpec": (CounterSpec, {
        "kind": "text", "subject": "text", "section": "text", "offset": "u32", "program": "text",
        "file": "text", "line": "u32", "text": "text",
    }),
    "Attach": (Attach, {"kind": "text", "target": "text"}),
    "Reloc": (Reloc, {"insn": "u32", "kind": "text", "symbol": "text", "addend": "s64"}),
    "CoreReloc": (CoreReloc, {
        "insn": "u32", "kind": "text", "struct": "text", "path": "text", "wants": "text",
        "type": "u32", "access": "text", "value": "s64",
    }),
    "ContextField": (ContextField, {
        "name": "text", "offset": "u32", "size": "u32", "signed": "bool",
    }),
    "Int": (Int, {"name": "text", "size": "u32", "signed": "bool", "boolean": "bool"}),
    "CharArray": (CharArray, {"size": "u32"}),
    "ArrayOf": (ArrayOf, {"element": "type", "count": "u32"}),
    "Pointer": (Pointer, {"space": "text", "target": "text"}),
    "StructType": (StructType, {
        "name": "text", "fields": "[Field]", "size": "u32", "align": "u32",
    }),
    "Field": (Field, {"name": "text", "type": "type", "offset": "u32"}),
}  # fmt: skip

# The tag of a value type is its place here; 0 is None.
TAGS = ("", "Int", "CharArray", "ArrayOf", "Pointer", "StructType")
_TAG_OF = {SCHEMA[name][0]: tag for tag, name in enumerate(TAGS) if name}

_RANGES = {"u32": (0, (1 << 32) - 1), "s64": (-1 << 63, (1 << 63) - 1), "bool": (0, 1)}
_DEEPEST = 32  # value types, or records, inside one another
_COUNTS = Struct("<3I4x")
_HEAD = len(MAGIC) + 32


def encode(spec: CollectionSpec) -> bytes:
    """The bytes of `spec`: the same spec, the same bytes. FormatError where it does not fit."""
    writer = _Writer()
    writer.record("CollectionSpec", spec)
    texts = [text.encode("utf-8", "surrogatepass") for text in writer.texts]
    blobs = list(writer.blobs)
    lengths = [len(item) for item in texts + blobs]
    try:
        body = b"".join(
            (
                _COUNTS.pack(len(texts), len(blobs), len(writer.words)),
                pack(f"<{len(lengths) + len(lengths) % 2}I", *lengths, *[0] * (len(lengths) % 2)),
                pack(f"<{len(writer.words)}q", *writer.words),
                *texts,
                *blobs,
            )
        )
    except error as problem:
        raise FormatError(f"a spec that does not fit its format: {problem}") from None
    return MAGIC + sha256(body) + body


def decode(data: bytes) -> CollectionSpec:
    """The spec that `encode` made these bytes of. FormatError for any others."""
    if data[: len(MAGIC)] != MAGIC:
        raise FormatError("this is no stored spec, or one of another version", offset=0)
    body = data[_HEAD:]
    if data[len(MAGIC) : _HEAD] != sha256(body):
        raise FormatError("a stored spec whose content is not what its digest says")
    return decode_body(body)


def decode_body(body: bytes) -> CollectionSpec:
    """The part behind the digest. FormatError for whatever `encode` cannot have written."""
    try:
        reader = _open(body)
        spec: CollectionSpec = reader.record("CollectionSpec")
    except IndexError:
        raise FormatError("a stored spec ends before it is complete") from None
    if reader.at != len(reader.words):
        raise FormatError("a stored spec with words behind its end")
    if spec.endian not in {"little", "big"}:
        raise FormatError(f"a stored spec for byte order {spec.endian!r}")
    return spec


def _open(body: bytes) -> _Reader:
    """Splits the body into words, texts and blobs; every length is checked before it is used."""
    if len(body) < _COUNTS.size:
        raise FormatError("a stored spec without its counts", offset=0)
    texts, blobs, words = _COUNTS.unpack_from(body)
    if any(body[12:16]):
        raise FormatError("a stored spec with something in its padding", offset=12)
    count = texts + blobs
    at_words = _COUNTS.size + 4 * (count + count % 2)
    at = at_words + 8 * words
    if at > len(body):
        raise FormatError("a stored spec shorter than its counts say", offset=len(body))
    lengths = unpack_from(f"<{count}I", body, _COUNTS.size)
    if count % 2 and any(body[at_words - 4 : at_words]):
        raise FormatError("a stored spec with something in its padding", offset=at_words - 4)
    if at + sum(lengths) != len(body):
        raise FormatError("a stored spec whose parts do not fill it", offset=len(body))
    pieces = []
    for length in lengths:
        pieces.append(body[at : at + length])
        at += length
    try:
        names = [piece.decode("utf-8", "surrogatepass") for piece in pieces[:texts]]
    except UnicodeDecodeError as problem:
        raise FormatError(f"a stored spec with a text that is none: {problem.reason}") from None
    return _Reader(unpack_from(f"<{words}q", body, at_words), names, pieces[texts:])


class _Writer:
    """Gathers words, and each text and blob once."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.texts: dict[str, int] = {}
        self.blobs: dict[bytes, int] = {}

    def record(self, name: str, value: Any) -> None:
        cls, fields = SCHEMA[name]
        if type(value) is not cls:
            raise FormatError(f"a {type(value).__name__} where a {name} belongs")
        for field, kind in fields.items():
            self._value(kind, getattr(value, field), f"{name}.{field}")

    def _value(self, kind: str, value: Any, where: str) -> None:
        match kind:
            case "text":
                self._demand(type(value) is str, where, value)
                self.words.append(self.texts.setdefault(value, len(self.texts)))
            case "blob":
                self._demand(type(value) is bytes, where, value)
                self.words.append(self.blobs.setdefault(value, len(self.blobs)))
            case "type" | "type?":
                tag = 0 if value is None and kind == "type?" else _TAG_OF.get(type(value), -1)
                self._demand(tag >= 0, where, value)
                self.words.append(tag)
                if tag:
                    self.record(TAGS[tag], value)
            case "u32" | "s64" | "bool":
                low, high = _RANGES[kind]
                fits = isinstance(value, int) and low <= value <= high
                self._demand(fits and (kind == "bool") == (type(value) is bool), where, value)
                self.words.append(int(value))
            case _:
                self._list(kind[1:-1], value, where)

    def _list(self, kind: str, items: tuple[Any, ...], where: str) -> None:
        self._demand(type(items) is tuple, where, items)
        self.words.append(len(items))
        for item in items:
            if kind in SCHEMA:
                self.record(kind, item)
            else:
                kinds = kind.split()
                values = (item,) if len(kinds) == 1 else item
                for one, value in zip(kinds, values, strict=True):
                    self._value(one, value, where)

    @staticmethod
    def _demand(true: bool, where: str, value: object) -> None:
        if not true:
            raise FormatError(f"{where} = {value!r} does not fit the format of stored specs")


class _Reader:
    """Reads records from the words; IndexError where they end too early."""

    __slots__ = ("at", "blobs", "depth", "texts", "words")

    def __init__(self, words: tuple[int, ...], texts: list[str], blobs: list[bytes]) -> None:
        self.words, self.texts, self.blobs = words, texts, blobs
        self.at = self.depth = 0

    def record(self, name: str) -> Any:
        cls, fields = SCHEMA[name]
        values = []
        for kind in fields.values():
            # The three kinds that nearly all fields have stand here: half the time is saved.
            if kind == "u32":
                value: Any = self.words[self.at]
                self.at += 1
                if not 0 <= value <= 0xFFFFFFFF:
                    raise FormatError(f"a stored {name} with {value} where a u32 belongs")
            elif kind == "text":
                value = self.texts[self._index()]
            elif kind == "blob":
                value = self.blobs[self._index()]
            else:
                value = self._value(kind)
            values.append(value)
        made = cls(*values)
        _check(made)
        return made

    def _index(self) -> int:
        value = self.words[self.at]
        self.at += 1
        if value < 0:
            raise FormatError(f"a stored spec with the index {value}")
        return value

    def _value(self, kind: str) -> Any:
        if kind == "text":
            return self.texts[self._index()]
        if kind in _RANGES:
            value = self.words[self.at]
            self.at += 1
            low, high = _RANGES[kind]
            if not low <= value <= high:
                raise FormatError(f"a stored spec with {value} where a {kind} belongs")
            return bool(value) if kind == "bool" else value
        if kind in {"type", "type?"}:
            return self._type(nullable=kind == "type?")
        return self._list(kind[1:-1])

    def _type(self, *, nullable: bool) -> Any:
        tag = self._index()
        if tag == 0 and nullable:
            return None
        if not 0 < tag < len(TAGS):
            raise FormatError(f"a stored spec with value type {tag}")
        if self.depth == _DEEPEST:
            raise FormatError("a stored spec with value types too deep in one another")
        self.depth += 1
        type_ = self.record(TAGS[tag])
        self.depth -= 1
        return type_

    def _list(self, kind: str) -> tuple[Any, ...]:
        count = self._index()
        if count > len(self.words) - self.at:  # each item takes a word or more
            raise FormatError(f"a stored spec with a list of {count} items")
        if kind in SCHEMA:
            if self.depth == _DEEPEST:
                raise FormatError("a stored spec with records too deep in one another")
            self.depth += 1
            records = tuple([self.record(kind) for _ in range(count)])
            self.depth -= 1
            return records
        kinds = kind.split()
        if len(kinds) == 1:
            return tuple([self._value(kind) for _ in range(count)])
        return tuple([tuple([self._value(one) for one in kinds]) for _ in range(count)])


def _check(made: object) -> None:
    """What later code takes for granted beyond the kinds of fields."""
    if isinstance(made, Int):
        sound = made.size in {1, 2, 4, 8}
    elif isinstance(made, ProgramSpec):
        sound = not (len(made.code) % 8 or len(made.func_info) % 8 or len(made.line_info) % 16)
    elif isinstance(made, StructType):
        sound = all(field.offset + field.type.size <= made.size for field in made.fields)
    elif isinstance(made, CollectionSpec):
        sound = _placed(made)
    else:
        return
    if not sound:
        raise FormatError(f"a stored {type(made).__name__} that no compiler makes")


def _placed(spec: CollectionSpec) -> bool:
    """Whether counters and variables lie within sections that the spec has."""
    # What an arena begins with is no value of it.
    sizes = {map_.name: max(map_.value_size, len(map_.contents)) for map_ in spec.maps}
    ends = [(counter.section, counter.offset + 8) for counter in spec.counters]
    ends += [
        (variable.section, variable.offset + variable.type.size)
        for variable in spec.variables
        if variable.section != CODE
    ]
    return all(end <= sizes.get(section, 0) for section, end in ends)
