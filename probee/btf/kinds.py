"""The numbers of `enum btf_kind` and what a record of each kind is followed by.

Source: include/uapi/linux/btf.h, Linux 6.18. The BTF room counts in 4-byte words, as the format
does: every field behind the header is a u32.
"""

from __future__ import annotations

INT = 1
PTR = 2
ARRAY = 3
STRUCT = 4
UNION = 5
ENUM = 6
FWD = 7
TYPEDEF = 8
VOLATILE = 9
CONST = 10
RESTRICT = 11
FUNC = 12
FUNC_PROTO = 13
VAR = 14
DATASEC = 15
FLOAT = 16
DECL_TAG = 17
TYPE_TAG = 18
ENUM64 = 19

# By number; 0 is void, which has no record.
NAMES = (
    "VOID", "INT", "PTR", "ARRAY", "STRUCT", "UNION", "ENUM", "FWD", "TYPEDEF", "VOLATILE",
    "CONST", "RESTRICT", "FUNC", "FUNC_PROTO", "VAR", "DATASEC", "FLOAT", "DECL_TAG", "TYPE_TAG",
    "ENUM64",
)  # fmt: skip

# Words behind the three of `struct btf_type`: once for the record, and for each of its `vlen`.
FIXED_WORDS = {INT: 1, ARRAY: 3, VAR: 1, DECL_TAG: 1}
ITEM_WORDS = {STRUCT: 3, UNION: 3, ENUM: 2, FUNC_PROTO: 2, DATASEC: 3, ENUM64: 3}

# Kinds that only decorate another type: `resolve` looks through them.
MODIFIERS = frozenset({TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG})


def kind_of(info: int) -> int:
    """The kind in an info word.

    Bits 29 and 30 belonged to nothing until the kernels of 2026 widened the kind to seven bits
    and the count to 24; older ones demand zeroes there, so the wide reading fits both.
    """
    return info >> 24 & 0x7F


def vlen_of(info: int) -> int:
    """How many members, values, parameters or variables follow, or a FUNC's linkage."""
    return info & 0xFFFFFF


def info_word(kind: int, vlen: int = 0, *, flag: bool = False) -> int:
    """The info word of a record; `flag` is its kind_flag."""
    return flag << 31 | kind << 24 | vlen


def kind_name(kind: int) -> str:
    """`STRUCT` for 4, and a readable answer for a number that is no kind."""
    return NAMES[kind] if kind < len(NAMES) else f"kind {kind}"
