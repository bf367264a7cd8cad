"""Numbers, layouts and tables beside bpftool (the kernel's own BTF, its feature probe) and gcc.

The recorded headers are those of the newest kernel that Debian has; the running kernel and the
installed headers are other versions, so members that only one side has are no difference. A member
that both have must agree.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from probee.tables import helpers, maps, programs
from probee.tables.architectures import X86_64
from probee.uapi import (
    bpf,
    bpf_attr,
    bpf_context,
    bpf_flags,
    bpf_func,
    bpf_info,
    bpf_structs,
    btf as uapi_btf,
    perf_event,
    perf_flags,
)
from scripts.facts_headers import Headers, Layouts

if TYPE_CHECKING:
    from collections.abc import Iterator

VMLINUX = "/sys/kernel/btf/vmlinux"
MODULES = (bpf_info, bpf_structs, bpf_context, uapi_btf, perf_event)
HEADERS = ("linux/bpf.h", "linux/btf.h", "linux/perf_event.h", "linux/bpf_perf_event.h")
# Alternatives of union bpf_attr whose members are the union's own.
UNNAMED = {"MAP_CREATE", "MAP_ELEM", "PROG_LOAD", "OBJ", "PROG_ATTACH", "GET_ID", "BTF_LOAD"}
# Members whose value says how many there are, and so differs with the version.
COUNTS = ("MAX",)
# A program type that is there, but that bpftool 7.1 cannot load without a BTF id, or that the
# kernel's configuration leaves out.
NOT_SEEN = {
    "tracing": "bpftool gives no BTF id", "ext": "bpftool gives no program",
    "lsm": "bpftool gives no BTF id", "lirc_mode2": "CONFIG_BPF_LIRC_MODE2",
    "struct_ops": "bpftool gives no BTF id",
}  # fmt: skip
# bpf_probe_write_user is refused under lockdown, bpf_override_return without error injection.
MAY_LACK = {"probe_write_user", "override_return"}


def running() -> tuple[int, ...]:
    major, minor, *_ = os.uname().release.split(".")
    return int(major), int(minor)


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


@pytest.fixture(scope="module")
def types() -> list[dict[str, Any]]:
    """The running kernel's types, as bpftool reads them."""
    if not os.path.exists(VMLINUX):
        pytest.skip("this kernel has no BTF")
    command = ["bpftool", "-j", "btf", "dump", "file", VMLINUX]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: list[dict[str, Any]] = json.loads(text)["types"]
    return found


@pytest.fixture(scope="module")
def probed() -> dict[str, Any]:
    """What `bpftool feature probe` finds."""
    command = ["bpftool", "-j", "feature", "probe", "full"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def layouts() -> Iterator[tuple[str, str, int, int]]:
    """(C type, field, offset, size) for every plain field of every generated layout."""
    for module in MODULES:
        for name, rows in vars(module).items():
            if isinstance(rows, tuple) and not name.endswith("_BITS"):
                keyword = "struct __sk_buff" if name == "SK_BUFF" else f"struct {name.lower()}"
                if name == "BPF_ITER_LINK_INFO":
                    keyword = "union bpf_iter_link_info"
                for field, offset, size in rows:
                    yield keyword, field, offset, size
    for name, rows in vars(bpf_attr).items():
        if isinstance(rows, tuple):
            prefix = "" if name in UNNAMED else name.lower() + "."
            for field, offset, size in rows:
                yield "union bpf_attr", prefix + field, offset, size


@pytest.mark.oracle("bpftool")
@pytest.mark.kernel
def test_enums_of_the_running_kernel(types: list[dict[str, Any]]) -> None:
    ours = {
        name: value
        for module in (bpf, bpf_flags, bpf_func, perf_event, perf_flags, uapi_btf)
        for name, value in vars(module).items()
        if isinstance(value, int)
    }
    theirs = {
        member["name"]: (member["val"], (1 << 8 * found["size"]) - 1)
        for found in types
        if found["kind"] in ("ENUM", "ENUM64")
        for member in found["values"]
        if member["name"] in ours
    }
    differ = {
        name: (ours[name], value)
        for name, (value, bits) in theirs.items()
        if (ours[name] ^ value) & bits and not any(word in name for word in COUNTS)
    }
    assert differ == {}
    assert len(theirs) > 700


@pytest.mark.oracle("bpftool")
@pytest.mark.kernel
def test_no_member_of_the_running_kernels_enums_is_missing(types: list[dict[str, Any]]) -> None:
    for enum, module in (
        ("bpf_cmd", bpf), ("bpf_map_type", bpf), ("bpf_prog_type", bpf), ("bpf_link_type", bpf),
        ("bpf_attach_type", bpf), ("bpf_func_id", bpf_func),
    ):  # fmt: skip
        (found,) = (t for t in types if t["kind"] == "ENUM" and t["name"] == enum)
        assert {member["name"] for member in found["values"]} <= set(vars(module)), enum


@pytest.mark.oracle("bpftool")
@pytest.mark.kernel
def test_layouts_of_the_running_kernel(types: list[dict[str, Any]]) -> None:
    known = Layouts(types)
    checked = 0
    for keyword, field, offset, size in layouts():
        name = keyword.split()[1]
        if name not in known.named:
            continue
        rows = {row[0]: row[1:3] for row in known.struct(name)["fields"] if row}
        if field in rows:
            assert rows[field] == [offset, size], (keyword, field)
            checked += 1
    assert checked > 450


@pytest.mark.oracle("bpftool")
@pytest.mark.kernel
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the running kernel's pt_regs")
def test_registers_of_the_running_kernel(types: list[dict[str, Any]]) -> None:
    regs = Layouts(types).struct("pt_regs")
    offsets = {row[0]: row[1] for row in regs["fields"]}
    assert regs["size"] == X86_64.pt_regs_size
    for name, offset in X86_64.pt_regs:
        assert offsets[name] == offset


@pytest.mark.oracle("gcc")
def test_layouts_of_the_installed_headers() -> None:
    headers = Headers(Path("/"), HEADERS, triplet=f"{platform.machine()}-linux-gnu")
    wanted: dict[str, int] = {}
    for keyword, field, offset, size in layouts():
        wanted[f"__builtin_offsetof({keyword}, {field})"] = offset
        wanted[f"(long)sizeof((({keyword} *)0)->{field})"] = size
    found = headers.values(list(wanted))
    assert found == {expression: wanted[expression] for expression in found}
    assert len(found) > 1000


@pytest.mark.oracle("bpftool")
@pytest.mark.kernel
def test_helpers_are_those_that_bpftool_probes(probed: dict[str, Any]) -> None:
    """bpftool 7.1 takes any helper for present on 6.18, whose refusal has other words; then only
    names are compared here, and tests/kernel/test_tables.py asks the kernel itself.
    """
    rows = list(helpers.all_helpers())
    names = {name for found in probed["helpers"].values() for name in found or ()}
    assert names <= {f"bpf_{row.name}" for row in rows}
    newest = max(row.id for row in rows if f"bpf_{row.name}" in names)
    for key, found in probed["helpers"].items():
        program = key.removesuffix("_available_helpers")
        if not found:
            assert program in NOT_SEEN
            continue
        for row in rows:
            if program not in row.program_types or row.id > newest or row.name in MAY_LACK:
                continue
            if version(row.since) <= running() >= (6, 18):
                assert f"bpf_{row.name}" in found, (program, row.name)


@pytest.mark.oracle("bpftool")
@pytest.mark.kernel
@pytest.mark.parametrize(
    ("what", "suffix", "since"),
    [
        ("map_types", "_map_type", {row.name: row.since for row in maps.MAP_TYPES}),
        ("program_types", "_prog_type", {row.name: row.since for row in programs.PROGRAM_TYPES}),
    ],
    ids=["maps", "programs"],
)
def test_types_are_there_since_the_version_in_their_row(
    probed: dict[str, Any], what: str, suffix: str, since: dict[str, str]
) -> None:
    for key, there in probed[what].items():
        name = key.removeprefix("have_").removesuffix(suffix)
        if there:
            assert version(since[name]) <= running(), name
        elif version(since[name]) <= running():
            assert name in NOT_SEEN, name
