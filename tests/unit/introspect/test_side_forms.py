"""Forms of bpftool that this kernel has no occasion for: from rows made by hand."""

from __future__ import annotations

import gzip
from struct import pack

import pytest

from probee.host.queries import Traced
from probee.introspect.bpftool.event_pipe import record_json, record_text
from probee.introspect.bpftool.feature import report_json, report_macros, report_text
from probee.introspect.bpftool.jsonw import JsonWriter
from probee.introspect.bpftool.perf import tracing_json, tracing_text
from probee.introspect.loaded import settings as s
from probee.introspect.loaded.event_pipe import Record, record
from probee.introspect.loaded.features import Report
from probee.introspect.loaded.perf_events import Tracing
from probee.uapi import bpf_flags
from probee.uapi.perf_event import PERF_RECORD_LOST, PERF_RECORD_SAMPLE

HEAD = b"#\n# Automatically generated file; DO NOT EDIT.\n"


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_configuration(compress: type[bytes]) -> None:
    lines = b"# CONFIG_NET is not set\nCONFIG_BPF=y\nCONFIG_HZ=250\nCONFIG_XFRM=\nCONFIG_BPF=m\n"
    found = s.parse(compress(HEAD + lines))
    assert found.why == ""
    assert len(found.options) == len(s.OPTIONS)
    values = {name: value for name, value in found.options if value is not None}
    assert values == {"CONFIG_BPF": "y", "CONFIG_HZ": "250"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "can't find correct file"),
        (b"CONFIG_BPF=y\nCONFIG_NET=y\n", "can't find correct file"),
        (gzip.compress(HEAD)[:-12], "can't read from file: "),
    ],
)
def test_no_configuration(data: bytes, why: str) -> None:
    assert s.parse(data).options == ()
    assert s.parse(data).why.startswith(why)


def report(**values: int) -> Report:
    rows = tuple(s.Setting(name, value) for name, value in values.items())
    config = s.Config((("CONFIG_NET", None), ("CONFIG_HZ", None)))
    return Report(rows, config, syscall=False)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("unprivileged_bpf_disabled", 0, "bpf() syscall for unprivileged users is enabled"),
        ("unprivileged_bpf_disabled", 7, "bpf() syscall restriction has unknown value 7"),
        ("unprivileged_bpf_disabled", -1,
         "Unable to retrieve required privileges for bpf() syscall"),
        ("bpf_jit_enable", 2, "JIT compiler is enabled with debugging traces in kernel logs"),
        ("bpf_jit_harden", 1, "JIT compiler hardening is enabled for unprivileged users"),
        ("bpf_jit_kallsyms", 9, "JIT kallsyms exports status has unknown value 9"),
        ("bpf_jit_limit", 12,
         "Global memory limit for JIT compiler for unprivileged users is 12 bytes"),
        ("bpf_jit_limit", -1,
         "Unable to retrieve global memory limit for JIT compiler for unprivileged users"),
    ],
)  # fmt: skip
def test_settings(name: str, value: int, text: str) -> None:
    """The sentences of feature.c; without the system call nothing follows."""
    assert "".join(report_text(report(**{name: value}))) == (
        f"Scanning system configuration...\n{text}\nCONFIG_NET is not set\n"
        "CONFIG_HZ is not set\n\n"
        "Scanning system call availability...\nbpf() syscall is NOT available\n\n"
    )


def test_without_the_system_call() -> None:
    pieces: list[str] = []
    report_json(JsonWriter(pieces.append), report(bpf_jit_limit=-1))
    assert "".join(pieces) == (
        '{"system_config":{"bpf_jit_limit":-1,"CONFIG_NET":null,"CONFIG_HZ":null},'
        '"syscall_config":{"have_bpf_syscall":false}}'
    )
    assert "".join(report_macros(report(bpf_jit_limit=-1), "X_")) == (
        "/*** Misc kernel config items ***/\n/* X_CONFIG_HZ is not set */\n\n"
        "/*** System call availability ***/\n#define X_NO_HAVE_BPF_SYSCALL\n\n"
    )


@pytest.mark.parametrize(
    ("kind", "name", "text", "json"),
    [
        ("KPROBE", "vfs_read", "kprobe  func vfs_read  offset 4\n",
         '"fd_type":"kprobe","func":"vfs_read","offset":4'),
        ("KRETPROBE", "", "kretprobe  addr 5\n", '"fd_type":"kretprobe","addr":5'),
        ("TRACEPOINT", "a\x1bb", "tracepoint  a\\x1bb\n",
         '"fd_type":"tracepoint","tracepoint":"a\\u001bb"'),
        ("UPROBE", "/bin/sh", "uprobe  filename /bin/sh  offset 4\n",
         '"fd_type":"uprobe","filename":"/bin/sh","offset":4'),
    ],
)  # fmt: skip
def test_what_is_traced(kind: str, name: str, text: str, json: str) -> None:
    found = Traced(7, getattr(bpf_flags, f"BPF_FD_TYPE_{kind}"), name, 4, 5)
    row = Tracing(1, 3, found)
    assert tracing_text(row) == f"pid 1  fd 3: prog_id 7  {text}"
    pieces: list[str] = []
    tracing_json(JsonWriter(pieces.append), row)
    assert "".join(pieces) == f'{{"pid":1,"fd":3,"prog_id":7,{json}}}'


def test_a_newer_kind_is_a_line_too() -> None:
    assert tracing_text(Tracing(1, 3, Traced(7, 99, "x", 0, 0))) == "pid 1  fd 3: prog_id 7  \n"


def shown(row: Record) -> str:
    pieces: list[str] = []
    record_json(JsonWriter(pieces.append), row)
    return "".join(pieces)


def test_records() -> None:
    sample = record(PERF_RECORD_SAMPLE, pack("=QI", 1_000_000_005, 3) + b"abcd", 2, 9)
    assert record_text(sample) == "== @1.000000005 CPU: 2 index: 9 =====\n61 62 63\n"
    assert shown(sample) == (
        '{"type":9,"cpu":2,"index":9,"timestamp":1000000005,"data":[97,98,99]}'
    )
    lost = record(PERF_RECORD_LOST, pack("=QQ", 77, 5), 2, 9)
    assert record_text(lost) == "lost 5 events\n"
    assert shown(lost) == '{"type":2,"cpu":2,"index":9,"lost":{"id":77,"count":5}}'
    other = record(14, bytes(8), 0, 0)
    assert record_text(other) == "unknown event type=14 size=16\n"
    assert shown(other) == '{"type":14,"cpu":0,"index":0}'
