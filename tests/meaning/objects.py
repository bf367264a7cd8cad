"""What CPython takes for structs, arrays, text and variables of a kernel program.

In: types and values. Out: objects whose fields and elements convert what is assigned to them.
"""

from __future__ import annotations

from types import GenericAlias
from typing import Any

from tests.meaning.texts import Buffer
from tests.meaning.widths import Maybe, Width


def convert(type_: Any, value: Any) -> Any:
    """What an assignment to something of this type makes of a value."""
    if isinstance(type_, Buffer) and isinstance(value, str):
        return type_.take(value)
    if isinstance(type_, Maybe):
        return None if value is None else type_.width(value)
    if isinstance(type_, GenericAlias) and isinstance(value, tuple):
        return tuple(convert(t, v) for t, v in zip(type_.__args__, value, strict=True))
    return type_(value) if isinstance(type_, Width) else value


class Chars:
    """A text field; `chars(N)` is its default."""


class Items(list[Any]):
    """An array in a struct: a list whose elements keep their type."""

    def __init__(self, type_: Any, count: int) -> None:
        super().__init__(zero(type_) for _ in range(count))
        self.type = type_

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, convert(self.type, value))


class Sized:
    """`array(T, N)`: a type, and how a field of it begins."""

    def __init__(self, type_: Any, count: int) -> None:
        self.type, self.count = type_, count

    def __call__(self) -> Items:
        return Items(self.type, self.count)


def zero(type_: Any) -> Any:
    """What zero bytes of a type are."""
    if isinstance(type_, Width):
        return type_(0)
    return "" if type_ in (Chars, None) else type_()


class Struct:
    """An object: fields of integer types convert, others refer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fields = type(self).__annotations__
        given = dict(zip(fields, args, strict=False), **kwargs)
        for name, type_ in fields.items():
            if name in given:
                setattr(self, name, given[name])
            else:
                setattr(self, name, zero(getattr(type(self), name, None) or type_))

    def __setattr__(self, name: str, value: Any) -> None:
        said = getattr(type(self), name, None)
        type_ = said if isinstance(said, Buffer) else type(self).__annotations__[name]
        object.__setattr__(self, name, convert(type_, value))

    def __eq__(self, other: object) -> bool:  # as probee.Struct's
        return vars(self) == vars(other) if type(self) is type(other) else NotImplemented

    __hash__: Any = None
    _ring: Any = None

    def submit(self) -> None:
        type(self)._ring.append(plain(self))

    def discard(self) -> None:
        pass


def plain(value: Any) -> Any:
    """A value as comparable data."""
    if isinstance(value, list):
        return tuple(plain(item) for item in value)
    if hasattr(value, "__annotations__") and not isinstance(value, (int, str)):
        return tuple(plain(getattr(value, name)) for name in type(value).__annotations__)
    return int(value) if isinstance(value, int) else str(value)


class Global:
    def __init__(self, type_: Width, value: int) -> None:
        self.type, self.held = type_, type_(value)

    @property
    def value(self) -> int:
        return self.held

    @value.setter
    def value(self, value: int) -> None:
        self.held = self.type(value)
