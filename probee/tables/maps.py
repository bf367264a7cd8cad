"""Map types: what they hold, how they are made, and what may be done with them from either side.

One row a member of `enum bpf_map_type`. Sources: the map_alloc_check and map_ops of each type in
kernel/bpf/*.c and net/, check_map_func_compatibility in kernel/bpf/verifier.c (which helper takes
which map), include/uapi/linux/bpf.h for the numbers.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.frozen import Frozen
from probee.uapi import bpf as uapi


class MapType(Frozen):
    """One map type.

    `key` and `value` are the sizes in bytes that BPF_MAP_CREATE takes: a tuple of the sizes, or
    () where the user chooses (at least 1). `entries`: "count", "none" (max_entries must be 0),
    "one", "bytes" (a power of two of whole pages) or "pages". `flags` must be given at creation.
    `program` are the helpers, without `bpf_`, that take this map; `user` the bpf() commands that
    work on it, shortened: lookup, update, delete, next, take (lookup and delete), batch; mmap.
    `per_cpu`: a value for each possible CPU, seen by user space as an array of them, each padded
    to 8 bytes. `since` is the kernel's version.
    """

    name: str
    number: int
    since: str
    key: tuple[int, ...]
    value: tuple[int, ...]
    entries: str
    program: tuple[str, ...]
    user: tuple[str, ...]
    per_cpu: bool = False
    flags: int = 0
    note: str = ""


_ANY: tuple[int, ...] = ()
_ELEMENTS = ("map_lookup_elem", "map_update_elem", "map_delete_elem", "for_each_map_elem")
_ARRAY = ("map_lookup_elem", "map_update_elem", "for_each_map_elem")
_PERCPU = "map_lookup_percpu_elem"
_HASH_USER = ("lookup", "update", "delete", "next", "take", "batch")
_FD_USER = ("update", "delete", "next")
_QUEUE = ("map_push_elem", "map_pop_elem", "map_peek_elem")
_LOOKUP = ("map_lookup_elem",)
_SOCKETS = ("map_lookup_elem", "map_update_elem", "map_delete_elem", "sk_select_reuseport")
_FD_STORAGE = ("lookup", "update", "delete")
_NO_PREALLOC = uapi.BPF_F_NO_PREALLOC

# fmt: off
MAP_TYPES = (
    MapType("hash", 1, "3.19", _ANY, _ANY, "count", _ELEMENTS, _HASH_USER),
    MapType("array", 2, "3.19", (4,), _ANY, "count", _ARRAY,
            ("lookup", "update", "next", "batch", "mmap"),
            note="mmap needs BPF_F_MMAPABLE; elements exist from the start and cannot be deleted"),
    MapType("prog_array", 3, "4.2", (4,), (4,), "count", ("tail_call",), ("lookup", *_FD_USER),
            note="user space writes descriptors of programs and reads their ids"),
    MapType("perf_event_array", 4, "4.3", (4,), (4,), "count",
            ("perf_event_output", "perf_event_read", "perf_event_read_value", "skb_output",
             "xdp_output"), _FD_USER, note="one perf event descriptor for each CPU"),
    MapType("percpu_hash", 5, "4.6", _ANY, _ANY, "count", (*_ELEMENTS, _PERCPU), _HASH_USER,
            per_cpu=True),
    MapType("percpu_array", 6, "4.6", (4,), _ANY, "count", (*_ARRAY, _PERCPU),
            ("lookup", "update", "next", "batch"), per_cpu=True,
            note="a value has at most 32 KiB"),
    MapType("stack_trace", 7, "4.6", (4,), _ANY, "count", ("get_stackid",),
            ("lookup", "delete", "next", "take"),
            note="value: 8 bytes a frame, at most kernel.perf_event_max_stack frames"),
    MapType("cgroup_array", 8, "4.8", (4,), (4,), "count",
            ("skb_under_cgroup", "current_task_under_cgroup"), _FD_USER),
    MapType("lru_hash", 9, "4.10", _ANY, _ANY, "count", _ELEMENTS, _HASH_USER,
            note="a full map drops the entry that was longest unused"),
    MapType("lru_percpu_hash", 10, "4.10", _ANY, _ANY, "count", (*_ELEMENTS, _PERCPU), _HASH_USER,
            per_cpu=True),
    MapType("lpm_trie", 11, "4.11", _ANY, _ANY, "count", _ELEMENTS[:3],
            ("lookup", "update", "delete", "next", "batch"), flags=_NO_PREALLOC,
            note="key: u32 prefix length in bits, then 1 to 256 bytes, network order"),
    MapType("array_of_maps", 12, "4.12", (4,), (4,), "count", _LOOKUP,
            ("lookup", *_FD_USER, "batch"), note="needs inner_map_fd as a template"),
    MapType("hash_of_maps", 13, "4.12", _ANY, (4,), "count", _LOOKUP,
            ("lookup", *_FD_USER, "batch"), note="needs inner_map_fd as a template"),
    MapType("devmap", 14, "4.14", (4,), (4, 8), "count", ("redirect_map", *_LOOKUP),
            ("lookup", "update", "delete", "next")),
    MapType("sockmap", 15, "4.14", (4,), (4, 8), "count",
            ("sk_redirect_map", "msg_redirect_map", "sock_map_update", *_SOCKETS),
            ("lookup", "update", "delete", "next"), note="lookup gives a cookie, value size 8"),
    MapType("cpumap", 16, "4.15", (4,), (4, 8), "count", ("redirect_map",),
            ("lookup", "update", "delete", "next")),
    MapType("xskmap", 17, "4.18", (4,), (4,), "count", ("redirect_map", *_LOOKUP), _FD_USER),
    MapType("sockhash", 18, "4.18", _ANY, (4, 8), "count",
            ("sk_redirect_hash", "msg_redirect_hash", "sock_hash_update", *_SOCKETS),
            ("lookup", "update", "delete", "next"), note="a key has at most 512 bytes"),
    MapType("cgroup_storage", 19, "4.19", (8, 16), _ANY, "none", ("get_local_storage",),
            ("lookup", "update", "next"), note="deprecated: cgrp_storage"),
    MapType("reuseport_sockarray", 20, "4.19", (4,), (4, 8), "count", ("sk_select_reuseport",),
            ("lookup", "update", "delete", "next")),
    MapType("percpu_cgroup_storage", 21, "4.20", (8, 16), _ANY, "none", ("get_local_storage",),
            ("lookup", "update", "next"), per_cpu=True, note="deprecated: cgrp_storage"),
    MapType("queue", 22, "4.20", (0,), _ANY, "count", _QUEUE, ("lookup", "update", "take"),
            note="lookup peeks, update pushes, take pops; BPF_EXIST pushes over the oldest"),
    MapType("stack", 23, "4.20", (0,), _ANY, "count", _QUEUE, ("lookup", "update", "take"),
            note="lookup peeks, update pushes, take pops; BPF_EXIST pushes over the oldest"),
    MapType("sk_storage", 24, "5.2", (4,), _ANY, "none",
            ("sk_storage_get", "sk_storage_delete", "kptr_xchg"), _FD_STORAGE, flags=_NO_PREALLOC,
            note="user space's key is a socket's descriptor; needs BTF of key and value"),
    MapType("devmap_hash", 25, "5.4", (4,), (4, 8), "count", ("redirect_map", *_LOOKUP),
            ("lookup", "update", "delete", "next")),
    MapType("struct_ops", 26, "5.6", (4,), _ANY, "one", (), ("lookup", "update", "delete", "next"),
            note="value: the kernel's bpf_struct_ops_NAME, by btf_vmlinux_value_type_id"),
    MapType("ringbuf", 27, "5.8", (0,), (0,), "bytes",
            ("ringbuf_output", "ringbuf_reserve", "ringbuf_query", "ringbuf_reserve_dynptr"),
            ("mmap",), note="consumer page writable, producer page and data read-only, data twice"),
    MapType("inode_storage", 28, "5.10", (4,), _ANY, "none",
            ("inode_storage_get", "inode_storage_delete", "kptr_xchg"), _FD_STORAGE,
            flags=_NO_PREALLOC, note="user space's key is a file's descriptor; needs BTF"),
    MapType("task_storage", 29, "5.11", (4,), _ANY, "none",
            ("task_storage_get", "task_storage_delete", "kptr_xchg"), _FD_STORAGE,
            flags=_NO_PREALLOC, note="user space's key is a pidfd; needs BTF"),
    MapType("bloom_filter", 30, "5.16", (0,), _ANY, "count", ("map_push_elem", "map_peek_elem"),
            ("lookup", "update"), note="update adds, lookup tests; hash functions in map_extra"),
    MapType("user_ringbuf", 31, "6.1", (0,), (0,), "bytes", ("user_ringbuf_drain",), ("mmap",)),
    MapType("cgrp_storage", 32, "6.2", (4,), _ANY, "none",
            ("cgrp_storage_get", "cgrp_storage_delete", "kptr_xchg"), _FD_STORAGE,
            flags=_NO_PREALLOC, note="user space's key is a cgroup directory's descriptor"),
    MapType("arena", 33, "6.9", (0,), (0,), "pages", (), ("mmap",), flags=uapi.BPF_F_MMAPABLE,
            note="memory shared with programs as it stands, up to 4 GiB; kfuncs allocate pages"),
    MapType("insn_array", 34, "6.19", (4,), (16,), "count", (), ("lookup", "update", "next"),
            note="offsets of instructions, for indirect jumps and to follow code that moved"),
    MapType("rhash", 35, "7.2", _ANY, _ANY, "count", _ELEMENTS, _HASH_USER, flags=_NO_PREALLOC,
            note="a hash that grows"),
)
# fmt: on

# Members of enum bpf_map_type that are no type of their own.
UNSUPPORTED = {
    "BPF_MAP_TYPE_UNSPEC": "marks a missing type",
    "BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED": "another name of cgroup_storage",
    "BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE_DEPRECATED": "another name of percpu_cgroup_storage",
}

_BY_NAME = {row.name: row for row in MAP_TYPES}
_BY_NUMBER = {row.number: row for row in MAP_TYPES}


def by_name(name: str) -> MapType:
    """The row of "lru_hash" and the like. Raises NotSupportedError."""
    row = _BY_NAME.get(name)
    if row is None:
        raise NotSupportedError(f"there is no map type named {name!r}")
    return row


def by_number(number: int) -> MapType | None:
    """The row of a member of enum bpf_map_type, or None for one newer than this table."""
    return _BY_NUMBER.get(number)
