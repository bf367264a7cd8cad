"""`struct_ops show` and `dump` beside bpftool's: a TCP congestion control of the tests' own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.kernel.side_by_side import Pair, pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ("pair",)
pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5", "clang")]

SOURCE = """\
typedef unsigned int __u32;
typedef unsigned long long __u64;
#define SEC(name) __attribute__((section(name), used))
struct sock;
struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	char name[16];
};
SEC("struct_ops") __u32 threshold_with_a_long_name(__u64 *ctx) { return 10; }
SEC("struct_ops") void avoid(__u64 *ctx) { }
SEC("struct_ops") __u32 undo(__u64 *ctx) { return 2; }
SEC(".struct_ops") struct tcp_congestion_ops NAME = {
	.ssthresh = (void *)threshold_with_a_long_name,
	.cong_avoid = (void *)avoid,
	.undo_cwnd = (void *)undo,
	.name = "NAME",
};
char terms[] SEC("license") = "GPL";
"""


@pytest.fixture
def registered(
    _leaves_kernel_as_it_was: None, oracle: Callable[[str], str], tmp_path: Path
) -> Iterator[str]:
    """The name of a table that stands in the kernel until the test ends."""
    name = f"side_{os.getpid() % 100_000}"
    source, object_ = tmp_path / "ops.c", tmp_path / "ops.o"
    source.write_text(SOURCE.replace("NAME", name), encoding="ascii")
    command = f"{oracle('clang')} -g -O2 -target bpf -c {source} -o {object_}"
    subprocess.run(shlex.split(command), check=True)
    bpftool = oracle("bpftool-7.5")
    done = subprocess.run(
        [bpftool, "struct_ops", "register", str(object_)], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"this kernel does not take it: {done.stderr.splitlines()[0]}")
    yield name
    subprocess.run(
        [bpftool, "struct_ops", "unregister", "name", name], check=True, capture_output=True
    )


def test_show(registered: str, pair: Pair) -> None:
    text = pair.alike_in_all_forms("struct_ops", "show")
    line = next(line for line in text.splitlines() if registered in line)
    id_, colon, rest = line.partition(": ")
    assert (colon, rest.split()) == (": ", [registered, "tcp_congestion_ops"])
    assert pair.alike("s", "l") == text
    for words in (("id", id_), ("id", hex(int(id_))), ("name", registered), ("na", registered)):
        assert pair.alike_in_all_forms("struct_ops", "show", *words) == f"{line}\n"


def test_dump(registered: str, pair: Pair) -> None:
    pair.alike_in_all_forms("struct_ops", "dump")
    text = pair.alike_in_all_forms("struct_ops", "dump", "name", registered)
    assert '"ssthresh": "u32 (struct sock *) threshold_with_a_long_name/prog_id:' in text
    info, value = json.loads(pair.ours("-j", "struct_ops", "dump", "name", registered).out)
    assert info["bpf_map_info"]["name"] == registered
    assert value["bpf_struct_ops_tcp_congestion_ops"]["data"]["name"] == registered


def test_none(pair: Pair) -> None:
    if pair.real("-j", "struct_ops").out != "[]\n":
        pytest.skip("somebody else's are there")
    for verb in ("show", "dump"):
        for form in ("-j", "-p"):
            pair.alike(form, "struct_ops", verb)
    assert pair.alike("struct_ops", "show") == ""


@pytest.mark.parametrize(
    ("words", "message", "status"),
    [
        (("show", "name", "nobodys"), "no struct_ops found for nobodys", 1),
        (("dump", "name", "nobodys"), "no struct_ops found for nobodys", 1),
        (
            ("show", "id", "4000000000"),
            "can't get map by id (4000000000): No such file or directory",
            1,
        ),
        (("show", "id", "0"), "invalid id 0", 2),
        (("show", "id", "5x"), "invalid id 5x", 2),
        (("show", "id"), "expected 'id ID' or 'name NAME'", 2),
        (("dump", "tag", "1"), "expected 'id ID' or 'name NAME'", 2),
        (("register", "x"), "register is not built yet", 2),
    ],
)
def test_refusals(words: tuple[str, ...], message: str, status: int, pair: Pair) -> None:
    ours = pair.ours("struct_ops", *words)
    assert (ours.out.strip(), ours.status) == ("", status)
    assert message in ours.err
    assert pair.real("struct_ops", *words).status != 0


def test_another_map(pair: Pair) -> None:
    from probee.host import bpf
    from probee.uapi.bpf import BPF_MAP_TYPE_ARRAY

    fd = bpf.map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1)
    try:
        info = bytearray(8)
        bpf.obj_get_info(fd, info)
        id_ = int.from_bytes(info[4:8], "little")
        ours = pair.ours("struct_ops", "show", "id", str(id_))
    finally:
        os.close(fd)
    assert (ours.out, ours.status) == ("", 1)
    assert f" id {id_} is not a struct_ops map\n" in ours.err
