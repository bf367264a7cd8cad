"""`feature probe` beside bpftool's: every line, but those in which it is wrong of this kernel."""

from __future__ import annotations

import difflib
import json
import os

import pytest

from probee.btf.kinds import STRUCT, TYPEDEF
from probee.errors import KernelError
from probee.host import type_probes
from probee.host.bpf import prog_load
from probee.host.btf import open_kernel_btf
from probee.host.capabilities import surroundings
from probee.host.rights import missing, without
from probee.host.type_probes import helper_probe
from probee.introspect.loaded.features import RIGHTS
from probee.uapi import bpf as uapi
from tests.kernel.side_by_side import FORMS, ZERO, Pair, pair, plain

__all__ = ("pair",)
pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5")]

# Types of which bpftool 7.5 may say that the kernel has them not, although it has: tracing where
# the kernel lets no program attach to its functions (EPERM) but takes them for raw tracepoints;
# maps of struct_ops before Linux 6.9, whose BPF_MAP_CREATE does not know a field that it sets.
WRONG = {
    "eBPF program_type tracing is", "eBPF map_type struct_ops is",
    "\tProgram type not supported", "\tCould not determine which helpers are available",
}  # fmt: skip


def differences(real: str, ours: str) -> tuple[list[str], list[str]]:
    """Lines that only the one has, and only the other."""
    diff = list(difflib.ndiff(real.splitlines(), ours.splitlines()))
    return [line[2:] for line in diff if line[0] == "-"], [
        line[2:] for line in diff if line[0] == "+"
    ]


def loads_for_a_raw_tracepoint() -> bool:
    """Whether the kernel takes a program of type tracing, whatever the probes say."""
    types = open_kernel_btf()
    (id_,) = types.by_name(TYPEDEF, "btf_trace_sched_switch")
    fd, _ = prog_load(
        uapi.BPF_PROG_TYPE_TRACING, ZERO, "GPL", attach_type=uapi.BPF_TRACE_RAW_TP,
        attach_btf_id=id_,
    )  # fmt: skip
    os.close(fd)
    return True


@pytest.mark.parametrize("words", [(), ("full",), ("kernel", "fu")], ids=str)
def test_text(words: tuple[str, ...], pair: Pair) -> None:
    real, ours = pair.real("feature", "probe", *words), pair.ours("feature", "probe", *words)
    assert (ours.status, plain(ours.err)) == (real.status, real.err)
    assert ours.status == 0
    theirs, probees = differences(real.out, ours.out)
    assert len(theirs) == len(probees)
    for line in (*theirs, *probees):
        assert any(line.startswith(known) for known in WRONG), line
    assert "eBPF program_type tracing is NOT" not in ours.out
    assert loads_for_a_raw_tracepoint()


def test_json(pair: Pair) -> None:
    """The same facts in both, and the same bytes once the known faults are put right."""
    text = pair.ours("feature", "probe").out
    for form in FORMS[1:]:
        real, ours = pair.real(form, "feature", "probe").out, pair.ours(form, "feature", "probe")
        for name in ("tracing_prog_type", "struct_ops_map_type"):
            space = " " if form == "-p" else ""
            real = real.replace(f'"have_{name}":{space}false', f'"have_{name}":{space}true')
        assert ours.out == real
        found = json.loads(ours.out)
        for name, has in found["program_types"].items():
            type_ = name.removeprefix("have_").removesuffix("_prog_type")
            assert f"program_type {type_} is {'' if has else 'NOT '}available\n" in text
        listed = text.count("\n\t- bpf_")
        assert listed == sum(map(len, found["helpers"].values()))


@pytest.mark.parametrize("prefix", [(), ("prefix", "MY_")], ids=str)
def test_macros(prefix: tuple[str, ...], pair: Pair) -> None:
    words = ("feature", "probe", "macros", *prefix)
    real, ours = pair.real(*words).out, pair.ours(*words).out
    start = f"#define {prefix[1] if prefix else ''}"
    for name in ("TRACING_PROG_TYPE", "STRUCT_OPS_MAP_TYPE"):
        real = real.replace(f"{start}NO_HAVE_{name}\n", f"{start}HAVE_{name}\n")
    assert ours == real
    assert pair.ours("-j", *words).out == pair.ours("-j", "feature", "probe").out


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "words",
    [
        ("dev", "lo"),
        ("dev", "lo", "full", "macros", "prefix", "X"),
        ("macros", "dev", "lo"),
    ],
    ids=str,
)
def test_hardware_of_an_interface(form: str, words: tuple[str, ...], pair: Pair) -> None:
    """The loopback interface has none that could run programs."""
    text = pair.alike(*filter(None, (form,)), "feature", "probe", *words)
    assert "kprobe" not in text
    assert "sched_cls" in text.lower()


@pytest.mark.parametrize("form", FORMS)
def test_without_rights(form: str, pair: Pair) -> None:
    if surroundings().unprivileged_bpf == 0:
        pytest.skip("this kernel lets everybody load programs: bpftool mixes up what it was told")
    before = missing(RIGHTS)
    pair.alike(*filter(None, (form,)), "feature", "probe", "unprivileged")
    assert missing(RIGHTS) == before


def test_rights_are_put_back() -> None:
    assert missing(RIGHTS) == ()
    with without(("CAP_BPF", "CAP_SYS_ADMIN")):
        assert missing(RIGHTS) == ("CAP_SYS_ADMIN", "CAP_BPF")
        with pytest.raises(KernelError):
            prog_load(uapi.BPF_PROG_TYPE_KPROBE, ZERO, "GPL")
    assert missing(RIGHTS) == ()


def test_lacking_rights(pair: Pair) -> None:
    with without(("CAP_NET_ADMIN",)):
        ours = pair.ours("feature", "probe")
    assert (ours.out, ours.status) == ("", 1)
    assert ours.err.startswith("probee feature: this process lacks CAP_NET_ADMIN, which it takes")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("kernel", "dev", "lo"), "component to probe already specified"),
        (("dev",), "'dev' needs at least 1 arguments, 0 found"),
        (("prefix", "x"), "'prefix' argument can only be used after 'macros'"),
        (("macros", "prefix"), "'prefix' needs at least 1 arguments, 0 found"),
        (("macros", "prefix", "x", "prefix", "y"), "'prefix' already defined"),
        (("everything",), "got: 'everything'?"),
    ],
)
def test_wrong_words(words: tuple[str, ...], message: str, pair: Pair) -> None:
    ours = pair.ours("feature", "probe", *words)
    assert (ours.out, ours.status) == ("", 2)
    assert message in ours.err
    assert pair.real("feature", "probe", *words).status != 0


def test_no_such_interface(pair: Pair) -> None:
    ours = pair.ours("feature", "probe", "dev", "no\x1bsuch")
    assert (ours.out, ours.status) == ("", 1)
    assert "unrecognized netdevice 'no\\x1bsuch'" in ours.err


@pytest.mark.parametrize(
    "group", ["prog_types", "map_types", "attach_types", "link_types", "helpers", "m"]
)
def test_builtins(group: str, pair: Pair) -> None:
    pair.alike_in_all_forms("feature", "list_builtins", group)


@pytest.mark.parametrize("words", [(), ("all",)], ids=str)
def test_no_builtins(words: tuple[str, ...], pair: Pair) -> None:
    ours = pair.ours("feature", "list_builtins", *words)
    assert (ours.out, ours.status) == ("", 2)
    assert "'map_types', 'attach_types', 'link_types' or 'helpers', got: " in ours.err


def test_maps_of_struct_ops(pair: Pair) -> None:
    """The kernel has them if its types have a struct of operations; bpftool knows from 6.9 on."""
    has = open_kernel_btf().by_name(STRUCT, "bpf_struct_ops_tcp_congestion_ops")
    line = f"eBPF map_type struct_ops is {'' if has else 'NOT '}available\n"
    assert line in pair.ours("feature", "probe").out


@pytest.mark.parametrize("name", ["xdp", "kprobe", "cgroup_skb"])
def test_a_kernel_that_logs_all_or_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shorter log that younger kernels write says the same of each helper."""
    short = [helper_probe(name)(number) for number in range(1, 215)]
    monkeypatch.setattr(type_probes, "_REFUSAL", 1 << 10)  # no kernel knows it
    assert [helper_probe(name)(number) for number in range(1, 215)] == short
    assert any(short)
    assert not all(short)
