"""What the doctor says of surroundings that are made of literals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from probee.cli import doctor as command
from probee.cli.main import main
from probee.errors import KernelError, NotSupportedError
from probee.frame.document import Absent, document
from probee.host.capabilities import CAPABILITIES, Surroundings
from probee.introspect import doctor
from probee.introspect.doctor import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probee.host.facts import RunningKernel

ALL = sum(1 << bit for bit in CAPABILITIES.values())


class Bare:
    """A kernel that tells nothing."""

    @property
    def btf(self) -> object:
        raise NotSupportedError("it tells nothing of its types")

    @property
    def tracefs(self) -> object:
        raise KernelError("mount tracefs", 1, cause="no rights", hint="run it as root")


def asked(
    about: Callable[[Surroundings, RunningKernel], Iterator[Finding]], here: Surroundings
) -> list[Finding]:
    return list(about(here, cast("RunningKernel", Bare())))


@pytest.mark.parametrize(
    ("level", "state"),
    [("", "ok"), ("none", "ok"), ("integrity", "ok"), ("confidentiality", "problem")],
)
def test_lockdown(level: str, state: str) -> None:
    (found,) = asked(doctor._lockdown, Surroundings(lockdown=level))
    assert found.state == state
    assert bool(found.do) == (state == "problem")


def test_each_missing_right_is_a_finding() -> None:
    has = 1 << CAPABILITIES["CAP_BPF"]
    states = {f.subject: f.state for f in asked(doctor._rights, Surroundings(effective=has))}
    assert states == {
        "cap_bpf": "ok",
        "cap_perfmon": "problem",
        "cap_dac_read_search": "problem",
        "cap_sys_admin": "problem",
    }
    assert {f.state for f in asked(doctor._rights, Surroundings(effective=ALL))} == {"ok"}
    (unknown,) = asked(doctor._rights, Surroundings())
    assert unknown.state == "unknown"


def test_a_kernel_without_types_or_tracefs() -> None:
    (types,) = asked(doctor._types, Surroundings())
    (tracing,) = asked(doctor._tracefs, Surroundings())
    assert (types.state, tracing.state) == ("problem", "problem")
    assert "CONFIG_DEBUG_INFO_BTF" in types.do
    assert tracing.do == "run it as root"


@pytest.mark.parametrize(
    ("enabled", "harden", "states"),
    [
        ("1", "0", ["ok"]),
        ("0", "0", ["problem"]),
        ("2", "2", ["note", "note"]),
        ("", "", ["unknown"]),
    ],
)
def test_jit(monkeypatch: pytest.MonkeyPatch, enabled: str, harden: str, states: list[str]) -> None:
    texts = {"bpf_jit_enable": enabled, "bpf_jit_harden": harden}
    monkeypatch.setattr(doctor, "_text", lambda path: texts[path.rpartition("/")[2]])
    assert [f.state for f in asked(doctor._jit, Surroundings())] == states


def test_without_rights_nothing_is_tried() -> None:
    nobody = Surroundings(effective=0)
    assert [f.state for f in asked(doctor._hooks, nobody)] == ["unknown"]
    assert [f.state for f in asked(doctor._features, nobody)] == ["unknown"]


FINDINGS = [
    Finding("kernel", "Linux", "ok", "6.18"),
    Finding("btf", "Types (BTF)", "problem", "none\x1b[31m", "another kernel"),
]


def test_the_command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "findings", lambda: iter(FINDINGS))
    assert command.run([]) == 1
    shown = capfd.readouterr().out
    assert "! Types (BTF)" in shown
    assert "-> another kernel" in shown
    assert "\x1b" not in shown
    assert "Linux" not in shown
    assert "1 things are well" in shown
    assert command.run(["-a"]) == 1
    assert "6.18" in capfd.readouterr().out
    assert command.run(["--json"]) == 1
    found = json.loads(capfd.readouterr().out)
    assert (found["schema"], found["version"], found["command"]) == ("probee", 1, "doctor")
    assert [row["subject"] for row in found["rows"]] == ["kernel", "btf"]


def test_operands_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "now"]) == 2
    assert "takes only options" in capfd.readouterr().err


def test_what_is_absent_says_why() -> None:
    rows = [{"id": 1, "name": Absent("needs CAP_SYS_ADMIN")}, {"id": 2, "name": "x"}]
    assert json.loads(document("ps", rows))["rows"] == [
        {"id": 1, "name": None, "absent": {"name": "needs CAP_SYS_ADMIN"}},
        {"id": 2, "name": "x"},
    ]
