"""`probee top` where it cannot draw."""

from __future__ import annotations

import sys

import pytest

from probee.cli import top
from probee.errors import ProbeeError


def test_the_larger_form_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top, "isatty", lambda _: True)
    monkeypatch.setitem(sys.modules, "textual", None)
    with pytest.raises(ProbeeError, match="Textual is not installed") as refused:
        top._demand_textual()
    assert "probee[top]" in refused.value.hint


def test_the_larger_form_draws_through_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top, "isatty", lambda _: False)
    with pytest.raises(ProbeeError, match="standard error"):
        top._demand_textual()


@pytest.mark.parametrize(
    ("words", "message"),
    [(["now"], "takes only options"), (["-t", "xpd"], "did you mean xdp?")],
)
def test_wrong_words(words: list[str], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert top.run(words) == 2
    assert message in capfd.readouterr().err
