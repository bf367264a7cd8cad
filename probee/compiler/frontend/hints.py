"""What to write instead, where it shows from the name that was used.

In: a value or a name that a refusal is about. Out: the words of its `fix`; "" where the code's own
say it as well.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import TYPE_CHECKING

from probee.compiler.frontend.values import Kern, Method, Num, OptNum, Ref, Text, Thing, describe
from probee.lang.builtins import Helper, helper
from probee.lang.maps import Array, Mapping
from probee.lang.variables import Global
from probee.spec.types import CharArray, StructType

if TYPE_CHECKING:
    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue

_MISSING = object()


def instead_of(found: TypedValue) -> str:
    """A value stands where it makes no sense."""
    match found:
        case Thing(obj=Global(), name=name):
            return f"write `{name}.value`"
        case Thing(obj=Mapping() | Array(), name=name):
            return f"write `{name}[key]`, or `{name}.get(key)`"
        case Thing(obj=FunctionType() | Helper(), name=name):
            return f"call it: `{name}()`"
        case Kern(path=()):
            return "write u64(…) for its address, which cast() brings back"
        case Method(name=name):
            return f"call it: `.{name}()`"
        case _:
            return ""


def without_value(owner: TypedValue, attribute: str) -> str:
    """`.value` of what is no Global: most likely a Const."""
    text = isinstance(owner, Ref) and isinstance(owner.type, CharArray)
    if attribute == "value" and (text or isinstance(owner, (Num, Text))):
        return "a Const is its value, without .value, and cannot be written"
    return ""


def unassigned(low: Lowering, name: str) -> str:
    """A local is read before it is assigned, and the module has something of that name."""
    there = low.frame.source.function.__globals__.get(name, _MISSING)
    if isinstance(there, Global):
        return f"`{name}.value` is the module's; `{name}` is a local, for it is assigned here"
    if there is not _MISSING:
        return f"`{name}` is a local, for it is assigned here: give it another name"
    return ""


def importable(name: str) -> str:
    """A name that nobody imported, and probee has."""
    plain = name.removeprefix("bpf_")
    names = sys.modules["probee"].__all__  # not imported: the compiler knows no floor above it
    if plain in names or helper(plain) is not None:
        return f"from probee import {plain}"
    return ""


def other_object(known: TypedValue | None, name: str) -> str:
    """A name for a struct is given another struct, or one for an optional another type."""
    if isinstance(known, OptNum):
        return f"it is {describe(known)}: convert the number, or None"
    ref = known if isinstance(known, Ref) else None
    if ref is not None and isinstance(ref.type, StructType) and ref.origin == "stack":
        return f"make it once, before, and assign its fields: `{name}.field = …`"
    return ""
