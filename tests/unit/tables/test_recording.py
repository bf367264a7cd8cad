"""The readers of kernel source, on made-up source."""

from __future__ import annotations

import json

import pytest

from scripts import facts_protos, facts_syscalls, helper_module, record_kernel_facts

BODY = """
	switch (func_id) {
	case BPF_FUNC_first:
	case BPF_FUNC_second:
		return &bpf_one_proto;
#ifdef CONFIG_X
	case BPF_FUNC_third:
		if (prog->expected_attach_type == BPF_TRACE_ITER)
			return &bpf_three_proto;
		return NULL;
#endif
	case BPF_FUNC_fourth:
		switch (prog->expected_attach_type) {
		case BPF_CGROUP_INET_INGRESS:
			return NULL;
		default:
			return prog->sleepable ? &bpf_four_slow_proto : &bpf_four_proto;
		}
	case BPF_FUNC_fifth:
		return NULL;
	default:
		return other_func_proto(func_id, prog);
	}
"""


def test_cases_of_a_function() -> None:
    found = facts_protos.answers(BODY)
    assert found["else"] == ["other_func_proto"]
    assert found["cases"] == {
        "first": [["bpf_one_proto"], []],
        "second": [["bpf_one_proto"], []],
        "third": [["bpf_three_proto"], ["BPF_TRACE_ITER"]],
        "fourth": [
            ["bpf_four_slow_proto", "bpf_four_proto"],
            ["BPF_CGROUP_INET_INGRESS", "sleepable"],
        ],
        "fifth": [[], []],
    }


def test_a_refused_case_is_not_asked_of_the_fallback() -> None:
    functions = {
        "mine": facts_protos.answers(BODY),
        "other_func_proto": {"else": [], "cases": {"fifth": [["p"], []], "sixth": [["q"], []]}},
    }
    rows = helper_module.closure("mine", functions)
    assert set(rows) == {"first", "second", "third", "fourth", "sixth"}


def test_conditions_that_a_program_type_cannot_meet() -> None:
    rows = {
        "seq_printf": [["p"], ["BPF_TRACE_ITER"]],
        "get_func_arg": [["p"], ["BPF_TRACE_RAW_TP", "bpf_prog_has_trampoline"]],
        "get_retval": [["p"], ["BPF_CGROUP_INET_INGRESS"]],
        "loop": [["p"], []],
    }
    assert set(helper_module.met("tracing", rows)) == set(rows)
    assert set(helper_module.met("lsm", rows)) == {"get_func_arg", "get_retval", "loop"}
    assert set(helper_module.met("syscall", rows)) == {"get_retval", "loop"}
    assert set(helper_module.met("sock_ops", rows)) == {"seq_printf", "get_func_arg", "loop"}


def test_signatures_in_comments() -> None:
    header = (
        " * void *bpf_map_lookup_elem(struct bpf_map *map, const void *key)\n"
        " * \tDescription\n"
        " * long bpf_trace_printk(const char *fmt, u32 fmt_size, ...)\n"
        " * u64 bpf_ktime_get_ns(void)\n"
    )
    assert facts_protos.signatures(header) == {
        "map_lookup_elem": {
            "ret": "void *",
            "args": [["struct bpf_map *", "map"], ["const void *", "key"]],
            "variadic": False,
        },
        "trace_printk": {
            "ret": "long",
            "args": [["const char *", "fmt"], ["u32", "fmt_size"]],
            "variadic": True,
        },
        "ktime_get_ns": {"ret": "u64", "args": [], "variadic": False},
    }


def test_an_unknown_struct_list_ends_the_recording() -> None:
    names = {"ids[0]": "task_struct", "one": "pt_regs"}
    assert facts_protos.resolve("&ids[0]", names) == "task_struct"
    assert facts_protos.resolve("&one[0]", names) == "pt_regs"
    assert facts_protos.resolve("sizeof(u64)", names) == "sizeof(u64)"
    with pytest.raises(SystemExit, match="unknown type id list"):
        facts_protos.resolve("&mystery[3]", names)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("const char __user *", "const char *"),
        ("const char __user *const __user *", "const char *const *"),
        ("unsigned __user *", "unsigned *"),
        ("size_t", "size_t"),
    ],
)
def test_types_of_system_calls(written: str, spelled: str) -> None:
    assert facts_syscalls.spell(written) == spelled


def test_recorded_files_hold_one_fact_a_line() -> None:
    value = {"date": "2026", "rows": {"a": [1, "x"], "b": [[1] * 40, [2] * 40]}}
    text = record_kernel_facts.dump(value)
    assert json.loads(text) == value
    assert '"a": [1, "x"],' in text
    assert max(map(len, text.splitlines())) < 130
