"""What the running kernel lacks of what a program needs, found out by the product's own probes.

In: a compiled program. Out: the feature's name, so that a test expects the refusal where it must
come, and nowhere else. No version is asked for.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING

from probee.btf import kinds
from probee.host import probes
from probee.host.facts import RunningKernel
from probee.tables import helpers, maps, programs
from tests.meaning.facts import Facts

if TYPE_CHECKING:
    from probee.spec.programs import CollectionSpec

ATOMICS = {0xC3, 0xDB}  # *(u32 *)..., *(u64 *)...: the immediate says which; 0 is an old addition


@cache
def has_map(name: str) -> bool:
    """Whether this kernel makes maps of that type; yes where nobody knows."""
    row = maps.by_name(name)
    return probes.probe_map_type(row) is not False


@cache
def has_feature(name: str) -> bool:
    """Whether this kernel has a feature of probes.PROBES; yes where nobody knows."""
    return probes.probe(name) is not False


@cache
def has_helper(program: str, name: str) -> bool:
    """Whether programs of that type may call that helper here; yes where nobody knows."""
    type, function = programs.by_name(program).number, helpers.by_name(name).id
    return probes.probe_helper(type, function) is not False


@cache
def has_kfunc(name: str) -> bool:
    """Whether this kernel's BTF has the function, as the compiler asks it."""
    return Facts({}).kfunc(name)


@cache
def has_function(name: str) -> bool:
    """Whether this kernel has a function of that name, by its own types."""
    with RunningKernel() as kernel:
        return bool(kernel.btf.by_name(kinds.FUNC, name))


def lacking(spec: CollectionSpec) -> str:
    """A type of map, or `atomic_fetch`, that `spec` needs and this kernel has not; or ""."""
    for map in spec.maps:
        row = maps.by_number(map.type)
        if row is not None and not has_map(row.name):
            return row.name
    for program in spec.programs:
        slots = struct.iter_unpack("=BBhi", program.code)
        if any(code in ATOMICS and what for code, _, _, what in slots):
            return "" if has_feature("atomic_fetch") else "atomic_fetch"
    return ""
