"""Loads and attaches each program of an object by itself, with libbpf, and prints what came of it:
`python libbpf_attach.py LIBRARY OBJECT`.

A line a program: name, result of the load, result of attaching: 0, or an errno, or - where it was
not tried. A process of its own: what it loads ends with it.
"""

from __future__ import annotations

import ctypes
import sys


class Library:
    def __init__(self, path: str) -> None:
        self.calls = ctypes.CDLL(path, use_errno=True)
        self.calls.libbpf_set_print(None)
        for name in ("object__open_file", "object__next_program", "program__attach"):
            getattr(self.calls, f"bpf_{name}").restype = ctypes.c_void_p
        self.calls.bpf_program__name.restype = ctypes.c_char_p

    def programs(self, opened: ctypes.c_void_p) -> list[ctypes.c_void_p]:
        found, last = [], None
        while last := self.calls.bpf_object__next_program(opened, last and ctypes.c_void_p(last)):
            found.append(ctypes.c_void_p(last))
        return found

    def one(self, path: str, number: int) -> str:
        opened = ctypes.c_void_p(self.calls.bpf_object__open_file(path.encode(), None))
        programs = self.programs(opened)
        for place, program in enumerate(programs):
            self.calls.bpf_program__set_autoload(program, ctypes.c_bool(place == number))
        loaded, attached = -self.calls.bpf_object__load(opened), "-"
        if not loaded:
            link = ctypes.c_void_p(self.calls.bpf_program__attach(programs[number]))
            attached = "0" if link.value else str(ctypes.get_errno())
            if link.value:
                self.calls.bpf_link__destroy(link)
        name = self.calls.bpf_program__name(programs[number]).decode()
        self.calls.bpf_object__close(opened)
        return f"{name} {loaded} {attached}"


def main(library: str, path: str) -> None:
    calls = Library(library)
    opened = ctypes.c_void_p(calls.calls.bpf_object__open_file(path.encode(), None))
    count = len(calls.programs(opened))
    calls.calls.bpf_object__close(opened)
    for number in range(count):
        print(calls.one(path, number))


if __name__ == "__main__":
    main(*sys.argv[1:])
