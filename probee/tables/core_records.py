"""Kinds of CO-RE records: what an instruction may ask of a kernel's types.

One row a member of enum bpf_core_relo_kind (include/uapi/linux/bpf.h); the names are those of
libbpf's log (core_relo_kind_str in its relo_core.c).
"""

from __future__ import annotations

from probee.frozen import Frozen
from probee.uapi import bpf_flags as uapi


class CoreKind(Frozen):
    """`about`: a `field` of a struct or union, a `type`, or a `value` of an enum."""

    name: str
    number: int
    about: str


CORE_KINDS = (
    CoreKind("byte_off", uapi.BPF_CORE_FIELD_BYTE_OFFSET, "field"),
    CoreKind("byte_sz", uapi.BPF_CORE_FIELD_BYTE_SIZE, "field"),
    CoreKind("field_exists", uapi.BPF_CORE_FIELD_EXISTS, "field"),
    CoreKind("signed", uapi.BPF_CORE_FIELD_SIGNED, "field"),
    CoreKind("lshift_u64", uapi.BPF_CORE_FIELD_LSHIFT_U64, "field"),
    CoreKind("rshift_u64", uapi.BPF_CORE_FIELD_RSHIFT_U64, "field"),
    CoreKind("local_type_id", uapi.BPF_CORE_TYPE_ID_LOCAL, "type"),
    CoreKind("target_type_id", uapi.BPF_CORE_TYPE_ID_TARGET, "type"),
    CoreKind("type_exists", uapi.BPF_CORE_TYPE_EXISTS, "type"),
    CoreKind("type_size", uapi.BPF_CORE_TYPE_SIZE, "type"),
    CoreKind("enumval_exists", uapi.BPF_CORE_ENUMVAL_EXISTS, "value"),
    CoreKind("enumval_value", uapi.BPF_CORE_ENUMVAL_VALUE, "value"),
    CoreKind("type_matches", uapi.BPF_CORE_TYPE_MATCHES, "type"),
)
BY_NUMBER = {kind.number: kind for kind in CORE_KINDS}
BY_NAME = {kind.name: kind for kind in CORE_KINDS}
