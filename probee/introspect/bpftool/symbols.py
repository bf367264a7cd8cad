"""The kernel's names for addresses, as bpftool finds them.

In: addresses. Out: names. Where several symbols share one address, bpftool gives the one that its
binary search meets first; so does `Symbols`, and reads the whole table for that, else it does not.
"""

from __future__ import annotations

_PATH = "/proc/kallsyms"
_BASE = b" __bpf_call_base\n"


class Symbols:
    """What /proc/kallsyms says. `base`: what calls of helpers count from, 0 where it is hidden."""

    __slots__ = ("_known", "_rows", "_text", "base")

    def __init__(self, path: str = _PATH) -> None:
        try:
            with open(path, "rb") as file:
                self._text = b"\n" + file.read()
        except OSError:
            self._text = b"\n"
        self._known: dict[int, str] = {}
        self._rows: list[tuple[int, bytes]] = []
        at = self._text.find(_BASE)
        start = self._text.rfind(b"\n", 0, at) + 1 if at >= 0 else 0
        self.base = int(self._text[start : start + 16], 16) if at >= 0 else 0
        if not self.base:
            self._text = b"\n"

    def find(self, address: int) -> str:
        """The name of the symbol that stands at this address, "" where there is none."""
        if address not in self._known:
            self._known[address] = self._find(address) if address else ""
        return self._known[address]

    def _find(self, address: int) -> str:
        wanted = b"\n%016x " % address
        at = self._text.find(wanted)
        if at < 0:
            return ""
        if self._text.find(wanted, at + 1) >= 0:
            return self._searched(address)
        end = self._text.find(b"\n", at + 1)
        return _name(self._text[at + 1 : end])

    def _searched(self, address: int) -> str:
        """By halves, as the C library's bsearch goes."""
        if not self._rows:
            lines = [line for line in self._text.split(b"\n") if line]
            rows = [(int(line[:16], 16), line) for line in lines]
            self._rows = sorted((row for row in rows if row[0]), key=lambda row: row[0])
        low, high = 0, len(self._rows)
        while low < high:
            middle = (low + high) // 2
            found, line = self._rows[middle]
            if found == address:
                return _name(line)
            low, high = (middle + 1, high) if found < address else (low, middle)
        return ""


def _name(line: bytes) -> str:
    return line.split(None, 3)[2].decode("utf-8", "surrogateescape")
