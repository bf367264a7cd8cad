"""A plug-in of pytest: one line of JSON for each test, written when it ends.

In: the file's name in VMTEST_RESULTS. Out: `{"test", "outcome", "seconds", "why"}` a line, so that
what ran is known even if the machine hangs. An error in a fixture makes the test's outcome `error`.
"""

from __future__ import annotations

import json
import os

import pytest

_OUTCOMES = {"passed": 0, "skipped": 1, "failed": 2, "error": 3}


def _why(report: pytest.TestReport) -> str:
    """The reason of a skip, or the last line of what failed."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    lines = [line[1:].strip() for line in report.longreprtext.splitlines() if line[:2] == "E "]
    lines = lines or report.longreprtext.splitlines()[-1:]
    return " | ".join(lines[:2])[:300]


class Recorder:
    """Joins the reports of set-up, test and tear-down into one line."""

    def __init__(self, name: str) -> None:
        self.file = open(name, "a", encoding="utf-8")
        self.outcome, self.why, self.seconds = "passed", "", 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pytest's hook: the file gets the test's line when its tear-down is reported."""
        outcome: str = report.outcome
        if outcome == "failed" and report.when != "call":
            outcome = "error"
        if _OUTCOMES[outcome] > _OUTCOMES[self.outcome]:
            self.outcome, self.why = outcome, _why(report)
        self.seconds += report.duration
        if report.when == "teardown":
            row = {
                "test": report.nodeid, "outcome": self.outcome,
                "seconds": round(self.seconds, 2), "why": self.why,
            }  # fmt: skip
            print(json.dumps(row), file=self.file, flush=True)
            self.outcome, self.why, self.seconds = "passed", "", 0.0


def pytest_configure(config: pytest.Config) -> None:
    """Pytest's hook: the recorder joins."""
    recorder = Recorder(os.environ["VMTEST_RESULTS"])
    config.pluginmanager.register(recorder, "vmtest-recorder")
    config.add_cleanup(recorder.file.close)
