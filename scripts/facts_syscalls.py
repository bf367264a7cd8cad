"""System calls: numbers on x86-64 and arm64, entry points, argument names and types.

In: the kernel's source tree (syscall tables and SYSCALL_DEFINE macros) and unpacked headers.
Out: name -> [x86-64 number or None, arm64 number or None, entry point, [[C type, name], ...]].
The entry point without `sys_` names the tracepoints (`sys_enter_newfstat` for fstat); arguments
are those of its SYSCALL_DEFINE, which is what the tracepoint's format shows, `__user` left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scripts.facts_headers import Headers
from scripts.facts_protos import strip_comments

if TYPE_CHECKING:
    from pathlib import Path

TABLES = ("arch/x86/entry/syscalls/syscall_64.tbl", "scripts/syscall.tbl")
# Where an entry is defined more than once, the first of these that has it is the 64-bit one.
FOLDERS = (
    "arch/x86",
    "kernel",
    "fs",
    "mm",
    "net",
    "ipc",
    "security",
    "block",
    "io_uring",
    "drivers",
)
DEFINE = re.compile(r"^SYSCALL_DEFINE(\d)\((\w+)(.*?)\)\s*\{?$", re.MULTILINE | re.DOTALL)
TABLE_ROW = re.compile(r"^\d+\s+(\w+)\s+(\w+)\s+sys_(\w+)", re.MULTILINE)
# One order of arguments for each of several configurations: kernel/fork.c, CONFIG_CLONE_BACKWARDS.
CLONE = (
    ("unsigned long", "clone_flags"), ("unsigned long", "newsp"), ("int *", "parent_tidptr"),
    ("int *", "child_tidptr"), ("unsigned long", "tls"),
)  # fmt: skip


def syscalls(root: Path, headers: Path) -> dict[str, list[Any]]:
    """All system calls that either architecture has, in the order of x86-64's numbers."""
    x86 = numbers(headers, "x86_64-linux-gnu", "asm/unistd_64.h")
    arm = numbers(headers, "aarch64-linux-gnu", "asm/unistd_64.h")
    entries = entry_points(root)
    arguments = definitions(root)
    names = [*x86, *(name for name in arm if name not in x86)]
    out: dict[str, list[Any]] = {}
    for name in names:
        entry = entries.get(name, "")
        out[name] = [x86.get(name), arm.get(name), entry, arguments.get(entry)]
    return out


def numbers(headers: Path, triplet: str, header: str) -> dict[str, int]:
    """name -> number, from the __NR_ macros of one architecture's header."""
    macros = Headers(headers, (header,), triplet=triplet).constants("__NR_")[header]["macros"]
    found = {name.removeprefix("__NR_"): value for name, value in macros}
    found.pop("syscalls", None)
    return dict(sorted(found.items(), key=lambda item: item[1]))


def entry_points(root: Path) -> dict[str, str]:
    """name -> entry point without sys_; the 32-bit rows of the tables are left out."""
    out: dict[str, str] = {}
    for table in TABLES:
        text = (root / table).read_text(encoding="utf-8")
        for abi, name, entry in TABLE_ROW.findall(text):
            if abi not in ("x32", "32", "csky", "nios2", "hexagon", "time32", "stat64"):
                out.setdefault(name, entry)
    return out


def definitions(root: Path) -> dict[str, list[list[str]]]:
    """entry point -> [[C type, argument name], ...]."""
    out: dict[str, list[list[str]]] = {"clone": [list(pair) for pair in CLONE]}
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.c")):
            text = path.read_text(encoding="utf-8", errors="replace")
            if "SYSCALL_DEFINE" not in text:
                continue
            for count, name, rest in DEFINE.findall(strip_comments(text)):
                words = [" ".join(word.split()) for word in rest.split(",")[1:]]
                if len(words) != 2 * int(count):
                    raise SystemExit(f"{path}: cannot read the arguments of {name}: {rest}")
                pairs = zip(words[::2], words[1::2], strict=True)
                out.setdefault(name, [[spell(kind), argument] for kind, argument in pairs])
    return out


def spell(kind: str) -> str:
    """A C type as the format files of tracepoints spell it."""
    return re.sub(r" ?\*", " *", kind.replace("__user ", "").replace(" __user", "")).strip()
