"""The types users annotate with: integers of stated width, character buffers, pointers, structs.

At run time `u32` is a `spec.Int`, so `u32(x)` wraps; a type checker sees `int`. A `Struct` subclass
is laid out as C would when its class statement runs, and is an ordinary mutable record on the user
side. Annotations may be strings (`from __future__ import annotations`): they are looked up in the
module that defines the class.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.frozen import annotated
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType, layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from probee.spec.types import ValueType

    u8: TypeAlias = int
    u16: TypeAlias = int
    u32: TypeAlias = int
    u64: TypeAlias = int
    s8: TypeAlias = int
    s16: TypeAlias = int
    s32: TypeAlias = int
    s64: TypeAlias = int

    class UserStr(str):
        """The address of a NUL-terminated string in the traced process."""

    class KernelStr(str):
        """The address of a NUL-terminated string in the kernel."""

    UserPtr: TypeAlias = int
    KernelPtr: TypeAlias = int

    class Chars(str):
        """A string in a fixed buffer; `cut` tells that it did not fit whole, `raw` is its bytes."""

        cut: bool
        raw: bytes

        def __new__(cls, raw: bytes = b"", cut: bool = False) -> Chars:
            """Text from its bytes; those that are not UTF-8 come out as surrogates."""

        # As a field: what is read is a Chars, and any text can be assigned.
        def __get__(self, record: object, owner: type, /) -> Chars: ...
        def __set__(self, record: object, text: str, /) -> None: ...

else:
    u8, u16, u32, u64 = (Int(f"u{n * 8}", n, False) for n in (1, 2, 4, 8))
    s8, s16, s32, s64 = (Int(f"s{n * 8}", n, True) for n in (1, 2, 4, 8))
    UserStr = Pointer("user", "char")
    KernelStr = Pointer("kernel", "char")
    UserPtr = Pointer("user")
    KernelPtr = Pointer("kernel")

    class Chars(str):
        """A string read from a buffer. `raw`: its bytes; `cut`: it was longer than the buffer."""

        __slots__ = ("cut", "raw")

        def __new__(cls, raw: bytes = b"", cut: bool = False) -> Chars:
            """Text from its bytes; those that are not UTF-8 come out as surrogates."""
            self = str.__new__(cls, raw, "utf-8", "surrogateescape")
            self.raw, self.cut = raw, cut
            return self


BOOL = Int("bool", 1, False, boolean=True)


MOST_ELEMENTS, MOST_BYTES = 4096, 16384


def chars(size: int) -> Chars:
    """A buffer of `size` bytes (2 to 16384) as a struct's field: up to `size - 2` bytes of text.

    The last byte but the NUL is given up so that a text which fills the buffer can be told from
    one that was cut there.
    """
    if type(size) is not int or not 2 <= size <= MOST_BYTES:
        raise UsageError(f"chars({size!r}): the size is 2 to {MOST_BYTES} bytes")
    buffer: Any = CharArray(size)
    return buffer  # type: ignore[no-any-return]  # the field's declaration, not its text


def array(element: object, count: int) -> Any:
    """`count` elements (1 to 4096) of one type, as a struct's field: a list on both sides.

    `slots: list[u32] = array(u32, 8)`. `element`: an integer or pointer type, a Struct, `chars(N)`,
    or an array again. All of it takes at most 16 KiB.
    """
    type_ = value_type(element)
    if type(count) is not int or not 1 <= count <= MOST_ELEMENTS:
        raise UsageError(f"array(…, {count!r}): an array has 1 to {MOST_ELEMENTS} elements")
    if type_.size * count > MOST_BYTES:
        raise UsageError(f"array(…, {count}): {type_.size * count} bytes, {MOST_BYTES} is the most")
    return ArrayOf(type_, count)


def value_type(annotation: object, default: object = None) -> ValueType:
    """The layout that an annotation stands for. Raises UsageError where it has none.

    `default`: what a field is given to say its size, `chars(N)` or `array(T, N)`.
    """
    if isinstance(default, CharArray) and annotation is Chars:
        return default
    if isinstance(default, ArrayOf):
        return _array_type(annotation, default)
    if default is None and isinstance(annotation, (ArrayOf, CharArray)):
        return annotation
    if default is not None:
        raise UsageError(f"a field has no default, and {default!r} is one")
    if annotation is bool:
        return BOOL
    if isinstance(annotation, (Int, Pointer)):
        return annotation
    if isinstance(annotation, type) and issubclass(annotation, Struct) and annotation is not Struct:
        return annotation.layout_
    if annotation is Chars:
        raise UsageError("a Chars field needs its size: `name: Chars = chars(16)`")
    if annotation is int:
        raise UsageError("int has no width here: write u8 to u64 or s8 to s64")
    if annotation is list or _item_of(annotation) is not None:
        raise UsageError("a list needs its length: `slots: list[u32] = array(u32, 8)`")
    name = annotation.__name__ if isinstance(annotation, type) else repr(annotation)
    raise UsageError(f"{name} has no layout in kernel memory")


def _item_of(annotation: object) -> object:
    """`T` of `list[T]`, None of anything else."""
    if getattr(annotation, "__origin__", None) is not list:
        return None
    (item,) = getattr(annotation, "__args__", (None,))
    return item


def _array_type(annotation: object, default: ArrayOf) -> ArrayOf:
    """The layout of `name: list[T] = array(T, N)`, whose two sides must say the same."""
    item, element = _item_of(annotation), default.element
    if item is None:
        raise UsageError("an array is a list: `slots: list[u32] = array(u32, 8)`")
    sized = element if isinstance(element, (ArrayOf, CharArray)) else None
    if value_type(item, sized) != element:
        raise UsageError("the annotation and array(…) say different element types")
    return default


def resolve(annotation: object, module: str) -> object:
    """An annotation that `from __future__ import annotations` left as text, looked up."""
    if not isinstance(annotation, str):
        return annotation
    import builtins
    import sys

    if annotation.startswith("list[") and annotation.endswith("]"):
        return list[resolve(annotation[5:-1], module)]  # type: ignore[misc]
    scope = vars(sys.modules.get(module, builtins))
    head, *attributes = annotation.split(".")
    value = scope.get(head, getattr(builtins, head, None))
    for name in attributes:
        value = getattr(value, name, None)
    if value is None:
        raise UsageError(f"the annotation {annotation!r} is not a name of module {module}")
    return value


_TAKEN = ("submit", "discard", "layout_", "nested_")


class StructMeta(type):
    """Lays out the annotated fields of a `Struct` subclass.

    `nested_`: the classes of fields that are structs, or arrays of them, so that values come out
    as their instances.
    """

    layout_: StructType
    nested_: dict[str, type[Struct]]

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> StructMeta:
        """The class, with `layout_` and `nested_`. Raises UsageError at a field without layout."""
        members: list[tuple[str, ValueType]] = []
        nested: dict[str, Any] = {}
        for field, annotation in annotated(body).items():
            default = body.pop(field, None)
            if field in _TAKEN:
                raise UsageError(f"{name}.{field}: every Struct has a {field} of its own")
            try:
                resolved = resolve(annotation, body["__module__"])
                members.append((field, value_type(resolved, default)))
            except UsageError as error:
                raise UsageError(f"{name}.{field}: {error}") from None
            while (item := _item_of(resolved)) is not None:
                resolved = item
            if isinstance(resolved, StructMeta):
                nested[field] = resolved
        if bases and not members:
            raise UsageError(f"struct {name} has no fields")
        if any(base is not Struct for base in bases if isinstance(base, StructMeta)):
            raise UsageError(f"struct {name}: a Struct cannot inherit fields; nest it as a field")
        cls = super().__new__(mcs, name, bases, body)
        cls.layout_ = layout(name, tuple(members))
        cls.nested_ = nested
        return cls


class Struct(metaclass=StructMeta):
    """Base of records shared by both sides. Fields left out are zero.

    `submit` and `discard` exist for what `RingBuf.reserve()` gives on the kernel side.
    """

    if TYPE_CHECKING:
        # By position or by name, in any number: no dataclass of PEP 681 is made like that.
        def __init__(self, *values: Any, **fields: Any) -> None: ...

    else:

        def __init__(self, *args: object, **kwargs: object) -> None:
            names = [f.name for f in type(self).layout_.fields]
            values = dict(zip(names, args, strict=False), **kwargs)
            if len(args) > len(names) or (unknown := set(values) - set(names)):
                wrong = sorted(unknown) if len(args) <= len(names) else len(args)
                raise TypeError(f"{type(self).__name__} has fields {names}, got {wrong}")
            if len(values) < len(args) + len(kwargs):
                twice = [name for name in names[: len(args)] if name in kwargs]
                raise TypeError(f"{type(self).__name__} got {twice} twice")
            nested = type(self).nested_
            for field in type(self).layout_.fields:
                name = field.name
                value = values[name] if name in values else fresh(field.type, nested.get(name))
                setattr(self, name, value)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in vars(self).items())
        return f"{type(self).__name__}({inside})"

    def submit(self) -> None:
        """Hand a reserved record to user space."""
        raise UsageError("submit() belongs to a record that a kernel program reserved")

    def discard(self) -> None:
        """Give a reserved record back unseen."""
        raise UsageError("discard() belongs to a record that a kernel program reserved")


def zero(type_: ValueType) -> object:
    """The value that zero bytes decode to."""
    match type_:
        case Int(boolean=True):
            return False
        case Int() | Pointer():
            return 0
        case CharArray():
            return Chars()
        case StructType():
            return {f.name: zero(f.type) for f in type_.fields}
        case _:
            return [zero(type_.element) for _ in range(type_.count)]


def fresh(type_: ValueType, cls: type[Struct] | None) -> object:
    """The same, where structs are instances of `cls`."""
    if cls is not None and isinstance(type_, ArrayOf):
        return [fresh(type_.element, cls) for _ in range(type_.count)]
    return zero(type_) if cls is None else cls()


def sizeof(type_: object) -> int:
    """The size in bytes of an integer type, pointer type or `Struct` subclass."""
    return value_type(type_).size


def offsetof(struct: type[Struct], field: str) -> int:
    """How many bytes stand before a field of a struct; `"inner.name"` is a nested struct's."""
    at, type_ = 0, value_type(struct)
    for name in field.split("."):
        found = type_.field(name) if isinstance(type_, StructType) else None
        if found is None:
            raise UsageError(f"{getattr(struct, '__name__', struct)} has no field {field!r}")
        at, type_ = at + found.offset, found.type
    return at
