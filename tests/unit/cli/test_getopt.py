"""The command line in the manner of GNU getopt_long, and numbers in strtoul's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probee.cli.getopt import NO, OPTIONAL, REQUIRED, BadFile, Scanner, Wrong, expanded, number

if TYPE_CHECKING:
    from pathlib import Path

LONGS = (
    ("symbols", NO, "s"), ("syms", NO, "s"), ("sym-base", OPTIONAL, "base"),
    ("hex-dump", REQUIRED, "x"), ("all", NO, "a"),
)  # fmt: skip


def scan(*words: str) -> tuple[list[tuple[str, str | None]], list[str]]:
    scanner = Scanner("asx:w::", LONGS, words)
    return list(scanner), scanner.operands


@pytest.mark.parametrize(
    ("words", "options", "operands"),
    [
        (("-as", "f"), [("a", None), ("s", None)], ["f"]),
        (("f", "-x1", "-x", "2", "g"), [("x", "1"), ("x", "2")], ["f", "g"]),
        (("-sx", "--", "--", "-a"), [("s", None), ("x", "--")], ["-a"]),
        (("-w", "1", "-w1"), [("w", None), ("w", "1")], ["1"]),
        (("--syms", "--symb", "--hex=", "--hex", "-a"),
         [("s", None), ("s", None), ("x", ""), ("x", "-a")], []),
        (("--sym-b", "3", "--sym-b=3", "-"), [("base", None), ("base", "3")], ["3", "-"]),
    ],
)  # fmt: skip
def test_options_and_operands(
    words: tuple[str, ...], options: list[tuple[str, str | None]], operands: list[str]
) -> None:
    assert scan(*words) == (options, operands)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-q",), "invalid option -- 'q'"),
        (("-:",), "invalid option -- ':'"),
        (("-ax",), "option requires an argument -- 'x'"),
        (("--none=3",), "unrecognized option '--none=3'"),
        (("--sy=3",), "option '--sy=3' is ambiguous; possibilities: '--symbols' '--sym-base'"),
        (("--al=3",), "option '--all' doesn't allow an argument"),
        (("--hex",), "option '--hex-dump' requires an argument"),
    ],
)
def test_what_is_wrong_is_told_in_getopts_words(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(Wrong) as wrong:
        scan(*words)
    assert str(wrong.value) == message


def test_posix_wants_options_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert scan("f", "-a") == ([("a", None)], ["f"])
    monkeypatch.setenv("POSIXLY_CORRECT", "")
    assert scan("-s", "f", "-a") == ([("s", None)], ["f", "-a"])


@pytest.mark.parametrize(
    ("text", "value", "rest"),
    [
        ("12", 12, ""), ("0x1F", 31, ""), ("010", 8, ""), ("09", 0, "9"), (" +7x", 7, "x"),
        ("-1", (1 << 64) - 1, ""), ("9" * 30, (1 << 64) - 1, ""),
        ("-" + "9" * 30, (1 << 64) - 1, ""),
        ("", 0, ""), ("x", 0, "x"), ("0x", 0, "x"), ("- 1", 0, "- 1"), (".text", 0, ".text"),
    ],
)  # fmt: skip
def test_numbers(text: str, value: int, rest: str) -> None:
    assert number(text) == (value, rest)


def test_words_from_files(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.write_text("b 'c  d' \"e'\" f\\ g '' \n\n")
    outer.write_text(f"a @{inner} z")
    assert expanded(["1", f"@{outer}", "@none", "2"]) == [
        "1", "a", "b", "c  d", "e'", "f g", "", "z", "@none", "2",
    ]  # fmt: skip
    loop = tmp_path / "loop"
    loop.write_text(f"@{loop}")
    with pytest.raises(BadFile, match="too many @-files encountered"):
        expanded([f"@{loop}"])
    with pytest.raises(BadFile, match="@-file refers to a directory"):
        expanded([f"@{tmp_path}"])
    inner.write_text('\'a\\b\' "a\\b" "a\\"b" a\\"b\\\nc \\')
    assert expanded([f"@{inner}"]) == ["a\\b", "a\\b", 'a"b', 'a"bc', ""]
