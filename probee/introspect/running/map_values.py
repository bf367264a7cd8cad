"""Elements of a map as values that one can compare, add and show.

In: a map's row and the bytes of keys and values. Out: Python values by BTF; without BTF numbers
where the size is that of a number, else bytes. Per-CPU values are added up over the CPUs.
"""

from __future__ import annotations

from probee.btf.codec import Codec
from probee.errors import FormatError, NotSupportedError, ProbeeError
from probee.host.cpus import possible
from probee.introspect.loaded.elements import cpu_step
from probee.introspect.running.forms import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from probee.introspect.loaded.maps import Map
    from probee.introspect.loaded.types import Types

_NUMBERS = (1, 2, 4, 8)
_LARGEST = 1 << 16  # bytes of a value that is decoded
_MOST_TEXT = 400  # characters of a value that are shown


class Decoder:
    """Keys and values of one map. `typed`: BTF says what the values are.

    `texts`: enumerators are texts, with or without a name (see `probee.btf.codec`), as they are in
    per-CPU maps, where numbers would be added.
    """

    __slots__ = ("_cpus", "_key", "_row", "_step", "_value", "typed")

    def __init__(self, row: Map, types: Types, *, texts: bool = False) -> None:
        self._row, texts = row, texts or row.per_cpu
        table = types.of(row.btf_id) if row.btf_id else None
        self._key = _codec(table, row.key_type, row.key_size, texts=texts)
        self._value = _codec(table, row.value_type, row.value_size, texts=texts)
        self.typed = self._value is not None
        self._cpus, self._step = (len(possible()), cpu_step(row)) if row.per_cpu else (0, 0)

    def key(self, data: bytes) -> Any:
        """A key; where it is none of its type, its bytes or number."""
        return _decoded(self._key, data)

    def value(self, data: bytes) -> Any:
        """A value, likewise; of a per-CPU map the sum of all CPUs'."""
        return self._summed(data, _decoded)

    def exact_key(self, data: bytes) -> Any:
        """A key. Raises FormatError where it is none of its type."""
        return _exact(self._key, data)

    def exact_value(self, data: bytes) -> Any:
        """A value; of a per-CPU map the sum of all CPUs'. Raises FormatError."""
        return self._summed(data, _exact)

    def _summed(self, data: bytes, decoded: Callable[[Codec | None, bytes], Any]) -> Any:
        size = self._row.value_size
        if not self._cpus:
            return decoded(self._value, data)
        starts = range(0, self._cpus * self._step, self._step)
        values = [decoded(self._value, data[at : at + size]) for at in starts]
        return added(values, decoded(self._value, bytes(size)))


def _codec(table: Any, id: int, size: int, *, texts: bool) -> Codec | None:
    if table is None or not id or size > _LARGEST:
        return None
    try:
        codec = Codec(table, id, texts=texts)
    except (FormatError, NotSupportedError, ProbeeError):
        return None
    return codec if codec.size == size else None


def _decoded(codec: Codec | None, data: bytes) -> Any:
    try:
        return _exact(codec, data)
    except FormatError:  # no value of the type, such as a bool of 2
        return _exact(None, data)


def _exact(codec: Codec | None, data: bytes) -> Any:
    if codec is not None:
        return codec.decode(data)
    return int.from_bytes(data, "little") if len(data) in _NUMBERS else data


def added(values: Sequence[Any], zero: Any) -> Any:
    """What per-CPU values come to: numbers added, of other things the first that is not `zero`,
    which is what bytes of zero mean; of values of several shapes the first.
    """
    first = values[0]
    match first:
        case bool() | str() | bytes():
            return next((value for value in values if value != zero), first)
        case int() | float():
            numbers = [value for value in values if isinstance(value, (int, float))]
            return sum(numbers)
        case list() | dict() if any(type(value) is not type(zero) for value in values):
            return first
        case list():
            return [added(items, none) for *items, none in zip(*values, zero, strict=True)]
        case dict():
            return {name: added([value[name] for value in values], zero[name]) for name in first}
        case _:
            return first


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The single values in it, each with the way to it: `slots[3]`, `count`."""
    match value:
        case dict():
            for name, item in value.items():
                yield from leaves(item, f"{path}.{name}" if path else name)
        case list():
            for at, item in enumerate(value):
                yield from leaves(item, f"{path}[{at}]")
        case _:
            yield path, value


def shown(value: Any) -> str:
    """A value for people, one line, printable, cut where it gets long."""
    text = _text(value, 0)
    return text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 1]}…"


def _text(value: Any, depth: int) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{one_line(value)}"' if depth else one_line(value)
        case bytes():
            text = value[:32].hex(" ")
            return f"{text} …" if len(value) > 32 else text
        case list():
            last = max((at for at, item in enumerate(value) if _any(item)), default=-1)
            items = [_text(item, depth + 1) for item in value[: min(last + 1, 64)]]
            return f"[{', '.join(items)}{', …' if last + 1 < len(value) else ''}]"
        case dict():
            inside = ", ".join(
                f"{one_line(name)} {_text(item, depth + 1)}" for name, item in value.items()
            )
            return f"{{{inside}}}" if depth else inside
        case _:
            return str(value)


def _any(value: Any) -> bool:
    """Whether there is anything in it but zeros."""
    return any(any(leaf) if isinstance(leaf, bytes) else leaf for _, leaf in leaves(value))
