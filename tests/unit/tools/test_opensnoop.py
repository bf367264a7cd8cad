"""opensnoop without a kernel: options to programs and constants, records to rows."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from probee.frame.columns import bind, leaves
from probee.frame.formats import Json, Table
from probee.frame.options import Values, parse
from probee.host.features import Features
from probee.klib import tasks
from probee.spec.types import struct_format
from probee.tools import opensnoop as o


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
    assert o.plan(read()).programs is (o.PAIR if answer is False else o.EXIT_ONLY)
    assert o.plan(read("--pair")).programs is o.PAIR


@pytest.mark.usefixtures("answer")
def test_constants() -> None:
    assert o.plan(read()).consts == tasks.namespace_consts()
    consts = o.plan(read("-xUeT", f"-p{os.getpid()}")).consts
    assert {o.only_failed, o.more} < set(consts)
    assert consts[tasks.only_pid] == os.getpid()
    for words, ring in (([], o.opens), (["--boot-ns"], o.more_opens), (["-U"], o.more_opens)):
        plan = o.plan(read(*words))
        assert plan.ring is ring
        assert (o.more in plan.consts) is (ring is o.more_opens)


def record(**changes: Any) -> tuple[Any, ...]:
    row: dict[str, Any] = {
        "time": 0, "flags": 0, "mode": 0, "uid": 0, "ret": 3, "ids": 42 << 32 | 43,
        "comm": b"cat", "path": b"/etc/hostname", **changes,
    }  # fmt: skip
    row["comm"] = row["comm"].ljust(16, b"\0")
    row["path"] = row["path"].ljust(256, b"\0")
    return tuple(row[name] for name, _ in leaves(o.More.layout_))


def lines(*words: str, **changes: Any) -> list[str]:
    format_ = Table(bind(o.columns(read(*words)), o.More), follow=False, colour=False)
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


def test_json_keys_are_stable() -> None:
    def row(*words: str, **changes: Any) -> dict[str, Any]:
        format_ = Json(bind(o.columns(read(*words)), o.More))
        loaded: dict[str, Any] = json.loads(format_.rows([record(**changes)]))
        return loaded

    assert row() == {
        "pid": 42, "comm": "cat", "fd": 3, "errno": 0, "error": None, "path": "/etc/hostname",
        "cut": False,
    }  # fmt: skip
    failed = row(ret=-2, path=b"x" * 256)
    assert (failed["fd"], failed["errno"], failed["error"]) == (-1, 2, "ENOENT")
    assert (failed["path"], failed["cut"]) == ("x" * 254, True)
    extended = row("-e", flags=os.O_CREAT | os.O_CLOEXEC, mode=0o600)
    assert extended["flags"] == os.O_CREAT | os.O_CLOEXEC
    assert extended["flag_names"] == "O_RDONLY|O_CREAT|O_CLOEXEC"
    assert extended["mode"] == 0o600
    assert row("-e")["mode"] is None


def test_the_record_is_small_and_without_gaps() -> None:
    assert "x" not in struct_format(o.Open.layout_)
    assert o.Open.layout_.size % 8 == 0
    assert o.Open.layout_.size == 288
