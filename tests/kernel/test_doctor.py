"""The doctor on this kernel: what it says of programs is what happens to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from probee.errors import KernelError, VerifierError
from probee.host import hooks
from probee.host.facts import RunningKernel
from probee.introspect.doctor import findings

pytestmark = pytest.mark.kernel


def test_tools_can_trace_here() -> None:
    found = {finding.subject: finding for finding in findings()}
    assert len(found) > 30
    for subject in ("bpf", "cap_bpf", "tracefs", "hook_tracepoint", "ringbuf"):
        assert found[subject].state in ("ok", "note"), found[subject]
    assert found["kernel"].found.startswith(os.uname().release)


@pytest.mark.parametrize("hook", hooks.HOOKS, ids=lambda hook: hook.name)
def test_an_answer_is_what_a_load_gives(hook: hooks.Hook) -> None:
    with RunningKernel() as kernel:
        answer = hooks.ask(hook, kernel)
        assert answer.works is not None
        assert answer.works == (not answer.why)
        if answer.works and not hook.types:
            hooks.load(hook)
        elif "refuses the load" in answer.why:
            with pytest.raises((KernelError, VerifierError)):
                hooks.load(hook, hooks.target_of(hook, kernel.btf))


def test_as_a_newcomer_runs_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "probee", "doctor", "--json"], capture_output=True, check=True
    )
    states = {row["subject"]: row["state"] for row in json.loads(done.stdout)["rows"]}
    assert states["bpf"] == "ok"
    assert "problem" not in states.values()


def test_a_user_without_rights_is_told_what_is_missing() -> None:
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    code = (
        "from probee.introspect.doctor import findings\n"
        "for f in findings(): print(f.subject, f.state)\n"
    )
    done = subprocess.run(
        [*words, "/usr/bin/python3", "-Sc", code], capture_output=True, text=True, check=False,
        env={"PROBEE_CACHE": "off", "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    if "ModuleNotFoundError" in done.stderr or "Permission denied" in done.stderr:
        pytest.skip("strangers cannot read this checkout")
    states = dict(line.split() for line in done.stdout.splitlines())
    assert states["bpf"] == states["cap_bpf"] == "problem", done.stderr
    assert states["hooks"] == "unknown"
