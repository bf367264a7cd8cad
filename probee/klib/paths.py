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
    KernelStr,
    LpmTrie,
    Struct,
    UserStr,
    array,
    probe_read_kernel_str,
    probe_read_user_str,
    u8,
    u32,
)
from probee.errors import UsageError
from probee.frame.columns import Column, Keep
from probee.frame.options import Option, whole as whole_number
from probee.frame.paths import FIELDS, as_found, on_host, path_columns, whole
from probee.frame.text import text_of
from probee.klib import walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from probee.frame.options import Values
    from probee.klib.choices import Filter

PREFIX_SIZE = 256  # the most that a trie's key can hold: LPM_DATA_SIZE_MAX, kernel/bpf/lpm_trie.c
SEVERAL = 1024  # how many prefixes there may be
LONGEST = 4096  # --max-path: PATH_MAX


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


def kernel_path_wanted(name: KernelStr) -> bool:
    """The same of a name that the kernel has copied."""
    if not some_prefixes:
        return True
    key = Prefix(prefixlen=8 * PREFIX_SIZE)
    probe_read_kernel_str(key.beginning, PREFIX_SIZE, name)
    return key in prefixes


# ------------------------------------------------------------------------------------ user side


def prefix(text: str) -> bytes:
    """`--path`'s argument. Raises UsageError for what no name can begin with."""
    raw = text.encode("utf-8", "surrogateescape")
    if not raw or b"\0" in raw or len(raw) >= PREFIX_SIZE:
        raise UsageError(f"{text!r} is not the beginning of a path: 1 to {PREFIX_SIZE - 1} bytes")
    return raw


def longest_path(text: str) -> int:
    """`--max-path`'s argument."""
    return whole_number(text, 1, LONGEST, "a number of bytes")


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


WALK_OPTIONS = (
    Option("full-path", "F", help="show the whole path: of the opened file itself, or of a failure "
           "its directory and name", group="Columns"),
    Option("host-path", help="-F as the host has it, beyond the root of containers and chroots",
           group="Columns"),
    Option("max-path", "", "N", f"show N bytes of a path, up to {LONGEST} (default: "
           f"{LONGEST})", longest_path, group="Columns"),
)  # fmt: skip


def wants_walk(values: Values) -> bool:
    """Whether paths are to be whole ones."""
    return bool(values.full_path or values.host_path)


def wants_walked(values: Values) -> bool:
    """Whether the record needs a `Walked`, for whole paths or for names of another length."""
    return wants_walk(values) or values.max_path is not None


def walk_consts(values: Values) -> dict[Const[Any], Any]:
    """Constants for `locate()`."""
    consts: dict[Const[Any], Any] = {walk.longest: values.max_path or LONGEST}
    if wants_walk(values):
        consts |= walk.walk_consts(host=values.host_path)
    return consts


def finder(values: Values) -> Callable[[Any], Any]:
    """What is done to the raw values of `FIELDS` before they are put together."""
    return on_host() if values.host_path else as_found


def walked_columns(values: Values) -> tuple[Column, ...]:
    """PATH and what belongs to it, of a record that has a `Walked`."""
    return path_columns(finder(values), full=wants_walk(values))


def prefix_filter(values: Values) -> Filter:
    """Constants and map entries for `path_wanted()`. Raises UsageError where it is too much.

    Whole paths begin somewhere else than names do: for them there are none.
    """
    if len(values.path) > SEVERAL:
        raise UsageError(f"option --path: more than {SEVERAL} values")
    if not values.path or wants_walk(values):
        return {}, {}
    entries = [(_key(text), 1) for text in values.path]
    return {some_prefixes: True}, {prefixes: entries}


def _key(text: bytes) -> Prefix:
    padded = text.ljust(PREFIX_SIZE, b"\0")
    return Prefix(prefixlen=8 * len(text), beginning=Beginning(data=list(padded)))


def path_keep(values: Values) -> tuple[Keep, ...]:
    """The filters of the user side: patterns, and prefixes of whole paths.

    The record has a `Walked` where `wants_walked()` says so, else the name in `path`.
    """
    fields, path_of = "path", text_of
    if wants_walked(values):
        found = finder(values)
        fields, path_of = FIELDS, lambda raw: whole(found(raw))
    keep: tuple[Keep, ...] = ()
    if values.path and wants_walk(values):
        keep = (Keep(fields, lambda raw: path_of(raw).startswith(values.path)),)
    if not values.path_glob:
        return keep
    from probee.frame.globs import glob

    tests = [glob(text) for text in values.path_glob]

    def wanted(raw: Any) -> bool:
        text = path_of(raw).decode("utf-8", "surrogateescape")
        return any(test(text) for test in tests)

    return (*keep, Keep(fields, wanted))
