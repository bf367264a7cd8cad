"""What CPython takes for atomic operations: nothing comes between, since nothing else runs.

In: calls of a kernel program. Out: trees that call `atomic`, which does it step by step.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

OPERATIONS: dict[str, Callable[..., int]] = {
    "atomic_add": lambda old, value: old + value,
    "atomic_and": lambda old, value: old & value,
    "atomic_or": lambda old, value: old | value,
    "atomic_xor": lambda old, value: old ^ value,
    "atomic_exchange": lambda _, value: value,
    "atomic_compare_exchange": lambda old, expected, value: value if old == expected else old,
}


def operation(name: str) -> tuple[Callable[..., int], bool]:
    """What makes the new number of the old one, and whether the old one is given."""
    plain = name.replace("fetch_", "")
    return OPERATIONS[plain], plain != name or "exchange" in name


def rewritten(call: ast.Call) -> ast.Call | None:
    """`atomic_add(m[k], v)` as `__atomic__("atomic_add", __there__(m, k, True), v)`."""
    if not isinstance(call.func, ast.Name) or not call.func.id.startswith("atomic_"):
        return None
    place = call.args[0]
    if isinstance(place, ast.Subscript):
        part: ast.expr = place.slice
    else:
        assert isinstance(place, ast.Attribute)
        part = ast.Constant(place.attr)
    item = isinstance(place, ast.Subscript)
    there = ast.Call(ast.Name("__there__", ast.Load()), [place.value, part, ast.Constant(item)], [])
    name = ast.Name("__atomic__", ast.Load())
    made = ast.Call(name, [ast.Constant(call.func.id), there, *call.args[1:]], [])
    return ast.fix_missing_locations(ast.copy_location(made, call))


def there(owner: Any, part: Any, item: bool) -> tuple[Any, Any, bool]:
    """The place, once it is found; raises where it is not."""
    owner[part] if item else getattr(owner, part)
    return owner, part, item


def atomic(name: str, place: tuple[Any, Any, bool], *given: int) -> Any:
    """The old number, or None."""
    owner, part, item = place
    old = owner[part] if item else getattr(owner, part)
    make, fetching = operation(name)
    wrapped = [type(old)(value, old.kind) for value in given]
    new = make(int(old), *(int(value) for value in wrapped))
    if item:
        owner[part] = new
    else:
        setattr(owner, part, new)
    return old if fetching else None
