"""`prog tracelog` and `map event_pipe` beside bpftool's: programs that only the tests run."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

import pytest

from probee.host import bpf
from probee.host.cpus import online
from probee.host.rights import without
from probee.host.tracefs import Tracefs
from probee.uapi import bpf as uapi
from probee.uapi.bpf_func import BPF_FUNC_perf_event_output, BPF_FUNC_trace_printk
from probee.uapi.bpf_insn import BPF_PSEUDO_MAP_FD
from tests.kernel.side_by_side import FORMS, Owned, Pair, owned, pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support import Spawn

__all__ = ("owned", "pair")
pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5")]

PROBEE = (sys.executable, "-m", "probee")
MOV, CALL, EXIT = 0xB7, 0x85, 0x95
R10 = 10


def slot(code: int, to: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    return pack("=BBhi", code, to | source << 4, offset, value)


def on_stack(data: bytes) -> bytes:
    """Puts `data`, of a multiple of 4 bytes, at the end of the stack."""
    words = (data[at : at + 4] for at in range(0, len(data), 4))
    start = -(-len(data) // 8) * 8
    return b"".join(
        slot(0x62, R10, 0, 4 * n - start, int.from_bytes(word, "little", signed=True))
        for n, word in enumerate(words)
    )


def address(to: int, size: int) -> bytes:
    """r`to` = r10 - size, of what `on_stack` put there."""
    return slot(0xBF, to, R10) + slot(0x07, to, 0, 0, -(-(-size // 8) * 8))


def printer(text: bytes) -> bytes:
    """A program that prints `text`."""
    raw = text + b"\0"
    raw += bytes(-len(raw) % 4)
    return (
        on_stack(raw) + address(1, len(raw)) + slot(MOV, 2, value=len(text) + 1)
        + slot(CALL, value=BPF_FUNC_trace_printk) + slot(MOV) + slot(EXIT)
    )  # fmt: skip


def sender(map_fd: int, data: bytes, index: int) -> bytes:
    """A program that sends `data` through an element of a perf event array."""
    return (
        slot(0xBF, 6, 1) + on_stack(data) + slot(0xBF, 1, 6)
        + slot(0x18, 2, BPF_PSEUDO_MAP_FD, 0, map_fd) + slot(0) + slot(MOV, 3, value=index)
        + address(4, len(data)) + slot(MOV, 5, value=len(data))
        + slot(CALL, value=BPF_FUNC_perf_event_output) + slot(MOV) + slot(EXIT)
    )  # fmt: skip


def run(program: int, cpu: int = 0) -> int:
    """Runs it once, on a CPU; its result."""
    flags = uapi.BPF_F_TEST_RUN_ON_CPU
    return bpf.prog_test_run(program, context=bytes(64), flags=flags, cpu=cpu)[0]


def many(*programs: int) -> None:
    """Runs them 20 times, one after the other."""
    for _ in range(20):
        for program in programs:
            run(program)


class Reader:
    """One of the two, reading; what it printed so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.out = b""

    def until(self, wanted: Callable[[bytes], bool], trigger: Callable[[], object]) -> None:
        """Triggers again and again until what was printed satisfies `wanted`."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + 100
        while not wanted(self.out):
            assert time.monotonic() < deadline, self.out
            trigger()
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                self.out += os.read(self.process.stdout.fileno(), 1 << 16)

    def end(self, number: int = signal.SIGINT) -> tuple[str, str]:
        """All that it printed, after a signal, and its messages."""
        self.process.send_signal(number)
        rest, err = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, err
        return (self.out + rest).decode("utf-8", "replace"), err.decode()


def has(text: str) -> Callable[[bytes], bool]:
    """Whether it was printed."""
    return lambda out: text.encode() in out


def masked(text: str) -> str:
    """A line of the trace pipe without the time, the CPU and which task it was."""
    return re.sub(r"^ *\S+-\d+ +\[\d+\] \S+ +[\d.]+: ", "", text)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_tracelog(
    form: str, number: int, owned: Owned, pair: Pair, spawn: Spawn, oracle: Callable[[str], str]
) -> None:
    """Each reads what it is printed while it reads: a line has one reader."""
    words = [*filter(None, (form,)), "prog", "tracelog"]
    mark = f"probee-{os.getpid()}-mark"
    odd = owned.program(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, code=printer(f'{mark} "x"\\'.encode()))
    shown: list[list[str]] = []
    # bpftool mounts tracefs if nobody has: in a mount namespace of its own.
    for command in (("unshare", "-m", oracle("bpftool-7.5")), PROBEE):
        reader = Reader(spawn(*command, *words))
        # JSON has no ends of lines: bpftool keeps it back until its buffer is full.
        reader.until(lambda out: out.count(mark.encode()) >= 3, partial(many, odd))
        out, err = reader.end(number)
        assert "failed" not in err
        lines = json.loads(out) if form else out.splitlines(keepends=True)
        ours = [masked(line) for line in lines if mark in line]
        assert len(ours) >= 3
        shown.append(ours)
        assert (out.startswith("[")) == bool(form)
        assert out.endswith({"": "\n", "-j": '"]\n', "-p": '"\n]\n'}[form])
    assert set(shown[0]) == set(shown[1]) == {f'bpf_trace_printk: {mark} "x"\\\n'}


def run_as(name: bytes, program: int) -> None:
    """Runs it in a child with this name, which stands in the line of the trace."""
    child = os.fork()
    if not child:
        try:
            Path("/proc/self/comm").write_bytes(name)
            run(program)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def test_control_bytes_in_the_trace(owned: Owned, spawn: Spawn) -> None:
    """A terminal does not get them raw; bpftool gives them to it."""
    mark = f"probee-{os.getpid()}-bytes"
    program = owned.program(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, code=printer(mark.encode()))
    reader = Reader(spawn(*PROBEE, "prog", "tracelog"))
    reader.until(has("a\\x1b[2Jb-"), partial(run_as, b"a\x1b[2Jb", program))
    out, _ = reader.end()
    assert mark in out
    assert "\x1b" not in out


def array(owned: Owned, entries: int, name: str = "pipe") -> tuple[int, str]:
    fd = owned.add(bpf.map_create(uapi.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, entries, name=name))
    info = bytearray(8)
    bpf.obj_get_info(fd, info)
    return fd, str(int.from_bytes(info[4:8], "little"))


def event_masked(text: str) -> str:
    """Without times and the index, by which the two readers differ."""
    text = re.sub(r"== @\d+\.\d{9} ", "== @TIME ", text)
    text = re.sub(r'"timestamp":( ?)\d+', r'"timestamp":\1TIME', text)
    return re.sub(r'index(":)?( ?):? \d+|"index": ?\d+', "index N", text)


# What stands once in each record.
MIDDLE = {"": b"== @", "-j": b'"type"', "-p": b'"type"'}


def pieces(text: str, form: str) -> tuple[str, set[str], str]:
    """What stands before the first record, the records, the last one with what is behind it.

    The two readers are not told to end at the same record.
    """
    first, *records, last = event_masked(text).split(MIDDLE[form].decode())
    return first, set(records), last


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [4, 8, 12, 16, 20, 36, 100])
def test_event_pipe(
    form: str, size: int, owned: Owned, spawn: Spawn, oracle: Callable[[str], str]
) -> None:
    """Both read at the same time, each its own element of one map, the same bytes."""
    fd, id_ = array(owned, 4)
    data = bytes(range(1, size + 1))
    programs = [
        owned.program(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, code=sender(fd, data, index))
        for index in (1, 2)
    ]
    readers = [
        Reader(
            spawn(*command, *filter(None, (form,)), "map", "event_pipe", "id", id_, *place.split())
        )
        for command, place in (
            ((oracle("bpftool-7.5"),), "cpu 0 index 1"),
            (PROBEE, "ind 2 cpu 0x0"),
        )
    ]
    wait_for_events(fd, 2)
    for reader in readers:
        reader.until(lambda out: out.count(MIDDLE[form]) >= 4, partial(many, *programs))
    (real, real_err), (ours, ours_err) = (reader.end() for reader in readers)
    assert pieces(ours, form) == pieces(real, form)
    assert ours_err == real_err == "Stopping...\n"
    if form:
        rows = json.loads(ours)
        assert {row["index"] for row in rows} == {2}
        assert bytes(rows[-1]["data"])[:size] == data
    else:
        assert ours.count(" CPU: 0 index: 2 =====\n01 02 03 04") >= 3


def wait_for_events(map_fd: int, many: int) -> None:
    """Until so many elements of the array are read by somebody: programs can send there."""
    deadline = time.monotonic() + 100
    for index in range(1, many + 1):
        code = sender(map_fd, b"wait", index).replace(slot(MOV) + slot(EXIT), slot(EXIT))
        program, _ = bpf.prog_load(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, code, "GPL")
        try:
            while run(program):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            os.close(program)


def test_event_pipe_of_all_cpus(owned: Owned, spawn: Spawn, oracle: Callable[[str], str]) -> None:
    """First the one, then the other: an element has one reader."""
    cpus = online()
    fd, id_ = array(owned, max(cpus) + 1)
    programs = {
        cpu: owned.program(
            uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, code=sender(fd, bytes([cpu]) * 8, cpu)
        )
        for cpu in cpus
    }
    shown = []
    for command in ((oracle("bpftool-7.5"),), PROBEE):
        reader = Reader(spawn(*command, "map", "event_pipe", "id", id_))
        for cpu in cpus:
            reader.until(has(f"CPU: {cpu} index: {cpu} "), partial(run, programs[cpu], cpu))
        out, _ = reader.end(signal.SIGTERM)
        shown.append(set(re.sub(r"@\S+", "@", out).splitlines()))
    assert shown[0] == shown[1]


def test_lost_events(owned: Owned, spawn: Spawn, oracle: Callable[[str], str]) -> None:
    """While nobody reads, the kernel counts what finds no room, and says so."""
    fd, id_ = array(owned, 4)
    program = owned.program(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, code=sender(fd, bytes(256), 2))
    process = spawn(*PROBEE, "map", "event_pipe", "id", id_, "cpu", "0", "index", "2")
    reader = Reader(process)
    reader.until(lambda out: b"CPU: 0" in out, lambda: run(program))
    process.send_signal(signal.SIGSTOP)
    for _ in range(400):
        run(program)
    process.send_signal(signal.SIGCONT)
    reader.until(lambda out: b"\nlost " in out, lambda: run(program))
    out, _ = reader.end()
    (lost,) = re.findall(r"^lost (\d+) events$", out, re.MULTILINE)
    assert 0 < int(lost) <= 400


@pytest.mark.parametrize(
    ("words", "message", "status"),
    [
        (("cpu", "0"), "cpu and index must be specified together", 1),
        (("cpu",), "what is 'cpu'?", 2),
        (("cpu", "0x", "index", "0"), "can't parse 0x as CPU ID", 2),
        (("cpu", "0", "index", "1a"), "can't parse 1a as index", 2),
        (("on", "0"), "what is 'on'?", 2),
        (("cpu", "0", "index", "9"), "the map is full, or the index is beyond its end", 1),
    ],
)
def test_refusals(
    words: tuple[str, ...], message: str, status: int, owned: Owned, pair: Pair
) -> None:
    _, id_ = array(owned, 4)
    ours = pair.ours("map", "event_pipe", "id", id_, *words)
    assert (ours.out, ours.status) == ("", status)
    assert message in ours.err
    assert pair.real("map", "event_pipe", "id", id_, *words).status != 0


def test_no_perf_event_array(owned: Owned, pair: Pair) -> None:
    fd = owned.add(bpf.map_create(uapi.BPF_MAP_TYPE_ARRAY, 4, 8, 1, name="numbers"))
    info = bytearray(8)
    bpf.obj_get_info(fd, info)
    ours = pair.ours("map", "event_pipe", "id", str(int.from_bytes(info[4:8], "little")))
    assert (ours.out, ours.status) == ("", 1)
    assert "map is not a perf event array" in ours.err


def test_tracelog_without_rights(pair: Pair) -> None:
    assert pair.ours("prog", "tracelog", "now").status == 2
    with Tracefs() as tracefs:
        if tracefs.path:
            pytest.skip("tracefs is mounted, and open to root without capabilities")
    with without(("CAP_SYS_ADMIN",)):
        ours = pair.ours("prog", "tracelog")
    assert (ours.out, ours.status) == ("", 1)
    assert "tracefs" in ours.err
