"""`Generic` without `typing`, which costs 14 ms to import.

Declarations and live objects are generic to type checkers, plain at run time.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic

    __all__ = ["Generic"]
else:

    class Generic:
        """`class LiveRing(Generic[R])` is then `class LiveRing(Generic)`."""

        def __class_getitem__(cls, _: object) -> type:
            return cls
