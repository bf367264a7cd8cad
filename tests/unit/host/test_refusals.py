"""Which logs are asked of a kernel that refuses a program, and what is made of cut ones."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest

from probee.errors import KernelError, VerifierError
from probee.host import bpf, refusals

if TYPE_CHECKING:
    from collections.abc import Callable

STATISTICS = "processed 7 insns (limit 1000000) max_states_per_insn 0\n"
NEW = "0: (b7) r0 = 0                        ; R0=0\nR3 !read_ok\n" + STATISTICS
OLD = "0: (b7) r0 = 0\nR3 !read_ok\n" + STATISTICS
STATES = "0: (b7) r0 = 0\n1: R0_w=inv0 R10=fp0\n1: (bf) r0 = r3\nR3 !read_ok\n" + STATISTICS


class Kernel:
    """Refuses every load; `logs`: level -> text. One that does not fit is cut, as `cut` says."""

    def __init__(self, logs: dict[int, str], error: int, cut: Callable[[str, int], str]) -> None:
        self.logs, self.error, self.cut = logs, error, cut
        self.asked: list[tuple[int, int]] = []

    def call(self, attributes: Any) -> int:
        level = attributes.fields.get("log_level", 0)
        if not level:
            return -self.error
        size, buffer = attributes.fields["log_size"], attributes.fields["log_buf"]
        self.asked.append((level, size))
        text = self.logs[level]
        fits = len(text) < size
        data = (text if fits else self.cut(text, size - 1)).encode()
        buffer[: len(data)] = data
        return -self.error if fits else -errno.ENOSPC


class Attributes:
    """What `probee.host.attributes` would pack, as it is."""

    def __init__(self, _: str, fields: dict[str, Any], __: int = 0) -> None:
        self.fields = fields


def tail(text: str, size: int) -> str:
    return text[-size:]


def head(text: str, size: int) -> str:
    return text[:size]


def refusal(monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> str:
    """The log of the refused load of an empty program."""
    for module in (bpf, refusals):
        monkeypatch.setattr(module, "call", kernel.call)
        monkeypatch.setattr(module, "Attributes", Attributes)
    with pytest.raises(VerifierError) as caught:
        bpf.prog_load(1, bytes(8), "GPL")
    return caught.value.log


def test_a_log_that_tells_what_was_known_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel({5: NEW}, errno.EACCES, tail)
    assert refusal(monkeypatch, kernel) == NEW
    assert kernel.asked == [(5, refusals.SHORT)]


def test_an_old_kernel_is_asked_for_all_that_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel({5: OLD, 6: STATES}, errno.EACCES, head)
    assert refusal(monkeypatch, kernel) == STATES
    assert [level for level, _ in kernel.asked] == [5, 6]


def test_if_that_is_too_long_the_short_log_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel({5: OLD, 6: STATES * 100_000}, errno.EACCES, head)
    assert refusal(monkeypatch, kernel) == OLD


def test_of_a_program_that_is_too_large_only_the_statistics_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = Kernel({4: "BPF program is too large\n" + STATISTICS}, errno.E2BIG, head)
    assert refusal(monkeypatch, kernel).startswith("BPF program is too large")
    assert kernel.asked == [(4, refusals.SHORT)]


def test_a_long_log_keeps_its_end_or_gets_it_from_the_statistics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = "1: (07) r1 += 1                       ; R1=1\n" * 500_000 + NEW
    kernel = Kernel({5: long}, errno.EACCES, tail)
    assert refusal(monkeypatch, kernel).endswith(NEW)
    assert kernel.asked == [(5, refusals.SHORT), (5, refusals.LONG)]
    kernel = Kernel({5: long, 4: "R3 !read_ok\n" + STATISTICS}, errno.EACCES, head)
    log = refusal(monkeypatch, kernel)
    assert log.startswith("1: (07)")
    assert log.endswith("R3 !read_ok\n" + STATISTICS)


def test_a_kernel_without_words_gives_its_errno(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel({5: "", 4: ""}, errno.EINVAL, head)
    for module in (bpf, refusals):
        monkeypatch.setattr(module, "call", kernel.call)
        monkeypatch.setattr(module, "Attributes", Attributes)
    with pytest.raises(KernelError, match="EINVAL"):
        bpf.prog_load(1, bytes(8), "GPL")
