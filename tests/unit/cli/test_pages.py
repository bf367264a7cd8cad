"""Manual pages and completion as commands: what they print, write and refuse."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from probee.cli.argument_words import fixed_words
from probee.cli.completion import SHELLS, script
from probee.cli.main import main
from probee.cli.pages import all_pages, page_of
from probee.frame.man import file_name
from probee.frame.options import KINDS
from probee.frame.page import GROUPS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.title)
def test_rows_are_sound(page: object) -> None:
    from probee.frame.page import Page

    assert isinstance(page, Page)
    names = [option.name for option in page.options]
    letters = [option.letter for option in page.options if option.letter]
    assert len(set(names)) == len(names)
    assert len(set(letters)) == len(letters)
    for option in page.options:
        assert option.help
        assert option.group in GROUPS
        assert isinstance(option.takes, tuple) or option.takes in {"", *KINDS}
        assert option.metavar or not option.takes
        assert set(option.clashes) <= set(names)
    assert isinstance(page.takes, tuple) or page.takes in {"", *KINDS}


def test_manual_pages(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert main(["man", "opensnoop"]) == 0
    printed = capfd.readouterr().out
    assert printed.startswith(".TH PROBEE\\-OPENSNOOP 1 1970-01-02 ")
    assert main(["man", "map-watch"]) == 0
    assert capfd.readouterr().out.startswith(".TH PROBEE\\-MAP\\-WATCH 1 ")
    assert main(["man"]) == 0
    assert capfd.readouterr().out.startswith(".TH PROBEE 1 ")
    assert main(["man", "-o", str(tmp_path)]) == 0
    assert sorted(os.listdir(tmp_path)) == sorted(file_name(page) for page in all_pages())
    assert (tmp_path / "probee-opensnoop.1").read_text(encoding="utf-8") == printed
    assert main(["man", "-o", str(tmp_path / "none"), "man"]) == 1
    assert "ENOENT" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("man", "opensnop"), "no tool or command 'opensnop'; did you mean opensnoop?"),
        (("man", "--jsn"), "unknown option --jsn"),
        (("completion",), "one shell is wanted: bash, zsh, fish"),
        (("completion", "bash", "zsh"), "one shell is wanted"),
        (("completion", "ksh"), "there is no script for 'ksh'"),
    ],
)
def test_wrong_words(
    words: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert message in err


def test_a_date_that_is_none(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert main(["man"]) == 2
    assert "SOURCE_DATE_EPOCH='yesterday'" in capfd.readouterr().err


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_scripts(shell: str, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["completion", shell]) == 0
    printed = capfd.readouterr().out
    assert printed == script(shell)
    assert main(["completion", shell, "-o", str(tmp_path / "script")]) == 0
    assert (tmp_path / "script").read_text(encoding="utf-8") == printed
    for page in all_pages():
        for option in page.options:
            assert option.name in printed


def test_words_of_kinds() -> None:
    assert "ENOENT" in fixed_words("errno")
    assert {"O_RDONLY", "O_CREAT", "O_PATH"} <= set(fixed_words("open-flag"))
    assert fixed_words("pid") == ()
    assert fixed_words(("a", "b")) == ("a", "b")
    with pytest.raises(KeyError):
        page_of("nothing")
