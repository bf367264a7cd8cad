"""Functions of the kernel that the compiler calls: their prototypes, which loaders hold against BTF.

In: a name. Out: a `Kfunc`, its types as C says them. Sources: kernel/bpf/helpers.c
(bpf_rdonly_cast), kernel/bpf/bpf_iter.c (bpf_iter_num_*) of Linux 6.18.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.frozen import Frozen


class Kfunc(Frozen):
    """`returns` and the types of `params`: `void`, `int`, `u32`, or what points to one or a struct.

    `since`: the first release that has it.
    """

    name: str
    since: str
    returns: str
    params: tuple[tuple[str, str], ...]


_ITERATOR = ("it", "struct bpf_iter_num *")
KFUNCS = (
    Kfunc("bpf_rdonly_cast", "6.2", "void *",
          (("obj__ign", "const void *"), ("btf_id__k", "u32"))),
    Kfunc("bpf_iter_num_new", "6.4", "int", (_ITERATOR, ("start", "int"), ("end", "int"))),
    Kfunc("bpf_iter_num_next", "6.4", "int *", (_ITERATOR,)),
    Kfunc("bpf_iter_num_destroy", "6.4", "void", (_ITERATOR,)),
)  # fmt: skip


def by_name(name: str) -> Kfunc:
    """The row of a function. Raises NotSupportedError for one that has none."""
    for row in KFUNCS:
        if row.name == name:
            return row
    raise NotSupportedError(f"the prototype of the kernel's function {name}")
