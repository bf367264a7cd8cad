"""Runs libbpf over an object and prints what it logs: `python libbpf_log.py LIBRARY OBJECT [BTF]`.

BTF: a file whose types stand for the kernel's. A process of its own: what the library opens and
loads ends with it.
"""

from __future__ import annotations

import ctypes
import sys


class Options(ctypes.Structure):
    """As far as the file is needed: struct bpf_object_open_opts of libbpf 1.0."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("object_name", ctypes.c_char_p),
        ("relaxed_maps", ctypes.c_bool),
        ("pin_root_path", ctypes.c_char_p),
        ("reserved", ctypes.c_long),
        ("kconfig", ctypes.c_char_p),
        ("btf_custom_path", ctypes.c_char_p),
    )


def main(library: str, path: str, types: str = "") -> None:
    libc, libbpf = ctypes.CDLL(None), ctypes.CDLL(library)
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)

    def say(_: int, form: bytes, arguments: int) -> int:
        line = ctypes.create_string_buffer(1 << 16)
        libc.vsnprintf(line, len(line), form, ctypes.c_void_p(arguments))
        sys.stdout.write(line.value.decode("utf-8", "backslashreplace"))
        return 0

    printer = callback(say)  # must live as long as the library may call it
    libbpf.libbpf_set_print(printer)
    libbpf.bpf_object__open_file.restype = ctypes.c_void_p
    options = Options(sz=ctypes.sizeof(Options), btf_custom_path=types.encode() or None)
    handle = libbpf.bpf_object__open_file(path.encode(), ctypes.byref(options))
    opened = ctypes.c_void_p(handle)
    if opened.value:
        libbpf.bpf_object__load(opened)
        libbpf.bpf_object__close(opened)


if __name__ == "__main__":
    main(*sys.argv[1:])
