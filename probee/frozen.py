"""Frozen, slotted records without `dataclasses`, whose import alone costs 21 ms.

In: a class body of annotated names, some with defaults.
Out: a class with `__slots__`, a constructor by position or keyword, equality, hash, repr,
`__match_args__` for `match`, and attributes that cannot be assigned again.

    class Point(Frozen):
        x: int
        y: int = 0

Type checkers see dataclass semantics (PEP 681). Fields of a base class come first. Making a
class costs microseconds, where a frozen slotted dataclass costs half a millisecond, so records
may be declared on the path from the command line to the first printed row.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeVar, dataclass_transform

    Record = TypeVar("Record", bound="Frozen")
else:

    def dataclass_transform(**_: object):
        """What typing's gives at run time, without its import."""
        return lambda cls: cls


_set = object.__setattr__
_REQUIRED = object()
_VALUE = 1  # annotationlib.Format.VALUE


def annotated(body: dict[str, Any]) -> dict[str, Any]:
    """The annotated names of a class body: text below `from __future__ import annotations`, else
    values. Since Python 3.14 the latter are there only as a function that makes them (PEP 649).
    """
    found: dict[str, Any] | None = body.get("__annotations__")
    if found is not None:
        return found
    # What annotationlib.get_annotate_from_class_namespace looks for, without that import.
    make = body.get("__annotate_func__") or body.get("__annotate__")
    return make(_VALUE) if make else {}


@dataclass_transform(frozen_default=True, eq_default=True)
class FrozenMeta(type):
    """Turns the annotated names of a class body into slots, in order, bases first."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], **kwargs: Any
    ) -> FrozenMeta:
        """The class: its annotated names become slots, their values the defaults."""
        own = [field for field in annotated(body) if field != "__slots__"]
        fields: dict[str, Any] = {}
        for base in reversed(bases):
            fields.update(getattr(base, "_fields", {}))
        for field in own:
            fields[field] = body.pop(field, _REQUIRED)
        body["__slots__"] = tuple(field for field in own)
        body["__match_args__"] = tuple(fields)
        body["_fields"] = fields
        return super().__new__(mcs, name, bases, body, **kwargs)


class Frozen(metaclass=FrozenMeta):
    """Base of every frozen record. A default must be immutable: it is shared, never copied."""

    if TYPE_CHECKING:
        _fields: ClassVar[dict[str, Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fields = self._fields
        if len(args) > len(fields):
            raise TypeError(f"{type(self).__name__} takes {len(fields)} fields, got {len(args)}")
        for field, value in zip(fields, args, strict=False):
            _set(self, field, value)
        for field in tuple(fields)[len(args) :]:
            value = kwargs.pop(field, fields[field])
            if value is _REQUIRED:
                raise TypeError(f"{type(self).__name__} needs {field!r}")
            _set(self, field, value)
        if kwargs:
            raise TypeError(f"{type(self).__name__} has no field {next(iter(kwargs))!r}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} is frozen")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} is frozen")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, f) == getattr(other, f) for f in self._fields)

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, f) for f in self._fields)))

    def __repr__(self) -> str:
        inside = ", ".join(f"{f}={getattr(self, f)!r}" for f in self._fields)
        return f"{type(self).__name__}({inside})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, f) for f in self._fields)


def replace(record: Record, **changes: Any) -> Record:
    """A copy of `record` with some fields changed, as `dataclasses.replace` does."""
    fields = {f: getattr(record, f) for f in record._fields}
    fields.update(changes)
    return type(record)(**fields)
