"""Arguments of raw tracepoints from made-up BTF, where no kernel is needed."""

from __future__ import annotations

import pytest

from probee.btf import types as t
from probee.btf.reader import Btf
from probee.btf.writer import BtfBuilder
from probee.errors import FormatError, NotSupportedError
from probee.host.facts import RunningKernel, raw_arguments
from probee.spec.target import RawArgument


def made(*, named: bool, extra: t.Param | None = None) -> tuple[Btf, int]:
    """The types of a tracepoint `sched`, and the id of its typedef."""
    b = BtfBuilder()
    task = b.add(t.Struct("task_struct", 64))
    params = (
        t.Param("", b.add(t.Ptr(0))),
        t.Param("", b.add(t.Const(b.add(t.Ptr(b.add(t.Const(task))))))),
        t.Param("", b.add(t.Typedef("pid_t", b.add(t.Int("int", 4, 32, t.SIGNED))))),
        t.Param("", b.add(t.Ptr(b.add(t.Int("char", 1, 8))))),
        t.Param("", b.add(t.Enum("why", 4, (t.Enumerator("a", 1),)))),
        t.Param("", b.add(t.Struct("pair", 8))),
        *([extra] if extra else []),
    )
    typedef = b.add(t.Typedef("btf_trace_sched", b.add(t.Ptr(b.add(t.FuncProto(0, params))))))
    if named:
        words = ("data", "task", "pid", "text", "why", "pair", "more")
        again = tuple(t.Param(name, p.type) for name, p in zip(words, params, strict=False))
        b.add(t.Func("__traceiter_sched", b.add(t.FuncProto(0, again))))
    return Btf(b.build()), typedef


def test_arguments_have_names_kinds_and_targets() -> None:
    btf, typedef = made(named=True)
    assert raw_arguments(btf, "sched", typedef) == (
        RawArgument("task", "pointer", 8, False, "task_struct"),
        RawArgument("pid", "int", 4, True),
        RawArgument("text", "pointer", 8, False, ""),
        RawArgument("why", "int", 4, False),
        RawArgument("pair", "int", 8, False),
    )


def test_without_names_arguments_are_numbered() -> None:
    btf, typedef = made(named=False)
    names = [argument.name for argument in raw_arguments(btf, "sched", typedef)]
    assert names == ["arg0", "arg1", "arg2", "arg3", "arg4"]


def test_what_does_not_fit_in_a_register_is_refused() -> None:
    btf, typedef = made(named=True)
    with pytest.raises(FormatError, match="points to no function"):
        raw_arguments(btf, "sched", btf.by_name(t.Struct.kind, "pair")[0])
    b = BtfBuilder()
    big = b.add(t.Struct("big", 24))
    proto = b.add(t.FuncProto(0, (t.Param("", b.add(t.Ptr(0))), t.Param("", big))))
    typedef = b.add(t.Typedef("btf_trace_x", b.add(t.Ptr(proto))))
    with pytest.raises(FormatError, match="arg0 is of BTF type 1, which does not fit"):
        raw_arguments(Btf(b.build()), "x", typedef)


def test_functions_of_the_kernel_by_name() -> None:
    kernel = RunningKernel()
    kernel._btf, _ = made(named=True)
    assert kernel.kfunc("__traceiter_sched")
    assert not kernel.kfunc("bpf_iter_num_new")
    number = kernel.kfunc_id("__traceiter_sched")
    assert isinstance(found := kernel.btf.type(number), t.Func)
    assert found.name == "__traceiter_sched"
    with pytest.raises(NotSupportedError, match="no function bpf_iter_num_new") as refusal:
        kernel.kfunc_id("bpf_iter_num_new")
    assert refusal.value.since == "Linux 6.4"
