"""`probee prog dump jited`: bytes and addresses as the kernel gives them, text as LLVM and GNU do.

The kernel is asked through libbpf, and by /proc/kallsyms. Debian's bpftool has no disassembler;
what one with LLVM prints is recorded for tests/unit/introspect/test_jited.py.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from probee.asm import make as m
from probee.asm.encode import encode
from probee.host import bpf
from probee.tables.programs import by_name
from tests.objects.build import Object
from tests.oracle import disassemblers
from tests.oracle.bpftool_lab import Lab, id_of, probee as bare, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5")]

TYPES = ("socket_filter", "sched_cls", "xdp", "kprobe", "tracepoint", "perf_event", "cgroup_skb",
         "raw_tracepoint", "lwt_in", "sk_skb", "sock_ops", "flow_dissector")  # fmt: skip
X86_64 = os.uname().machine == "x86_64"


class ProgramInfo(ctypes.Structure):
    """struct bpf_prog_info of include/uapi/linux/bpf.h, written down for this test."""

    _fields_ = (
        ("type", ctypes.c_uint32), ("id", ctypes.c_uint32), ("tag", ctypes.c_uint8 * 8),
        ("jited_prog_len", ctypes.c_uint32), ("xlated_prog_len", ctypes.c_uint32),
        ("jited_prog_insns", ctypes.c_uint64), ("xlated_prog_insns", ctypes.c_uint64),
        ("load_time", ctypes.c_uint64), ("created_by_uid", ctypes.c_uint32),
        ("nr_map_ids", ctypes.c_uint32), ("map_ids", ctypes.c_uint64),
        ("name", ctypes.c_char * 16), ("ifindex", ctypes.c_uint32), ("gpl", ctypes.c_uint32),
        ("netns_dev", ctypes.c_uint64), ("netns_ino", ctypes.c_uint64),
        ("nr_jited_ksyms", ctypes.c_uint32), ("nr_jited_func_lens", ctypes.c_uint32),
        ("jited_ksyms", ctypes.c_uint64), ("jited_func_lens", ctypes.c_uint64),
    )  # fmt: skip


class Jited(NamedTuple):
    """What the kernel has: the code whole, and address and length of each function."""

    data: bytes
    places: list[int]
    lengths: list[int]
    tag: str

    def functions(self) -> Iterator[bytes]:
        at = 0
        for length in self.lengths:
            yield self.data[at : at + length]
            at += length


def asked(fd: int) -> Jited:
    """Asks the kernel through libbpf."""
    library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    first, info = ProgramInfo(), ProgramInfo()
    size = ctypes.c_uint32(ctypes.sizeof(first))
    assert library.bpf_obj_get_info_by_fd(fd, ctypes.byref(first), ctypes.byref(size)) == 0
    data = (ctypes.c_uint8 * first.jited_prog_len)()
    places = (ctypes.c_uint64 * first.nr_jited_ksyms)()
    lengths = (ctypes.c_uint32 * first.nr_jited_func_lens)()
    info.jited_prog_len, info.jited_prog_insns = len(data), ctypes.addressof(data)
    info.nr_jited_ksyms, info.jited_ksyms = len(places), ctypes.addressof(places)
    info.nr_jited_func_lens, info.jited_func_lens = len(lengths), ctypes.addressof(lengths)
    size.value = ctypes.sizeof(info)
    assert library.bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(size)) == 0
    return Jited(bytes(data), list(places), list(lengths), bytes(info.tag).hex())


@pytest.fixture
def lab(oracle: Callable[[str], str], tmp_path: Path) -> Iterator[Lab]:
    with Lab(oracle("bpftool-7.5"), tmp_path) as lab:
        yield lab


def whole(*words: str) -> str:
    """What probee prints, with the packages that its extras have."""
    done = run(sys.executable, "-m", "probee", *words)
    assert done.status == 0, done.err
    return done.out


def agree(fd: int, *selector: str) -> Jited:
    """Bytes, places and names of a program are the kernel's in all that probee prints."""
    wanted = asked(fd)
    assert wanted.data
    assert sum(wanted.lengths) == len(wanted.data)
    words = ("prog", "dump", "jited", *selector)
    names = symbols(wanted)
    functions = json.loads(whole("-j", *words, "opcodes"))
    assert [one["name"] for one in functions] == names
    for one, data in zip(functions, wanted.functions(), strict=True):
        insns = one["insns"]
        assert bytes(int(byte, 16) for insn in insns for byte in insn["opcodes"]) == data
        at = 0
        for insn in insns:
            assert insn["pc"] == f"{at:#x}"
            at += len(insn["opcodes"])
    assert json.loads(whole("-p", *words, "opcodes", "linum")) == json.loads(
        whole("-j", *words, "opcodes", "linum")
    )
    text = whole(*words, "opcodes")
    assert re.findall(r"^(\w*bpf_prog_\w+):$", text, re.MULTILINE) == names
    shown = re.findall(r"^\t((?:[0-9a-f]{2} )+)$", text, re.MULTILINE)
    assert bytes.fromhex("".join(shown)) == wanted.data
    return wanted


def symbols(wanted: Jited) -> list[str]:
    """The names that /proc/kallsyms has for the program's functions."""
    names = {}
    with open("/proc/kallsyms", encoding="ascii", errors="replace") as lines:
        for line in lines:
            address, _, name, *module = line.split()
            if module == ["[bpf]"]:
                names[int(address, 16)] = name
    found = [names[place] for place in wanted.places]
    assert found[0].startswith(f"bpf_prog_{wanted.tag}")
    return found


def listed(*selector: str) -> Iterator[disassemblers.Rows]:
    """The instructions of each function, as probee prints them."""
    text = whole("prog", "dump", "jited", *selector)
    for function in re.split(r"^\w*bpf_prog_\w+:\n", text, flags=re.MULTILINE)[1:]:
        rows = re.findall(r"^ *([0-9a-f]+):\t(.*)$", function, re.MULTILINE)
        yield [(int(at, 16), row) for at, row in rows]


def read_alike(oracle: Callable[[str], str], folder: Path, wanted: Jited, *selector: str) -> None:
    """LLVM and, of x86-64, GNU read the same in the code."""
    for rows, data in zip(listed(*selector), wanted.functions(), strict=True):
        assert rows == disassemblers.llvm(oracle, data, os.uname().machine, folder)
        if X86_64:
            theirs = disassemblers.gnu(oracle, data, folder)
            mine = disassemblers.joined(rows)
            assert [at for at, _ in mine] == [at for at, _ in theirs]
            for (at, text), (_, other) in zip(mine, theirs, strict=True):
                assert disassemblers.sense(text) == disassemblers.sense(other), (at, text, other)


@pytest.mark.parametrize("type", TYPES)
def test_programs_of_many_types(
    lab: Lab, oracle: Callable[[str], str], tmp_path: Path, type: str
) -> None:
    fd = lab.program(by_name(type).number, name=f"a_{type}"[:15])
    read_alike(oracle, tmp_path, agree(fd, "id", id_of(fd)), "id", id_of(fd))


@pytest.mark.parametrize("source", ["calls", "data", "nested", "strings", "shown"])
def test_objects_of_the_corpus(
    lab: Lab, built: Callable[[Object], Path], oracle: Callable[[str], str], tmp_path: Path,
    source: str,
) -> None:  # fmt: skip
    """Functions, callbacks, tail calls; lines of source in between."""
    folder = lab.load(built(Object((source,), 19)))
    most = 0
    for one in sorted(os.listdir(f"{folder}/progs")):
        path = f"{folder}/progs/{one}"
        fd = lab.keep(bpf.obj_get(path))
        wanted = agree(fd, "pinned", path)
        read_alike(oracle, tmp_path, wanted, "pinned", path)
        most = max(most, len(wanted.lengths))
        assert "\n; " in whole("prog", "dump", "jited", "pinned", path)
        assert " [file:" in whole("prog", "dump", "jited", "pinned", path, "linum")
    assert most > 3 or source != "calls"


def test_instructions_of_all_kinds(lab: Lab, oracle: Callable[[str], str], tmp_path: Path) -> None:
    code = [m.mov64_imm(number, -number) for number in range(1, 6)]
    code += [m.ld_imm64(0, 0x8123456789ABCDEF), m.ld_imm64(6, 0xFFFFFFFF)]
    for size in (1, 2, 4, 8):
        code += [
            m.st_mem(size, 10, -8, -2),
            m.stx_mem(size, 10, 1, -136),
            m.ldx_mem(size, 7, 10, -8),
        ]
    for name in ("add", "sub", "mul", "div", "mod", "and", "or", "xor", "lsh", "rsh", "arsh"):
        for imm in (1, 31, 200, -16, -300) if name not in {"lsh", "rsh", "arsh"} else (1, 31):
            code += [m.alu64_imm(name, 2, imm), m.alu32_imm(name, 3, imm)]
        code += [m.alu64_reg(name, 4, 5), m.alu32_reg(name, 5, 6)]
    for bits in (16, 32, 64):
        code += [m.to_be(3, bits), m.to_le(3, bits)]
    for name in ("add", "and", "or", "xor"):
        code += [
            m.atomic(name, size, 10, 6, -8, fetch=fetch)
            for size in (4, 8)
            for fetch in (False, True)
        ]
    code += [m.xchg(8, 10, 6, -8), m.cmpxchg(8, 10, 6, -8), m.neg64(6), m.neg32(6)]
    for name in ("jeq", "jne", "jgt", "jge", "jlt", "jle", "jsgt", "jsge", "jslt", "jsle", "jset"):
        code += [m.jmp_imm(name, 6, 200, 1), m.jmp_reg(name, 6, 7, 0), m.jmp32_imm(name, 6, -3, 0)]
    code += [m.mov64_imm(0, 0), m.exit_()]
    fd = lab.program(by_name("socket_filter").number, encode(code), "all_kinds")
    wanted = agree(fd, "id", id_of(fd))
    read_alike(oracle, tmp_path, wanted, "id", id_of(fd))


@pytest.mark.oracle("bpftool")
def test_a_file_has_the_bytes(
    lab: Lab, built: Callable[[Object], Path], oracle: Callable[[str], str], tmp_path: Path
) -> None:
    """Without packages too. Debian's bpftools, without a disassembler, refuse to write them."""
    folder = lab.load(built(Object(("calls",), 19)))
    for one in sorted(os.listdir(f"{folder}/progs")):
        path = f"{folder}/progs/{one}"
        file = tmp_path / "code"
        words = ("prog", "dump", "jited", "pinned", path)
        for bpftool in (lab.bpftool, oracle("bpftool")):
            theirs = run(bpftool, *words, "file", str(file))
            assert theirs.status != 0
            assert re.search("No JIT disassembly support|No libbfd support", theirs.err)
            assert not file.exists()
        assert bare(*words, "file", str(file)) == ("", "", 0)
        assert file.read_bytes() == asked(lab.keep(bpf.obj_get(path))).data
        file.unlink()


def test_without_capstone(lab: Lab) -> None:
    """What to install is said, and no program is listed."""
    fd = lab.program(by_name("xdp").number)
    done = bare("prog", "dump", "jited", "id", id_of(fd))
    assert (done.out, done.status) == ("", 1)
    assert "install probee[disasm]" in done.err
    done = bare("-j", "prog", "dump", "jited", "id", id_of(fd))
    assert "needs capstone" in json.loads(done.out)["error"]
