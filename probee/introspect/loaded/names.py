"""What is shown of a program by its id alone: its name in full, the type that it attaches to.

In: an id. Out: a row, or None for a program that is gone.
"""

from __future__ import annotations

from os import close

from probee.frozen import Frozen
from probee.host.bpf import open_by_id
from probee.host.info import PROGRAM, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.loaded.types import Types


class Named(Frozen):
    """A program: its name, "" for none, and what it attaches to: a BTF object, a type in it."""

    id: int
    name: str
    attach_object: int
    attach_type: int


def named(id: int, types: Types) -> Named | None:
    """The program with this id. `types`: BTF that was read before, for names in full."""
    fd = open_by_id("PROG", id)
    if fd is None:
        return None
    try:
        about, buffer = read(fd, PROGRAM)
        name = types.program_name(fd, about, buffer)
    finally:
        close(fd)
    return Named(id, name, about["attach_btf_obj_id"], about["attach_btf_id"])
