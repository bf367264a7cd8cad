"""Decorators that turn a function into the declaration of a kernel program, and its context.

In: `@tracepoint("category:name")`, `@raw_tracepoint("name")`, `@tp_btf("name")`, each with one or
more hooks. Out: a passive `Program`; nothing is compiled or loaded before a `Session` wants it.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.spec.programs import Attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType
    from typing import Any


class Program:
    """A function that is to run in the kernel. `kind` is its decorator's name."""

    __slots__ = ("attach", "function", "kind", "name")

    def __init__(self, function: FunctionType, kind: str, attach: tuple[Attach, ...]) -> None:
        self.function = function
        self.kind = kind
        self.attach = attach
        self.name: str = function.__name__

    def __call__(self, *_: object) -> None:
        """Refuses: only the kernel calls a program."""
        raise UsageError(
            f"{self.name}() runs in the kernel, not here",
            hint="give it to a Session; a function that both sides call carries no decorator",
        )

    def __repr__(self) -> str:
        hooks = ", ".join(a.target for a in self.attach)
        return f"<{self.kind} program {self.name} on {hooks}>"

    def identity(self) -> tuple[object, ...]:
        """All that a compiled program's meaning takes from the declaration beside its body."""
        return (self.kind, self.attach, self.name)


def _decorator(kind: str, hooks: tuple[Any, ...]) -> Callable[[Callable[..., Any]], Program]:
    if not hooks or not all(isinstance(hook, str) and hook for hook in hooks):
        raise UsageError(f'{kind} wants its hook: @{kind}("…")')
    if len(set(hooks)) != len(hooks):
        raise UsageError(f"{kind}: the same hook twice")

    def wrap(function: Callable[..., Any]) -> Program:
        if not hasattr(function, "__code__"):
            raise UsageError(f"@{kind} belongs on a plain function, directly above its def")
        attach = tuple(Attach(_ATTACH_KIND[kind], hook) for hook in hooks)
        return Program(function, kind, attach)  # type: ignore[arg-type]

    return wrap


_ATTACH_KIND = {"tracepoint": "tracepoint", "raw_tracepoint": "raw_tp", "tp_btf": "tp_btf"}


def tracepoint(*hooks: str) -> Callable[[Callable[..., Any]], Program]:
    """Run at tracepoints, each `category:name` as in tracefs: fields as in its format file."""
    for hook in hooks:
        if hook.count(":") != 1 or not all(hook.split(":")):
            raise UsageError(
                f"tracepoint {hook!r} is not of the form category:name",
                hint='for example @tracepoint("syscalls:sys_enter_openat")',
            )
    return _decorator("tracepoint", hooks)


def raw_tracepoint(*hooks: str) -> Callable[[Callable[..., Any]], Program]:
    """Run at raw tracepoints by name: the context has the arguments, by their names in BTF."""
    return _decorator("raw_tracepoint", hooks)


def tp_btf(*hooks: str) -> Callable[[Callable[..., Any]], Program]:
    """Run at raw tracepoints with arguments that the verifier knows the types of, through BTF."""
    return _decorator("tp_btf", hooks)
