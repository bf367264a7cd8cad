"""Feature probes without a kernel: what an older one answers, and when that is no answer."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from probee.errors import KernelError, VerifierError
from probee.host import bpf, memlock, probes
from probee.uapi import bpf as uapi
from probee.uapi.bpf_func import BPF_FUNC_task_pt_regs

if TYPE_CHECKING:
    from collections.abc import Callable

OLD = {  # what Linux 5.10 says to each of these probes
    "isa_v4": VerifierError("", log="BPF_MOV uses reserved fields\n"),
    "atomic_fetch": VerifierError("", log="BPF_XADD uses reserved fields\n"),
    "ringbuf": None,
    "perf_link": KernelError("bpf(BPF_LINK_CREATE)", errno.EINVAL),
    "btf_decl_tag": VerifierError("", log="[3] Invalid btf_info kind\n"),
}


class Kernel:
    """Makes things once there is locked memory for them, unless `refusal` says otherwise."""

    def __init__(self, refusal: Exception | None, *, can_raise: bool = True) -> None:
        self.refusal, self.can_raise, self.room = refusal, can_raise, False

    def make(self, *_: object, **__: object) -> int:
        if not self.room:
            raise KernelError("bpf()", errno.EPERM)
        if self.refusal is not None:
            raise self.refusal
        return os.open("/dev/null", os.O_RDONLY)

    def load(self, type: int, *_: object, **__: object) -> tuple[int, str]:
        linked = isinstance(self.refusal, KernelError)  # the program loads; linking is refused
        if linked and self.room and type == uapi.BPF_PROG_TYPE_TRACEPOINT:
            return os.open("/dev/null", os.O_RDONLY), ""
        return self.make(), ""

    def raise_limit(self) -> bool:
        self.room = self.can_raise
        return self.can_raise

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Takes the running kernel's place."""
        makers: dict[str, Callable[..., object]] = {
            "prog_load": self.load,
            "map_create": self.make,
            "btf_load": self.make,
            "link_create": self.make,
        }
        for name, function in makers.items():
            monkeypatch.setattr(bpf, name, function)
        monkeypatch.setattr(memlock, "raise_limit", self.raise_limit)


@pytest.mark.parametrize("name", OLD)
def test_memory_that_other_tools_locked_is_no_reason_not_to_know(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Linux 5.11 a user's processes share the limit: the first page may be too much."""
    Kernel(OLD[name]).stand_in(monkeypatch)
    assert probes.probe(name) is (OLD[name] is None)


@pytest.mark.parametrize("name", OLD)
def test_without_rights_nothing_is_known(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Kernel(OLD[name], can_raise=False).stand_in(monkeypatch)
    assert probes.probe(name) is None


@pytest.mark.parametrize(
    ("log", "answer"),
    [
        ("invalid func unknown#175\n", False),
        ("unknown func bpf_task_pt_regs#175\n", False),
        ("program of this type cannot use helper bpf_task_pt_regs#175\n", False),
        ("R1 !read_ok\n", True),
    ],
)
def test_a_helper_is_there_unless_the_verifier_says_not(
    log: str, answer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    Kernel(VerifierError("", log=log)).stand_in(monkeypatch)
    found = probes.probe_helper(uapi.BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_task_pt_regs)
    assert found is answer
