"""Links without a kernel: what older ones want."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from probee.errors import KernelError
from probee.host import bpf, memlock
from probee.runtime import links
from probee.runtime.descriptors import Descriptors
from probee.runtime.links import Links, _Anchor


def test_the_anchor_counts_as_locked_memory_before_linux_5_11(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The programs' own maps may have used up what the limit left."""
    raised: list[bool] = []

    def create(*_: object, **__: object) -> int:
        if not raised:
            raise KernelError("bpf(BPF_MAP_CREATE)", errno.EPERM)
        return os.open("/dev/null", os.O_RDONLY)

    def raise_limit() -> bool:
        raised.append(True)
        return True

    monkeypatch.setattr(bpf, "map_create", create)
    monkeypatch.setattr(memlock, "raise_limit", raise_limit)
    owner = Descriptors()
    _Anchor(owner)
    assert len(owner) == 1
    owner.close_all()


@pytest.mark.parametrize("answer", [0, -errno.EINVAL])
def test_closing_ends_with_a_wait_for_programs_that_still_run(
    answer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux 5.10 takes them off their hooks without one. Where it is refused, time must do."""
    waits: list[str] = []
    held = Links()

    def wait() -> int:
        assert len(held._owner) == 0
        waits.append("grace period")
        return answer

    monkeypatch.setattr(links, "wait_for_grace_period", wait)
    monkeypatch.setattr(links, "sleep", lambda _: waits.append("pause"))
    held._owner.own(os.open("/dev/null", os.O_RDONLY))
    held.close()
    assert waits == (["grace period"] if answer == 0 else ["grace period", "pause"])
    held.close()
    Links().close()
    assert waits.count("grace period") == 1


ENDING = """
import os
from probee.runtime.links import close_together

class Held:
    def __init__(self):
        self.cycle, self.ends = self, [fd for _ in range(3) for fd in os.pipe()]

    def __del__(self):
        close_together(self.ends)

held = Held()
"""


def test_what_is_let_go_when_the_interpreter_ends_neither_complains_nor_hangs() -> None:
    result = subprocess.run(
        [sys.executable, "-c", ENDING], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
