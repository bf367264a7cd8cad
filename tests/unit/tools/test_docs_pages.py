"""docs/tools/NAME.md beside the tool's rows: neither says what the other does not."""

from __future__ import annotations

import re

import pytest

from probee.cli.commands import TOOLS
from probee.cli.pages import page_of
from probee.frame.options import parse
from probee.frame.tool import Tool
from scripts import tool_pages

NAMES = [name for name, _ in TOOLS]


@pytest.mark.parametrize("name", NAMES)
def test_options_are_those_of_the_tool(name: str) -> None:
    text = (tool_pages.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert text == tool_pages.rewritten(name), f"stale: run {tool_pages.COMMAND}"


def all_columns_words(tool: Tool) -> list[str]:
    """Every flag that does not clash, and arguments for filters that bring a column."""
    words = [f"--{o.name}" for o in tool.all_options if not o.metavar and not o.clashes]
    return [*words, *(f"--{o.name}=1" for o in tool.options if o.takes in {"pid", "tid", "uid"})]


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_explained(name: str) -> None:
    text = (tool_pages.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    tool: Tool = __import__(f"probee.tools.{name}", fromlist=["TOOL"]).TOOL
    values, _ = parse(tool.all_options, all_columns_words(tool))
    columns = tool.columns(values)
    assert len(columns) > 5
    rows = re.findall(r"^\| (.*?) \| (.*?) \|", text, re.MULTILINE)
    headers = {word for row in rows for word in re.findall(r"`(\w+)`", row[0])}
    keys = {word for row in rows for word in re.findall(r"`(\w+)`", row[1])}
    assert {c.header for c in columns if c.header} <= headers
    assert {c.key for c in columns if c.key} <= keys


def test_the_table_holds_what_markdown_would_obey() -> None:
    part = tool_pages.options_part(page_of("opensnoop"))
    assert "| `-p, --pid=PID[,...]` | only these processes |" in part
    assert tool_pages._cell("a|b *c* [d]") == r"a\|b \*c\* \[d\]"
