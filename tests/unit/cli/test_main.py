"""`probee` without a kernel: words, help, statuses, and what it imports."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from probee.cli.commands import COMMANDS, NOT_BUILT_COMMANDS, NOT_BUILT_TOOLS, TOOLS
from probee.cli.main import main

# What costs milliseconds, and so may not be imported before the first row (DESIGN.md).
HEAVY = frozenset((
    "dataclasses", "typing", "argparse", "inspect", "ast", "json", "re", "enum", "collections",
    "contextlib", "functools", "pathlib", "subprocess", "logging", "signal", "socket", "tempfile",
    "hashlib", "importlib.util",
    "probee.frame.help", "probee.frame.man", "probee.frame.page", "probee.cli.pages",
))  # fmt: skip


def probee(*words: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "probee", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_help(word: str) -> None:
    done = probee(word)
    assert (done.returncode, done.stderr) == (0, "")
    for name, what in (*TOOLS, *COMMANDS):
        assert f"{name:<12}{what}" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


@pytest.mark.parametrize("words", [("--version",), ("-V",), ("opensnoop", "-V")])
def test_version(words: tuple[str, ...]) -> None:
    from probee import __version__

    assert probee(*words).stdout == f"probee {__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "probee: a tool is missing, such as: probee opensnoop"),
        (("opensnop",), "probee: there is no tool or command 'opensnop'; did you mean opensnoop?"),
        (("stub",), "probee: there is no tool or command 'stub'; did you mean stubs?"),
        (("xyzzy",), "probee: there is no tool or command 'xyzzy'"),
        (("execsnoop",), "probee: execsnoop is not built yet"),
        (("trace", "-h", "x"), "probee: trace is not built yet"),
        (("--json",), "probee: unknown option --json; options of a tool follow its name"),
    ],
)
def test_wrong_words(
    words: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert (out, err) == ("", f"{message}\nTry 'probee --help'.\n")


def test_every_tool_is_what_its_row_says() -> None:
    for name, what in TOOLS:
        module = __import__(f"probee.tools.{name}", fromlist=["TOOL"])
        assert (module.TOOL.name, module.TOOL.summary) == (name, what)
        assert name not in NOT_BUILT_TOOLS
        assert name not in NOT_BUILT_COMMANDS


@pytest.mark.parametrize("name", [name for name, _ in TOOLS])
def test_every_tool_explains_itself(name: str) -> None:
    done = probee(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for heading in ("Usage: probee ", "Filters:", "Output:", "EXAMPLES", "EXIT STATUS"):
        assert heading in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_every_command_is_what_its_row_says() -> None:
    for name, what in COMMANDS:
        assert name not in NOT_BUILT_COMMANDS
        done = probee(name, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        for text in (f"Usage: probee {name} ", what, "EXAMPLES", "EXIT STATUS"):
            assert text in done.stdout
        assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_stubs_refuses_what_it_does_not_know() -> None:
    for words in (("--jsn",), ("nothing",), ("-o",)):
        done = probee("stubs", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("probee stubs: ")
        assert done.stderr.endswith("Try 'probee stubs --help'.\n")


@pytest.mark.parametrize("words", [(), ("opensnoop",), ("stubs",)])
def test_a_full_disk_and_a_closed_pipe(words: tuple[str, ...]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    done = probee(*words, "--help", stdout=full)
    os.close(full)
    assert done.returncode == 1
    assert "ENOSPC" in done.stderr
    assert "Traceback" not in done.stderr
    read, write = os.pipe()
    os.close(read)
    done = probee(*words, "--help", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_standard_output() -> None:
    code = f"exec {sys.executable} -m probee opensnoop --help >&-"
    done = subprocess.run(["sh", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("probee opensnoop: standard output is closed")


def test_imports_of_the_way_to_a_tool() -> None:
    """Without site packages (-S) and environment (-E), which may import much on their own."""
    code = (
        "import sys; before = set(sys.modules); sys.path.insert(0, '.')\n"
        "from probee.cli.main import main\n"
        "import probee.frame.run, probee.tools.opensnoop\n"
        "print(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert "probee.tools.opensnoop" in loaded
    heavy = [m for m in loaded if m in HEAVY or m.startswith("probee.compiler")]
    assert heavy == []


@pytest.mark.parametrize("word", ["--\x1b[31mx\n", "-\x1b", "\x1b]0;t\x07", "\u202e", "-x\udcff\n"])
def test_messages_quote_words_safely(word: str, capfd: pytest.CaptureFixture[str]) -> None:
    for words in ([word], ["opensnoop", word], ["opensnoop", "-p", word], ["man", word]):
        assert main(words) in {1, 2}
        err = capfd.readouterr().err
        assert all(line.isprintable() for line in err.splitlines())
        assert len(err.splitlines()) == 2


@pytest.mark.parametrize(("when", "status"), [("main", 130), ("save", 0)])
def test_an_interrupt_after_the_end_changes_no_status(when: str, status: int) -> None:
    """A second Ctrl-C, while what was read is kept for the next start."""
    code = (
        "import sys, probee.start, probee.cli.main\n"
        "from probee.__main__ import run\n"
        "def interrupted(*_, **__): raise KeyboardInterrupt\n"
        "class Start: save = interrupted\n"
        "probee.start.begin = Start\n"
        "probee.cli.main.main = interrupted if sys.argv[1] == 'main' else lambda **_: 0\n"
        "run()"
    )
    done = subprocess.run([sys.executable, "-c", code, when], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (status, b"")
