"""`Generic` without `typing`: live objects are generic for type checkers, plain classes at run time."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic as Generic
else:

    class Generic:
        """`class LiveRing(Generic[R])` is then `class LiveRing(object)`."""

        def __class_getitem__(cls, _: object) -> type:
            return object
