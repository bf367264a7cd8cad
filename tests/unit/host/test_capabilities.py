"""Refusals explained: what is missing, and how it is granted, in one sentence."""

from __future__ import annotations

import errno

import pytest

from probee.errors import KernelError
from probee.host.capabilities import CAPABILITIES, Surroundings, explain_refusal, refusal
from probee.host.causes import ROWS, explain

ALL = (1 << 41) - 1


def without(*names: str) -> int:
    mask = ALL
    for name in names:
        mask &= ~(1 << CAPABILITIES[name])
    return mask


@pytest.mark.parametrize(
    ("around", "call", "missing", "remedy"),
    [
        (Surroundings(0), "bpf(BPF_MAP_CREATE)", "lacks CAP_BPF and CAP_PERFMON", "sudo"),
        (Surroundings(0), "bpf(BPF_MAP_CREATE) for map opens", "lacks CAP_BPF", "sudo"),
        (Surroundings(1 << 39), "bpf(BPF_PROG_LOAD)", "lacks CAP_PERFMON", "cap_perfmon"),
        (Surroundings(0), "perf_event_open for a:b", "lacks CAP_PERFMON", "sudo"),
        (
            Surroundings(1 << 39),
            "open tracefs",
            "lacks CAP_PERFMON, and for tracefs CAP_DAC_READ_SEARCH",
            "sudo",
        ),
        (
            Surroundings(0),
            "mount tracefs",
            "lacks CAP_BPF and CAP_PERFMON, and for tracefs CAP_SYS_ADMIN",
            "sudo",
        ),
        (Surroundings(1 << 39 | 1 << 38), "mount tracefs", "lacks CAP_SYS_ADMIN", "sudo"),
        (Surroundings(0, last_capability=37), "mount tracefs", "lacks CAP_SYS_ADMIN:", "sudo"),
        (Surroundings(0, last_capability=37), "bpf(BPF_PROG_LOAD)", "lacks CAP_SYS_ADMIN", "sudo"),
        (Surroundings(1 << 39), "bpf(BPF_PROG_GET_NEXT_ID)", "lacks CAP_SYS_ADMIN", "sudo"),
        (Surroundings(0, own_pids=True), "bpf(BPF_PROG_LOAD)", "lacks CAP_BPF", "--cap-add BPF"),
        (Surroundings(0, own_users=True), "bpf(BPF_PROG_LOAD)", "lacks CAP_BPF", "--privileged"),
        (Surroundings(ALL, own_users=True), "bpf(BPF_PROG_LOAD)", "its own user namespace", "host"),
        (Surroundings(ALL, lockdown="confidentiality"), "perf_event_open", "locked down", "boot"),
        (Surroundings(ALL, seccomp=True), "bpf(BPF_PROG_LOAD)", "seccomp filter", "unconfined"),
        (Surroundings(without("CAP_SYS_RESOURCE")), "bpf(BPF_MAP_CREATE)", "memory", "ulimit"),
        (Surroundings(ALL), "bpf(BPF_MAP_CREATE)", "security module", "kernel log"),
    ],
)
def test_each_surrounding_has_its_sentence(
    around: Surroundings, call: str, missing: str, remedy: str
) -> None:
    sentence = explain_refusal(KernelError(call, errno.EPERM), around)
    assert missing in sentence
    assert remedy in sentence
    assert "\n" not in sentence


def test_sys_admin_stands_for_bpf_and_perfmon_but_not_for_reading_files() -> None:
    admin = Surroundings(1 << CAPABILITIES["CAP_SYS_ADMIN"])
    assert admin.missing(("CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN")) == ()
    assert admin.missing(("CAP_DAC_READ_SEARCH",)) == ("CAP_DAC_READ_SEARCH",)


def test_all_that_tracing_needs_is_named_at_once() -> None:
    for call in ("bpf(BPF_MAP_CREATE)", "open tracefs", "mount tracefs"):
        _, remedy = refusal(call, Surroundings(0))
        assert "cap_bpf,cap_perfmon,cap_dac_read_search,cap_sys_admin+ep" in remedy
    _, remedy = refusal("bpf(BPF_PROG_QUERY)", Surroundings(0))
    assert "setcap cap_net_admin,cap_bpf," in remedy


def test_unknown_rights_are_not_called_missing() -> None:
    assert "lacks" not in refusal("bpf(BPF_MAP_CREATE)", Surroundings())[0]


def test_an_errno_has_the_cause_of_its_call() -> None:
    full = explain("BPF_MAP_UPDATE_ELEM", errno.E2BIG)
    assert str(full).startswith("bpf(BPF_MAP_UPDATE_ELEM): E2BIG (")
    assert full.cause == "the map is full, or the index is beyond its end"
    assert (
        explain("BPF_PROG_LOAD", errno.E2BIG, "program x").call
        == "bpf(BPF_PROG_LOAD) for program x"
    )
    assert explain("BPF_PROG_LOAD", errno.EACCES).cause == "the verifier refused the program"
    assert explain("open tracefs", errno.EACCES).cause != ""
    assert "frozen" in explain("BPF_MAP_UPDATE_ELEM", errno.EPERM).cause


def test_every_row_can_be_reached() -> None:
    for number, (call, errno_, cause, _) in enumerate(ROWS):
        earlier = [row for row in ROWS[:number] if call.startswith(row[0]) and row[1] == errno_]
        assert earlier == [], (call, cause)
