"""libbpf, asked through its shared library: what it makes of an object file.

In: a file that libbpf opens. Out: `Opened`, its programs, maps and externs as rows. Of libbpf.so.1
since 1.0; nothing is loaded into the kernel.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from ctypes import POINTER, c_bool, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OBJECT_NAME = "object"


class _Options(ctypes.Structure):
    """As far as libbpf 1.0 knows struct bpf_object_open_opts."""

    _fields_ = (
        ("sz", c_size_t),
        ("object_name", c_char_p),
        ("relaxed_maps", c_bool),
        ("pin_root_path", c_char_p),
        ("reserved", ctypes.c_long),
        ("kconfig", c_char_p),
    )


class Program(NamedTuple):
    """A program before it is loaded; `code` without subprograms."""

    name: str
    section: str
    type: int
    attach_type: int
    autoload: bool
    code: bytes


class Map(NamedTuple):
    """A map; `contents` None where it has no initial value."""

    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int
    key_btf: int
    value_btf: int
    numa_node: int
    extra: int
    pinned: bool
    contents: bytes | None


class Opened(NamedTuple):
    """What libbpf found; `error` is an errno where it refused the object."""

    programs: tuple[Program, ...] = ()
    maps: tuple[Map, ...] = ()
    error: int = 0


_RESULTS: dict[str, Any] = {
    "bpf_object__open_file": c_void_p,
    "bpf_object__next_program": c_void_p,
    "bpf_object__next_map": c_void_p,
    "bpf_program__name": c_char_p,
    "bpf_program__section_name": c_char_p,
    "bpf_program__type": c_int,
    "bpf_program__expected_attach_type": c_int,
    "bpf_program__autoload": c_bool,
    "bpf_program__insns": c_void_p,
    "bpf_program__insn_cnt": c_size_t,
    "bpf_map__name": c_char_p,
    "bpf_map__type": c_int,
    "bpf_map__key_size": c_uint32,
    "bpf_map__value_size": c_uint32,
    "bpf_map__max_entries": c_uint32,
    "bpf_map__map_flags": c_uint32,
    "bpf_map__btf_key_type_id": c_uint32,
    "bpf_map__btf_value_type_id": c_uint32,
    "bpf_map__numa_node": c_uint32,
    "bpf_map__map_extra": c_uint64,
    "bpf_map__pin_path": c_char_p,
    "bpf_map__initial_value": c_void_p,
}


@cache
def library() -> ctypes.CDLL | None:
    """libbpf.so.1, or None where it is missing; it prints nothing."""
    try:
        lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
    except OSError:
        return None
    lib.libbpf_set_print(None)
    for name, result in _RESULTS.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = [c_void_p, c_void_p]
        if name not in {"bpf_object__next_program", "bpf_object__next_map"}:
            function.argtypes = [c_void_p]
    lib.bpf_object__open_file.argtypes = [c_char_p, POINTER(_Options)]
    lib.bpf_map__initial_value.argtypes = [c_void_p, POINTER(c_size_t)]
    lib.bpf_object__close.argtypes = [c_void_p]
    lib.bpf_object__close.restype = None
    return lib


def opened(path: Path) -> Opened:
    """The object at `path`."""
    lib = library()
    assert lib is not None
    options = _Options(sz=ctypes.sizeof(_Options), object_name=OBJECT_NAME.encode())
    handle = lib.bpf_object__open_file(str(path).encode(), ctypes.byref(options))
    if not handle:
        return Opened(error=ctypes.get_errno())
    try:
        return Opened(
            tuple(_program(lib, p) for p in _each(lib.bpf_object__next_program, handle)),
            tuple(_map(lib, m) for m in _each(lib.bpf_object__next_map, handle)),
        )
    finally:
        lib.bpf_object__close(handle)


def _each(following: Any, handle: int) -> Iterator[int]:
    item = following(handle, None)
    while item:
        yield item
        item = following(handle, item)


def _program(lib: ctypes.CDLL, program: int) -> Program:
    count = lib.bpf_program__insn_cnt(program)
    return Program(
        lib.bpf_program__name(program).decode(),
        lib.bpf_program__section_name(program).decode(),
        lib.bpf_program__type(program),
        lib.bpf_program__expected_attach_type(program),
        lib.bpf_program__autoload(program),
        ctypes.string_at(lib.bpf_program__insns(program), 8 * count),
    )


def _map(lib: ctypes.CDLL, handle: int) -> Map:
    size = c_size_t()
    value = lib.bpf_map__initial_value(handle, ctypes.byref(size))
    return Map(
        lib.bpf_map__name(handle).decode().removeprefix(OBJECT_NAME),
        lib.bpf_map__type(handle),
        lib.bpf_map__key_size(handle),
        lib.bpf_map__value_size(handle),
        lib.bpf_map__max_entries(handle),
        lib.bpf_map__map_flags(handle),
        lib.bpf_map__btf_key_type_id(handle),
        lib.bpf_map__btf_value_type_id(handle),
        lib.bpf_map__numa_node(handle),
        lib.bpf_map__map_extra(handle),
        lib.bpf_map__pin_path(handle) is not None,
        ctypes.string_at(value, size.value) if value else None,
    )
