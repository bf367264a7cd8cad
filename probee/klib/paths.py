"""Which paths a tool is interested in: `--path`, decided in the kernel, and `--path-glob`.

In: the option rows `PATH_FILTERS` and what the command line said. Out: `path_wanted()` for programs
to call with a name before they report it, the constants and map entries that make it say what was
asked, and a filter for the user side.

Prefixes stand in a trie, so that any number of them costs one look-up. What was not asked for
leaves no code behind.
"""

from __future__ import annotations

from probee import (
    Const,
    LpmTrie,
    Struct,
    UserStr,
    array,
    probe_read_user_str,
    u8,
    u32,
)
from probee.errors import UsageError
from probee.frame.columns import Keep
from probee.frame.globs import glob
from probee.frame.options import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from probee.frame.options import Values

PREFIX_SIZE = 256  # the most that a trie's key can hold: LPM_DATA_SIZE_MAX, kernel/bpf/lpm_trie.c
SEVERAL = 1024  # how many prefixes there may be


class Beginning(Struct):
    """The first bytes of a name, up to its NUL; what stands behind that means nothing."""

    data: list[u8] = array(u8, PREFIX_SIZE)


class Prefix(Struct):
    """A key of the trie; `prefixlen` in bits."""

    prefixlen: u32
    beginning: Beginning


some_prefixes = Const(bool, False)
prefixes = LpmTrie(Prefix, u8, max_entries=SEVERAL)


def path_wanted(name: UserStr) -> bool:
    """Whether the name begins with a prefix asked for. One that is unreadable does not."""
    if not some_prefixes:
        return True
    key = Prefix(prefixlen=8 * PREFIX_SIZE)
    probe_read_user_str(key.beginning, PREFIX_SIZE, name)
    return key in prefixes


# ------------------------------------------------------------------------------------ user side


def prefix(text: str) -> bytes:
    """`--path`'s argument. Raises UsageError for what no name can begin with."""
    raw = text.encode("utf-8", "surrogateescape")
    if not raw or b"\0" in raw or len(raw) >= PREFIX_SIZE:
        raise UsageError(f"{text!r} is not the beginning of a path: 1 to {PREFIX_SIZE - 1} bytes")
    return raw


def pattern(text: str) -> str:
    """`--path-glob`'s argument."""
    if not text:
        raise UsageError("the pattern is empty")
    return text


PATH_FILTERS = (
    Option("path", "", "PREFIX", "only paths that begin with PREFIX; may be repeated", prefix,
           many=True, commas=False, group="Filters", takes="file"),
    Option("path-glob", "", "GLOB", "only paths that match GLOB as a whole (*, ?, [a-z]); may be "
           "repeated", pattern, many=True, commas=False, group="Filters"),
)  # fmt: skip


def prefix_filters(values: Values) -> tuple[dict[Const[Any], Any], dict[Any, Any]]:
    """Constants and map entries for `path_wanted()`. Raises UsageError where it is too much."""
    if not values.path:
        return {}, {}
    if len(values.path) > SEVERAL:
        raise UsageError(f"option --path: more than {SEVERAL} values")
    entries = [(_key(text), 1) for text in values.path]
    return {some_prefixes: True}, {prefixes: entries}


def _key(text: bytes) -> Prefix:
    padded = text.ljust(PREFIX_SIZE, b"\0")
    return Prefix(prefixlen=8 * len(text), beginning=Beginning(data=list(padded)))


def glob_keep(values: Values, fields: str, path_of: Callable[[Any], bytes]) -> tuple[Keep, ...]:
    """The filter that keeps rows whose path matches one of the patterns asked for, if any.

    `path_of` makes the path of the raw values of the record's `fields`.
    """
    if not values.path_glob:
        return ()
    tests = [glob(text) for text in values.path_glob]

    def wanted(raw: Any) -> bool:
        text = path_of(raw).decode("utf-8", "surrogateescape")
        return any(test(text) for test in tests)

    return (Keep(fields, wanted),)
