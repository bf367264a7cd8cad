"""A refusal for want of a helper: the log is made up, and so is what the kernel says when asked."""

from __future__ import annotations

import pytest

from probee.errors import NotSupportedError
from probee.host import probes
from probee.runtime.lacking import demand_helper
from tests.unit.runtime.test_verifier import spec_with_lines


def refuse(monkeypatch: pytest.MonkeyPatch, complaint: str, answer: bool | None) -> list[int]:
    """The helpers that the kernel was asked for; raises what `demand_helper` raises."""
    asked: list[int] = []

    def ask(_: int, helper: int) -> bool | None:
        asked.append(helper)
        return answer

    monkeypatch.setattr(probes, "probe_helper", ask)
    log = f"3: (85) call unknown#177\n{complaint}\nprocessed 4 insns (limit 1000000)\n"
    demand_helper(log, *spec_with_lines())
    return asked


def test_the_helper_is_told_with_its_line_its_release_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(NotSupportedError) as caught:
        refuse(monkeypatch, "invalid func unknown#177", answer=False)
    error = caught.value
    assert error.what == "opens.py:30: the helper bpf_trace_vprintk that exit_openat calls"
    assert error.since == "Linux 5.16"
    assert "up to three values" in error.hint


def test_without_a_line_there_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "probe_helper", lambda *_: False)
    with pytest.raises(NotSupportedError) as caught:
        demand_helper("invalid func bpf_loop#181\n", spec_with_lines()[0], b"")
    assert caught.value.what == "the helper bpf_loop that exit_openat calls"


@pytest.mark.parametrize("answer", [True, None])
def test_a_kernel_that_has_it_after_all_is_believed(
    answer: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refuse(monkeypatch, "invalid func unknown#177", answer) == [177]


@pytest.mark.parametrize(
    "complaint",
    [
        "",
        "R1 type=inv expected=map_ptr",
        "invalid func ",
        "invalid func unknown#",
        "invalid func x",
    ],
)
def test_other_refusals_are_left_alone(complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refuse(monkeypatch, complaint, answer=False) == []


def test_a_number_that_no_helper_has_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refuse(monkeypatch, "invalid func unknown#99999", answer=False) == [99999]
