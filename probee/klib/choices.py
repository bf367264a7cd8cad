"""What an option with several values asks of a program: a constant for one, a map for more.

In: an option's values, and the declarations that its filter looks at. Out: a `Filter`, what every
filter of klib gives to a plan: constants, and entries of maps.
"""

from __future__ import annotations

from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, TypeAlias

    from probee.lang.maps import Hash
    from probee.lang.variables import Const

    Filter: TypeAlias = tuple[dict[Const[Any], Any], dict[Any, Any]]


def one_or_several(
    option: str,
    asked: Collection[int],
    one: Const[bool],
    only: Const[Any],
    some: Const[bool],
    table: Hash[Any, Any],
) -> Filter:
    """`one` says that `only` is the one value asked for; of several, `some` that `table` has them.

    Raises UsageError where the table has no room for them.
    """
    if len(asked) > table.max_entries:
        raise UsageError(f"option --{option}: more than {table.max_entries} values")
    if not asked:
        return {}, {}
    if len(asked) == 1:
        return {one: True, only: next(iter(asked))}, {}
    return {some: True}, {table: dict.fromkeys(asked, 1)}
