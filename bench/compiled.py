"""What it takes to make a tool run from its source: clang and bpftool, beside probee's compiler.

In: clang, bpftool, a C program that does what probee's opensnoop does in the kernel. Out:
milliseconds. The C program is not attached and has no reader: those would be more C to compile.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from bench import surroundings
from bench.codegen.sides import HERE as HEADERS
from bench.peers.trixie import PROGRAMS

SOURCE = PROGRAMS / "open.bpf.c"


def c_program(clang: str, bpftool: str, folder: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds that clang takes, and that bpftool takes to load the result, each round."""
    pins, made = Path(folder, "bpffs"), Path(folder, "tool.o")
    pins.mkdir()
    surroundings.mount("bpf", pins, "bpf")
    taken: dict[str, list[float]] = {"compile": [], "load": []}
    flags = ["-O2", "-g", "-target", "bpf", f"-I{HEADERS}"]
    compiling: list[str | Path] = [clang, *flags, "-c", SOURCE, "-o", made]
    try:
        for _ in range(rounds):
            taken["compile"].append(_timed(compiling))
            where = pins / "tool"
            taken["load"].append(_timed([bpftool, "prog", "loadall", made, where]))
            for pin in where.iterdir():
                pin.unlink()
            where.rmdir()
    finally:
        surroundings.unmount(pins)
    return taken


def _timed(words: list[str | Path]) -> float:
    begin = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return 1000 * (time.perf_counter() - begin)
