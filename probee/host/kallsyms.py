"""The kernel's symbols: an address in, the function that it lies in out.

/proc/kallsyms is read when the first address is asked for, some 200,000 lines. Where the reader
may not know addresses (kernel.kptr_restrict) it lists zeroes: then nothing has a name, and `hidden`
says so.
"""

from __future__ import annotations

from bisect import bisect_right

from probee.errors import KernelError
from probee.frozen import Frozen

_PATH = "/proc/kallsyms"
# No function is as long: the longest of Linux 6.18 has 20 KiB. Behind the last one of the kernel or
# of a module come gaps, and code that nobody lists, which are none of that function's.
_LONGEST = 1 << 18
_FEW = 32  # look-ups that cost less than a split of all lines
_CODE = frozenset((b"t", b"T", b"w", b"W"))


class Symbol(Frozen):
    """`offset` bytes into function `name`; `module` is "" for the kernel itself."""

    name: str
    offset: int
    module: str


class Kallsyms:
    """The functions that the kernel had when it was first asked."""

    __slots__ = ("_addresses", "_names", "_path", "hidden")

    def __init__(self, path: str = _PATH) -> None:
        self._path = path
        self._addresses: list[int] | None = None
        self._names: list[bytes] = []
        self.hidden = False

    def find(self, address: int) -> Symbol | None:
        """The function around `address`; None where none begins near it, or they are hidden."""
        if self._addresses is None:
            self._addresses = self._read()
        at = bisect_right(self._addresses, address) - 1
        if at < 0 or address - self._addresses[at] >= _LONGEST:
            return None
        name, _, module = self._names[at].decode("utf-8", "replace").partition("\t")
        return Symbol(name, address - self._addresses[at], module.strip("[]"))

    def address(self, name: str) -> int:
        """Where the function of this name begins; 0 where there is none, or they are hidden."""
        if self._addresses is None:
            self._addresses = self._read()
        try:
            return self._addresses[self._names.index(name.encode())]
        except ValueError:
            return 0

    def _read(self) -> list[int]:
        try:
            with open(self._path, "rb") as file:
                lines = file.read().splitlines()
        except OSError as error:
            raise KernelError(
                f"reading {self._path}", error.errno or 0, cause="is /proc mounted?"
            ) from None
        rows = [
            (int(parts[0], 16), parts[2])
            for line in lines
            if _is_code(parts := line.split(b" ", 2))
        ]
        if rows and not any(address for address, _ in rows):
            self.hidden = True
            return []
        rows.sort(key=lambda row: row[0])
        self._names = [name for _, name in rows]
        return [address for address, _ in rows]


def _is_code(parts: list[bytes]) -> bool:
    return len(parts) == 3 and parts[1] in _CODE


def exactly(addresses: list[int], path: str = _PATH) -> dict[int, tuple[str, str]]:
    """(name, module) of the symbols that stand at just these addresses, the first listed of each.

    Without a table of all: the text is searched. An address without a symbol is left out.
    """
    try:
        with open(path, "rb") as file:
            text = b"\n" + file.read()
    except OSError as error:
        raise KernelError(f"reading {path}", error.errno or 0, cause="is /proc mounted?") from None
    wanted = set(addresses) - {0}
    if len(wanted) > _FEW:
        lines = (line.split(None, 3) for line in text.splitlines() if line)
        rows = [(int(parts[0], 16), parts) for parts in lines]
    else:
        rows = [(address, _line(text, address)) for address in sorted(wanted)]
    found: dict[int, tuple[str, str]] = {}
    for address, parts in rows:
        if address in wanted and len(parts) > 2:
            module = parts[3].strip(b"[]") if len(parts) > 3 else b""
            name = parts[2].decode("utf-8", "surrogateescape")
            found.setdefault(address, (name, module.decode("utf-8", "surrogateescape")))
    return found


def _line(text: bytes, address: int) -> list[bytes]:
    """The words of the first line of an address, [] where there is none."""
    start = text.find(b"\n%016x " % address)
    return text[start + 1 : text.find(b"\n", start + 1)].split(None, 3) if start >= 0 else []
