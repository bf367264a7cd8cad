"""host on the running kernel: maps, ids, tracefs without a mount, BTF, features, refusals."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from probee.asm import make as m
from probee.asm.encode import encode
from probee.errors import KernelError, NotSupportedError, RelocationError, VerifierError
from probee.host import bpf, btf, probes
from probee.host.facts import RunningKernel
from probee.host.features import Features
from probee.host.probes import PROBES
from probee.host.tracefs import Tracefs
from probee.uapi import bpf as uapi, bpf_func
from tests import kernel_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support import Spawn

pytestmark = pytest.mark.kernel

HERE = os.getcwd()
KERNEL = tuple(int(n) for n in os.uname().release.split(".")[:2])
GOOD = encode([m.mov64_imm(0, 0), m.exit_()])


@pytest.fixture
def hash_map() -> Iterator[int]:
    fd = bpf.map_create(uapi.BPF_MAP_TYPE_HASH, 4, 8, 100, name="a_hash")
    yield fd
    os.close(fd)


def word(number: int, size: int = 4) -> bytes:
    return number.to_bytes(size, "little")


def test_elements_come_and_go(hash_map: int) -> None:
    assert bpf.map_lookup(hash_map, word(1), 8) is None
    bpf.map_update(hash_map, word(1), word(11, 8))
    assert bpf.map_lookup(hash_map, word(1), 8) == word(11, 8)
    with pytest.raises(KernelError) as caught:
        bpf.map_update(hash_map, word(1), word(12, 8), 1)  # BPF_NOEXIST
    assert (caught.value.errno, caught.value.cause) == (
        errno.EEXIST,
        "the key is in the map already",
    )
    assert bpf.map_delete(hash_map, word(1))
    assert not bpf.map_delete(hash_map, word(1))


def test_an_element_is_taken_out_in_one_step(hash_map: int) -> None:
    bpf.map_update(hash_map, word(1), word(11, 8))
    if KERNEL < (5, 14):
        with pytest.raises(KernelError, match=r"524 .* type of map has no such operation"):
            bpf.map_pop(hash_map, word(1), 8)
        return
    assert bpf.map_pop(hash_map, word(1), 8) == word(11, 8)
    assert bpf.map_pop(hash_map, word(1), 8) is None
    assert not bpf.map_delete(hash_map, word(1))


def test_all_elements_by_key_and_in_batches(hash_map: int) -> None:
    wanted = {word(number): word(number * 3, 8) for number in range(100)}
    for key, value in wanted.items():
        bpf.map_update(hash_map, key, value)
    keys: list[bytes] = []
    following = bpf.map_get_next_key(hash_map, None, 4)
    while following is not None:
        keys.append(following)
        following = bpf.map_get_next_key(hash_map, following, 4)
    assert sorted(keys) == sorted(wanted)
    found: dict[bytes, bytes] = {}
    cursor: bytes | None = None
    while True:
        some, values, count, cursor = bpf.map_lookup_batch(hash_map, 4, 8, 30, cursor)
        assert (len(some), len(values)) == (4 * count, 8 * count)
        found |= {some[4 * i : 4 * i + 4]: values[8 * i : 8 * i + 8] for i in range(count)}
        if cursor is None:
            break
    assert found == wanted
    with pytest.raises(KernelError, match=r"E2BIG .* the map is full"):
        bpf.map_update(hash_map, word(1000), word(0, 8))


def test_a_frozen_map_is_not_written_any_more() -> None:
    fd = bpf.map_create(uapi.BPF_MAP_TYPE_ARRAY, 4, 8, 1, flags=uapi.BPF_F_RDONLY_PROG)
    try:
        bpf.map_freeze(fd)
        with pytest.raises(KernelError, match="EPERM"):
            bpf.map_update(fd, word(0), word(1, 8))
    finally:
        os.close(fd)


def test_objects_are_found_by_id_and_close_on_exec(hash_map: int) -> None:
    for number in bpf.ids("MAP"):
        fd = bpf.open_by_id("MAP", number)
        if fd is None:
            continue
        info = bytearray(104)
        assert bpf.obj_get_info(fd, info) >= 64
        assert not os.get_inheritable(fd)
        os.close(fd)
        if info[24:31] == b"a_hash\0":
            break
    else:
        pytest.fail("the map is not among the ids")
    assert bpf.open_by_id("MAP", 0x7FFF_FFFF) is None
    assert not os.get_inheritable(hash_map)


def test_an_unknown_type_says_what_may_be_wrong() -> None:
    with pytest.raises(KernelError, match=r"BPF_MAP_CREATE\) for map x: EINVAL .* does not know"):
        bpf.map_create(9999, 4, 4, 1, name="x")


def test_a_refused_program_has_its_log_and_an_accepted_one_if_asked_for() -> None:
    with pytest.raises(VerifierError) as caught:
        bpf.prog_load(uapi.BPF_PROG_TYPE_SOCKET_FILTER, encode([m.exit_()]), "GPL")
    assert "R0 !read_ok" in caught.value.log
    fd, log = bpf.prog_load(uapi.BPF_PROG_TYPE_SOCKET_FILTER, GOOD, "GPL", log_level=2)
    os.close(fd)
    assert "exit" in log
    fd, log = bpf.prog_load(uapi.BPF_PROG_TYPE_SOCKET_FILTER, GOOD, "GPL")
    os.close(fd)
    assert log == ""


def test_a_log_longer_than_the_first_buffer_comes_whole() -> None:
    steps = [m.mov64_imm(0, 0)] + [m.alu64_imm("add", 0, 1)] * 4000 + [m.mov64_reg(0, 9), m.exit_()]
    with pytest.raises(VerifierError) as caught:
        bpf.prog_load(uapi.BPF_PROG_TYPE_SOCKET_FILTER, encode(steps), "GPL")
    assert len(caught.value.log) > 64 << 10
    assert "R9 !read_ok" in caught.value.log
    assert caught.value.log.startswith(("0: R1=ctx", "0: (b7) r0 = 0"))  # the latter: Linux 5.10


def test_refused_btf_has_its_log() -> None:
    with pytest.raises(VerifierError) as caught:
        bpf.btf_load(bytes.fromhex("9feb0100 18000000 00000000 0c000000 0c000000 01000000")
                     + bytes.fromhex("00000000 000000ff 00000000 00"))  # fmt: skip
    assert caught.value.log


def test_tracefs_needs_no_mount_and_leaves_none() -> None:
    before = kernel_state.mounts()
    with Tracefs() as tracefs:
        assert kernel_state.mounts() == before
        assert "sched" in tracefs.events()
        assert "sched_switch" in tracefs.events("sched")
        assert tracefs.events("no_such_category") == []
        assert tracefs.tracepoint_id("sched", "sched_switch") > 0
        os.close(tracefs.trace_pipe())
    assert kernel_state.mounts() == before


def test_every_format_of_this_kernel_is_understood() -> None:
    with Tracefs() as tracefs:
        seen = set()
        for category in tracefs.events():
            for name in tracefs.events(category):
                if category == "ftrace":  # entries of the tracer itself, which are no tracepoints
                    continue
                record = tracefs.format(category, name)
                assert record is not None
                assert record.field("common_pid") is not None
                seen.add(tracefs.tracepoint_id(category, name))
    assert len(seen) > 500


def test_a_wrong_name_gets_near_ones() -> None:
    with Tracefs() as tracefs:
        with pytest.raises(RelocationError, match="did you mean syscalls:sys_enter_openat"):
            tracefs.tracepoint_id("syscalls", "sys_enter_opennat")
        with pytest.raises(RelocationError, match=r"did you mean sched:sched_switch\?"):
            tracefs.tracepoint_id("task", "sched_switch")
        with pytest.raises(RelocationError, match="no name of a tracepoint"):
            tracefs.tracepoint_id("..", "x")
        assert tracefs.format("syscalls", "sys_enter_nothing") is None


def test_raw_tracepoints_have_their_arguments() -> None:
    with RunningKernel() as kernel:
        switch = kernel.raw_tracepoint("sched_switch")
        assert switch is not None
        assert [a.name for a in switch[:3]] == ["preempt", "prev", "next"]
        assert switch[1].target == "task_struct"
        assert kernel.raw_tracepoint("no_such_event") is None
        id = kernel.attach_btf_id("sched_switch")
        assert kernel.btf.name(id) == "btf_trace_sched_switch"
        with pytest.raises(RelocationError, match="no raw tracepoint no_such_event"):
            kernel.attach_btf_id("no_such_event")


def test_the_index_of_types_is_kept_and_a_spoiled_one_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: dict[str, bytes] = {}
    monkeypatch.setattr(btf, "fetch", kept.get)
    monkeypatch.setattr(btf, "store", kept.__setitem__)
    first = btf.open_kernel_btf()
    ((name, index),) = kept.items()
    kept[name] = index[:-1]
    assert len(btf.open_kernel_btf()) == len(first)
    assert kept[name] == index
    with open(btf.PATH, "rb", buffering=0) as file:
        assert btf._whole(file) == btf._read(btf.PATH)[:]
    with pytest.raises(NotSupportedError, match="tells nothing of its types"):
        btf.open_kernel_btf("/sys/kernel/btf/no-such-file")


def test_every_feature_has_an_answer_that_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    features = Features()
    answers = {name: features.ask(name) for name in PROBES}
    assert set(answers.values()) <= {True, False}
    assert answers["isa_v2"] is True

    def fail(name: str) -> bool:
        raise AssertionError(name)

    monkeypatch.setattr(probes, "probe", fail)
    again = Features()
    assert {name: again.ask(name) for name in PROBES} == answers
    again.remember("found_elsewhere", False)
    assert Features().ask("found_elsewhere") is False
    assert 2 <= again.isa() <= 4


@pytest.mark.oracle("bpftool")
@pytest.mark.parametrize(
    ("word", "type", "has", "lacks"),
    [
        ("tracepoint", uapi.BPF_PROG_TYPE_TRACEPOINT, "get_current_comm", "skb_store_bytes"),
        ("socket_filter", uapi.BPF_PROG_TYPE_SOCKET_FILTER, "skb_load_bytes", "skb_store_bytes"),
        ("xdp", uapi.BPF_PROG_TYPE_XDP, "xdp_adjust_head", "skb_load_bytes"),
    ],
)
def test_helpers_of_a_program_type(
    word: str, type: int, has: str, lacks: str, oracle: Callable[[str], str]
) -> None:
    told = subprocess.run(
        [oracle("bpftool"), "-j", "feature", "probe", "kernel", "full"],
        capture_output=True,
        check=True,
    )
    helpers = json.loads(told.stdout)["helpers"]
    by_bpftool = set(helpers[f"{word}_available_helpers"])
    known = set().union(*helpers.values())
    features = Features(keep=False)
    found = {
        f"bpf_{name[9:]}"
        for name, number in vars(bpf_func).items()
        if name.startswith("BPF_FUNC_") and features.helper(type, number)
    }
    assert f"bpf_{has}" in found
    assert f"bpf_{lacks}" not in found
    # An older bpftool takes this kernel's "program of this type cannot use helper" for a yes, so
    # it may list too many, but never too few of those that it knows.
    assert len(found & known) > 30
    assert found & known <= by_bpftool


REFUSED = f"""
import sys; sys.path.insert(0, {HERE!r})
from probee.errors import KernelError
from probee.host import bpf
from probee.host.tracefs import Tracefs
for attempt in (lambda: bpf.map_create(2, 4, 4, 1, name="m"), Tracefs):
    try:
        attempt()
    except KernelError as error:
        print(str(error).replace("\\n  ", " | "))
    else:
        print("allowed")
"""


@pytest.mark.parametrize(
    "command",
    [
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all"],
    ],
)
def test_without_rights_one_sentence_says_what_is_missing(command: list[str], spawn: Spawn) -> None:
    child = spawn(*command, "/usr/bin/python3", "-B", "-c", REFUSED)
    out, err = child.communicate(timeout=30)
    assert err == b""
    made, traced = out.decode().splitlines()
    assert made.startswith("bpf(BPF_MAP_CREATE) for map m: EPERM (Operation not permitted): ")
    assert "this process lacks CAP_BPF and CAP_PERFMON | run it with sudo, or " in made
    if traced == "allowed":  # root may read one that is mounted
        with Tracefs() as tracefs:
            assert tracefs.path
    else:
        assert "this process lacks CAP_" in traced


def test_root_of_a_user_namespace_is_told_so(spawn: Spawn) -> None:
    child = spawn("unshare", "-Ur", "/usr/bin/python3", "-B", "-c", REFUSED)
    out, err = child.communicate(timeout=30)
    if b"unshare failed" in err:
        pytest.skip("this kernel lets nobody make a user namespace")
    assert err == b""
    assert "this process is root only in its own user namespace" in out.decode().splitlines()[0]


def test_saved_registers_have_a_known_place_where_an_address_can_be_cast() -> None:
    with RunningKernel() as kernel:
        assert (kernel.saved_registers() is not None) == kernel.kfunc("bpf_rdonly_cast")
