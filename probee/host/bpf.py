"""The bpf() system call as typed functions: numbers, names and bytes in, descriptors and bytes out.

Every descriptor closes on exec and belongs to the caller, who closes it once. A call that fails
raises KernelError, with the likely cause; "there is no such element" is an answer, not a failure.
`token` is the descriptor of a BPF token (Linux 6.9), 0 for none.
"""

from __future__ import annotations

from os import fsencode

from probee.errors import VerifierError
from probee.host.attributes import Attributes, call, demand, failure
from probee.uapi.bpf import BPF_PERF_EVENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.host.attributes import Value

_ENOENT = 2


def map_create(
    type: int,
    key_size: int,
    value_size: int,
    max_entries: int,
    *,
    flags: int = 0,
    name: str = "",
    btf_fd: int = 0,
    key_btf: int = 0,
    value_btf: int = 0,
    inner_fd: int = 0,
    extra: int = 0,
    token: int = 0,
) -> int:
    """A new map of type `BPF_MAP_TYPE_*`; the sizes are bytes, `name` is cut to 15 characters."""
    return demand(
        Attributes(
            "BPF_MAP_CREATE",
            {
                "map_type": type,
                "key_size": key_size,
                "value_size": value_size,
                "max_entries": max_entries,
                "map_flags": flags,
                "map_name": name,
                "btf_fd": btf_fd,
                "btf_key_type_id": key_btf,
                "btf_value_type_id": value_btf,
                "inner_map_fd": inner_fd,
                "map_extra": extra,
            },
            token,
        ),
        f"map {name}" if name else "",
    )


def map_lookup(fd: int, key: bytes, value_size: int, flags: int = 0) -> bytes | None:
    """The value under `key`, or None. `value_size` of a per-CPU map is that of all CPUs."""
    value = bytearray(value_size)
    return bytes(value) if _element("BPF_MAP_LOOKUP_ELEM", fd, key, value, flags) else None


def map_update(fd: int, key: bytes, value: bytes, flags: int = 0) -> None:
    """Sets `value` under `key`; `flags` is BPF_ANY 0, BPF_NOEXIST 1 or BPF_EXIST 2."""
    attributes = Attributes(
        "BPF_MAP_UPDATE_ELEM", {"map_fd": fd, "key": key, "value": value, "flags": flags}
    )
    demand(attributes)


def map_delete(fd: int, key: bytes) -> bool:
    """Takes `key` out; False where it was not there."""
    return _found("BPF_MAP_DELETE_ELEM", {"map_fd": fd, "key": key})


def map_pop(fd: int, key: bytes, value_size: int) -> bytes | None:
    """The value under `key`, which is taken out in the same step; None where it was not there.

    Queues and stacks have no key: b"". Hash maps can do it since Linux 5.14.
    """
    value = bytearray(value_size)
    return bytes(value) if _element("BPF_MAP_LOOKUP_AND_DELETE_ELEM", fd, key, value) else None


def map_contains(fd: int, value: bytes) -> bool:
    """Whether a bloom filter has `value`: surely not, or probably (Linux 5.16)."""
    return _found("BPF_MAP_LOOKUP_ELEM", {"map_fd": fd, "value": value})


def map_get_next_key(fd: int, key: bytes | None, key_size: int) -> bytes | None:
    """The key behind `key` in the map's own order, the first for None; None behind the last."""
    following = bytearray(key_size)
    fields: dict[str, Value] = {"map_fd": fd, "key": key or 0, "next_key": following}
    return bytes(following) if _found("BPF_MAP_GET_NEXT_KEY", fields) else None


def map_lookup_batch(
    fd: int, key_size: int, value_size: int, count: int, cursor: bytes | None = None
) -> tuple[bytes, bytes, int, bytes | None]:
    """Up to `count` elements: keys, values, how many, and the cursor for the next call or None.

    Linux 5.6. A bucket of a hash map that holds more than `count` gives ENOSPC: ask for more.
    """
    keys, values = bytearray(key_size * count), bytearray(value_size * count)
    following = bytearray(max(key_size, 4))
    command = "BPF_MAP_LOOKUP_BATCH"
    attributes = Attributes(
        command,
        {
            "map_fd": fd,
            "in_batch": cursor or 0,
            "out_batch": following,
            "keys": keys,
            "values": values,
            "count": count,
        },
    )
    result = call(attributes)
    if result < 0 and result != -_ENOENT:
        raise failure(command, -result)
    got = attributes["count"]
    return (
        bytes(keys[: got * key_size]),
        bytes(values[: got * value_size]),
        got,
        bytes(following) if result == 0 else None,
    )


def map_freeze(fd: int) -> None:
    """No system call writes the map from now on (Linux 5.2)."""
    demand(Attributes("BPF_MAP_FREEZE", {"map_fd": fd}))


def _found(command: str, fields: dict[str, Value]) -> bool:
    result = call(Attributes(command, fields))
    if result < 0 and result != -_ENOENT:
        raise failure(command, -result)
    return result >= 0


def _element(command: str, fd: int, key: bytes, value: bytearray, flags: int = 0) -> bool:
    return _found(command, {"map_fd": fd, "key": key, "value": value, "flags": flags})


def prog_load(
    type: int,
    code: bytes,
    license: str,
    *,
    name: str = "",
    attach_type: int = 0,
    attach_btf_id: int = 0,
    attach_btf_fd: int = 0,
    flags: int = 0,
    btf_fd: int = 0,
    func_info: bytes = b"",
    line_info: bytes = b"",
    log_level: int = 0,
    token: int = 0,
) -> tuple[int, str]:
    """Loads a program: its descriptor, and the verifier's log (empty for `log_level` 0).

    `code` is instructions of 8 bytes, `func_info` and `line_info` rows of 8 and 16 bytes. Where the
    kernel refuses, the load is tried once more for its log (see refusals.py). VerifierError with
    that log where the verifier wrote one, KernelError where it had nothing to say.
    """
    fields: dict[str, Value] = {
        "prog_type": type,
        "insn_cnt": len(code) // 8,
        "insns": code,
        "license": license.encode() + b"\0",
        "prog_name": name,
        "expected_attach_type": attach_type,
        "attach_btf_id": attach_btf_id,
        "attach_btf_obj_fd": attach_btf_fd,
        "prog_flags": flags,
        "prog_btf_fd": btf_fd,
        **_rows("func_info", func_info, 8),
        **_rows("line_info", line_info, 16),
    }
    first = -1 if log_level else call(Attributes("BPF_PROG_LOAD", fields, token))
    if first >= 0:
        return first, ""
    from probee.host.refusals import once_more

    first, second, log = once_more(fields, token, log_level, -first)
    if second >= 0:
        return second, log
    error = failure("BPF_PROG_LOAD", -first, f"program {name}" if name else "")
    if log.strip():
        raise VerifierError(error.message, log=log) from error
    raise error


def _rows(name: str, data: bytes, size: int) -> dict[str, Value]:
    """The three attributes of an array of rows; none for an empty one."""
    if not data:
        return {}
    return {name: data, f"{name}_rec_size": size, f"{name}_cnt": len(data) // size}


def btf_load(blob: bytes, *, token: int = 0) -> int:
    """Loads BTF. A refusal is a VerifierError with the kernel's log, a KernelError without one."""
    fields: dict[str, Value] = {"btf": blob, "btf_size": len(blob)}
    result = call(Attributes("BPF_BTF_LOAD", fields, token))
    if result >= 0:
        return result
    from probee.host.refusals import WAY, whole

    second, log = whole("BPF_BTF_LOAD", fields, WAY, token)
    if second >= 0:
        return second
    error = failure("BPF_BTF_LOAD", -result)
    if log.strip():
        raise VerifierError(error.message, log=log) from error
    raise error


def prog_test_run(
    fd: int,
    data: bytes = b"",
    context: bytes = b"",
    *,
    data_out: int = 0,
    context_out: int = 0,
    repeat: int = 0,
    flags: int = 0,
    cpu: int = 0,
) -> tuple[int, bytes, bytes, int]:
    """Runs a program once: its result (u32), the data and context it left, ns a run.

    `data_out` and `context_out` are the room for what it leaves, in bytes. Syscall programs get no
    such room: they change the context in place, and it comes back whole. ENOTSUPP (524) for
    program types without a test run, tracepoint programs among them.
    """
    left, context_left = bytearray(data_out), bytearray(context_out)
    given = bytearray(context)
    attributes = Attributes(
        "BPF_PROG_TEST_RUN",
        {
            "prog_fd": fd,
            "data_in": data,
            "data_size_in": len(data),
            "data_out": left,
            "data_size_out": data_out,
            "ctx_in": given,
            "ctx_size_in": len(context),
            "ctx_out": context_left,
            "ctx_size_out": context_out,
            "repeat": repeat,
            "flags": flags,
            "cpu": cpu,
        },
    )
    demand(attributes)
    return (
        attributes["retval"],
        bytes(left[: attributes["data_size_out"]]),
        bytes(context_left[: attributes["ctx_size_out"]] if context_out else given),
        attributes["duration"],
    )


def link_create(prog_fd: int, target_fd: int, attach_type: int, *, cookie: int = 0) -> int:
    """A link to `target_fd`: a perf event for BPF_PERF_EVENT, nothing (0) for raw tracepoints."""
    where = "perf_event.bpf_cookie" if attach_type == BPF_PERF_EVENT else "tracing.cookie"
    fields = {"prog_fd": prog_fd, "target_fd": target_fd, "attach_type": attach_type, where: cookie}
    return demand(Attributes("BPF_LINK_CREATE", fields))


def raw_tracepoint_open(prog_fd: int, name: str = "") -> int:
    """A link of the program to raw tracepoint `name`; no name for tp_btf, whose load said it."""
    fields: dict[str, Value] = {"prog_fd": prog_fd, "name": name.encode() + b"\0" if name else 0}
    attributes = Attributes("BPF_RAW_TRACEPOINT_OPEN", fields)
    return demand(attributes, f"raw tracepoint {name}" if name else "")


def obj_get_info(fd: int, info: bytearray) -> int:
    """Fills `info` with the kernel's struct about this object; how many bytes of it are valid.

    Pointers and lengths inside `info`, where it has some, are the caller's to set beforehand.
    """
    command = "BPF_OBJ_GET_INFO_BY_FD"
    attributes = Attributes(command, {"bpf_fd": fd, "info_len": len(info), "info": info})
    demand(attributes)
    return attributes["info_len"]


def ids(kind: str) -> Iterator[int]:
    """The ids of all objects of a `kind`, `PROG`, `MAP`, `BTF` or `LINK`, as they stand."""
    command = f"BPF_{kind}_GET_NEXT_ID"
    attributes = Attributes(command, {"start_id": 1})  # which is not asked for: a field that is set
    last = 0
    while True:
        attributes.put("start_id", last)
        result = call(attributes)
        if result == -_ENOENT:
            return
        if result < 0:
            raise failure(command, -result)
        last = attributes["next_id"]
        yield last


def open_by_id(kind: str, id: int) -> int | None:
    """A descriptor of object `id` of a `kind` as in `ids`, or None where it is gone."""
    command = f"BPF_{kind}_GET_FD_BY_ID"
    result = call(Attributes(command, {"start_id": id}))
    if result == -_ENOENT:
        return None
    if result < 0:
        raise failure(command, -result, f"id {id}")
    return result


def obj_pin(fd: int, path: str) -> None:
    """Pins an object at `path`, which lies on a bpf file system."""
    fields: dict[str, Value] = {"bpf_fd": fd, "pathname": fsencode(path) + b"\0"}
    demand(Attributes("BPF_OBJ_PIN", fields), path)


def obj_get(path: str, flags: int = 0) -> int:
    """A descriptor of the object pinned at `path`."""
    fields: dict[str, Value] = {"pathname": fsencode(path) + b"\0", "file_flags": flags}
    return demand(Attributes("BPF_OBJ_GET", fields), path)


def enable_stats() -> int:
    """Run times and counts of programs are kept while the descriptor is open (Linux 5.8)."""
    return demand(Attributes("BPF_ENABLE_STATS", {"type": 0}))
