"""Contexts as declarations: what the fields of a hook are, for type checkers and the compiler.

In: a class statement. Out: a passive class; `ctx: SysEnterOpenat` says that `ctx` has the fields
that the class names, and no others. The compiler reads every field at the place and width that the
running kernel gives it, and holds the annotation against that: a class that is out of date is a
compile error where its field is read. `probee stubs` writes such classes.
"""

from __future__ import annotations

from probee.frozen import annotated
from probee.lang.types import resolve, value_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from probee.spec.types import ValueType


class ContextMeta(type):
    """Keeps what the class body says; nothing is looked up before a compiler asks.

    `declared_`: annotation and value by field, those of base classes first.
    """

    declared_: dict[str, tuple[object, object]]

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> ContextMeta:
        """The class, with `declared_`."""
        declared: dict[str, tuple[object, object]] = {}
        for base in bases:
            declared |= getattr(base, "declared_", {})
        mangled = f"_{name.lstrip('_')}__"  # what Python makes of `__syscall_nr` in a class body
        for field, annotation in annotated(body).items():
            plain = field.removeprefix(mangled[:-2]) if field.startswith(mangled) else field
            declared[plain] = (annotation, body.pop(field, None))
        cls = super().__new__(mcs, name, bases, body)
        cls.declared_ = declared
        return cls


class TypedContext(metaclass=ContextMeta):
    """What the kernel passes to a program: base of classes that annotate its fields."""


class Context(TypedContext):
    """What the kernel passes to a program; its fields are those of the hook."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


def field_types(context: ContextMeta) -> dict[str, ValueType]:
    """The layout that each field is said to have. Raises UsageError where there is none."""
    return {
        name: value_type(resolve(annotation, context.__module__), value)
        for name, (annotation, value) in context.declared_.items()
    }
