"""Contexts of common tracepoints, typed: `from probee.contexts import SysEnterOpenat`.

In: the name of a class: the tracepoint's own in CapWords. Out: a `TypedContext` with the fields
that the tracepoint had where they were recorded. Where the running kernel has a field in another
type, reading it is a compile error, and `probee stubs` writes the class for that kernel.
"""

from __future__ import annotations

from probee.lang.contexts import ContextMeta, TypedContext
from probee.lang.types import (
    Chars,
    KernelPtr,
    KernelStr,
    UserPtr,
    UserStr,
    chars,
    s8,
    s16,
    s32,
    s64,
    u8,
    u16,
    u32,
    u64,
)
from probee.tables.contexts_data import ROWS

# What the classes' annotations name.
_TYPES = (Chars, KernelPtr, KernelStr, UserPtr, UserStr, s8, s16, s32, s64, u8, u16, u32, u64)


def __getattr__(name: str) -> ContextMeta:
    row = ROWS.get(name)
    if row is None:
        raise AttributeError(f"module 'probee.contexts' has no attribute {name!r}")
    hook, *fields = row.split(" ")
    annotations: dict[str, str] = {}
    body: dict[str, object] = {"__module__": __name__, "__doc__": hook}
    for field in fields:
        key, _, word = field.partition(":")
        size = word.removeprefix("chars(").removesuffix(")")
        if size != word:
            annotations[key], body[key] = "Chars", chars(int(size))
        else:
            annotations[key] = word
    made = ContextMeta(name, (TypedContext,), {**body, "__annotations__": annotations})
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    return [*globals(), *ROWS]
