"""Which tasks a tool is interested in: `-p -t -u -n`, decided in the kernel.

In: the option rows `TASK_OPTIONS` and what the command line said. Out: `wanted()` for programs to
call first, and the constants and map entries that make it say what was asked.

One value is a constant that the program compares with; several are a hash map. Values of one option
are alternatives, different options must all hold. What was not asked for leaves no code behind.

The task's name is compared as two words of 8 bytes, both at once, at each place where the wanted
text can begin: the name is shifted along by a byte at a time (both architectures are
little-endian, so the first byte is the lowest).
"""

from __future__ import annotations

from probee import Const, Hash, Struct, current, get_current_comm, sizeof, u8, u32, u64
from probee.errors import UsageError
from probee.frame.options import Option, pid, uid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from probee.frame.options import Values
    from probee.lang.maps import MapDeclaration, Variable

SEVERAL = 1024  # how many values one option may have
NAME_SIZE = 16  # TASK_COMM_LEN, the NUL included

only_pid = Const(u32, 0)  # 0: nobody's, so it stands for "not asked"
only_tid = Const(u32, 0)
only_uid = Const(u64, 1 << 32)  # one more than a uid can be
some_pids = Const(bool, False)
some_tids = Const(bool, False)
some_uids = Const(bool, False)
pids = Hash(u32, u8, max_entries=SEVERAL)
tids = Hash(u32, u8, max_entries=SEVERAL)
uids = Hash(u32, u8, max_entries=SEVERAL)

name_places = Const(u32, 0)  # at how many places the text can begin; 0: not asked
name_low = Const(u64, 0)
name_high = Const(u64, 0)
mask_low = Const(u64, 0)
mask_high = Const(u64, 0)


class NameWords(Struct):
    """A task's name as numbers."""

    low: u64
    high: u64


def wanted() -> bool:
    """Whether the running task is one of those asked for."""
    if only_pid != 0 and current.pid != only_pid:
        return False
    if some_pids and current.pid not in pids:
        return False
    if only_tid != 0 and current.tid != only_tid:
        return False
    if some_tids and current.tid not in tids:
        return False
    if only_uid < 1 << 32 and current.uid != only_uid:
        return False
    if some_uids and current.uid not in uids:
        return False
    return name_places == 0 or name_wanted()


def name_wanted() -> bool:
    """Whether the text stands in the task's name, at one of the places where it may."""
    name = NameWords(low=0, high=0)
    get_current_comm(name, sizeof(NameWords))
    for place in range(NAME_SIZE):
        if place >= name_places:
            break
        if name.low & mask_low == name_low and name.high & mask_high == name_high:
            return True
        name.low = name.low >> 8 | name.high << 56
        name.high = name.high >> 8
    return False


# ------------------------------------------------------------------------------------ user side


def task_name(text: str) -> bytes:
    """`-n`'s argument: the bytes of NAME or ^NAME. Raises UsageError if no name can match."""
    raw = text.encode("utf-8", "surrogateescape")
    bare = raw.removeprefix(b"^")
    if not bare or b"\0" in bare or len(bare) >= NAME_SIZE:
        raise UsageError(f"{text!r} is not a part of a task's name: 1 to {NAME_SIZE - 1} bytes")
    return raw


TASK_OPTIONS = (
    Option("pid", "p", "PID", "only these processes", pid, many=True, group="Filters"),
    Option("tid", "t", "TID", "only these threads; shows a TID column", pid, many=True,
           group="Filters"),
    Option("uid", "u", "UID", "only these users", uid, many=True, group="Filters"),
    Option("name", "n", "NAME", "only tasks with NAME in their name, or at its start: ^NAME",
           task_name, group="Filters"),
)  # fmt: skip

_KINDS: tuple[tuple[str, Variable[Any], Variable[Any], MapDeclaration], ...] = (
    ("pid", only_pid, some_pids, pids),
    ("tid", only_tid, some_tids, tids),
    ("uid", only_uid, some_uids, uids),
)


def task_filters(
    values: Values,
) -> tuple[dict[Variable[Any], Any], dict[MapDeclaration, dict[Any, Any]]]:
    """Constants and map entries for `wanted()`. Raises UsageError where it is too much."""
    consts: dict[Variable[Any], Any] = {}
    fill: dict[MapDeclaration, dict[Any, Any]] = {}
    for kind, only, some, table in _KINDS:
        asked = getattr(values, kind)
        if len(asked) == 1:
            consts[only] = asked[0]
        elif asked:
            if len(asked) > SEVERAL:
                raise UsageError(f"option --{kind}: more than {SEVERAL} values")
            consts[some] = True
            fill[table] = dict.fromkeys(asked, 1)
    if values.name is not None:
        consts.update(_name_consts(values.name))
    return consts, fill


def _name_consts(name: bytes) -> dict[Variable[Any], Any]:
    text = name.removeprefix(b"^")
    padded = text.ljust(NAME_SIZE, b"\0")
    mask = (b"\xff" * len(text)).ljust(NAME_SIZE, b"\0")
    return {
        name_places: 1 if text != name else NAME_SIZE - len(text),
        name_low: int.from_bytes(padded[:8], "little"),
        name_high: int.from_bytes(padded[8:], "little"),
        mask_low: int.from_bytes(mask[:8], "little"),
        mask_high: int.from_bytes(mask[8:], "little"),
    }
