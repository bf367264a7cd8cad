"""What is checked in is what the recorded facts give; the generated modules are sound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from probee.uapi import bpf, bpf_attr, bpf_func, bpf_info, btf, elf, perf_event
from scripts import generate_tables

ROOT = Path(__file__).parents[3]


def check() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts/generate_tables.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True)


def test_checked_in_modules_are_up_to_date() -> None:
    done = check()
    assert (done.returncode, done.stdout) == (0, ""), done.stdout[:2000]


def test_a_changed_number_is_seen() -> None:
    wanted = generate_tables.modules()
    name = "probee/uapi/bpf.py"
    wanted[name] = wanted[name].replace("BPF_PROG_LOAD = 5\n", "BPF_PROG_LOAD = 6\n")
    lines = generate_tables.differences(wanted)
    assert [line for line in lines if line[:1] in "+-"][2:] == [
        "-BPF_PROG_LOAD = 5", "+BPF_PROG_LOAD = 6",
    ]  # fmt: skip


def test_no_other_module_stands_in_uapi() -> None:
    there = {f"probee/uapi/{path.name}" for path in (ROOT / "probee/uapi").glob("*.py")}
    assert there == {name for name in generate_tables.modules() if "uapi" in name}


def test_every_command_has_its_attributes() -> None:
    commands = range(bpf.__dict__["__MAX_BPF_CMD"])
    assert sorted(bpf_attr.BY_COMMAND) == list(commands)
    for fields in bpf_attr.BY_COMMAND.values():
        assert len({name for name, _, _ in fields}) == len(fields)
        for _, offset, size in fields:
            assert size == 16 or offset % size == 0  # names of 16 bytes are not aligned
            assert offset + size <= bpf_attr.SIZE


def test_numbers_that_everyone_knows() -> None:
    assert (bpf.BPF_MAP_CREATE, bpf.BPF_BTF_LOAD, bpf.BPF_LINK_CREATE) == (0, 18, 28)
    assert (bpf.BPF_MAP_TYPE_RINGBUF, bpf.BPF_PROG_TYPE_TRACING) == (27, 26)
    assert bpf_func.BPF_FUNC_ringbuf_output == 130
    assert (btf.BTF_MAGIC, btf.BTF_KIND_ENUM64) == (0xEB9F, 19)
    assert (elf.EM_BPF, elf.SHN_XINDEX, elf.R_BPF_64_32) == (247, 0xFFFF, 10)
    assert perf_event.PERF_EVENT_IOC_SET_BPF == 0x40042408
    assert ("log_true_size", 140, 4) in bpf_attr.PROG_LOAD
    assert ("cookie", 16, 8) in bpf_attr.RAW_TRACEPOINT
    assert ("gpl_compatible", 672, 1) in bpf_info.BPF_PROG_INFO_BITS
    assert ("disabled", 320, 1) in perf_event.PERF_EVENT_ATTR_BITS
    assert perf_event.PERF_EVENT_ATTR_SIZE == perf_event.PERF_ATTR_SIZE_VER9
