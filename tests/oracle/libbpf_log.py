"""Runs libbpf over an object and prints what it logs: `python libbpf_log.py LIBRARY OBJECT`.

A process of its own: what the library opens and loads ends with it.
"""

from __future__ import annotations

import ctypes
import sys


def main(library: str, path: str) -> None:
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
    opened = ctypes.c_void_p(libbpf.bpf_object__open_file(path.encode(), None))
    if opened.value:
        libbpf.bpf_object__load(opened)
        libbpf.bpf_object__close(opened)


if __name__ == "__main__":
    main(*sys.argv[1:])
