"""Manual pages before those who judge and show them: mandoc, groff, man."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from probee.cli.pages import all_pages, overview
from probee.frame.man import man_page
from probee.frame.options import Option
from probee.frame.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable

PAGES = all_pages()
# What roff would take for something else.
ODD = Page(
    "odd",
    "Backslash \\n and .dots 'quotes' -- and `ticks`.",
    ".TH begins a line. 'so does this. " * 6 + '-x and \\fB stand "here" ^~ … -',
    (Option("path", "p", "a\\b'c", ".dot 'quote -p \\e", many=True),),
    (("odd -p '\\.x' ^a | b", "'what .it does"), ("odd", "")),
    ".. 'x",
)


def text_of(page: Page) -> str:
    return man_page(page, "2026-11-22", "1.0", PAGES)


@pytest.mark.parametrize("page", [*PAGES, ODD], ids=lambda page: page.name)
@pytest.mark.oracle("mandoc", "groff", "man")
def test_nobody_complains(page: Page, oracle: Callable[[str], str]) -> None:
    for command in (
        (oracle("mandoc"), "-T", "lint", "-W", "style"),
        (oracle("groff"), "-man", "-Tutf8", "-ww", "-z"),
        (oracle("man"), "--warnings", "-l", "-"),
    ):
        done = subprocess.run(
            command, input=text_of(page), capture_output=True, text=True, check=False
        )
        assert done.stderr == ""
        if command[0] == oracle("mandoc"):
            assert done.stdout == ""


def shown(page: Page, mandoc: str) -> str:
    done = subprocess.run(
        [mandoc, "-T", "utf8", "-O", "width=500"], input=text_of(page), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return re.sub(r"\s+", " ", re.sub(r".\x08", "", done.stdout))


@pytest.mark.parametrize("page", [*PAGES, ODD], ids=lambda page: page.name)
@pytest.mark.oracle("mandoc")
def test_they_say_what_the_help_says(page: Page, oracle: Callable[[str], str]) -> None:
    text = shown(page, oracle("mandoc"))
    for option in page.options:
        assert f"--{option.name}" in text
        assert option.help in text
    for command, what in page.examples:
        assert f"probee {command} {what}".rstrip() in text
    for word, what in (*page.exit_status, *(row for _, rows in page.lists for row in rows)):
        assert f"{word} {what}" in text
    assert re.sub(r"\s+", " ", page.description) in text


def test_a_page_is_ascii_and_names_the_others() -> None:
    for page in (*PAGES, ODD):
        assert text_of(page).isascii()
    assert ".BR probee (1)," in text_of(PAGES[1])
    assert ".BR probee\\-opensnoop (1)," in text_of(overview())
