"""Typed contexts: classes of Python for what a kernel's tracepoints tell a program.

In: the running kernel's formats, or its BTF, and names or patterns of events. Out: the text of a
module of `TypedContext` classes, which type checkers and the compiler read. A field that the
language has no type for stands there as a comment: reading it is an error on both sides.
"""

from __future__ import annotations

import os
from keyword import iskeyword

from probee.compiler.frontend.context import COMMON_BYTES, argument_type, field_type
from probee.errors import FormatError, RelocationError, UsageError
from probee.frozen import Frozen
from probee.spec.types import CharArray, Int, Pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probee.host.facts import RunningKernel
    from probee.spec.target import RawArgument, TracepointFormat

_POINTERS = {
    ("user", "char"): "UserStr",
    ("user", ""): "UserPtr",
    ("kernel", "char"): "KernelStr",
}
# What classes name, in the order in which it is imported.
_IMPORTED = (
    "Chars", "KernelPtr", "KernelStr", "TypedContext", "UserPtr", "UserStr", "chars",
    "s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64",
)  # fmt: skip


class Field(Frozen):
    """A line of a class: `type` as its annotation says it, or "", and then `missing` says why."""

    name: str
    type: str
    missing: str = ""


class Event(Frozen):
    """What a class is written for: `category` is "" for a raw tracepoint."""

    category: str
    name: str
    fields: tuple[Field, ...]

    @property
    def hook(self) -> str:
        """As a decorator says it."""
        return f"{self.category}:{self.name}" if self.category else self.name


# ------------------------------------------------------------------------- events and their fields


def tracepoints(kernel: RunningKernel, patterns: Sequence[str]) -> list[Event]:
    """The tracepoints that `category:name` patterns (`*`, `?`, `[…]`) match; all without any.

    Raises RelocationError for one that matches nothing, UsageError for one without a colon.
    """
    from fnmatch import fnmatchcase

    tracefs = kernel.tracefs
    chosen: dict[tuple[str, str], None] = {}
    for pattern in patterns or ("*:*",):
        category, colon, name = pattern.partition(":")
        if not (category and colon and name):
            raise UsageError(
                f"{pattern!r} is not of the form category:name",
                hint="for example syscalls:sys_enter_openat, or 'sched:*' in quotes",
            )
        if not _is_pattern(pattern):
            tracefs.demand(category, name)
            chosen[category, name] = None
            continue
        found = [
            (one, event)
            for one in tracefs.events()
            if fnmatchcase(one, category)
            for event in tracefs.events(one)
            if fnmatchcase(event, name) and tracefs.format(one, event) is not None
        ]
        if not found:
            raise RelocationError(f"no tracepoint of this kernel matches {pattern!r}")
        chosen.update(dict.fromkeys(found))
    return [tracepoint_event(tracefs.demand(*one)) for one in chosen]


def tracepoint_event(format_: TracepointFormat) -> Event:
    """The fields that a program can read; those that all tracepoints have, it cannot."""
    fields = [
        _field(f.name, _word(field_type(f, format_.category)), f.type)
        for f in format_.fields
        if f.offset >= COMMON_BYTES
    ]
    return Event(format_.category, format_.name, tuple(fields))


def raw_tracepoints(kernel: RunningKernel, patterns: Sequence[str]) -> list[Event]:
    """The raw tracepoints, by BTF, that patterns match; all without any."""
    from fnmatch import filter as matching

    names: list[str] = kernel.raw_tracepoints()
    chosen: dict[str, None] = {}
    for pattern in patterns or ("*",):
        if _is_pattern(pattern):
            found = matching(names, pattern)
            if not found:
                raise RelocationError(f"no raw tracepoint of this kernel matches {pattern!r}")
            chosen.update(dict.fromkeys(found))
        else:
            kernel.attach_btf_id(pattern)  # raises where there is none
            chosen[pattern] = None
    return [_raw_event(kernel, name) for name in chosen]


def _raw_event(kernel: RunningKernel, name: str) -> Event:
    try:
        arguments: tuple[RawArgument, ...] = kernel.raw_tracepoint(name) or ()
    except FormatError as error:
        return Event("", name, (Field("arguments", "", str(error)),))
    fields = [_field(a.name, _word(argument_type(a)), a.kind) for a in arguments]
    return Event("", name, tuple(fields))


def _is_pattern(text: str) -> bool:
    return any(character in text for character in "*?[")


def _field(name: str, type_: str, c_type: str) -> Field:
    if iskeyword(name) or name in (*_IMPORTED, "bool"):
        return Field(name, "", f"{c_type}, under a name that Python or probee has taken")
    return Field(name, type_, "" if type_ else f"{c_type}: no type for it yet")


def _word(type_: Int | Pointer | CharArray | None) -> str:
    """A type as an annotation says it, `chars(16)` for a buffer, "" for none."""
    match type_:
        case Int(name=name):
            return name
        case Pointer(space, target):
            return _POINTERS.get((space, target), "KernelPtr" if space == "kernel" else "UserPtr")
        case CharArray(size):
            return f"chars({size})"
        case _:
            return ""


# ------------------------------------------------------------------------------------------- text


def module_text(events: Iterable[Event], source: str) -> str:
    """A module with a class for each event. `source` says in its docstring where it is from."""
    named = class_names(events)
    classes = [class_text(name, event) for name, event in named.items()]
    return (
        f'"""Contexts of tracepoints, with the types of their fields: {source}.\n\n'
        "Written by `probee stubs`; write it anew for another kernel.\n"
        '"""\n\nfrom __future__ import annotations\n\n'
        f"{imports(named.values())}" + "".join(classes)
    )


def imports(events: Iterable[Event]) -> str:
    """The import of what the classes of these events name."""
    words = {"TypedContext"}
    for event in events:
        for field in event.fields:
            if field.type.startswith("chars("):
                words |= {"Chars", "chars"}
            elif field.type:
                words.add(field.type)
    return f"from probee import {', '.join(word for word in _IMPORTED if word in words)}\n"


def class_text(name: str, event: Event) -> str:
    """One class, two empty lines before it."""
    lines = [f'\n\nclass {name}(TypedContext):\n    """{event.hook}"""\n']
    if event.fields:
        lines.append("\n")
    for field in event.fields:
        if field.type.startswith("chars("):
            lines.append(f"    {field.name}: Chars = {field.type}\n")
        elif field.type:
            lines.append(f"    {field.name}: {field.type}\n")
        else:
            lines.append(f"    # {field.name}: {field.missing}\n")
    return "".join(lines)


def class_names(events: Iterable[Event]) -> dict[str, Event]:
    """Classes by name: `SysEnterOpenat`, `RawSchedSwitch`; its category first where two are alike.

    A name depends on the events beside it only if two events have the same name.
    """
    kept = sorted(events, key=lambda event: (event.category, event.name))
    plain = [_camel(e.name) if e.category else f"Raw{_camel(e.name)}" for e in kept]
    names: dict[str, Event] = {}
    for event, short in zip(kept, plain, strict=True):
        name = short if plain.count(short) == 1 else _camel(event.category) + short
        base, number = name, 2
        while name in names:
            name, number = f"{base}{number}", number + 1
        names[name] = event
    return names


def _camel(name: str) -> str:
    text = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return text if text.isidentifier() and not iskeyword(text) else f"Event{text}"


def this_kernel() -> str:
    """The running kernel in words, for `source`."""
    system = os.uname()
    return f"{system.sysname} {system.release}, {system.machine}"
