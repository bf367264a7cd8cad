"""`probee btf dump` beside bpftool's: whole outputs, byte for byte.

bpftool 7.5 (Debian 13) is the measure. 7.1 (Debian 12) prints the same records, and another C
header: no sorting, no prototypes of kernel functions, `()` for `(void)`.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from probee.cli.main import main
from probee.uapi import bpf as uapi
from tests.btf_random import random_btf
from tests.objects.build import Object, objects
from tests.oracle.bpftool_lab import Lab, id_of, probee

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VMLINUX = "/sys/kernel/btf/vmlinux"
WAYS = (
    (), ("format", "raw"), ("format", "c"), ("format", "c", "unsorted"), ("-j",), ("-p",),
)  # fmt: skip
WITH_BTF = tuple(row for row in objects() if row.debug)


def theirs(bpftool: str, path: str, way: tuple[str, ...]) -> bytes:
    options = [word for word in way if word.startswith("-")]
    words = [word for word in way if not word.startswith("-")]
    command = [bpftool, *options, "btf", "dump", "file", path, *words]
    return subprocess.run(command, capture_output=True, check=True).stdout


def ours(capfdbinary: pytest.CaptureFixture[bytes], *words: str) -> bytes:
    status = main(["btf", "dump", *words])
    said = capfdbinary.readouterr()
    assert (status, said.err) == (0, b"")
    return said.out


@pytest.mark.oracle("bpftool-7.5", "clang-14", "clang-16", "clang-19", "llvm-strip", "bpftool")
@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_every_object_of_the_corpus(
    way: tuple[str, ...],
    built: Callable[[Object], Path],
    oracle: Callable[[str], str],
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    bpftool = oracle("bpftool-7.5")
    assert len(WITH_BTF) > 200
    differ = []
    for row in WITH_BTF:
        path = str(built(row))
        said = ours(capfdbinary, "file", path, *way)
        if row.sources == ("floats",) and row.compiler == 11 and "c" in way:
            assert b"\tvoid one;\n" in said  # bpftool divides by the alignment of void, and dies
        elif said != theirs(bpftool, path, way):
            differ.append(str(row))
    assert differ == []


@pytest.mark.oracle("bpftool-7.5")
@pytest.mark.parametrize("start", range(0, 60, 20))
def test_random_types(
    start: int,
    tmp_path: Path,
    oracle: Callable[[str], str],
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    bpftool = oracle("bpftool-7.5")
    path = tmp_path / "random.btf"
    for seed in range(start, start + 20):
        path.write_bytes(random_btf(seed))
        for way in WAYS[1:4]:
            said = theirs(bpftool, str(path), way)
            assert ours(capfdbinary, "file", str(path), *way) == said, (seed, way)


@pytest.mark.kernel
@pytest.mark.oracle("bpftool-7.5", "clang-19")
def test_what_is_loaded(
    oracle: Callable[[str], str], built: Callable[[Object], Path], tmp_path: Path
) -> None:
    with Lab(oracle("bpftool-7.5"), tmp_path) as lab:
        folder = lab.load(built(Object(("data",), 19)))
        for one in sorted(os.listdir(f"{folder}/progs")):
            text = lab.same("btf", "dump", "prog", "pinned", f"{folder}/progs/{one}")
            assert "FUNC" in text
        for one in sorted(os.listdir(f"{folder}/maps")):
            source = ("btf", "dump", "map", "pinned", f"{folder}/maps/{one}")
            for part in ((), ("key",), ("value",), ("kv",), ("all",)):
                lab.same(*source, *part)
            header = lab.same(*source, "format", "c", forms=((),))
            assert "BPF kfuncs" not in header
            lab.same(*source, "all", "format", "c", "unsorted", forms=((),))
        id = id_of(lab.map(uapi.BPF_MAP_TYPE_ARRAY, 4, 8, 1))
        assert probee("btf", "dump", "map", "id", id).err.startswith(
            "probee btf: this map came without BTF"
        )


@pytest.mark.oracle("bpftool-7.5")
@pytest.mark.parametrize("way", WAYS[1:4], ids=" ".join)
def test_the_kernel_we_run_on(
    way: tuple[str, ...],
    oracle: Callable[[str], str],
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    said = theirs(oracle("bpftool-7.5"), VMLINUX, way)
    assert ours(capfdbinary, "file", VMLINUX, *way) == said
