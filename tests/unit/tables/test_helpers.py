"""The helper table beside the enum it must cover, and beside itself."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from probee.errors import NotSupportedError
from probee.tables import helpers, maps, programs
from probee.uapi import bpf_func

HELPERS = list(helpers.all_helpers())
RECORDED = Path(__file__).parents[3] / "scripts/recorded"
# Day on which a version was released; one that an author wrote after it is in a later version.
RELEASED = {
    "5.0": "2019-03-03", "5.1": "2019-05-05", "5.2": "2019-07-07", "5.3": "2019-09-15",
    "5.4": "2019-11-24", "5.5": "2020-01-26", "5.6": "2020-03-29", "5.7": "2020-05-31",
    "5.8": "2020-08-02", "5.9": "2020-10-11", "5.10": "2020-12-13", "5.11": "2021-02-14",
    "5.12": "2021-04-25", "5.13": "2021-06-27", "5.14": "2021-08-29", "5.15": "2021-10-31",
    "5.16": "2022-01-09", "5.17": "2022-03-20", "5.18": "2022-05-22", "5.19": "2022-07-31",
    "6.0": "2022-10-02", "6.1": "2022-12-11", "6.2": "2023-02-19",
}  # fmt: skip


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def test_every_member_of_the_enum_has_a_row() -> None:
    members = {
        name.removeprefix("BPF_FUNC_"): value
        for name, value in vars(bpf_func).items()
        if name.startswith("BPF_FUNC_") and name != "BPF_FUNC_unspec"
    }
    assert {h.name: h.id for h in HELPERS} == members
    assert len(HELPERS) == 211


def test_versions_rise_with_the_ids() -> None:
    since = [version(h.since) for h in HELPERS]
    assert since == sorted(since)


@pytest.mark.parametrize(("kernel", "count"), [("5.10", 155), ("6.1", 209), ("6.12", 211)])
def test_as_many_helpers_as_the_headers_of_that_kernel_have(kernel: str, count: int) -> None:
    """Counted in Debian's linux-libc-dev 5.10.223, 6.1.192 and 6.12.107."""
    assert sum(version(h.since) <= version(kernel) for h in HELPERS) == count


def test_no_helper_is_older_than_the_day_it_was_written() -> None:
    rows = json.loads((RECORDED / "since.json").read_text())["helpers"]
    early = {
        name: (since, date)
        for name, (since, date) in rows.items()
        if date and since in RELEASED and RELEASED[since] <= date
    }
    # libbpf took these over with the date of a later fix of their comments.
    assert set(early) <= {"per_cpu_ptr", "this_cpu_ptr"}


def test_kinds_are_documented_and_used() -> None:
    shapes = [h for p in ("", "tracing", "sk_lookup") for h in seen_by(p)]
    assert {a.kind for h in shapes for a in h.args} == set(helpers.ARGUMENT_KINDS)
    assert {h.ret for h in HELPERS} == set(helpers.RESULT_KINDS)


def seen_by(program_type: str) -> list[helpers.Helper]:
    return [
        helpers.by_name(h.name, program_type)
        for h in HELPERS
        if not program_type or program_type in h.program_types
    ]


def test_memory_is_followed_by_its_size_and_a_size_follows_memory() -> None:
    for helper in HELPERS:
        kinds = [a.kind for a in helper.args]
        for kind, after in itertools.pairwise([*kinds, ""]):
            assert kind.startswith("mem_") or not after.startswith("mem_size"), helper
            if kind.startswith("mem_") and "size" not in kind:
                assert after.startswith("mem_size"), helper


def test_arguments_fit_registers_and_have_names_of_their_own() -> None:
    for helper in HELPERS:
        assert len(helper.args) <= 5
        assert len(set(helper.arg_names)) == len(helper.args)
        for argument in helper.args:
            assert argument.name.isidentifier()
            assert ("*" in argument.type) or argument.kind in {
                "scalar", "mem_size", "mem_size_or_zero", "alloc_size"
            }, helper  # fmt: skip


def test_program_types_are_those_of_the_table() -> None:
    known = {p.name for p in programs.PROGRAM_TYPES}
    for helper in HELPERS:
        assert set(helper.program_types) <= known
        assert helper.program_types


def test_every_helper_that_takes_a_map_is_named_by_a_map_type() -> None:
    takers = {h.name for h in HELPERS if any(a.kind == "const_map" for a in h.args)}
    named = {name for row in maps.MAP_TYPES for name in row.program}
    # kptr_xchg takes a pointer into a value; timer_init any map whose values hold a timer.
    assert takers - {"timer_init"} == named - {"kptr_xchg"}


def test_lookup() -> None:
    read = helpers.by_name("bpf_probe_read_user_str")
    assert read == helpers.by_name("probe_read_user_str")
    assert (read.id, read.since, read.gpl, read.ret_type) == (114, "5.5", True, "s64")
    assert [a.kind for a in read.args] == ["mem_write", "mem_size_or_zero", "user_ptr"]
    assert read.arg_names == ("dst", "size", "unsafe_ptr")
    regs = helpers.by_name("task_pt_regs", "tracepoint")
    assert (regs.ret, regs.ret_type, regs.ret_struct) == ("btf_id", "struct pt_regs *", "pt_regs")
    assert helpers.by_name("ringbuf_reserve").ret == "ringbuf_mem_or_null"
    assert helpers.by_name("trace_printk").variadic
    assert helpers.by_name("copy_from_user").sleeps
    assert len(helpers.by_name("get_branch_snapshot").args) == 3


def test_a_helper_differs_with_the_program_type() -> None:
    assert helpers.by_name("get_socket_cookie", "sched_cls").args[0].kind == "ctx"
    traced = helpers.by_name("get_socket_cookie", "tracing")
    assert traced.args[0].kind == "btf_sock_common_or_null"
    assert helpers.by_name("get_stackid", "kprobe").gpl
    assert not helpers.by_name("get_stackid", "perf_event").gpl
    assert helpers.by_name("seq_printf", "tracing").tracing == ("iter",)


def test_unknown_helpers_and_callers_are_refused() -> None:
    assert helpers.exists("bpf_loop")
    assert not helpers.exists("bpf_lop")
    with pytest.raises(NotSupportedError, match="no BPF helper named 'bpf_lop'"):
        helpers.by_name("bpf_lop")
    with pytest.raises(NotSupportedError, match="xdp programs may not call bpf_skb_vlan_pop"):
        helpers.by_name("skb_vlan_pop", "xdp")
    with pytest.raises(NotSupportedError):
        helpers.by_name("get_retval", "cgroup_skb")
