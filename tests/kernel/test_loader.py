"""Loading: collections assembled by hand, on the running kernel, and every way to fail."""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from probee.asm import make as m
from probee.asm.encode import encode
from probee.btf import types as t
from probee.btf.lower import Features as BtfFeatures
from probee.btf.writer import BtfBuilder
from probee.errors import (
    KernelError,
    NotSupportedError,
    ProbeeError,
    RelocationError,
    UsageError,
    VerifierError,
)
from probee.host import bpf, features, probes
from probee.runtime.links import attach
from probee.runtime.loader import load
from probee.spec import Attach, CollectionSpec, ContextField, MapSpec, Reloc
from probee.uapi import bpf as uapi
from tests import bpf_run
from tests.kernel import rawspecs as raw
from tests.kernel.rawspecs import GETPPID, GETPPID_EXIT

if TYPE_CHECKING:
    from collections.abc import Callable


pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("no_new_descriptors")]


def test_what_was_loaded_is_told_by_the_kernel_as_it_was_meant() -> None:
    spec = raw.counting(GETPPID, ("raw_tp", "sys_enter"))
    with load(spec, raw.own(), {"opens": 9000}) as loaded:
        first = loaded.programs["count0"]
        info = first.info()
        assert (info.name, info.type, info.id) == (
            "count0",
            uapi.BPF_PROG_TYPE_TRACEPOINT,
            first.id,
        )
        assert info.xlated >= 8 * 8
        assert len(info.tag) == 16
        assert len(info.map_ids) == 2
        assert info.btf_id
        assert info.recursion_misses in {0, None}  # None: Linux 5.11 and older do not count
        assert loaded.maps["opens"].max_entries == 16384
        assert loaded.maps[".bss"].flags & uapi.BPF_F_MMAPABLE
        assert loaded.maps[".rodata"].flags & uapi.BPF_F_RDONLY_PROG
    with pytest.raises(UsageError, match="closed already"):
        _ = first.fd


def test_constants_are_in_the_code_before_it_is_verified_and_frozen() -> None:
    dead = [  # if only != 0 goto +1; a jump over what the verifier would refuse
        m.ld_imm64(1, 0), m.ldx_mem(4, 1, 1, 0), m.jmp_imm("jne", 1, 0, 1), m.mov64_reg(0, 9),
        m.mov64_imm(0, 0), m.exit_(),
    ]  # fmt: skip
    base = raw.counting(GETPPID)
    program = raw.program(
        "dead", GETPPID, code=encode(dead), relocs=(Reloc(0, "value", ".rodata"),)
    )
    spec = CollectionSpec(base.maps, (program,), base.variables)
    with load(spec, {"only": 1}) as loaded, pytest.raises(KernelError, match="EPERM"):
        bpf.map_update(loaded.maps[".rodata"].fd, bytes(4), b"\1\0\0\0")
    with pytest.raises(VerifierError, match="a value was never set"):
        load(spec, {"only": 0})


def test_test_runs_give_results_and_data() -> None:
    data_len = encode([m.ldx_mem(4, 0, 1, 0), m.exit_()])  # r0 = skb->len
    first = encode([m.ldx_mem(8, 0, 1, 0), m.exit_()])  # r0 = the first argument
    twice = encode([
        m.ldx_mem(4, 2, 1, 0), m.alu64_imm("mul", 2, 2), m.stx_mem(4, 1, 2, 0),
        m.mov64_imm(0, 7), m.exit_(),
    ])  # fmt: skip
    call = raw.program("call", code=twice, type=(uapi.BPF_PROG_TYPE_SYSCALL, 0),
                       flags=uapi.BPF_F_SLEEPABLE)  # fmt: skip
    spec = CollectionSpec((), (
        raw.program("packet", code=data_len, type=(uapi.BPF_PROG_TYPE_SOCKET_FILTER, 0)),
        raw.program("raw", code=first, type=(uapi.BPF_PROG_TYPE_RAW_TRACEPOINT, 0)),
    ))  # fmt: skip
    with load(spec) as loaded:
        assert loaded.programs["packet"].test_run(bytes(64)).result == 64 - 14
        assert loaded.programs["raw"].test_run(context=struct.pack("QQ", 42, 1)).result == 42
    if bpf_run.syscall_programs():
        with load(CollectionSpec((), (call,))) as loaded:
            run = loaded.programs["call"].test_run(context=b"\x15\0\0\0")
            assert (run.result, run.context) == (7, b"\x2a\0\0\0")
    else:
        with pytest.raises(KernelError, match="does not know this program type"):
            load(CollectionSpec((), (call,)))
    tracepoint = CollectionSpec((), (raw.program("p", GETPPID),))
    with load(tracepoint) as loaded, pytest.raises(KernelError, match="type have no test run"):
        loaded.programs["p"].test_run()


def test_a_refusal_names_the_python_line_and_keeps_the_log() -> None:
    with pytest.raises(VerifierError) as caught:
        load(raw.failing([m.mov64_imm(1, 5), m.ldx_mem(8, 0, 1, 0), m.exit_()]))
    # Linux before 5.18 says `inv` for what is a scalar, and less of what it knows.
    text = str(caught.value).replace("'inv'", "'scalar'").replace("`: 5\n", "`\n")
    assert text.splitlines()[:6] == [
        (
            "probe.py:32:1: error[verifier]: the kernel refuses bad:"
            " a value is a number here and no pointer"
        ),
        "   32 | x = m[7]",
        "      | ^^^^^^^^",
        (
            "   why: memory is reached through what the kernel gave as a pointer, and a number is"
            " none; it comes from line 32, `x = m[7]`"
        ),
        (
            "   fix: read the kernel's memory with probe_read_kernel(), a user's with"
            " probe_read_user()"
        ),
        "   kernel: R1 invalid mem access 'scalar'",
    ]  # fmt: skip
    assert "0: (b7) r1 = 5" in caught.value.log


BAD_FIELD = (ContextField("ret", 8, 8, True),)
GOOD_FIELD = (ContextField("ret", 16, 8, True),)


def test_fields_that_moved_are_noticed_before_the_load() -> None:
    load(raw.counting(GETPPID_EXIT, context=GOOD_FIELD), raw.own()).close()
    with pytest.raises(RelocationError, match="reads ret of syscalls:sys_exit_getppid as 8 signed"):
        load(raw.counting(GETPPID_EXIT, context=BAD_FIELD), raw.own())


NOPE = ("tracepoint", "syscalls:sys_enter_nope")
FAILURES: dict[str, tuple[CollectionSpec, type[ProbeeError]]] = {
    "no result": (raw.failing([m.exit_()]), VerifierError),
    "no exit": (raw.failing([m.mov64_imm(0, 0)]), VerifierError),
    "a field moved": (raw.counting(GETPPID_EXIT, context=BAD_FIELD), RelocationError),
    "no such tp_btf": (raw.counting(("tp_btf", "no_such_event")), RelocationError),
    "no such raw_tp": (raw.counting(("raw_tp", "no_such_event")), RelocationError),
    "no such tracepoint": (raw.counting(GETPPID, NOPE), RelocationError),
    "no category": (raw.counting(GETPPID, ("tracepoint", "no_colon")), RelocationError),
    "no such map type": (
        raw.with_map(raw.counting(GETPPID), MapSpec("m", 9999, 4, 4, 1)),
        KernelError,
    ),
    "an empty ring": (raw.with_map(raw.counting(GETPPID), MapSpec("m", 27, 0, 0, 0)), UsageError),
    "no such hook": (
        raw.with_hook(raw.counting(GETPPID), Attach("kprobe", "x")),
        NotSupportedError,
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_leaves_nothing(name: str) -> None:
    spec, error = FAILURES[name]
    with pytest.raises(error), load(spec, raw.own() if spec.variables else None) as loaded:
        attach(loaded).close()


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UsageError, match="no constant or variable 'nope'"):
        load(raw.counting(GETPPID), {"nope": 1})
    with pytest.raises(UsageError, match="no map 'nope'"):
        load(raw.counting(GETPPID), raw.own(), {"nope": 1})


@pytest.mark.parametrize(
    "call", ["map_create", "map_update", "map_freeze", "prog_load", "btf_load"]
)
def test_an_interruption_at_any_step_leaves_nothing(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = getattr(bpf, call), []

    def interrupted(*args: object, **named: object) -> object:
        seen.append(call)
        if len(seen) > 1 or call in {"btf_load", "map_freeze", "map_update"}:
            raise KeyboardInterrupt
        return real(*args, **named)

    monkeypatch.setattr(bpf, call, interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(raw.counting(GETPPID, GETPPID_EXIT), raw.own())


def test_an_older_kernel_gets_its_types_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = BtfBuilder()
    variable = builder.add(t.Var("x", builder.add(t.Int("int", 4, 32, t.SIGNED))))
    builder.add(t.DeclTag("probee:1", variable))
    spec = raw.with_btf(raw.counting(GETPPID), builder.build())
    given: list[bytes] = []
    real = bpf.btf_load

    def picky(blob: bytes) -> int:
        given.append(blob)
        if blob == spec.btf:
            raise VerifierError("no decl tags here", log="unknown kind 17")
        return real(blob)

    monkeypatch.setattr(bpf, "btf_load", picky)
    monkeypatch.setattr(features.Features, "btf", lambda _: BtfFeatures())
    with pytest.raises(VerifierError, match="no decl tags"):
        load(spec, raw.own())
    monkeypatch.setattr(features.Features, "btf", lambda _: BtfFeatures(decl_tag=False))
    given.clear()
    load(spec, raw.own()).close()
    assert len(given) == 2


def test_a_kernel_without_btf_gets_programs_without_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(blob: bytes) -> int:
        raise KernelError("bpf(BPF_BTF_LOAD)", 22)

    monkeypatch.setattr(bpf, "btf_load", refuse)
    with load(raw.counting(GETPPID), raw.own()) as loaded:
        assert loaded.programs["count0"].info().btf_id == 0


def test_a_map_whose_types_are_refused_is_made_without() -> None:
    spec = raw.counting(GETPPID)
    typed = MapSpec("typed", uapi.BPF_MAP_TYPE_HASH, 4, 8, 10, key_btf=1, value_btf=3)
    wrong = MapSpec("wrong", uapi.BPF_MAP_TYPE_HASH, 4, 8, 10, key_btf=999, value_btf=999)
    with load(raw.with_map(raw.with_map(spec, typed), wrong), raw.own()) as loaded:
        infos = []
        for name in ("typed", "wrong"):
            info = bytearray(80)
            bpf.obj_get_info(loaded.maps[name].fd, info)
            infos.append(struct.unpack_from("3I", info, 64)[1:])
        assert infos == [(1, 3), (0, 0)]


@pytest.mark.oracle("bpftool")
def test_bpftool_shows_the_programs_their_lines_and_links(oracle: Callable[[str], str]) -> None:
    with load(raw.counting(GETPPID), raw.own()) as loaded, attach(loaded):
        id = str(loaded.programs["count0"].id)
        shown = run(oracle("bpftool"), "prog", "show", "id", id)
        assert "tracepoint  name count0  tag" in shown
        assert "btf_id" in shown
        lines = run(oracle("bpftool"), "prog", "dump", "xlated", "id", id, "linum")
        assert "; hits[0] += 1" in lines
        assert "[file:probe.py line_num:31 line_col:5]" in lines
        if probes.probe("perf_link"):
            assert "perf_event  prog " + id in run(oracle("bpftool"), "link", "show")


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout
