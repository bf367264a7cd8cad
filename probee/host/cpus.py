"""Which CPUs there are: the kernel's lists in, numbers out."""

from __future__ import annotations

from probee.errors import FormatError, KernelError

_FOLDER = "/sys/devices/system/cpu"


def online() -> list[int]:
    """The CPUs that run now, in order."""
    return _listed("online")


def possible() -> list[int]:
    """The CPUs that may ever run: a per-CPU map has a value for each."""
    return _listed("possible")


def _listed(name: str) -> list[int]:
    path = f"{_FOLDER}/{name}"
    try:
        with open(path, encoding="ascii") as file:
            return numbers(file.read().strip())
    except OSError as error:
        raise KernelError(f"reading {path}", error.errno or 0, cause="is /sys mounted?") from None


def numbers(listing: str) -> list[int]:
    """CPUs in a list as "0-3,8" (Documentation/admin-guide/cputopology.rst). FormatError if none.

    An empty text is an empty list.
    """
    found: list[int] = []
    for part in listing.split(",") if listing else ():
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not (first.isdecimal() and last.isdecimal()) or int(first) > int(last):
            raise FormatError(f"{listing!r} is no list of CPUs")
        found += range(int(first), int(last) + 1)
    return found
