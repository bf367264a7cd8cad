"""Stacks of an event as lines below its row, and as lists in JSON.

In: what `klib.stacks.Stacks` holds: addresses as bytes, and how many bytes. Out: columns. Addresses
of processes are named by `host.usersymbols`, those of the kernel by /proc/kallsyms.
"""

from __future__ import annotations

from errno import errorcode
from os import fsencode
from struct import unpack_from

from probee.frame.columns import Column
from probee.frame.output import say
from probee.frame.text import escape
from probee.host.kallsyms import Kallsyms
from probee.host.usersymbols import StackFrame, UserSymbols

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from probee.frame.columns import Json

    Frames = list[StackFrame]

INDENT = " " * 8


def frame_text(frame: StackFrame) -> str:
    """`openat+0x41 (/lib/libc.so.6)`, `/lib/libc.so.6+0xf8011`, or the address. Safe to print."""
    if frame.symbol:
        file = f" ({escape(frame.file)})" if frame.file else ""
        return f"{escape(frame.symbol)}+{frame.offset:#x}{file}"
    return f"{escape(frame.file)}+{frame.offset:#x}" if frame.file else f"{frame.address:#x}"


def frame_json(frame: StackFrame) -> dict[str, Json]:
    """The address in hexadecimal: of a number not every reader would keep all bits."""
    return {
        "address": f"{frame.address:#x}",
        "symbol": frame.symbol or None,
        "offset": frame.offset if frame.symbol or frame.file else None,
        "file": frame.file or None,
    }


def columns(*, kernel: bool) -> tuple[Column, ...]:
    """KERNEL_STACK where asked for, and USER_STACK. Says once where names cannot be had."""
    user_symbols = UserSymbols()
    if not user_symbols.named:
        say(
            "probee: functions of programs are not named: pyelftools is missing"
            " (pip install 'probee[symbols]')"
        )

    def user(raw: tuple[int, bytes, int]) -> Frames | None:
        size, data, ids = raw
        if size < 0:
            return None
        return user_symbols.frames(ids >> 32, addresses(data, size))

    shown = (_column("user_stack", "user_size user ids", "user", user),)
    if kernel:
        return (_column("kernel_stack", "kernel_size kernel", "kernel", _kernel()), *shown)
    return shown


def _kernel() -> Callable[[tuple[int, bytes]], Frames | None]:
    symbols = Kallsyms()
    symbols.find(0)  # reads the table now, and not while events wait
    if symbols.hidden:
        say("probee: functions of the kernel are not named: it hides their addresses"
            " (sysctl kernel.kptr_restrict)")  # fmt: skip

    def frames(raw: tuple[int, bytes]) -> Frames | None:
        size, data = raw
        return None if size < 0 else [_named(symbols, a) for a in addresses(data, size)]

    return frames


def _named(symbols: Kallsyms, address: int) -> StackFrame:
    found = symbols.find(address)
    if found is None:
        return StackFrame(address)
    module = f"[{found.module or 'kernel'}]"
    return StackFrame(address, fsencode(found.name), found.offset, fsencode(module))


def addresses(data: bytes, size: int) -> tuple[int, ...]:
    """The addresses in the first `size` bytes, innermost first."""
    return unpack_from(f"={size // 8}Q", data)


def _column(key: str, fields: str, whose: str, frames: Callable[[Any], Frames | None]) -> Column:
    """A column of lines below the row. What it shows is `frames` of the raw values."""

    def text(raw: Any) -> str:
        found = frames(raw)
        if found is None:
            error = errorcode.get(-raw[0], str(-raw[0]))
            return f"{INDENT}(no {whose} stack: {error})\n"
        return "".join(f"{INDENT}{frame_text(frame)}\n" for frame in found)

    def value(raw: Any) -> Json:
        found = frames(raw)
        return None if found is None else [frame_json(frame) for frame in found]

    def csv(raw: Any) -> str:
        return ";".join(map(frame_text, frames(raw) or ()))

    return Column(key, "", fields, text=text, value=value, csv=csv, memo=False, below=True)
