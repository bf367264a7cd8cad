"""The tables beside the running kernel itself: who may call what, what a map takes, what can run.

The program types of helpers are those of the newest recorded kernel (7.3). Where 6.18 differs, the
difference stands below with its reason.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import struct
import subprocess

import pytest

from probee.tables import helpers, maps, programs, sections, syscalls
from probee.tables.architectures import by_machine
from probee.uapi.syscalls import ROWS
from tests import kernel_state

pytestmark = pytest.mark.kernel

MAP_CREATE, PROG_LOAD, TEST_RUN = 0, 5, 10
ENOTSUPP = 524
EXIT = struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)  # r0 = 0; exit
REFUSALS = ("cannot use helper", "unknown func", "invalid func")
# Of a program type's attach types, the one under which most helpers are there.
ATTACH = {
    "cgroup_sock_addr": "CGROUP_INET4_CONNECT",
    "cgroup_sockopt": "CGROUP_SETSOCKOPT",
    "kprobe": "", "sched_cls": "",
}  # fmt: skip
# (program type, helper) that the table has and 6.18 refuses.
NOT_YET = {
    ("cgroup_sock", "getsockopt"): "for INET_SOCK_CREATE, later than 6.18",
    ("cgroup_sock", "setsockopt"): "for INET_SOCK_CREATE, later than 6.18",
    ("tracing", "get_func_arg"): "for raw tracepoints, later than 6.18",
    ("tracing", "get_func_arg_cnt"): "for raw tracepoints, later than 6.18",
}
# What 6.18 takes and the table has no more: refused in 7.3's lwt_seg6local_func_proto.
NO_MORE = {("lwt_seg6local", "skb_pull_data")}
# Configuration and lockdown decide these (CONFIG_BPF_KPROBE_OVERRIDE, LOCKDOWN_BPF_WRITE_USER).
MAY_LACK = {"override_return", "probe_write_user"}
# Loaded only with the BTF id or descriptor of what they are attached to.
NEED_TARGET = {"tracing", "struct_ops", "ext", "lsm"}
PLAIN_PROGRAMS = [row for row in programs.PROGRAM_TYPES if row.name not in NEED_TARGET]
MAY_BE_ABSENT = {"lirc_mode2", "netfilter"}  # CONFIG_BPF_LIRC_MODE2, CONFIG_NETFILTER_BPF_LINK
NEEDS_BTF = {"sk_storage", "inode_storage", "task_storage", "cgrp_storage", "struct_ops"}


def running() -> tuple[int, ...]:
    major, minor, *_ = os.uname().release.split(".")
    return int(major), int(minor)


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


NEWEST = pytest.mark.skipif(running() < (6, 18), reason="the table is of the newest kernels")


class Buffers:
    """Bytes at fixed addresses, for the pointers in bpf()'s attributes."""

    def __init__(self) -> None:
        import ctypes

        self.code = ctypes.create_string_buffer(4096)
        self.log = ctypes.create_string_buffer(1 << 16)
        self.license = ctypes.create_string_buffer(b"GPL")
        self.at = ctypes.addressof


def load(buffers: Buffers, kind: programs.ProgramType, code: bytes, btf_id: int = 0) -> str | int:
    """The descriptor of a loaded program, or the verifier's log (never empty)."""
    buffers.code.raw = code.ljust(4096, b"\0")
    buffers.log.value = b""
    name = attach_of(kind.name)
    attach = programs.attach_type(name).number if name else 0
    sleepable = 0x10 if kind.name == "syscall" else 0
    attr = struct.pack(
        "<IIQQIIQII16sII", kind.number, len(code) // 8, buffers.at(buffers.code),
        buffers.at(buffers.license), 1, len(buffers.log), buffers.at(buffers.log), 0, sleepable,
        b"", 0, attach,
    )  # fmt: skip
    attr = attr.ljust(108, b"\0") + struct.pack("<I", btf_id)
    try:
        return kernel_state.bpf(PROG_LOAD, attr.ljust(144, b"\0"))[0]
    except OSError as error:
        return str(buffers.log.value, "utf-8", "replace") or str(error)


def attach_of(program: str) -> str:
    """An attach type to load a program of that type with, or ""."""
    if program in ATTACH:
        return ATTACH[program]
    rows = (row for row in sections.SECTIONS if row.program_type == program)
    return next((row.attach_type for row in rows if row.attach_type), "")


def works(buffers: Buffers, kind: programs.ProgramType, btf_id: int = 0) -> bool:
    """Whether an empty program of that type loads here."""
    found = load(buffers, kind, EXIT, btf_id)
    if isinstance(found, int):
        os.close(found)
    return isinstance(found, int)


def callable_helpers(buffers: Buffers, kind: programs.ProgramType, btf_id: int = 0) -> set[str]:
    """The helpers whose call the kernel does not refuse by name."""
    there = set()
    for helper in helpers.all_helpers():
        call = struct.pack("<BBhi", 0x85, 0, 0, helper.id)
        found = load(buffers, kind, call + EXIT, btf_id)
        if isinstance(found, int):
            os.close(found)
        if isinstance(found, int) or not any(words in found for words in REFUSALS):
            there.add(helper.name)
    return there


@NEWEST
@pytest.mark.parametrize("kind", PLAIN_PROGRAMS, ids=lambda p: p.name)
def test_helpers_that_each_program_type_may_call(kind: programs.ProgramType) -> None:
    buffers = Buffers()
    if not works(buffers, kind):
        assert kind.name in MAY_BE_ABSENT
        return
    there = callable_helpers(buffers, kind)
    table = {h.name for h in helpers.all_helpers() if kind.name in h.program_types}
    lacking = {name for name in table - there - MAY_LACK if (kind.name, name) not in NOT_YET}
    assert lacking == set()
    assert {(kind.name, name) for name in there - table} <= NO_MORE


@NEWEST
@pytest.mark.oracle("bpftool")
def test_helpers_that_tp_btf_programs_may_call() -> None:
    command = ["bpftool", "-j", "btf", "dump", "file", "/sys/kernel/btf/vmlinux"]
    types = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["types"]
    (btf_id,) = (t["id"] for t in types if t.get("name") == "btf_trace_sched_switch")
    kind, buffers = programs.by_name("tracing"), Buffers()
    assert works(buffers, kind, btf_id)
    there = callable_helpers(buffers, kind, btf_id)
    table = {
        h.name
        for h in helpers.all_helpers()
        if "tracing" in h.program_types and (not h.tracing or "raw_tp" in h.tracing)
    }
    later = {name for program, name in NOT_YET if program == "tracing"}
    assert table - there <= MAY_LACK | later
    assert there <= table


def test_some_program_calls_every_helper_since_its_version() -> None:
    """Older than its version, a helper is unknown to all programs; from then on, one has it."""
    buffers = Buffers()
    kinds = [kind for kind in programs.PROGRAM_TYPES if works(buffers, kind)]
    found = {name for kind in kinds for name in callable_helpers(buffers, kind)}
    names = {kind.name for kind in kinds}
    for helper in helpers.all_helpers():
        if version(helper.since) > running():
            assert helper.name not in found, helper
        elif set(helper.program_types) & names - {"tracing", "lsm"} and not helper.tracing:
            assert helper.name in found | MAY_LACK or running() < (6, 18), helper


def create(row: maps.MapType, **changes: int) -> int:
    """errno of creating a map by its row, 0 if it was made; `changes` are added to the sizes."""
    key = (row.key or (8,))[0] + changes.get("key", 0)
    value = (row.value or (8,))[0] + changes.get("value", 0)
    entries = {"count": 1, "one": 1, "none": 0, "bytes": os.sysconf("SC_PAGESIZE"), "pages": 1}
    count = entries[row.entries] + changes.get("entries", 0)
    flags = 0 if "flags" in changes else row.flags
    inner = kernel_state.bpf(MAP_CREATE, struct.pack("<IIII", 2, 4, 4, 1))[0]
    template = inner if row.name.endswith("_of_maps") else 0
    attr = struct.pack("<IIIIII", row.number, key, value, count, flags, template)
    try:
        os.close(kernel_state.bpf(MAP_CREATE, attr)[0])
    except OSError as error:
        return error.errno or -1
    finally:
        os.close(inner)
    return 0


PLAIN = [row for row in maps.MAP_TYPES if row.name not in NEEDS_BTF]


@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row.name)
def test_maps_are_made_by_their_row(row: maps.MapType) -> None:
    if version(row.since) > running():
        assert create(row) == errno.EINVAL
        return
    found = create(row)
    assert found == 0 or (found == errno.EOPNOTSUPP and row.name == "arena")  # an old JIT


@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row.name)
def test_maps_are_refused_outside_of_their_row(row: maps.MapType) -> None:
    refused = {errno.EINVAL, errno.E2BIG}
    if row.key:
        assert create(row, key=1) in refused
    if row.value and not row.name.endswith("_of_maps"):
        assert create(row, value=1) in refused
    if row.entries in {"none", "bytes"}:
        assert create(row, entries=1) in refused
    if row.flags:
        assert create(row, flags=0) in refused
    if not row.key:
        assert create(row, key=-8) in refused
    if not row.value:
        assert create(row, value=-8) in refused


@NEWEST
@pytest.mark.parametrize("kind", PLAIN_PROGRAMS, ids=lambda p: p.name)
def test_which_program_types_have_a_test_run(kind: programs.ProgramType) -> None:
    fd = load(Buffers(), kind, EXIT)
    if isinstance(fd, str):
        assert kind.name in MAY_BE_ABSENT, fd
        return
    number: int | None = 0
    try:
        kernel_state.bpf(TEST_RUN, struct.pack("<II", fd, 0).ljust(80, b"\0"))
    except OSError as error:
        number = error.errno
    finally:
        os.close(fd)
    assert (number != ENOTSUPP) == kind.test_run


@NEWEST
def test_arguments_of_system_calls_are_those_of_their_tracepoints() -> None:
    """tracefs is mounted in a namespace of its own, where nobody else sees it."""
    script = (
        "mount -t tracefs none /sys/kernel/tracing && cd /sys/kernel/tracing/events/syscalls && "
        "grep -H field: sys_enter_*/format"
    )
    command = ["unshare", "-m", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no syscall tracepoints here: {done.stderr.strip()}")
    formats: dict[str, list[tuple[str, str]]] = {}
    for line in done.stdout.splitlines():
        found = re.match(r"sys_enter_(\w+)/format:\s*field:(.*?)(\w+);", line)
        assert found, line
        fields = formats.setdefault(found[1], [])
        if not found[3].startswith(("common_", "__syscall_nr", "__data")):
            fields.append((found[2].strip(), found[3]))
    arch = by_machine(platform.machine())
    table = {}
    for row in ROWS:
        if row[1 if arch.name == "x86_64" else 2] is not None:
            call = syscalls.by_name(row[0], arch)
            table[call.entry] = [(a.type, a.name) for a in call.args or ()]
    differ = {n: (f, table.get(n)) for n, f in formats.items() if table.get(n) != f}
    # Their declarations changed after 6.18: two more arguments, two types.
    assert set(differ) <= {"bpf", "getcpu", "semop"}, differ
    assert len(formats) > 300
