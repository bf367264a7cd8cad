"""opensnoop without a kernel: options to programs and constants, records to rows."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import Any

import pytest

from probee.errors import ProbeeError
from probee.frame.columns import bind, leaves
from probee.frame.formats import Json, Table
from probee.frame.options import Values, parse
from probee.host.features import Features
from probee.klib import results, tasks
from probee.spec.types import least_record, struct_format
from probee.tools import opensnoop as o
from probee.tools.opensnoop import calls, compat, rows, uring


def read(*words: str) -> Values:
    values, operands = parse(o.TOOL.all_options, words)
    assert not operands
    return values


@pytest.fixture(params=[True, False, None])
def answer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> object:
    """What the kernel says of bpf_task_pt_regs."""
    monkeypatch.setattr(Features, "helper", lambda *_: request.param)
    return request.param


def test_variant(answer: object) -> None:
    assert o.plan(read()).programs is (calls.PAIR if answer is False else calls.EXIT_ONLY)
    assert o.plan(read("--pair")).programs is calls.PAIR


def test_on_arm64_there_is_no_open_and_no_creat(
    answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm = os.uname_result(("Linux", "host", "6.18", "#1", "aarch64"))
    monkeypatch.setattr(os, "uname", lambda: arm)
    hooks = [a.target for p in o.plan(read()).programs for a in p.attach]
    assert not [hook for hook in hooks if hook.endswith(("_open", "_creat"))]
    names = ("openat", "openat2", "open_by_handle_at")
    ends = ("enter", "exit") if answer is False else ("exit",)
    assert sorted(hooks) == sorted(f"syscalls:sys_{end}_{name}" for end in ends for name in names)


@pytest.mark.usefixtures("answer")
def test_constants() -> None:
    typed = {tasks.typed_task: True} if tasks.task_is_typed() else {}
    assert o.plan(read()).consts == {**typed, **tasks.namespace_consts()}
    consts = o.plan(read("-xUeT", f"-p{os.getpid()}")).consts
    assert {results.only_failed, rows.more} < set(consts)
    assert consts[tasks.only_pid] == os.getpid()
    for words, ring in (
        ([], rows.opens),
        (["--boot-ns"], rows.more_opens),
        (["-U"], rows.more_opens),
    ):
        plan = o.plan(read(*words))
        assert plan.ring is ring
        assert (rows.more in plan.consts) is (ring is rows.more_opens)


def test_flags_are_alternatives() -> None:
    consts = o.plan(read("-f", "O_CREAT,O_RDWR", "-f", "O_SYNC")).consts
    sync = os.O_SYNC & ~os.O_DSYNC
    assert consts[rows.any_flags] == os.O_CREAT | sync
    assert consts[rows.access_modes] == 1 << os.O_RDWR
    assert consts[rows.more]


@pytest.mark.parametrize("words", [["--latency"], ["--min-us", "0.5"]])
def test_latency_needs_both_ends(words: list[str]) -> None:
    plan = o.plan(read(*words))
    assert plan.programs is calls.PAIR
    assert plan.consts[rows.timed]
    assert plan.consts[rows.min_ns] == (500 if len(words) == 2 else 0)
    assert lines(*words, latency=1234567)[1].split()[4] == "1234.567"


def record(**changes: Any) -> tuple[Any, ...]:
    row: dict[str, Any] = {
        "time": 0, "latency": 0, "flags": 0, "mode": 0, "uid": 0, "ret": 3, "way": rows.OPENAT,
        "unread": 0, "cgroup": 1, "ids": 42 << 32 | 43,
        "comm": b"cat", "path": b"/etc/hostname", **changes,
    }  # fmt: skip
    row["comm"] = row["comm"].ljust(16, b"\0")
    row["path"] = row["path"].ljust(4098, b"\0")
    return tuple(row[name] for name, _ in leaves(rows.More.layout_))


def lines(*words: str, **changes: Any) -> list[str]:
    format_ = Table(bind(o.columns(read(*words)), rows.More), follow=False, colour=False)
    return (format_.header + format_.rows([record(**changes)])).decode().splitlines()


def test_the_default_table() -> None:
    assert lines() == [
        "PID     COMM               FD ERR PATH",
        "42      cat                 3   0 /etc/hostname",
    ]
    assert lines(ret=-2)[1] == "42      cat                -1   2 /etc/hostname"


def test_columns_that_were_asked_for() -> None:
    assert lines("-t43", "-U", uid=1000)[0].split() == [
        "UID",
        "PID",
        "TID",
        "COMM",
        "FD",
        "ERR",
        "PATH",
    ]
    assert lines("-t43", "-U", uid=1000)[1].split()[:3] == ["1000", "42", "43"]
    assert lines("-U", "--user")[0].split()[:3] == ["UID", "USER", "PID"]
    assert [line.split()[0] for line in lines("--user")] == ["USER", "root"]
    assert lines("--user", uid=987654321)[1].split()[0] == "987654321"
    shown = lines("-e", flags=os.O_CREAT | os.O_WRONLY, mode=0o640)
    assert shown[0].split() == ["PID", "COMM", "FD", "ERR", "FLAGS", "MODE", "PATH"]
    assert shown[1].split()[4:6] == ["O_WRONLY|O_CREAT", "0640"]
    assert lines("-e", "--numeric", flags=0o2000000, mode=0o640)[1].split()[4:6] == [
        "02000000",
        "-",
    ]
    assert lines("--errname", ret=-13)[1].split()[3] == "EACCES"
    assert lines("--errname", ret=3)[1].split()[3] == "-"
    assert lines("--boot-ns", time=12345)[1].split()[0] == "12345"
    assert len(lines("-T")[1].split()[0]) == len("00:00:00.000000")
    assert len(lines("-TT")[1].split()[0]) == len("2026-01-01T00:00:00.000000+00:00")


def test_flags_that_could_not_be_read_and_modes() -> None:
    def shown(**changes: Any) -> list[str]:
        return lines("-e", **changes)[1].split()[4:6]

    assert shown(flags=0, way=rows.OPENAT2 | rows.FLAGS_UNREAD) == ["?", "-"]
    assert shown(flags=os.O_CREAT, mode=0) == ["O_RDONLY|O_CREAT", "0000"]
    assert shown(flags=os.O_TMPFILE | os.O_RDWR, mode=0o600)[1] == "0600"
    assert shown(flags=os.O_DIRECTORY, mode=0o644)[1] == "-"
    # openat2 refuses what it does not know: the row shows what that was
    high = shown(flags=1 << 63 | os.O_CLOEXEC, mode=0o644, way=rows.OPENAT2)
    assert high == ["O_RDONLY|O_CLOEXEC|01000000000000000000000", "0644"]


def test_ways_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uring, "uring_programs", lambda: (uring.submit_req,))
    plans = {word: o.plan(read(word)) for word in ("--io-uring", "--compat", "--all-ways")}
    for word, plan in plans.items():
        assert (uring.submit_req in plan.programs) is (word != "--compat")
        assert (uring.untold in (plan.lost or {})) is (word != "--compat")
        assert (compat.exit_other in plan.programs) is (word != "--io-uring")
        assert compat.enter_other not in plan.programs
    assert compat.enter_other in o.plan(read("--compat", "--latency")).programs


def test_ways_by_name() -> None:
    for way, name in (
        (rows.OPEN | rows.COMPAT, "open/32"),
        (rows.OPENAT2 | rows.X32, "openat2/x32"),
        (rows.OPENAT | rows.URING | rows.SLOT, "openat/io_uring"),
    ):
        assert lines("--syscall", way=way)[1].split()[4] == name


def test_slots() -> None:
    way = rows.OPENAT | rows.URING
    assert lines("--io-uring", ret=5, way=way)[1].split()[2:4] == ["5", "0"]
    assert lines("--io-uring", ret=5, way=way | rows.SLOT)[1].split()[2:4] == ["#5", "0"]
    assert lines("--io-uring", ret=-2, way=way)[1].split()[2:4] == ["-1", "2"]


class NoTracefs:
    """A kernel with these tracepoints of io_uring, and their fields."""

    def __init__(self, formats: dict[str, tuple[str, ...]]) -> None:
        self.formats = formats

    def __enter__(self) -> NoTracefs:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def format(self, category: str, name: str) -> Any:
        assert category == "io_uring"
        fields = self.formats.get(name)
        if fields is None:
            return None
        return SimpleNamespace(fields=[SimpleNamespace(name=field) for field in fields])


REQUEST = ("ctx", "req", "user_data", "opcode", "flags")
ENDS = {"io_uring_complete": ("req", "res"), "io_uring_req_failed": ("req", "error")}


@pytest.mark.parametrize(
    ("formats", "program"),
    [
        ({"io_uring_submit_req": REQUEST, **ENDS}, uring.submit_req),
        ({"io_uring_submit_sqe": REQUEST, **ENDS}, uring.submit_sqe),
        ({"io_uring_submit_sqe": ("ctx", "opcode"), **ENDS}, "io_uring_submit_sqe with req"),
        ({"io_uring_submit_sqe": REQUEST, "io_uring_complete": ("res",)}, "io_uring_complete"),
        ({}, "no tracepoint io_uring:io_uring_complete with req, res"),
    ],
)
def test_the_kernels_tracepoints_of_io_uring(
    formats: dict[str, tuple[str, ...]], program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uring, "Tracefs", lambda: NoTracefs(formats))
    if isinstance(program, str):
        with pytest.raises(ProbeeError, match=program):
            uring.uring_programs()
    else:
        assert uring.uring_programs()[0] is program


def test_ways() -> None:
    assert [lines("--syscall", way=way)[1].split()[4] for way in range(5)] == [
        "open", "creat", "openat", "openat2", "open_by_handle_at",
    ]  # fmt: skip


def test_json_keys_are_stable() -> None:
    def row(*words: str, **changes: Any) -> dict[str, Any]:
        format_ = Json(bind(o.columns(read(*words)), rows.More))
        loaded: dict[str, Any] = json.loads(format_.rows([record(**changes)]))
        return loaded

    assert row() == {
        "pid": 42, "comm": "cat", "fd": 3, "errno": 0, "error": None, "path": "/etc/hostname",
        "cut": False, "unread": None,
    }  # fmt: skip
    failed = row(ret=-2, path=b"x" * 4098)
    assert (failed["fd"], failed["errno"], failed["error"]) == (-1, 2, "ENOENT")
    assert (failed["path"], failed["cut"]) == ("x" * 4096, True)
    extended = row("-e", flags=os.O_CREAT | os.O_CLOEXEC, mode=0o600)
    assert extended["flags"] == os.O_CREAT | os.O_CLOEXEC
    assert extended["flag_names"] == "O_RDONLY|O_CREAT|O_CLOEXEC"
    assert extended["mode"] == 0o600
    assert row("-e")["mode"] is None
    unknown = row("-e", way=rows.OPENAT2 | rows.FLAGS_UNREAD)
    assert [unknown[key] for key in ("flags", "flag_names", "mode", "unread")] == [None] * 4
    unnamed = row(unread=rows.FAULT, path=b"?")
    assert (unnamed["path"], unnamed["unread"]) == (None, "fault")
    unnamed = row(unread=rows.HANDLE, path=b"[handle]")
    assert (unnamed["path"], unnamed["unread"]) == (None, "handle")
    assert (row(path=b"?")["path"], row(path=b"?")["unread"]) == ("?", None)
    assert row("--latency", latency=1234)["latency_ns"] == 1234
    assert row("--syscall", way=rows.OPENAT2)["syscall"] == "openat2"


def test_the_record_is_small_and_without_gaps() -> None:
    """It is sent up to the end of its path; the longest name fits, and is shown whole."""
    layout = rows.Open.layout_
    assert layout.fields[-1].name == "path"
    assert "x" not in struct_format(layout).rstrip("x")
    assert least_record(layout) == 32
    assert layout.fields[-1].type.size - 2 == 4096
