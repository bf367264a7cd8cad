"""The numbers of the BTF kinds, and what a record of each kind is followed by.

Source: include/uapi/linux/btf.h. The BTF room counts in 4-byte words, as the format does: every
field behind the header is a u32.
"""

from __future__ import annotations

from probee.uapi import btf as uapi

INT = uapi.BTF_KIND_INT
PTR = uapi.BTF_KIND_PTR
ARRAY = uapi.BTF_KIND_ARRAY
STRUCT = uapi.BTF_KIND_STRUCT
UNION = uapi.BTF_KIND_UNION
ENUM = uapi.BTF_KIND_ENUM
FWD = uapi.BTF_KIND_FWD
TYPEDEF = uapi.BTF_KIND_TYPEDEF
VOLATILE = uapi.BTF_KIND_VOLATILE
CONST = uapi.BTF_KIND_CONST
RESTRICT = uapi.BTF_KIND_RESTRICT
FUNC = uapi.BTF_KIND_FUNC
FUNC_PROTO = uapi.BTF_KIND_FUNC_PROTO
VAR = uapi.BTF_KIND_VAR
DATASEC = uapi.BTF_KIND_DATASEC
FLOAT = uapi.BTF_KIND_FLOAT
DECL_TAG = uapi.BTF_KIND_DECL_TAG
TYPE_TAG = uapi.BTF_KIND_TYPE_TAG
ENUM64 = uapi.BTF_KIND_ENUM64

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
