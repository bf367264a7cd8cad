"""The kernel's format strings, as bpf_trace_printk and its kin take them.

In: a format and numbers. Out: the text, or None where the kernel refuses the format
(bpf_bprintf_prepare in kernel/bpf/helpers.c of Linux 6.18).
"""

from __future__ import annotations

from probee.sim.arithmetic import signed


class Arguments:
    """The numbers, taken one after another. `text` gives what stands at an address."""

    def __init__(self, values: tuple[int, ...]) -> None:
        self._values = values
        self._next = 0

    def take(self) -> int:
        """The next number; 0 behind the last one."""
        self._next += 1
        return self._values[self._next - 1] if self._next <= len(self._values) else 0

    def text(self, address: int, space: str) -> bytes:
        """The bytes at an address of user (`u`) or kernel (`k`) space, up to the NUL."""
        raise NotImplementedError


def formatted(fmt: bytes, arguments: Arguments) -> bytes | None:
    """The text that `fmt` makes of the arguments; the format ends at its NUL."""
    line, fmt, at = bytearray(), fmt.split(b"\0")[0], 0
    while at < len(fmt):
        if fmt[at] != ord("%"):
            line.append(fmt[at])
            at += 1
            continue
        end = at + 1
        while end < len(fmt) and chr(fmt[end]) in "0+- #":
            end += 1
        flags = fmt[at + 1 : end].decode()
        start = end
        while end < len(fmt) and chr(fmt[end]).isdigit():
            end += 1
        width = int(fmt[start:end] or b"0")
        made, at = _conversion(fmt[end:].decode("latin-1"), flags, width, arguments, end)
        if made is None:
            return None
        line += made
    return bytes(line)


def _conversion(
    rest: str, flags: str, width: int, arguments: Arguments, at: int
) -> tuple[bytes | None, int]:
    """The text of one conversion whose letters begin `rest`, and where the format goes on."""
    if rest[:1] == "%":
        return b"%", at + 1
    if rest[:1] == "c":
        return _padded(bytes([arguments.take() & 0xFF]), flags, width), at + 1
    if rest[:1] == "s":
        return _padded(arguments.text(arguments.take(), "k"), flags, width), at + 1
    if rest[:1] == "p":
        space = rest[1:2]
        if rest[2:3] == "s" and space in ("k", "u"):
            return _padded(arguments.text(arguments.take(), space), flags, width), at + 3
        used = 2 if space in ("x", "K") else 1
        return _padded(f"{arguments.take():016x}".encode(), flags, width), at + used
    longs = len(rest) - len(rest.lstrip("l"))
    letter = rest[longs : longs + 1]
    if letter not in ("d", "i", "u", "x", "X") or not letter or longs > 2:
        return None, at
    value = arguments.take() & ((1 << (64 if longs else 32)) - 1)
    if letter in ("d", "i"):
        value = signed(value, 64 if longs else 32)
    digits = {"x": f"{abs(value):x}", "X": f"{abs(value):X}"}.get(letter, str(abs(value)))
    if "#" in flags and letter in ("x", "X") and value:
        digits = f"0{letter}{digits}"
    mark = "-" if value < 0 else "+" if "+" in flags else " " if " " in flags else ""
    if "0" in flags and "-" not in flags:
        digits = digits.rjust(width - len(mark), "0")
    return _padded((mark + digits).encode(), flags, width), at + longs + 1


def _padded(text: bytes, flags: str, width: int) -> bytes:
    return text.ljust(width) if "-" in flags else text.rjust(width)
