"""`probee build` as its users run it: files, forms, refusals, statuses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from probee.btf.reader import Btf
from probee.elf.read import ElfFile
from probee.objfile.read import read_file

ROOT = Path(__file__).parents[3]
TOOL = """
from probee import Chars, Const, Context, RingBuf, Struct, UserPtr, chars, tracepoint, u32
from helper import double

LICENSE = "GPL"


class Event(Struct):
    pid: u32
    register: u32
    where: UserPtr
    name: Chars = chars(8)
    sure: bool


events = RingBuf(Event, size="64K")
only = Const(u32, 7)
loud = Const(bool, False)
label = Const(chars(8), "abc")


@tracepoint("syscalls:sys_enter_openat")
def opening(ctx: Context) -> None:
    event = events.reserve()
    if event is not None:
        event.pid = double(only)
        event.where = ctx.filename
        event.name = label
        event.sure = loud
        event.submit()
"""
HELPER = """
from probee import tracepoint, Context, u32

def double(number: u32) -> u32:
    return number * 2

@tracepoint("syscalls:sys_enter_close")
def another(ctx: Context) -> None:
    pass
"""


def probee(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "probee", "build", *words],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text(HELPER, encoding="utf-8")
    path = tmp_path / "my_tool.py"
    path.write_text(TOOL, encoding="utf-8")
    return path


def test_a_tool_is_written_into_the_output_folder(tmp_path: Path) -> None:
    done = probee("opensnoop", "--arch", "x86_64", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    path = tmp_path / ".output/opensnoop.bpf.o"
    size = f"{path.stat().st_size:,}"
    assert done.stderr == f"probee build: 10 programs in .output/opensnoop.bpf.o, {size} bytes\n"
    assert os.listdir(tmp_path / ".output") == ["opensnoop.bpf.o"]  # nothing is left beside it
    spec = read_file(path)
    assert {hook.target.rpartition("_")[2] for p in spec.programs for hook in p.attach} == {
        "open", "creat", "openat", "openat2", "at",
    }  # fmt: skip
    assert [v.name for v in spec.variables] == [
        "one_pid", "only_pid", "one_tid", "only_tid", "one_uid", "only_uid", "only_failed",
        "unpaired",
    ]  # fmt: skip


def test_a_file_gives_the_programs_that_it_defines(tool: Path) -> None:
    assert probee("my_tool.py", "-o", "made.o", cwd=tool.parent).returncode == 0
    spec = read_file(tool.parent / "made.o")
    assert [program.name for program in spec.programs] == ["opening"]  # not what it imports
    assert spec.license == "GPL"


@pytest.mark.parametrize("license_", ['""', r'"GPL\0x"', "5"])
def test_a_license_that_is_none_is_refused(tool: Path, license_: str) -> None:
    text = tool.read_text().replace('LICENSE = "GPL"', f"LICENSE = {license_}")
    assert f"LICENSE = {license_}" in text
    tool.write_text(text)
    done = probee("my_tool.py", cwd=tool.parent)
    assert done.returncode == 1
    assert "LICENSE" in done.stderr


def test_a_header_of_c_words_compiles(tmp_path: Path) -> None:
    source = (
        "from probee import Context, RingBuf, Struct, tracepoint, u32\n"
        "class register(Struct):\n    int: u32\n"
        'r = RingBuf(register, size="64K")\n'
        '@tracepoint("syscalls:sys_enter_close")\n'
        "def f(ctx: Context) -> None:\n"
        "    if (e := r.reserve()) is not None:\n        e.submit()\n"
    )
    (tmp_path / "3x.py").write_text(source)
    text = probee("3x.py", "--emit", "c-header", cwd=tmp_path).stdout
    assert "struct register_ {\n\t__u32 int_;\n};" in text
    assert "#ifndef _3X_BPF_H" in text


def test_the_same_source_gives_the_same_bytes_anywhere(tool: Path, tmp_path: Path) -> None:
    """From another folder, by another name of the file, in another run, with other hashes."""
    elsewhere = tmp_path / "elsewhere" / "deep"
    elsewhere.mkdir(parents=True)
    for name in ("my_tool.py", "helper.py"):
        shutil.copy(tool.parent / name, elsewhere)
    for words, cwd in (
        (("my_tool.py", "-o", "0.o"), tool.parent),
        (("elsewhere/deep/my_tool.py", "-o", "1.o"), tmp_path),
        ((str(tool), "-o", str(tmp_path / "2.o")), Path("/")),
    ):
        assert probee(*words, cwd=cwd).returncode == 0
    datas = [(tmp_path / f"{number}.o").read_bytes() for number in range(3)]
    assert datas[0] == datas[1] == datas[2]
    assert str(tmp_path).encode() not in datas[0]
    types = ElfFile(datas[0]).section(".BTF")
    assert types is not None
    strings = bytes(Btf(types.data).sections.strings).split(b"\0")
    assert {text for text in strings if text.endswith(b".py")} == {b"my_tool.py", b"helper.py"}


def test_constants_get_other_first_values(tool: Path) -> None:
    words = ("--const", "only=0x1000", "--const", "loud=true", "--const", "label=x=y,z")
    assert probee("my_tool.py", "-o", "made.o", *words, cwd=tool.parent).returncode == 0
    spec = read_file(tool.parent / "made.o")
    data = spec.map(".rodata").contents
    values = {v.name: data[v.offset : v.offset + v.type.size] for v in spec.variables}
    assert values == {
        "only": (0x1000).to_bytes(4, sys.byteorder), "loud": b"\1", "label": b"x=y,z\0\0\0",
    }  # fmt: skip


def test_other_byte_orders_and_machines(tool: Path) -> None:
    assert probee("my_tool.py", "-o", "big.o", "--target=bpfeb", cwd=tool.parent).returncode == 0
    assert read_file(tool.parent / "big.o").endian == "big"
    done = probee("opensnoop", "--arch=arm64", "-o", "arm.o", cwd=tool.parent)
    assert done.returncode == 0
    hooks = {h.target for p in read_file(tool.parent / "arm.o").programs for h in p.attach}
    assert "syscalls:sys_enter_openat" in hooks
    assert "syscalls:sys_enter_open" not in hooks


def test_other_forms(tool: Path) -> None:
    assembly = probee("my_tool.py", "--emit", "asm", cwd=tool.parent)
    assert assembly.stdout.startswith("opening: tracepoint syscalls:sys_enter_openat\n; ")
    for line in (
        "; event.pid = double(only) @ my_tool.py:26\n", "; return number * 2 @ helper.py:5\n",
        "(18) r1 = events\n", "= .rodata+0\n", "(85) call bpf_ringbuf_reserve#131\n", "(95) exit\n",
    ):  # fmt: skip
        assert line in assembly.stdout
    ir = probee("my_tool.py", "--emit=ir", cwd=tool.parent)
    assert ir.stdout.startswith("func opening(ctx")
    assert not (tool.parent / ".output").exists()
    assert probee("my_tool.py", "--emit=btf", cwd=tool.parent).returncode == 0
    types = Btf((tool.parent / ".output/my_tool.btf").read_bytes())
    assert "Event" in {getattr(type_, "name", "") for _, type_ in types.types()}
    assert probee("my_tool.py", "--emit=asm", "-o", "a.txt", cwd=tool.parent).stdout == ""
    assert (tool.parent / "a.txt").read_text(encoding="utf-8") == assembly.stdout


def test_the_header_tells_of_records(tool: Path) -> None:
    text = probee("my_tool.py", "--emit", "c-header", cwd=tool.parent).stdout
    assert (
        "struct Event {\n"
        "\t__u32 pid;\n"
        "\t__u32 register_;\n"
        "\t__u64 where; /* an address in the task */\n"
        "\tchar name[8];\n"
        "\t_Bool sure;\n"
        "};\n"
        '_Static_assert(sizeof(struct Event) == 32, "Event");\n'
    ) in text
    assert " * ring buffer events: a record is a struct Event\n" in text
    assert "(.rodata): __u32 only, char label[8], _Bool loud\n" in text
    assert " * counter __u64 probee_ring_full_0 (.bss): ring full events\n" in text


REFUSED = {
    "no file": (("gone.py",), 1, "there is no file 'gone.py'"),
    "no tool": (("opensnop",), 2, "there is no tool 'opensnop'; did you mean opensnoop?"),
    "nothing": ((), 2, "a tool or a file is missing"),
    "two": (("a.py", "b.py"), 2, "'b.py': one tool or file at a time"),
    "no form": (("my_tool.py", "--emit", "elf"), 2, "'elf' is none of object, asm"),
    "no target": (("my_tool.py", "--target", "x86"), 2, "'x86' is none of bpfel, bpfeb"),
    "no machine": (("my_tool.py", "--arch", "vax"), 2, "'vax' is none of x86_64, arm64"),
    "no value": (("my_tool.py", "--const", "only"), 2, "'only' is not NAME=VALUE"),
    "no const": (("my_tool.py", "--const", "on=1"), 2, "there are: only, label, loud"),
    "no number": (("my_tool.py", "--const", "only=x"), 2, "'x' is no number, which only is"),
    "too large": (("my_tool.py", "--const", "only=-1"), 2, "only = -1 does not fit in u32"),
    "too long": (("my_tool.py", "--const", "label=12345678"), 2, "label holds at most 7 bytes"),
    "no folder": (("my_tool.py", "-o", "gone/x.o"), 1, "gone/x.o"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(tool: Path, name: str) -> None:
    words, status, sentence = REFUSED[name]
    done = probee(*words, cwd=tool.parent)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("probee build: ")
    assert sentence in done.stderr
    assert sorted(os.listdir(tool.parent)) == ["helper.py", "my_tool.py"] or name == "no file"


OPENING = "@tracepoint('syscalls:sys_enter_openat')\ndef opening(ctx: Context) -> None:\n"
FILES = {
    "none": ("x = 1\n", "file.py defines no programs"),
    "raises": ("\n1 / 0\n", "ZeroDivisionError: division by zero (line 2)"),
    "exits": ("import sys\nsys.exit(3)\n", "SystemExit: 3 (line 2)"),
    "no python": ("def\n", "SyntaxError"),
    "no hook": (
        OPENING.replace("syscalls:sys_enter_openat", "nothing") + "    pass\n",
        "UsageError: tracepoint 'nothing' is not of the",
    ),
    "refused": (f"{OPENING}    assert ctx\n", "file.py:4:5: error["),
    "each cpu": (
        f"five = PerCpuGlobal(u64, 5)\n{OPENING}    five.value += 1\n",
        "five: a value of each CPU begins with 0 in an object file",
    ),
    "unknown": (
        OPENING.replace("syscalls:sys_enter_openat", "ext4:ext4_da_write") + "    print(ctx.dev)\n",
        "tracepoint ext4:ext4_da_write without a kernel to ask",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_give_no_object(tmp_path: Path, name: str) -> None:
    source, sentence = FILES[name]
    first = "" if "(line" in sentence else "from probee import *\n"
    (tmp_path / "file.py").write_text(first + source, encoding="utf-8")
    done = probee("file.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".output").exists()


def test_an_output_that_is_no_file_is_written_to(tool: Path) -> None:
    """A pipe is not replaced by a file."""
    done = subprocess.run(
        [sys.executable, "-m", "probee", "build", "my_tool.py", "-o", "/dev/stdout"],
        cwd=tool.parent, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.startswith(b"\x7fELF")
