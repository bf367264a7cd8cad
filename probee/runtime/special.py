"""Live objects of the maps that are neither dict, list nor ring buffer.

In: a declaration and its loaded map. Out: its live side.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.lang.hist import Hist
from probee.lang.perf import PerfEventArray
from probee.lang.stacks import StackTrace
from probee.lang.types import Struct
from probee.spec.types import ArrayOf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from probee.lang.maps import MapDeclaration
    from probee.runtime.loader import LoadedMap


def special(declaration: MapDeclaration, map_: LoadedMap, guard: Callable[[], None]) -> object:
    """The live side; `guard` raises where it may not be used. NotSupportedError if it has none."""
    match declaration:
        case Hist():
            return _hist(declaration, map_, guard)
        case StackTrace():
            from probee.runtime.stacks import LiveStacks

            assert isinstance(declaration.value, ArrayOf)
            return LiveStacks(map_.name, map_.fd, declaration.value.count, guard)
        case PerfEventArray():
            return _perf(declaration, map_, guard)
        case _:
            raise NotSupportedError(f"{type(declaration).__name__} maps on the user side")


def _hist(declaration: Hist[object], map_: LoadedMap, guard: Callable[[], None]) -> object:
    from probee.runtime.hist import LiveHist, LiveHistMap

    assert isinstance(declaration.value, ArrayOf)
    assert declaration.key is not None
    slots, linear = declaration.value.count, declaration.linear
    if not declaration.keyed:
        return LiveHist(map_.fd, slots, linear, guard)
    from probee.runtime.decode import ValueCodec

    key = ValueCodec(declaration.key, declaration.key_class)
    return LiveHistMap(map_.fd, key, slots, linear, map_.max_entries, guard)


def _perf(declaration: PerfEventArray[Any], map_: LoadedMap, guard: Callable[[], None]) -> object:
    from probee.runtime.decode import row_decoder
    from probee.runtime.perf import LivePerf, PerfRings
    from probee.runtime.records import RecordLayout

    record = declaration.value_class
    assert isinstance(record, type)
    assert issubclass(record, Struct)
    layout = RecordLayout.of(record.layout_)
    rings, fd = PerfRings.open(map_.fd, map_.max_entries, map_.name)
    return LivePerf(rings, fd, layout, row_decoder(record.layout_, record), guard)
