"""Objects that clang made, loaded by libbpf and by probee: the kernel gives both the same tags.

A tag is a digest of the instructions, with the numbers of maps left out: so subprograms stand in
the same order, and calls and addresses of functions are resolved alike.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import pytest

from probee.errors import NotSupportedError
from probee.objfile.read import read_file
from probee.runtime.loader import load
from tests.objects import libbpf
from tests.objects.build import Object

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(libbpf.library() is None, reason="libbpf.so.1 is missing"),
]

ROWS = [
    Object((name,), compiler)
    for name in ("smallest", "relocs", "calls", "data", "strings")
    for compiler in (13, 14, 19, 22)
]
LINKED = Object(("calls",), 19, stripped=True, linked=True)
TABLES = Object(("switches",), 22, flags="-mcpu=v4")
REFUSED = [Object((name,), 16) for name in ("static_maps", "own_section")]  # by libbpf


def tag(fd: int) -> str:
    """As the kernel says it of a program's descriptor."""
    with open(f"/proc/self/fdinfo/{fd}") as file:
        return next(line.split()[1] for line in file if line.startswith("prog_tag:"))


def their_tags(path: Path) -> dict[str, str]:
    """The tags of all programs as libbpf loads them."""
    lib = libbpf.library()
    assert lib is not None
    lib.bpf_object__load.argtypes = lib.bpf_program__fd.argtypes = [ctypes.c_void_p]
    handle = lib.bpf_object__open_file(str(path).encode(), None)
    assert handle
    try:
        assert lib.bpf_object__load(handle) == 0
        found, program = {}, lib.bpf_object__next_program(handle, None)
        while program:
            fd = lib.bpf_program__fd(program)
            if fd >= 0:
                found[lib.bpf_program__name(program).decode()] = tag(fd)
            program = lib.bpf_object__next_program(handle, program)
        return found
    finally:
        lib.bpf_object__close(handle)


def our_tags(path: Path) -> dict[str, str]:
    with load(read_file(path)) as loaded:
        return {name: tag(program.fd) for name, program in loaded.programs.items()}


@pytest.mark.parametrize("row", [*ROWS, LINKED], ids=str)
def test_both_loaders_load_the_same(row: Object, built: Callable[[Object], Path]) -> None:
    theirs = their_tags(built(row))
    assert theirs
    assert our_tags(built(row)) == theirs


@pytest.mark.parametrize("row", REFUSED, ids=str)
def test_what_libbpf_refuses_and_we_do_not(row: Object, built: Callable[[Object], Path]) -> None:
    assert our_tags(built(row))


def test_jumps_through_tables_are_read_and_not_loaded(built: Callable[[Object], Path]) -> None:
    with pytest.raises(NotSupportedError, match=r"insn_array|not loaded yet"):
        our_tags(built(TABLES))
