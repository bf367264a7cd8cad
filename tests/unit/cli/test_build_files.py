"""Files around `probee build`: what a user's file imports, where its output goes, odd ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from probee.objfile.read import read_file

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-IBS", str(ROOT / "bin" / "probee"))
PROGRAM = """
from probee import Const, Context, Global, tracepoint, u32

only = Const(u32, 7)
seen = Global(u32, 0)


@tracepoint("syscalls:sys_enter_openat")
def opening(ctx: Context) -> None:
    if only == ctx.dfd:  # COMMENT
        seen.value += 1
"""


def probee(*words: str, cwd: Path, out: int | None = None) -> subprocess.CompletedProcess[str]:
    """Its output is what stands there, byte for byte, as Latin-1."""
    stdout = subprocess.PIPE if out is None else out
    return subprocess.run(
        [*COMMAND, *words], cwd=cwd, stdout=stdout, stderr=subprocess.PIPE, check=False,
        encoding="latin-1",
    )  # fmt: skip


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    path = tmp_path / "my_tool.py"
    path.write_text(PROGRAM)
    return path


# ---------------------------------------------------------------------------------------- imports

NAMESAKES = (
    "argparse", "ast", "collections", "dataclasses", "enum", "functools", "inspect", "linecache",
    "os", "queue", "re", "struct", "tokenize", "types", "typing",
)  # fmt: skip


@pytest.fixture
def siblings(tool: Path) -> Path:
    """The folder: modules called as Python's, one of them a package, and a helper."""
    folder = tool.parent
    for name in NAMESAKES:
        (folder / f"{name}.py").write_text("raise AssertionError\n")
    (folder / "json").mkdir()
    (folder / "json" / "__init__.py").write_text("raise AssertionError\n")
    (folder / "email").mkdir()  # no package
    (folder / "helper.py").write_text("DFD = 7\n")
    return folder


@pytest.mark.parametrize("form", ["object", "asm", "ir", "btf", "c-header"])
def test_siblings_called_as_modules_of_python(siblings: Path, form: str) -> None:
    """Nobody gets them, but for what else is in the folder."""
    line = "import email.message, os, textwrap; from helper import DFD; assert textwrap.re, DFD"
    (siblings / "my_tool.py").write_text(line + PROGRAM)
    done = probee("build", "my_tool.py", "--emit", form, "-o", "made", cwd=siblings)
    assert done.returncode == 0, done.stderr
    first = (siblings / "made").read_bytes()
    (siblings / "my_tool.py").write_text(PROGRAM)
    assert probee("build", "my_tool.py", "--emit", form, "-o", "made", cwd=siblings).returncode == 0
    assert (siblings / "made").read_bytes() == first


@pytest.mark.parametrize("who", ["my_tool", "helper"])
@pytest.mark.parametrize("line", ["import {}", "from {} import X", "import os, {}.x as y"])
@pytest.mark.parametrize("name", ["queue", "json"])
def test_which_of_two_is_meant_is_not_guessed(
    siblings: Path, who: str, name: str, line: str
) -> None:
    sources = {"my_tool": "import helper" + PROGRAM, "helper": "DFD = 7\n"}
    sources[who] = f"{line.format(name)}\n{sources[who]}"
    for each, source in sources.items():
        (siblings / f"{each}.py").write_text(source)
    done = probee("build", "my_tool.py", cwd=siblings)
    assert (done.returncode, done.stdout) == (1, "")
    path = siblings / f"{who}.py"
    assert done.stderr == (
        f"probee build: {path} imports {name}, which is Python's own here, and that of its folder "
        f"where Python runs it\n  call the {name} in {siblings} otherwise\n"
    )


@pytest.mark.parametrize("name", ["re", "json", "struct", "probee", "__future__"])
def test_a_file_called_as_a_module_of_python(tool: Path, name: str) -> None:
    path = tool.rename(tool.with_name(f"{name}.py"))
    done = probee("build", path.name, "--emit", "c-header", cwd=path.parent)
    assert done.returncode == 0, done.stderr
    assert f"the maps of {name}.bpf.o hold" in done.stdout


def test_siblings_called_as_folders_of_the_checkout(tool: Path) -> None:
    """bin/probee has the checkout in Python's path, and `python3 -m` the current folder."""
    for name in ("bench", "tests", "re", "tokenize"):
        (tool.parent / f"{name}.py").write_text("DFD = 7\n")
    tool.write_text(f"from bench import DFD; from tests import DFD{PROGRAM}")
    assert probee("build", "my_tool.py", cwd=tool.parent).returncode == 0
    done = subprocess.run(
        [sys.executable, "-m", "probee", "build", "my_tool.py"],
        cwd=tool.parent, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


RAISING = {
    "no Exception": ("raise BaseException('x')", "BaseException: x (line 1)"),
    "no text": (
        "class E(Exception):\n    def __str__(self): 1 / 0\nraise E",
        "imported: E (line 3)",
    ),
    "no stdout": ("import sys\nsys.stdout.close()\n", "defines no programs"),
}


@pytest.mark.parametrize("name", RAISING)
def test_what_a_file_may_do(tmp_path: Path, name: str) -> None:
    source, sentence = RAISING[name]
    (tmp_path / "x.py").write_text(source)
    done = probee("build", "x.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert "internal error" not in done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_file_prints_is_printed_first(tool: Path) -> None:
    tool.write_text("print('hello')\n" + PROGRAM)
    done = probee("build", "my_tool.py", "--emit", "ir", cwd=tool.parent)
    assert done.stdout.startswith("hello\nfunc opening(")
    with open("/dev/full", "wb") as full:
        done = probee("build", "my_tool.py", cwd=tool.parent, out=full.fileno())
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "ENOSPC" in done.stderr


# ---------------------------------------------------------------------------------- what is shown


def test_no_terminal_obeys_a_source(tool: Path) -> None:
    """Control bytes and the like in lines of source, and in the file's name."""
    evil = "\x1b[31mred\x07 \u202e \xe9"
    path = tool.with_name("e\x1b[1m\nvil.py")
    path.write_text(PROGRAM.replace("COMMENT", evil))
    assert probee("build", path.name, "-o", "x.o", cwd=path.parent).returncode == 0
    shown = {
        "asm": ("build", path.name, "--emit", "asm"), "ir": ("build", path.name, "--emit", "ir"),
        "header": ("build", path.name, "--emit", "c-header"), "inspect": ("inspect", "-n", "x.o"),
        "objdump": ("objdump", "-Slr", "x.o"), "cfg": ("cfg", "x.o", "opening"),
    }  # fmt: skip
    texts = {}
    for name, words in shown.items():
        done = probee(*words, cwd=path.parent)
        texts[name] = done.stdout.encode("latin-1").decode()
        plain = texts[name].replace("\n", "").replace("\t", "")
        assert (done.returncode, plain.isprintable()) == (0, True), name
    for name in ("asm", "objdump"):
        assert "# \\x1b[31mred\\x07 \\u202e \xe9" in texts[name]
    assert " @ e\\x1b[1m\\nvil.py:10\n" in texts["asm"]
    assert "of e\\x1b[1m\\nvil.bpf.o hold" in texts["header"]


# ------------------------------------------------------------------------------- where it is put


def test_what_a_link_leads_to_is_written_to(tool: Path) -> None:
    folder = tool.parent
    (folder / "target.o").write_bytes(b"old")
    (folder / "link.o").symlink_to("target.o")
    (folder / "dangling.o").symlink_to("gone.o")
    for name in ("link.o", "dangling.o"):
        assert probee("build", "my_tool.py", "-o", name, cwd=folder).returncode == 0
        assert (folder / name).is_symlink()
        assert read_file(folder / name).programs
    assert read_file(folder / "target.o").programs


def test_standard_output_by_its_name(tool: Path) -> None:
    """Also where it is a file, which is not to take the place of the name."""
    (tool.parent / "stdout").symlink_to("/proc/self/fd/1")
    with (tool.parent / "made.o").open("wb") as made:
        done = probee("build", "my_tool.py", "-o", "stdout", cwd=tool.parent, out=made.fileno())
    assert done.returncode == 0
    assert (tool.parent / "stdout").is_symlink()
    assert read_file(tool.parent / "made.o").programs


def test_an_output_called_as_a_tool(tool: Path) -> None:
    for _ in range(2):
        done = probee("build", "opensnoop", "-o", "opensnoop", cwd=tool.parent)
        assert done.returncode == 0, done.stderr


def test_a_pipe_is_written_to(tool: Path) -> None:
    os.mkfifo(tool.parent / "pipe")
    with subprocess.Popen(["cat", "pipe"], cwd=tool.parent, stdout=subprocess.PIPE) as cat:
        assert probee("build", "my_tool.py", "-o", "pipe", cwd=tool.parent).returncode == 0
        assert cat.communicate()[0].startswith(b"\x7fELF")


def test_a_name_with_no_room_for_another(tool: Path) -> None:
    name = "x" * 253 + ".o"
    assert probee("build", "my_tool.py", "-o", name, cwd=tool.parent).returncode == 0
    assert sorted(os.listdir(tool.parent)) == ["my_tool.py", name]


def test_a_folder_that_takes_no_file(tool: Path) -> None:
    folder = tool.parent
    (folder / "x.o").write_bytes(b"")
    folder.chmod(0o555)
    # root without its rights
    bare = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    try:
        for name, status in (("x.o", 0), ("y.o", 1)):
            words = [*bare, *COMMAND, "build", "my_tool.py", "-o", name]
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
            assert (done.returncode, ".part" in done.stderr) == (status, False), done.stderr
            assert ("'y.o'" in done.stderr) == bool(status)
    finally:
        folder.chmod(0o755)
    assert read_file(folder / "x.o").programs


REFUSED = {
    "gone folder": (("my_tool.py", "-o", "gone/x.o"), 1, "'gone/x.o': ENOENT"),
    "full": (("my_tool.py", "-o", "/dev/full"), 1, "write to '/dev/full': ENOSPC"),
    "output folder": (("my_tool.py", "-o", "."), 1, "'.': EISDIR"),
    "itself": (("my_tool.py", "-o", "./my_tool.py"), 2, "'./my_tool.py' is the programs' source"),
    "folder": ((".",), 1, "'.' is a directory"),
    "folder of Python": (("folder.py",), 1, "'folder.py' is a directory"),
    "device": (("/dev/null",), 1, "'/dev/null' is no ordinary file"),
    "other name": (("x.PY",), 1, "its name ends in .py"),
    "broken link": (("broken.py",), 1, "there is no file 'broken.py'"),
    "endless link": (("endless.py",), 1, "'endless.py' cannot be read: Too many levels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_what_was_given(tool: Path, name: str) -> None:
    words, status, sentence = REFUSED[name]
    (tool.parent / "folder.py").mkdir()
    (tool.parent / "x.PY").write_text(PROGRAM)
    (tool.parent / "broken.py").symlink_to("gone.py")
    (tool.parent / "endless.py").symlink_to("endless.py")
    before = sorted(os.listdir(tool.parent))
    done = probee("build", *words, cwd=tool.parent)
    assert (done.returncode, done.stdout) == (status, "")
    assert sentence in done.stderr
    assert ".part" not in done.stderr
    assert sorted(os.listdir(tool.parent)) == before
    assert tool.read_text() == PROGRAM


# --------------------------------------------------------------------------------------- licenses


def test_licenses_that_would_be_cut(tool: Path) -> None:
    """libbpf keeps 63 bytes, the kernel 127."""
    for text, status, sentence in (
        ("x" * 63, 0, ""), ("x" * 64, 1, "64 bytes: libbpf would cut it after 63"),
        ("\xe9" * 200, 1, "400 bytes: the kernel would cut it after 127"),
        ("\\udc80", 1, "names no license"),
    ):  # fmt: skip
        tool.write_text(f"LICENSE = '{text}'\n{PROGRAM}", encoding="utf-8")
        done = probee("build", "my_tool.py", "-o", "x.o", cwd=tool.parent)
        assert (done.returncode, sentence in done.stderr) == (status, True), done.stderr
    assert read_file(tool.parent / "x.o").license == "x" * 63


@pytest.mark.parametrize("word", ["x", "-1", "4294967296", "99999999999999999999"])
def test_ids_that_are_none(tmp_path: Path, word: str) -> None:
    done = probee("cfg", "--", "id", word, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"'{word}' is not an id" in done.stderr
