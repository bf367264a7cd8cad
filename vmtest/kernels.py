"""The kernels to test under, one row each, and where Debian has them."""

from __future__ import annotations

from typing import NamedTuple


class Kernel(NamedTuple):
    """`series`: how its releases begin. `archive`: the label of the archive that has the suite.

    Newer ones of a series replace older ones in a suite, so no row names a whole version.
    """

    series: str
    suite: str
    archive: str = "Debian"


KERNELS = (
    Kernel("5.10", "bullseye"),
    Kernel("6.1", "bookworm"),
    Kernel("6.12", "trixie"),
    Kernel("7.3", "trixie-backports"),
)


def by_series(series: str) -> Kernel:
    """The row of `series`. ValueError if there is none."""
    for row in KERNELS:
        if row.series == series:
            return row
    known = ", ".join(row.series for row in KERNELS)
    raise ValueError(f"there is no row for kernel {series}, only for {known}")
