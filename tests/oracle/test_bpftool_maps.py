"""`probee map` beside bpftool 7.5 and 7.1: all types of maps, with and without BTF, all verbs."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

import pytest

from probee.btf import types as t
from probee.btf.writer import BtfBuilder
from probee.host import bpf
from probee.host.cpus import possible
from probee.uapi import bpf as uapi
from tests.oracle.bpftool_lab import Lab, id_of, lab, probee, run

if TYPE_CHECKING:
    pass

__all__ = ("lab",)
pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5", "bpftool")]

NO_PREALLOC = uapi.BPF_F_NO_PREALLOC
# name, key size, value size, entries, flags: every type that can be made without BTF or another map
TYPES = (
    ("hash", 4, 8, 4, 0), ("array", 4, 8, 3, 0), ("prog_array", 4, 4, 3, 0),
    ("perf_event_array", 4, 4, 2, 0), ("percpu_hash", 12, 24, 3, 0), ("percpu_array", 4, 20, 2, 0),
    ("stack_trace", 4, 80, 2, 0), ("cgroup_array", 4, 4, 2, 0), ("lru_hash", 18, 3, 4, 0),
    ("lru_percpu_hash", 4, 4, 3, 0), ("lpm_trie", 8, 2, 3, NO_PREALLOC), ("devmap", 4, 4, 2, 0),
    ("sockmap", 4, 4, 2, 0), ("cpumap", 4, 4, 2, 0), ("xskmap", 4, 4, 2, 0),
    ("sockhash", 8, 8, 2, 0), ("cgroup_storage", 16, 8, 0, 0), ("reuseport_sockarray", 4, 4, 2, 0),
    ("percpu_cgroup_storage", 16, 8, 0, 0), ("queue", 0, 17, 3, 0), ("stack", 0, 4, 3, 0),
    ("devmap_hash", 4, 8, 2, 0), ("ringbuf", 0, 0, 4096, 0), ("bloom_filter", 0, 4, 3, 0),
    ("user_ringbuf", 0, 0, 4096, 0),
)  # fmt: skip
# what can be walked; of others bpftool says nothing (docs/bpftool.md), and only its output is alike
FILLED = ("hash", "array", "percpu_hash", "percpu_array", "lru_hash", "lru_percpu_hash", "lpm_trie")


def fill(fd: int, name: str, key: int, value: int, entries: int) -> None:
    size = (value + 7) // 8 * 8 * len(possible()) if "percpu" in name else value
    for number in range(entries):
        data = bytes((number * 7 + at) & 0xFF for at in range(size))
        if name == "lpm_trie":
            bpf.map_update(fd, struct.pack("<I", 8 * number) + bytes([number] * (key - 4)), data)
        else:
            bpf.map_update(fd, number.to_bytes(key, "little"), data)


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row[0])
def test_types(lab: Lab, row: tuple[str, int, int, int, int]) -> None:
    name, key, value, entries, flags = row
    number = getattr(uapi, f"BPF_MAP_TYPE_{name.upper()}")
    fd = lab.map(number, key, value, entries, f"m_{name}"[:15], flags=flags)
    if name in FILLED:
        fill(fd, name, key, value, entries)
    if name in {"queue", "stack"}:
        bpf.map_update(fd, b"", bytes(range(value)))
    assert f": {name}  name m_{name}"[:20] in lab.same("map", "show", "id", id_of(fd))
    lab.same("map", "dump", "id", id_of(fd))
    if name in FILLED:
        lab.same("map", "getnext", "id", id_of(fd))
        bytes_ = [str(byte) for byte in bpf.map_get_next_key(fd, None, key) or b""]
        lab.same("map", "lookup", "id", id_of(fd), "key", *bytes_)
        lab.same("map", "getnext", "id", id_of(fd), "key", *bytes_)
    if name in {"queue", "stack"}:
        lab.same("map", "peek", "id", id_of(fd))
        bpf.map_pop(fd, b"", value)
        lab.same("map", "peek", "id", id_of(fd))


@pytest.mark.parametrize("sizes", [(16, 8), (17, 1), (8, 16), (8, 17), (1, 23), (40, 40), (9, 15)])
def test_where_lines_end(lab: Lab, sizes: tuple[int, int]) -> None:
    fd = lab.map(uapi.BPF_MAP_TYPE_HASH, *sizes, 2)
    fill(fd, "hash", *sizes, 2)
    lab.same("map", "dump", "id", id_of(fd))
    cpus = lab.map(uapi.BPF_MAP_TYPE_PERCPU_HASH, *sizes, 2)
    fill(cpus, "percpu_hash", *sizes, 2)
    lab.same("map", "dump", "id", id_of(cpus))


def test_maps_of_maps_and_of_programs(lab: Lab) -> None:
    inner = lab.map(uapi.BPF_MAP_TYPE_ARRAY, 4, 4, 1, "inner")
    for name, key in ("ARRAY", 4), ("HASH", 20):
        type_ = getattr(uapi, f"BPF_MAP_TYPE_{name}_OF_MAPS")
        fd = lab.map(type_, key, 4, 3, "outer", inner_fd=inner)
        bpf.map_update(fd, (1).to_bytes(key, "little"), struct.pack("<I", inner))
        lab.same("map", "dump", "id", id_of(fd))
        lab.same("map", "show", "id", id_of(fd))
        lab.same("map", "lookup", "id", id_of(fd), "key", "1", *["0"] * (key - 1))
    programs = lab.map(uapi.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 3, "programs")
    bpf.map_update(programs, bytes(4), struct.pack("<I", lab.program(uapi.BPF_PROG_TYPE_XDP)))
    assert "owner_prog_type xdp  owner jited" in lab.same("map", "show", "id", id_of(programs))
    lab.same("map", "dump", "id", id_of(programs))
    lab.same("map", "lookup", "id", id_of(programs), "key", "2", "0", "0", "0")


def test_sockets(lab: Lab) -> None:
    sockets = lab.map(uapi.BPF_MAP_TYPE_SOCKMAP, 4, 8, 3, "sockets")
    narrow = lab.map(uapi.BPF_MAP_TYPE_SOCKMAP, 4, 4, 2, "narrow")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        for fd in sockets, narrow:
            bpf.map_update(fd, (1).to_bytes(4, "little"), one.fileno().to_bytes(8, "little"))
            lab.same("map", "dump", "id", id_of(fd))


def test_flags_frozen_and_names(lab: Lab) -> None:
    fd = lab.map(uapi.BPF_MAP_TYPE_ARRAY, 4, 4, 1, "", flags=uapi.BPF_F_RDONLY_PROG)
    bpf.map_freeze(fd)
    assert "frozen" in lab.same("map", "show", "id", id_of(fd))
    for _ in range(2):
        fd = lab.map(uapi.BPF_MAP_TYPE_HASH, 4, 4, 9, "twins")
        fill(fd, "hash", 4, 4, 2)
    text = lab.same("map", "show", "name", "twins")
    assert text.count("name twins") == 2
    lab.same("map", "dump", "name", "twins")
    for at, one in enumerate(["a", "b", "c", "d", "e"]):
        bpf.obj_pin(fd, f"{lab.pins}/{one}")
        bpf.obj_pin(lab.map(uapi.BPF_MAP_TYPE_HASH, 4, 4, 9), f"{lab.pins}/other_{at}")
    assert lab.same("-f", "map", "show", "id", id_of(fd)).count(f"pinned {lab.pins}/") == 5
    lab.same("map", "show", "pinned", f"{lab.pins}/a")


def typed(lab: Lab, builder: BtfBuilder) -> int:
    return lab.keep(bpf.btf_load(builder.build()))


@pytest.mark.parametrize("name", ["sk", "inode", "task", "cgrp"])
def test_storages(lab: Lab, name: str) -> None:
    """Keys are descriptors: nothing to walk, but one can look up."""
    b = BtfBuilder()
    s32, u64 = b.add(t.Int("int", 4, 32, encoding=1)), b.add(t.Int("u64", 8, 64))
    fd = lab.map(
        getattr(uapi, f"BPF_MAP_TYPE_{name.upper()}_STORAGE"), 4, 8, 0, "kept", flags=NO_PREALLOC,
        btf_fd=typed(lab, b), key_btf=s32, value_btf=u64,
    )  # fmt: skip
    lab.same("map", "show", "id", id_of(fd))
    lab.same("map", "dump", "id", id_of(fd))
    for form in (), ("-j",):
        words = (*form, "map", "lookup", "id", id_of(fd), "key", "9", "0", "0", "0")
        theirs, ours = run(lab.bpftool, *words), probee(*words)
        assert ours.out == theirs.out
        assert theirs.err.removeprefix("Error: ") in ours.err


def test_forms_that_clang_does_not_make(lab: Lab) -> None:
    """Characters, bit-fields by their integer type, enums of 64 bits, arrays of no elements."""
    b = BtfBuilder()
    u32 = b.add(t.Int("unsigned int", 4, 32))
    u8 = b.add(t.Int("u8", 1, 8))
    letter = b.add(t.Int("letter", 1, 8, encoding=2))
    narrow = b.add(t.Int("narrow", 4, 5, offset=0))
    signed = b.add(t.Int("s64", 8, 64, encoding=1))
    big = b.add(t.Enum64("big", 8, (t.Enumerator("HUGE", 1 << 40), t.Enumerator("ONE", 1))))
    letters = b.add(t.Array(letter, u32, 4))
    matrix = b.add(t.Array(b.add(t.Array(u8, u32, 2)), u32, 2))
    empty = b.add(t.Struct("empty", 0, ()))
    value = b.add(
        t.Struct(
            "value",
            40,
            (
                t.Member("l", letter, 0), t.Member("m", letter, 8), t.Member("n", narrow, 16),
                t.Member("o", narrow, 21), t.Member("s", signed, 64), t.Member("b", big, 128),
                t.Member("text", letters, 192), t.Member("matrix", matrix, 224),
                t.Member("empty", empty, 256), t.Member("again", big, 256),
            ),
        )
    )  # fmt: skip
    btf = typed(lab, b)
    fd = lab.map(
        uapi.BPF_MAP_TYPE_HASH, 4, 40, 8, "typed", btf_fd=btf, key_btf=u32, value_btf=value
    )
    for number, data in enumerate((
        bytes(40), bytes(range(1, 41)), b"\xff" * 40,
        b"aZ\x1f\0" + b"\0" * 4 + struct.pack("<qQ4s4sQ", -5, 1 << 40, b"ab\0c", b"\1\2\3\4", 1),
    )):  # fmt: skip
        bpf.map_update(fd, struct.pack("<I", number), data)
    lab.same("map", "dump", "id", id_of(fd))
    for number in range(4):
        lab.same("map", "lookup", "id", id_of(fd), "key", str(number), "0", "0", "0")
    lab.same("btf", "show", "id", id_of(btf))


def test_key_words(lab: Lab) -> None:
    fd = lab.map(uapi.BPF_MAP_TYPE_HASH, 3, 2, 4, "words")
    bpf.map_update(fd, b"\x0a\x10\xff", b"\1\2")
    id = id_of(fd)
    for words in (
        ("key", "10", "0x10", "255"), ("key", "hex", "a", "10", "ff"), ("k", "h", "0A", "10", "FF"),
        ("key", "012", "020", "0377"), ("key", "266", "16", "0xfff"), ("key", "1", "2", "3"),
    ):  # fmt: skip
        lab.same("map", "lookup", "id", id, *words)
        lab.same("map", "lo", "i", id, *words)


@pytest.mark.parametrize(
    "words",
    [
        ("lookup", "ID"), ("lookup", "ID", "key", "1"), ("lookup", "ID", "key", "1", "2", "z"),
        ("lookup", "ID", "key", "1", "2", "3", "4"), ("lookup", "ID", "value", "1"),
        ("lookup", "ID", "any"), ("lookup", "ID", "key", "1", "2", "3", "key"),
        ("getnext", "ID", "key"), ("getnext", "ID"), ("show", "ID", "x"), ("show", "x"),
        ("show", "id", "4294967295"), ("show", "id", "0"), ("show", "id", "x"),
        ("dump", "wrong", "1"), ("show", "pinned", "/nothing/there"),
        ("show", "name", "n234567890123456"), ("peek", "ID"),
    ],
)  # fmt: skip
def test_errors_are_in_bpftools_words(lab: Lab, words: tuple[str, ...]) -> None:
    fd = lab.map(uapi.BPF_MAP_TYPE_HASH, 3, 2, 4, "words")
    whole = [part for word in words for part in (("id", id_of(fd)) if word == "ID" else (word,))]
    wanted = run(lab.bpftool, "map", *whole)
    got = probee("map", *whole)
    message = wanted.err.splitlines()[0].removeprefix("Error: ")
    assert got.err.splitlines()[0] == f"probee map: {message}"
    assert (got.out, wanted.out) == ("", "")
    assert got.status in {1, 2}
    assert run(lab.bpftool, "-j", "map", *whole).out == probee("-j", "map", *whole).out


@pytest.mark.parametrize(
    "line",
    [
        "prog show id 0", "prog show id x", "prog show x 1", "prog show pinned /nothing",
        "prog show tag zz", "prog show id 1 2", "link show id 0", "link show id x",
        "link show name 1", "link show pinned /nothing", "link show id", "btf show id 0",
        "btf show id x", "btf show pinned 1", "btf show id 1 2", "batch", "batch file",
        "batch file a b", "batch file /nothing",
    ],
)  # fmt: skip
def test_errors_of_the_other_commands(lab: Lab, line: str) -> None:
    words = line.split()
    wanted, got = run(lab.bpftool, *words), probee(*words)
    message = wanted.err.splitlines()[0].removeprefix("Error: ")
    assert got.err.splitlines()[0] == f"probee {words[0]}: {message}"
    assert (got.out, wanted.out) == ("", "")
    assert got.status in {1, 2}
    assert run(lab.bpftool, "-j", *words).out == probee("-j", *words).out
