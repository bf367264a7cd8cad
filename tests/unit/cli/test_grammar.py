"""The grammar of bpftool without a kernel: verbs, beginnings of words, options anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from probee.cli import prog
from probee.cli.grammar import OPTIONS, Verb, chosen, whole_options
from probee.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("word", "wanted"),
    [("s", "show"), ("l", "list"), ("d", "dump"), ("", "show"), ("loada", "loadall")],
)
def test_a_verb_may_be_cut_short(word: str, wanted: str) -> None:
    assert chosen(word, prog.VERBS).name == wanted


def test_no_verb() -> None:
    assert chosen("shows", prog.VERBS) is None
    assert chosen("x", (Verb("show"),)) is None


def test_long_options_may_be_cut_short() -> None:
    words = ["--pre", "show", "--js", "--no", "--", "--pre"]
    assert whole_options(OPTIONS, words) == [
        "--pretty", "show", "--json", "--nomount", "--", "--pre",
    ]  # fmt: skip
    assert whole_options(OPTIONS, ["--x"]) == ["--x"]


@pytest.mark.parametrize(
    "words", [("prog", "help"), ("p", "h"), ("prog", "--help"), ("-h", "prog")]
)
def test_help(words: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    out, err = capfd.readouterr()
    assert out.startswith("Usage: probee")
    assert err == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("prog", "shows"), "there is no verb 'shows'; did you mean show?"),
        (("prog", "pin", "id", "1", "x"), "pin is not built yet"),
        (("prog", "show", "id"), "what is 'id'?"),
        (("prog", "show", "number", "1"),
         "expected 'id', 'tag', 'name' or 'pinned', got: 'number'?"),
        (("prog", "show", "id", "1x"), "can't parse 1x as ID"),
        (("prog", "show", "tag", "12"), "can't parse tag"),
        (("prog", "show", "name", "n" * 128), "can't parse name"),
    ],
)  # fmt: skip
def test_wrong_words(
    words: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert (out, err) == ("", f"probee prog: {message}\nTry 'probee prog --help'.\n")
    assert main(["-j", *words]) == 2
    out, err = capfd.readouterr()
    assert json.loads(out) == {"error": message}
    assert err.startswith(f"probee prog: {message}\n")


def test_a_wrong_word_behind_cfg_is_a_wrong_command_line(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["cfg", "tag", "12"]) == 2
    assert capfd.readouterr().err == ("probee cfg: can't parse tag\nTry 'probee cfg --help'.\n")


def test_a_verb_with_a_page_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    for words in (["map", "watch", "--help"], ["map", "-h", "w"]):
        assert main(words) == 0
        assert capfd.readouterr().out.startswith("Usage: probee map watch [OPTION]... MAP\n")
    for words in (["map", "--help"], ["map", "show", "--help"]):
        assert main(words) == 0
        assert capfd.readouterr().out.startswith("Usage: probee map [OPTION]... [VERB")
    assert main(["map", "watch", "--csv"]) == 2
    assert "unrecognized option '--csv'" in capfd.readouterr().err
    assert main(["-j", "map", "watch"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.endswith("Try 'probee map watch --help'.\n")


def test_options_before_the_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-j", "prog", "help"]) == 0
    assert capfd.readouterr().out == "null\n"
    assert main(["-jp", "pr", "-V"]) == 0
    assert set(json.loads(capfd.readouterr().out)) == {"version"}
    assert main(["-x", "prog"]) == 2
    assert "unrecognized option '-x'" in capfd.readouterr().err


def test_what_has_only_its_place_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    for words in (["gen"], ["ite", "pin"], ["-j", "iter"]):
        assert main(words) == 2
        assert "is not built yet" in capfd.readouterr().err


def test_imports_of_the_way_to_a_list() -> None:
    """Without site packages and environment: what `prog show` needs is small."""
    code = (
        "import sys; before = set(sys.modules); sys.path.insert(0, '.')\n"
        "from probee.cli.main import main\n"
        "import probee.cli.prog, probee.cli.listing, probee.introspect.bpftool.program_forms\n"
        "import probee.introspect.loaded.owners, probee.introspect.loaded.pinned\n"
        "import probee.introspect.loaded.programs, probee.introspect.loaded.select\n"
        "print(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "probee.introspect.loaded.programs" in loaded
    rooms = ("probee.compiler", "probee.btf", "probee.asm", "probee.spec", "probee.runtime")
    assert not [name for name in loaded if name.startswith(rooms)]
    assert not loaded & {
        "argparse", "dataclasses", "enum", "inspect", "json", "re", "typing", "subprocess",
        "socket", "signal", "collections", "functools", "contextlib", "pathlib",
        "probee.frame.run", "probee.frame.help", "probee.cli.pages",
    }  # fmt: skip


def test_where_the_option_with_an_argument_stands(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The file is read first, whatever the verb."""
    path = str(tmp_path / "none")
    message = f"failed to parse base BTF at '{path}': No such file or directory"
    for words in (
        ("-B", path, "prog", "dump"), ("prog", "--base-btf", path, "dump"), ("-jB", path, "prog"),
        ("btf", "dump", f"-B{path}"), ("--ba", path, "map", "dump"),
    ):  # fmt: skip
        assert main(words) == 1
        assert capfd.readouterr().err.endswith(f": {message}\n")


def test_wrong_options_stand_in_the_json(capfd: pytest.CaptureFixture[str]) -> None:
    for words in (("-j", "prog", "-x"), ("prog", "-j", "show", "--nothing")):
        assert main(words) == 2
        assert json.loads(capfd.readouterr().out) == {"error": f"unrecognized option '{words[-1]}'"}
    assert main(("prog", "-x", "-j")) == 2
    assert capfd.readouterr().out == ""


def test_version_is_a_command_of_the_grammar(capfd: pytest.CaptureFixture[str]) -> None:
    for words in (("version",), ("vers",), ("-j", "-V"), ("-p", "version")):
        assert main(words) == 0
        assert "probee 0." in (out := capfd.readouterr().out) or set(json.loads(out)) == {"version"}
    assert main(("-j", "bogus")) == 2
    assert "there is no tool or command 'bogus'" in capfd.readouterr().err
