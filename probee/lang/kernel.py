"""Structs of the kernel as declarations: the members that a program reads, by the kernel's names.

In: class statements. Out: passive classes. Offsets are the kernel's own and are found when the
program is loaded, so a class names only what is used, in any order; members inside anonymous
structs and unions are named as C names them. Nothing is looked up before a compiler asks, so
`Ptr["Later"]` may name a class that comes later in the module.

    class TaskStruct(KernelStruct, name="task_struct"):
        tgid: s32
        real_parent: Ptr["TaskStruct"]
        comm: Chars = chars(16)
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.frozen import Frozen, annotated
from probee.lang.builtins import Intrinsic
from probee.lang.types import resolve, value_type
from probee.spec.types import ArrayOf, CharArray, Int, Pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Annotated, Any, Generic, TypeAlias, TypeVar

    T = TypeVar("T")
    Ptr: TypeAlias = Annotated[T, "a pointer in the kernel"]

    KernelEnum: TypeAlias = Annotated[T, "an enum in C"]

    class PtrArray(Generic[T]):
        """`PtrArray[T]`: a pointer to pointers to structs of the kernel, as many as C knows."""

        def __getitem__(self, number: int, /) -> T: ...

    class Items(Generic[T]):
        """`Items[T]`: an array that lies in the struct itself, of integers or KernelStructs."""

        def __getitem__(self, number: int, /) -> T: ...

    MemberType: TypeAlias = (
        "Int | Pointer | CharArray | ArrayOf | KernelMeta | PointerTo | ItemsOf | EnumOf"
    )
else:

    class Ptr:
        """`Ptr[T]`: a pointer to a struct of the kernel. To type checkers it is a T."""

        def __class_getitem__(cls, target: object) -> PointerTo:
            return PointerTo(target)

    class KernelEnum:
        """`KernelEnum[u32]`: an enum in C, read as that integer. To type checkers it is one."""

        def __class_getitem__(cls, target: object) -> EnumOf:
            return EnumOf(target)

    class PtrArray:
        """`PtrArray[T]`: a pointer to pointers to structs of the kernel, as many as C knows."""

        def __class_getitem__(cls, target: object) -> PointerTo:
            return PointerTo(target, many=True)

    class Items:
        """`Items[T]`: an array that lies in the struct itself, of integers or KernelStructs."""

        def __class_getitem__(cls, target: object) -> ItemsOf:
            return ItemsOf(target)


class PointerTo(Frozen):
    """What `Ptr[target]` is; a target that is text is looked up when it is asked for.

    `many`: `PtrArray[target]`, behind which there are pointers.
    """

    target: object
    many: bool = False


class ItemsOf(Frozen):
    """What `Items[target]` is; a target that is text is looked up when it is asked for."""

    target: object


class EnumOf(Frozen):
    """What `KernelEnum[target]` is; a target that is text is looked up when it is asked for."""

    target: object


_PLAIN_BASE = "KernelStruct"
_TAKEN = ("declared_", "struct_", "mro")


class KernelMeta(type):
    """Keeps what the class body says.

    `struct_`: the struct's name in the kernel, which a subclass inherits. `declared_`: annotation,
    value and module by member, those of base classes first.
    """

    struct_: str
    declared_: dict[str, tuple[object, object, str]]

    def __new__(
        mcs, cls_name: str, bases: tuple[type, ...], body: dict[str, Any], *, name: str = ""
    ) -> KernelMeta:
        """The class, with `declared_` and `struct_`."""
        declared: dict[str, tuple[object, object, str]] = {}
        inherited = ""
        for base in bases:
            declared |= getattr(base, "declared_", {})
            inherited = inherited or getattr(base, "struct_", "")
        mangled = f"_{cls_name.lstrip('_')}__"  # what Python makes of `__state` in a class body
        for member, annotation in annotated(body).items():
            plain = member.removeprefix(mangled[:-2]) if member.startswith(mangled) else member
            if plain in _TAKEN:
                raise UsageError(f"{cls_name}.{plain}: every KernelStruct has one of its own")
            declared[plain] = (annotation, body.pop(member, None), body["__module__"])
        cls = super().__new__(mcs, cls_name, bases, body)
        cls.declared_ = declared
        cls.struct_ = name or inherited or (cls_name if bases else "")
        return cls


class KernelStruct(metaclass=KernelMeta):
    """Base of the classes that declare structs of the kernel: `class Dentry(KernelStruct, …)`.

    `name`: the kernel's name of the struct, where it is not that of the class. What stands behind
    `___` in it is ignored, so that one struct can have several declarations, of several kernels.
    """

    if TYPE_CHECKING:

        def __init_subclass__(cls, *, name: str = "") -> None: ...
        def __index__(self) -> int:
            """`u64(pointer)`: the address."""

        def __eq__(self, other: object) -> bool: ...
        def __hash__(self) -> int: ...

    else:

        def __new__(cls, *_: object, **__: object) -> KernelStruct:
            """Refuses: there is nothing to make on this side."""
            raise UsageError(f"a {cls.__name__} is the kernel's: a program finds it there")


def kernel_name(cls: KernelMeta) -> str:
    """The struct's name as the kernel has it."""
    return cls.struct_.partition("___")[0]


def member_type(cls: KernelMeta, name: str) -> MemberType | None:
    """What a member is declared to be, None where there is none of that name.

    A struct inside the struct is its class; of a `PointerTo` the target is a class, of `ItemsOf` a
    class or an Int, of `EnumOf` an Int. Raises UsageError for an annotation without meaning here.
    """
    row = cls.declared_.get(name)
    if row is None:
        return None
    annotation, default, module = row
    try:
        return _typed(annotation, default, module, cls)
    except UsageError as error:
        raise UsageError(f"{cls.__name__}.{name}: {error.message}") from None


def _typed(annotation: object, default: object, module: str, cls: KernelMeta) -> MemberType:
    found = _resolved(annotation, module, cls)
    if isinstance(found, PointerTo):
        target = _resolved(found.target, module, cls)
        if not isinstance(target, KernelMeta):
            raise UsageError("Ptr[T] points to a KernelStruct; KernelPtr is an address of no type")
        return PointerTo(target, found.many)
    if isinstance(found, ItemsOf):
        target = _resolved(found.target, module, cls)
        item = target if isinstance(target, KernelMeta) else value_type(target, None)
        if not isinstance(item, (Int, KernelMeta)):
            raise UsageError("Items[T] has integers or KernelStructs")
        return ItemsOf(item)
    if isinstance(found, EnumOf):
        number = value_type(_resolved(found.target, module, cls), None)
        if not isinstance(number, Int) or number.boolean:
            raise UsageError("KernelEnum[T] is an integer")
        return EnumOf(number)
    if isinstance(found, KernelMeta):
        return found
    type_ = value_type(found, default)
    if not isinstance(type_, (Int, Pointer, CharArray, ArrayOf)):
        raise UsageError("a struct in a struct of the kernel is a KernelStruct too")
    return type_


def _resolved(annotation: object, module: str, cls: KernelMeta) -> object:
    """An annotation that is text, looked up; `Ptr["T"]` and `Items["T"]` within it too."""
    if not isinstance(annotation, str):
        return annotation
    text = annotation.strip().strip("\"'")
    head, bracket, inside = text.partition("[")
    if bracket and inside.endswith("]"):
        form = _resolved(head, module, cls)
        if form is Ptr or form is PtrArray:
            return PointerTo(inside[:-1], form is PtrArray)
        if form is Items:
            return ItemsOf(inside[:-1])
        if form is KernelEnum:
            return EnumOf(inside[:-1])
    for known in cls.__mro__:
        if text == known.__name__ and isinstance(known, KernelMeta):
            return known
    return resolve(text, module)


def shape(cls: KernelMeta, seen: frozenset[KernelMeta] = frozenset()) -> object:
    """What of a class can change a program that names it, with all that it points to.

    Of the language's own only the name: their file is in the cache's key.
    """
    if cls.__module__.startswith("probee.lang.") or cls in seen:
        return (cls.__module__, cls.__qualname__)
    rows: list[object] = [cls.struct_]
    for name, (annotation, default, _) in cls.declared_.items():
        rows.append((name, str(annotation), repr(default)))
        try:
            type_ = member_type(cls, name)
        except UsageError:  # told where it is used
            continue
        target = type_.target if isinstance(type_, (PointerTo, ItemsOf)) else type_
        if isinstance(target, KernelMeta):
            rows.append(shape(target, seen | {cls}))
        else:
            rows.append(repr(target))
    return rows


if TYPE_CHECKING:
    S = TypeVar("S", bound=KernelStruct)

    def cast(struct: type[S], pointer: KernelStruct | int | str, /) -> S:
        """`pointer` as one to another struct of the kernel. It may be an address as a number."""

    def container_of(pointer: KernelStruct, struct: type[S], member: str, /) -> S:
        """The struct whose member at the path `member` is what `pointer` points to."""

    def has_field(struct: type[KernelStruct], path: str, /) -> bool:
        """Whether the kernel has that member, `a.b` in a struct inside, as it is declared."""

    def has_type(struct: type[KernelStruct], /) -> bool:
        """Whether the kernel has a struct of that name."""

else:
    cast = Intrinsic("cast")
    container_of = Intrinsic("container_of")
    has_field = Intrinsic("has_field")
    has_type = Intrinsic("has_type")
