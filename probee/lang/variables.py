"""Variables as declarations: `Const` and `Global`, values that user space sees too.

In: a type and a first value. Out: passive objects that kernel functions name and a `Session` makes
live: `session[total].value`. A declaration's name is the module-level name it is bound to.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.lang.generics import Generic
from probee.lang.types import value_type
from probee.spec.programs import PER_CPU

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, TypeVar, overload

    from probee.lang.types import Chars
    from probee.spec.types import ValueType

    T = TypeVar("T")
    # A kernel program names a Const for its value, so it may stand where a number or text may.
    _Itself: Any = object
else:
    T = None
    _Itself = object


class Variable(Generic[T]):
    """A named value in a data section: `section` is `.rodata` or `.data`."""

    section = ""
    _type: Any
    _first: Any

    if TYPE_CHECKING:
        value: Any

    else:

        def __init__(self, type_: object, value: object) -> None:
            self._type = value_type_of_variable(type_)
            self._first = checked(self._type, value)

        @property
        def value(self) -> NoReturn:
            """Refuses: this is no live variable, and what it holds now is not known here."""
            _elsewhere(self)

        @value.setter
        def value(self, _: object) -> None:
            _elsewhere(self)

    def identity(self) -> tuple[Any, ...]:
        """All that a compiled program's meaning takes from this declaration."""
        return (type(self).__name__, self._type, self._first)


class Const(Variable[T], _Itself):  # type: ignore[misc]  # a subclass of Any, as meant
    """A value fixed when the program is loaded: in .rodata if a Session sets it, else folded."""

    section = ".rodata"

    if TYPE_CHECKING:

        @overload
        def __init__(self: Const[str], type_: Chars, value: str | bytes) -> None: ...
        @overload
        def __init__(self, type_: type[T], value: T) -> None: ...
        def __init__(self, type_: Any, value: Any) -> None: ...

        def __eq__(self, other: object) -> bool: ...
        def __hash__(self) -> int: ...
        def __lt__(self, other: int) -> bool: ...
        def __le__(self, other: int) -> bool: ...
        def __gt__(self, other: int) -> bool: ...
        def __ge__(self, other: int) -> bool: ...
        def __bool__(self) -> bool: ...
        def __add__(self, other: int) -> int: ...
        def __sub__(self, other: int) -> int: ...
        def __mul__(self, other: int) -> int: ...
        def __floordiv__(self, other: int) -> int: ...
        def __mod__(self, other: int) -> int: ...
        def __and__(self, other: int) -> int: ...
        def __or__(self, other: int) -> int: ...
        def __xor__(self, other: int) -> int: ...
        def __rshift__(self, other: int) -> int: ...
        def __lshift__(self, other: int) -> int: ...
        def __neg__(self) -> int: ...
        def __invert__(self) -> int: ...

    else:
        # what Python would answer without asking, and not by the value; the rest is its TypeError

        def __bool__(self) -> bool:  # noqa: PLE0304 - it raises
            _elsewhere(self)

        def __eq__(self, other: object) -> bool:
            if isinstance(other, (int, str, bytes)):
                _elsewhere(self)
            return NotImplemented

        __hash__ = object.__hash__


class Global(Variable[T]):
    """A value that kernel and user space share while the program runs.

    A kernel program reads and writes `name.value`; the user side `session[name].value`.
    """

    section = ".data"

    if TYPE_CHECKING:
        value: T

        @overload
        def __init__(self: Global[str], type_: Chars, value: str | bytes) -> None: ...
        @overload
        def __init__(self, type_: type[T], value: T) -> None: ...
        def __init__(self, type_: Any, value: Any) -> None: ...


class PerCpuGlobal(Global[T]):
    """A Global that each CPU has for itself, each with the first value.

    A program's `name.value` is that of the CPU it runs on; the user side reads the values of all:
    `session[name].values`, and of numbers their sum, `session[name].total`.
    """

    section = PER_CPU


def _elsewhere(variable: Variable[Any]) -> NoReturn:
    kind = type(variable).__name__
    hint = "the live value is session[declaration].value"
    if isinstance(variable, PerCpuGlobal):
        hint = "the live values are session[declaration].values"
    raise UsageError(f"a {kind} has its value in kernel programs and in a Session", hint=hint)


def value_type_of_variable(type_: object) -> ValueType:
    """The layout of a Const or Global: an integer, bool, or `chars(N)` buffer."""
    from probee.spec.types import CharArray, Int

    layout = type_ if isinstance(type_, CharArray) else value_type(type_)
    if not isinstance(layout, (Int, CharArray)):
        raise UsageError("a Const or Global is an integer, a bool or a chars(N) buffer")
    return layout


def checked(layout: ValueType, value: object) -> int | bytes:
    """`value` if `layout` can hold it whole. Raises UsageError where it cannot."""
    from probee.spec.types import CharArray, Int

    if isinstance(layout, CharArray):
        raw = value.encode() if isinstance(value, str) else value
        if not isinstance(raw, bytes) or len(raw) >= layout.size or b"\0" in raw:
            raise UsageError(f"{value!r} is not text that fits chars({layout.size})")
        return raw
    assert isinstance(layout, Int)
    if not isinstance(value, int) or not layout.low <= value <= layout.high:
        raise UsageError(f"{value!r} does not fit {layout.name}")
    return int(value)
