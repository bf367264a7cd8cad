"""Which objects are meant: `id 5`, `name N`, `tag T`, `pinned PATH`.

In: words. Out: descriptors, which the caller closes, and the words that are left. An answer of
"there is none" is an error here, as is a word that is no selector.
"""

from __future__ import annotations

from os import close

from probee.errors import KernelError, ProbeeError, UsageError
from probee.host.bpf import obj_get
from probee.host.info import MAP, PROGRAM, name_in, read
from probee.introspect.loaded.numbers import strtoul
from probee.introspect.loaded.pinned import kind_of
from probee.introspect.loaded.reach import known, opened
from probee.introspect.loaded.types import Types
from probee.uapi.bpf import BPF_OBJ_NAME_LEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_EACCES = 13
_FULL_NAME = 128  # bytes that bpftool has for a program's name
# kind: keywords as bpftool looks for them, in its order; what messages call the object
_KEYWORDS = {
    "PROG": (("id", "tag", "name", "pinned"), "program"),
    "MAP": (("id", "name", "pinned"), "map"),
    "LINK": (("id", "pinned"), "link"),
    "BTF": (("id",), "BTF object"),
}
_ENOENT = "No such file or directory"


def several(kind: str, words: Sequence[str]) -> tuple[list[int], list[str]]:
    """Descriptors of the objects that the first two words name; at least one."""
    keywords, name = _KEYWORDS[kind]
    word = words[0] if words else ""
    keyword = next((one for one in keywords if words and one.startswith(word)), "")
    if not keyword:
        wanted = "', '".join(keywords[:-1])
        wanted = f"'{wanted}' or '{keywords[-1]}'" if wanted else f"'{keywords[0]}'"
        raise UsageError(f"expected {wanted}, got: '{word}'?")
    if len(words) < 2:
        raise UsageError(f"'{keyword}' needs a word behind it")
    value, rest = words[1], list(words[2:])
    if keyword == "id":
        return [_by_id(kind, value)], rest
    if keyword == "pinned":
        return [_pinned(kind, value)], rest
    found = _named(value) if kind == "MAP" else _by_tag(value) if keyword == "tag" else _full(value)
    if not found:
        raise ProbeeError(f"no {name} has the {keyword} '{value}'")
    return found, rest


def one(kind: str, words: Sequence[str]) -> tuple[int, list[str]]:
    """The same, for exactly one object."""
    found, rest = several(kind, words)
    if len(found) > 1:
        for fd in found:
            close(fd)
        raise ProbeeError(f"several {'programs' if kind == 'PROG' else 'maps'} match this handle")
    return found[0], rest


def _by_id(kind: str, text: str) -> int:
    number, rest = strtoul(text, 0)
    if rest:
        raise UsageError(f"can't parse {text} as ID")
    id = number & 0xFFFF_FFFF
    fd = opened(kind, id)
    if fd is None:
        raise ProbeeError(
            {
                "MAP": f"get map by id ({id}): {_ENOENT}",
                "LINK": f"failed to get link with ID {id}: {_ENOENT}",
                "BTF": f"can't get BTF object by id ({id}): {_ENOENT}",
            }.get(kind, f"get by id ({id}): {_ENOENT}")
        )
    return fd


def _pinned(kind: str, path: str) -> int:
    from os import strerror

    try:
        fd = obj_get(path)
    except KernelError as error:
        why = strerror(error.errno)
        if error.errno == _EACCES:
            from probee.introspect.loaded.pinned import on_bpffs

            why = why if on_bpffs(path) else "directory not in bpf file system (bpffs)"
        raise ProbeeError(f"bpf obj get ({path}): {why}") from None
    found = kind_of(fd)
    if found != kind:
        close(fd)
        raise ProbeeError(f"incorrect object type: {found.lower() or 'unknown'}")
    return fd


def _by_tag(text: str) -> list[int]:
    try:
        tag = bytes.fromhex(text)
    except ValueError:
        tag = b""
    if len(tag) != 8:
        raise UsageError("can't parse tag")
    return _such("PROG", lambda fd: bytes(read(fd, PROGRAM)[1][8:16]) == tag, ("tag", text))


def _full(name: str) -> list[int]:
    if len(name.encode("utf-8", "surrogateescape")) >= _FULL_NAME:
        raise UsageError("can't parse name")
    types = Types()
    return _such("PROG", lambda fd: types.program_name(fd) == name, ("name", name))


def _named(name: str) -> list[int]:
    wanted = name.encode("utf-8", "surrogateescape")
    if len(wanted) >= BPF_OBJ_NAME_LEN:
        raise UsageError("can't parse name")
    return _such("MAP", lambda fd: name_in(read(fd, MAP)[1], MAP) == wanted, ("name", name))


def meant(words: Sequence[str]) -> Callable[[Any], bool] | None:
    """Whether the row of an iterator is one that the words name; None where none can be.

    Raises ProbeeError for a name of which an iterator, which gives 15 characters, tells too little.
    """
    keyword, value = words[0], words[1]
    if "id".startswith(keyword):
        id, rest = strtoul(value, 0)
        return None if rest else lambda row: row.id == id
    if "tag".startswith(keyword):
        return lambda row: row.tag == value.lower()
    if "name".startswith(keyword):
        demand_short(value)
        return lambda row: row.name == value
    return None


def demand_short(name: str) -> None:
    """Raises ProbeeError for a name that only its whole length tells from others."""
    if len(name.encode("utf-8", "surrogateescape")) >= BPF_OBJ_NAME_LEN:
        raise ProbeeError(
            f"without CAP_SYS_ADMIN {BPF_OBJ_NAME_LEN - 1} characters of a name are known, "
            f"and not whether it is {name!r}",
            hint="name it by id, tag or pinned",
        )


def _such(kind: str, fits: Callable[[int], bool], words: tuple[str, str]) -> list[int]:
    """Descriptors of all objects that fit; those that go away meanwhile do not.

    `words`: what is meant, for the rows of an iterator: of others no descriptor is asked for.
    """
    numbers, rows = known(kind)
    told = meant(words) if rows is not None else None
    if rows is not None and told is not None:
        numbers = [row.id for row in rows if told(row)]
    found: list[int] = []
    try:
        for id in numbers:
            fd = opened(kind, id)
            if fd is None:
                continue
            try:
                fitting = fits(fd)
            except BaseException:
                close(fd)
                raise
            if fitting:
                found.append(fd)
            else:
                close(fd)
    except BaseException:
        for fd in found:
            close(fd)
        raise
    return found
