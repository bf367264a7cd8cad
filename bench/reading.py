"""Reading an object of 3,000 relocations, beside libbpf and pyelftools.

    python -m bench.reading [--rounds N]

In: clang, which compiles the C that is written here against tests/objects/bpf.h. Out: milliseconds
in one process, the least of all rounds and the median, for `probee.objfile.read`, for libbpf's
bpf_object__open, and for pyelftools going through the sections, symbols and relocations alone.
Rounds are interleaved. The goal: under 20 ms.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

from probee.elf.read import ElfFile
from probee.objfile.read import read
from scripts import oracles
from tests.objects import libbpf

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = Path(__file__).parent.parent / "tests" / "objects" / "bpf.h"
PROGRAMS, TIMES, THINGS = 30, 25, 50
GOAL_MS = 20.0
OURS = "probee.objfile.read"
_CODE = 4  # SHF_EXECINSTR


def source() -> str:
    """Programs that look into maps, add to variables, follow the kernel's structs and call."""
    lines = [
        f'#include "{HEADER}"',
        "struct task_struct { int tgid; struct task_struct *real_parent; } __core;",
    ]
    for n in range(THINGS):
        lines += [
            "struct { __uint(type, 1); __uint(max_entries, 16); __type(key, __u32); __type(value,",
            f'__u64); }} map{n} SEC(".maps");',
            f"__u64 number{n}; const volatile int limit{n} = {n};",
        ]
    lines.append("static __noinline __u64 sub(__u64 value) { return value * number3; }")
    for p in range(PROGRAMS):
        lines.append(
            f'SEC("tp_btf/hook{p}") int program{p}(__u64 *ctx) {{'
            f" struct task_struct *task = (void *)ctx[0]; __u32 key = {p}; __u64 *value;"
        )
        lines += [
            f"value = bpf_map_lookup_elem(&map{(p + n) % THINGS}, &key);"
            f" if (value) *value += limit{n};"
            f" number{p * n % THINGS} += task->real_parent->tgid + sub(key);"
            for n in range(TIMES)
        ]
        lines.append("return 0; }")
    lines.append('char LICENSE[] SEC("license") = "GPL";')
    return "\n".join(lines)


def compiled(clang: str, folder: str) -> Path:
    """The object, made in `folder`."""
    made = Path(folder) / "large.bpf.o"
    words = [clang, "-target", "bpf", "-g", "-O2", "-c", "-x", "c", "-", "-o", str(made)]
    subprocess.run(words, input=source().encode(), check=True)
    return made


def relocations(data: bytes) -> int:
    """How many there are of code."""
    file = ElfFile(data)
    code = {s.index for s in file.sections if s.flags & _CODE}
    return sum(len(file.relocations(s)) for s in file.sections if s.type == 9 and s.info in code)


def by_pyelftools(data: bytes) -> int:
    """Goes through the tables, which is less than reading."""
    file = ELFFile(BytesIO(data))
    count = 0
    for section in file.iter_sections():
        if isinstance(section, SymbolTableSection):
            count += sum(len(symbol.name) for symbol in section.iter_symbols())
        elif isinstance(section, RelocationSection):
            target = file.get_section(section["sh_info"])
            if target["sh_flags"] & _CODE:
                count += sum(row["r_info_sym"] for row in section.iter_relocations())
    return count


def by_libbpf(path: Path) -> None:
    """Opens and closes it, nothing more."""
    lib = libbpf.library()
    assert lib is not None
    handle = lib.bpf_object__open_file(str(path).encode(), None)
    assert handle, ctypes.get_errno()
    lib.bpf_object__close(handle)


def contestants(path: Path, data: bytes) -> dict[str, Callable[[], object]]:
    """Something to call for each; libbpf only where it is."""
    rows: dict[str, Callable[[], object]] = {OURS: lambda: read(data)}
    if libbpf.library() is not None:
        rows["libbpf's bpf_object__open"] = lambda: by_libbpf(path)
    rows["pyelftools, its tables alone"] = lambda: by_pyelftools(data)
    return rows


def main(words: list[str]) -> int:
    """Prints a table; the status says whether the goal is met."""
    parser = argparse.ArgumentParser(description="reading an object of 3,000 relocations")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(words)
    clang = oracles.find("clang")
    if clang is None:
        print(oracles.how_to_get("clang"), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        path = compiled(clang, folder)
        data = path.read_bytes()
        rows = contestants(path, data)
        found: dict[str, list[float]] = {name: [] for name in rows}
        for number in range(options.rounds + 1):
            for name, call in rows.items():
                before = time.perf_counter()
                call()
                if number:
                    found[name].append((time.perf_counter() - before) * 1000)
    print(f"{relocations(data):,} relocations of code, {len(data):,} bytes, least and median")
    for name, taken in found.items():
        print(f"  {name:30} {min(taken):7.1f} {statistics.median(taken):7.1f} ms")
    print(f"goal: {OURS} under {GOAL_MS:.0f} ms")
    return int(min(found[OURS]) >= GOAL_MS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
