"""Attaching and detaching: hooks that fire, quick closing, forks, and every kind of end."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from probee.errors import (
    KernelError,
)
from probee.host import bpf, perf
from probee.host.facts import RunningKernel
from probee.host.probes import probe
from probee.runtime.links import Links, attach
from probee.runtime.loader import load
from tests.kernel import rawspecs as raw
from tests.kernel.rawspecs import GETPPID, GETPPID_EXIT

if TYPE_CHECKING:
    from tests.support import Spawn


pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("no_new_descriptors")]


def test_hits_of_this_process_are_counted_exactly(spawn: Spawn) -> None:
    other = spawn.python("import os\nwhile True: os.getppid()")
    with load(raw.counting(GETPPID, GETPPID_EXIT), raw.own()) as loaded:
        os.getppid()
        assert raw.counts(loaded) == (0, 0)
        with attach(loaded) as links:
            for _ in range(1000):
                os.getppid()
            assert raw.counts(loaded) == (1000, 1000)
            kind = "link" if probe("perf_link") else "ioctl"
            assert [link.kind for link in links] == [kind, kind]
        os.getppid()
        assert raw.counts(loaded) == (1000, 1000)
    assert other.poll() is None


@pytest.mark.parametrize("kind", ["raw_tp", "tp_btf"])
def test_raw_tracepoints_fire_too(kind: str) -> None:
    with load(raw.counting((kind, "sys_enter")), raw.own()) as loaded, attach(loaded):
        before = raw.counts(loaded)[0]
        for _ in range(100):
            os.getppid()
        assert raw.counts(loaded)[0] >= before + 100


def test_a_kernel_without_perf_links_gets_the_program_by_ioctl(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise KernelError("bpf(BPF_LINK_CREATE)", 22)

    monkeypatch.setattr(bpf, "link_create", refuse)
    with load(raw.counting(*raw.FIVE), raw.own()) as loaded:
        with attach(loaded) as links:
            os.getppid()
            assert {link.kind for link in links} == {"ioctl"}
            assert raw.counts(loaded)[0] == 1
        os.getppid()
        assert raw.counts(loaded)[0] == 1


@pytest.mark.parametrize("call", ["open_tracepoint", "attach_program"])
def test_an_interruption_while_attaching_leaves_nothing(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise KernelError("bpf(BPF_LINK_CREATE)", 22)

    real, seen = getattr(perf, call), []

    def interrupted(*args: object) -> object:
        seen.append(call)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(bpf, "link_create", refuse)
    monkeypatch.setattr(perf, call, interrupted)
    with load(raw.counting(*raw.FIVE), raw.own()) as loaded, pytest.raises(KeyboardInterrupt):
        attach(loaded)


def test_closing_twice_closes_nothing_of_others() -> None:
    loaded = load(raw.counting(GETPPID), raw.own())
    links = attach(loaded)
    links.close()
    loaded.close()
    others = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
    links.close()
    loaded.close()
    for link in links:
        link.close()
    for fd in others:
        os.fstat(fd)
        os.close(fd)


def test_a_forked_child_neither_holds_nor_detaches() -> None:
    with load(raw.counting(GETPPID), raw.own()) as loaded:
        links = attach(loaded)
        ready, go = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            links.close()
            loaded.close()
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            os._exit(0)
        os.read(ready[0], 1)
        try:
            os.getppid()
            assert raw.counts(loaded) == (1,)
            before = set(bpf.ids("LINK"))
            mine = {link_id(link.fd) for link in links if link.kind == "link"}
            links.close()
            assert mine <= before
            assert not mine & set(bpf.ids("LINK"))
            os.getppid()
            assert raw.counts(loaded) == (1,)
        finally:
            os.write(go[1], b"x")
            os.waitpid(pid, 0)
            for fd in (*ready, *go):
                os.close(fd)


def link_id(fd: int) -> int:
    info = bytearray(64)
    bpf.obj_get_info(fd, info)
    return int.from_bytes(info[4:8], "little")


HOLDER = f"""
import os, sys, time; sys.path.insert(0, {os.getcwd()!r})
from probee.runtime.links import attach
from probee.runtime.loader import load
from tests.kernel import rawspecs as raw
from tests.kernel.rawspecs import GETPPID, GETPPID_EXIT
hooks = raw.FIVE
loaded = load(raw.counting(*hooks), raw.own())
links = attach(loaded)
print(*[p.id for p in loaded.programs.values()], flush=True)
if sys.argv[1] == "exception":
    raise SystemExit(3)
time.sleep(60)
"""


@pytest.mark.parametrize("end", ["kill", "terminate", "exception"])
def test_no_kind_of_end_leaves_anything(end: str, spawn: Spawn) -> None:
    child = spawn(sys.executable, "-B", "-c", HOLDER, end)
    assert child.stdout is not None
    ids = [int(word) for word in child.stdout.readline().split()]
    assert len(ids) == 5
    if end != "exception":
        assert set(ids) <= set(bpf.ids("PROG"))
        getattr(child, end)()
    child.wait(timeout=30)
    deadline = time.monotonic() + 5
    while set(ids) & set(bpf.ids("PROG")):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_open_kernel_serves_load_and_attach() -> None:
    with RunningKernel() as kernel:
        with (
            load(raw.counting(GETPPID), raw.own(), kernel=kernel) as loaded,
            attach(loaded, kernel) as links,
        ):
            assert len(links) == 1
        assert kernel.tracefs.tracepoint_id("syscalls", "sys_enter_getppid") > 0
    assert len(Links()) == 0
