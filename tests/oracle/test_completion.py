"""The completion scripts in real shells: what Tab offers, and that nothing is run by it."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import TYPE_CHECKING

import pytest

from probee.cli.commands import COMMANDS, TOOLS
from probee.cli.completion import SHELLS, script
from probee.cli.completion_bash import script as bash_script
from probee.cli.completion_fish import script as fish_script
from probee.cli.completion_zsh import script as zsh_script
from probee.cli.pages import all_pages, overview
from probee.frame.options import KINDS, Option
from probee.frame.page import Page
from tests.shells import Shell, fish_candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Ask = Callable[[str], list[str]]

NAMES = sorted(name for name, _ in (*TOOLS, *COMMANDS))
ME = str(os.getpid())
PR_SET_NAME = 15

# A tool with an option for each kind of argument, one and several, and words to run.
KIND_OPTIONS = tuple(Option(kind, "", "WHAT", f"takes {kind}", takes=kind) for kind in KINDS)
EVERY = Page(
    "everything",
    'It\'s all [here]: \\ "quoted".',
    options=(
        *KIND_OPTIONS,
        Option("colour", "c", "COLOUR", "one of three", takes=("red", "green", "blue")),
        Option("colours", "C", "COLOUR", "several", many=True, takes=("red", "green", "blue")),
        Option("errors", "E", "ERRNO", "several: [it's] \\", many=True, takes="errno"),
        Option("unknown", "z", "WHAT", "nobody knows"),
        Option("flag", "x", help="a flag"),
    ),
    operands="-- COMMAND",
    takes="command",
)
SCRIPTS = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}


def asked(shell: str, path: str, text: str, home: Path) -> Iterator[Ask]:
    """A function from a line to the candidates, whole values whatever the shell replaces."""
    if shell == "fish":
        (home / "script").write_text(text, encoding="utf-8")
        yield lambda line: fish_candidates(path, home / "script", line)
        return
    with Shell(path, shell, text, home) as at_terminal:
        yield at_terminal.candidates


@pytest.fixture(params=[pytest.param(s, marks=pytest.mark.oracle(s)) for s in SHELLS])
def ask(
    request: pytest.FixtureRequest, oracle: Callable[[str], str], tmp_path: Path
) -> Iterator[Ask]:
    yield from asked(request.param, oracle(request.param), script(request.param), tmp_path)


@pytest.fixture(params=[pytest.param(s, marks=pytest.mark.oracle(s)) for s in SHELLS])
def ask_every(
    request: pytest.FixtureRequest, oracle: Callable[[str], str], tmp_path: Path
) -> Iterator[Ask]:
    text = SCRIPTS[request.param]([overview(), EVERY])
    yield from asked(request.param, oracle(request.param), text, tmp_path)


def bare(words: list[str]) -> list[str]:
    """Options without the = that some shells add; only words that a shell would insert."""
    return sorted(w.rstrip("=") for w in words if not w.startswith("compopt "))


def last(words: list[str]) -> set[str]:
    """The last of the values with commas between: whether the rest is repeated is the shell's."""
    return {word.rpartition("=")[2].rpartition(",")[2] for word in words}


def test_words_and_options(ask: Ask) -> None:
    assert bare(ask("probee ")) == NAMES
    assert bare(ask("probee op")) == ["opensnoop"]
    assert bare(ask("probee --v")) == ["--version"]
    for page in all_pages()[1:]:
        offered = bare(ask(f"probee {page.name} --"))
        assert offered == sorted(f"--{option.name}" for option in page.options)
    assert bare(ask("probee map -j watch id 1 --c")) == ["--count"]
    assert bare(ask("probee map show --bp")) == ["--bpffs"]
    assert bare(ask("probee map watch --bp")) == []
    assert bare(ask("probee map watch i")) == ["id"]
    assert bare(ask("probee opensnoop -xT --js")) == ["--json"]
    assert bare(ask("probee opensnoop -p 1 --fai")) == ["--failed"]
    assert bare(ask("probee opensnoop -p1 -n pro --fai")) == ["--failed"]
    assert bare(ask("probee completion z")) == ["zsh"]
    assert bare(ask("probee man op")) == ["opensnoop"]


def test_processes_and_users(ask: Ask) -> None:
    for line in (f"-p {ME}", f"--pid {ME}", f"-xp {ME}", f"-p 1,{ME}", f"-t {ME}"):
        assert ME in last(ask(f"probee opensnoop {line}"))
    assert ME in last(ask(f"probee opensnoop --pid={ME}"))
    assert ME in last(ask(f"probee opensnoop --pid=1,{ME}"))
    assert f"-p{ME}" in ask(f"probee opensnoop -p{ME}")
    assert {"root", "daemon"} <= last(ask("probee opensnoop -u "))
    assert ask("probee opensnoop -d ") == []


def test_every_kind_of_argument(ask_every: Ask) -> None:
    start = "probee everything"
    assert bare(ask_every(f"{start} --colour ")) == ["blue", "green", "red"]
    assert last(ask_every(f"{start} --colour=g")) == {"green"}
    assert last(ask_every(f"{start} -cg")) in ({"green"}, {"-cgreen"})
    assert last(ask_every(f"{start} -C red,b")) == {"blue"}
    assert last(ask_every(f"{start} --colours=red,b")) == {"blue"}
    assert last(ask_every(f"{start} -E ENOENT,EAC")) == {"EACCES"}
    assert bare(ask_every(f"{start} --errno ENOE")) == ["ENOENT", "ENOEXEC"]
    assert bare(ask_every(f"{start} --open-flag O_T")) == ["O_TMPFILE", "O_TRUNC"]
    assert "root" in ask_every(f"{start} --user ro")
    assert ME in ask_every(f"{start} --tid {ME}")
    assert ask_every(f"{start} -z ") == []
    assert bare(ask_every(f"{start} -x --colour")) == ["--colour", "--colours"]
    assert "printf" in ask_every(f"{start} -x -- print")


@pytest.fixture
def odd_task() -> Iterator[str]:
    """A process whose name would be a command, were it not quoted."""
    name = "$(>run) ';\"x"
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode())
        os.write(write, b"!")
        signal.pause()
    os.read(read, 1)
    yield name
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)


@pytest.mark.oracle("bash")
def test_bash_quotes_names_and_leaves_files_to_readline(
    oracle: Callable[[str], str], tmp_path: Path, odd_task: str
) -> None:
    (tmp_path / "a file").touch()
    with Shell(oracle("bash"), "bash", script("bash"), tmp_path) as bash:
        names = bash.candidates("probee opensnoop -n ")
        assert "\\$\\(\\>run\\)\\ \\'\\;\\\"x" in names
        assert "probee opensnoop -o a\\ file" in bash.screen("probee opensnoop -o a\\ \t")
        assert "--output=a\\ file" in bash.screen("probee opensnoop --output=a\\ \t")
        shown = bash.screen("probee opensnoop -n \\$\t\n")
        assert "\\$\\(\\>run\\)" in shown
    assert not (tmp_path / "run").exists()


@pytest.mark.oracle("zsh")
def test_zsh_quotes_names(oracle: Callable[[str], str], tmp_path: Path, odd_task: str) -> None:
    with Shell(oracle("zsh"), "zsh", script("zsh"), tmp_path) as zsh:
        names = zsh.candidates("probee opensnoop -n ")
        assert odd_task in {name.replace("\\", "") for name in names}
        assert "\\$\\(\\>run\\)" in zsh.screen("probee opensnoop -n \\$\t\n")
    assert not (tmp_path / "run").exists()


@pytest.mark.oracle("fish")
def test_fish_takes_names_and_files(
    oracle: Callable[[str], str], tmp_path: Path, odd_task: str
) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "script").write_text(script("fish"), encoding="utf-8")
    fish = oracle("fish")
    names = fish_candidates(fish, tmp_path / "script", "probee opensnoop -n ")
    assert odd_task in {name.replace("\\", "") for name in names}
    files = fish_candidates(fish, tmp_path / "script", "probee opensnoop -o a")
    assert [name.replace("\\", "") for name in files] == ["a file"]
    assert not (tmp_path / "run").exists()
