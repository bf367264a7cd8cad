"""Long records from a program to user space: assembled of up to 64 pieces, sent as long as used."""

from __future__ import annotations

import os
import subprocess

import pytest

from probee import (
    Chars,
    Const,
    Context,
    PerCpuArray,
    RingBuf,
    Session,
    Struct,
    UserPtr,
    UserStr,
    chars,
    current,
    offsetof,
    probe_read_user,
    probe_read_user_str,
    read_str,
    tracepoint,
    u32,
    window,
)
from probee.host.facts import RunningKernel
from probee.runtime.programs import program_info
from tests.older import has_kfunc

pytestmark = pytest.mark.kernel

WORDS, MASK, PIECE = 64, 4095, 256
PROCESSED = 20_000  # instructions that the verifier may process, of its million


class Named(Struct):
    pid: u32
    path: Chars = chars(4098)


class Pieces(Struct):
    text: Chars = chars(MASK + 1 + PIECE)


class Word(Struct):
    address: UserPtr


class Whole(Struct):
    pid: u32
    count: u32
    pieces: Pieces


scratch = PerCpuArray(Whole, max_entries=1)
runs = RingBuf(Whole, size="1M")
named_scratch = PerCpuArray(Named, max_entries=1)
names = RingBuf(Named, size="64K")
only = Const(u32, 0)


@tracepoint("syscalls:sys_enter_execve")
def enter_execve(ctx: Context) -> None:
    words: UserPtr = ctx.argv
    r = scratch[0]
    r.pid, r.count = current.pid, 0
    at: u32 = 0
    for i in range(WORDS):
        word = Word(address=0)
        probe_read_user(word, 8, words + 8 * i)
        if word.address == 0:
            break
        at &= MASK
        n = probe_read_user_str(window(r.pieces.text, at, PIECE), PIECE, word.address)
        if n > 0:
            at += n
            r.count += 1
    runs.output(r, offsetof(Whole, "pieces.text") + min(at, MASK + 1 + PIECE))


@tracepoint("syscalls:sys_enter_chdir")
def enter_chdir(ctx: Context) -> None:
    if current.pid == only:
        path: UserStr = ctx.filename
        n = named_scratch[0]
        n.pid = current.pid
        n.path = read_str(path, default="?")
        names.output(n)


class WithoutKfuncs(RunningKernel):
    """A kernel before 6.4, whose verifier follows each round."""

    def kfunc(self, name: str) -> bool:
        return False


@pytest.mark.parametrize("counted", [True, False], ids=["counted by the kernel", "followed"])
def test_64_pieces_in_one_buffer(counted: bool) -> None:
    if counted and not has_kfunc("bpf_iter_num_new"):
        pytest.skip("this kernel counts no rounds")
    facts = RunningKernel() if counted else WithoutKfuncs()
    for length in (3, 63, 300):  # the last fills the buffer, and goes round it
        with Session(enter_execve, facts=facts) as live:
            arguments = [f"{i:0{length}}" for i in range(WORDS - 2)]
            child = subprocess.Popen(["/bin/true", *arguments])
            assert child.wait() == 0
            live.detach()
            (raw,) = [
                (row[1], row[2])
                for batch in live[runs].batches()
                for row in batch
                if row[0] == child.pid
            ]
            assert live.losses() == []
            processed = _processed(live)
        count, text = raw
        assert count == WORDS - 1
        if length < 300:
            assert text.split(b"\0")[:-1] == [b"/bin/true", *map(str.encode, arguments)]
        assert processed < PROCESSED


def _processed(live: Session) -> int:
    assert live._loaded is not None
    info = [program_info(program.fd) for program in live._loaded.programs.values()]
    return max(one.verified_insns or 0 for one in info)


def test_names_of_any_length() -> None:
    lengths = [1, 7, 8, 200, 255, 256, 4000, 4094, 4095, 4096, 5000]
    with Session(enter_chdir, consts={only: os.getpid()}) as live:
        for length in lengths:
            with pytest.raises(OSError, match=r"No such file|too long"):
                os.chdir("x" * length)
        found = list(live[names].drain())
        assert [n.path for n in found] == ["x" * min(length, 4096) for length in lengths]
        assert [n.path.cut for n in found] == [length > 4096 for length in lengths]
        assert live.losses() == []
