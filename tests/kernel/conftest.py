"""Fixtures for tests that load programs."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.meaning.texts import COMM, TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterator

MAP_LOCKED, STEP = 0x2000, 64


@pytest.fixture
def no_new_descriptors() -> Iterator[None]:
    """As many descriptors after the test as before it."""
    before = sorted(os.listdir("/proc/self/fd"))
    yield
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.fixture
def held() -> Iterator[dict[int, bytes]]:
    """The texts at addresses of this process, in pages that stay where they are."""
    size = STEP * len(TEXTS)
    pages = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_LOCKED)
    for i, raw in enumerate(TEXTS):
        pages[i * STEP : i * STEP + len(raw)] = raw
    view = (ctypes.c_char * size).from_buffer(pages)
    first = ctypes.addressof(view)
    yield {first + i * STEP: raw + b"\0" for i, raw in enumerate(TEXTS)}
    del view
    pages.close()


@pytest.fixture
def bpffs(tmp_path: Path) -> Iterator[Path]:
    """A bpf file system of the test's own: the machine need not have one."""
    folder = tmp_path / "bpf"
    folder.mkdir()
    subprocess.run(["mount", "-t", "bpf", "bpf", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def _on_cpu_0() -> Iterator[None]:
    """Where a Machine runs its programs: from another CPU the kernel would interrupt that one,
    and the program would not see the memory of this process.
    """
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    yield
    os.sched_setaffinity(0, allowed)


@pytest.fixture
def _named_probee() -> Iterator[None]:
    comm = Path("/proc/thread-self/comm")
    before = comm.read_text(encoding="utf-8").removesuffix("\n")
    comm.write_text(COMM, encoding="utf-8")
    yield
    comm.write_text(before, encoding="utf-8")
