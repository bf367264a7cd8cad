"""What each contestant takes on the disk: to run, and with all that is needed to write a new tool.

In: Debian's package database here and in the Debian 13 folder; folders of wheels; this checkout.
Out: megabytes (10**6 bytes) beside a minimal Debian with Python. Packages are counted with what
they depend on (not what they recommend), by the installed size that Debian states. Neither that nor
the folders' sizes count the bytecode that Python makes of a source.
"""

from __future__ import annotations

import compileall
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.contestants import OURS, ROOT

# A C tool is written with a compiler for both sides, libbpf and what makes a skeleton of an object.
TO_WRITE_C = ("clang-19", "libbpf-dev", "bpftool", "gcc", "libc6-dev", "make")
FIELDS = "${Package}\t${Installed-Size}\t${Essential}\t${Priority}\t${Provides}\t${Pre-Depends}, ${Depends}\n"  # noqa: E501


class Package(NamedTuple):
    """`needs`: for each dependency the names of packages that would do."""

    kilobytes: int
    base: bool
    needs: tuple[tuple[str, ...], ...]


class Packages:
    """What is installed below `root`."""

    def __init__(self, root: Path) -> None:
        self._rows: dict[str, Package] = {}
        self._provided: dict[str, str] = {}
        text = subprocess.run(
            ["dpkg-query", f"--admindir={root / 'var/lib/dpkg'}", "-W", "-f", FIELDS],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        for line in text.splitlines():
            name, size, essential, priority, provides, needs = line.split("\t")
            base = essential == "yes" or priority == "required"
            self._rows[name] = Package(int(size or 0), base, _alternatives(needs))
            for names in _alternatives(provides):
                self._provided.setdefault(names[0], name)

    def megabytes(self, *wanted: str) -> float | None:
        """Of these packages, with all that they need; None if one is not installed."""
        if any(name not in self._rows for name in wanted):
            return None
        base = self._closure([*(n for n, row in self._rows.items() if row.base), "python3"])
        more = self._closure(list(wanted)) - base
        return sum(self._rows[name].kilobytes for name in more) * 1024 / 1e6

    def named(self, pattern: str) -> list[str]:
        """The installed packages whose whole name matches."""
        return [name for name in self._rows if re.fullmatch(pattern, name)]

    def _closure(self, wanted: list[str]) -> set[str]:
        found: set[str] = set()
        while wanted:
            name = wanted.pop()
            name = name if name in self._rows else self._provided.get(name, "")
            if not name or name in found:
                continue
            found.add(name)
            for names in self._rows[name].needs:
                there = [n for n in names if n in self._rows or n in self._provided]
                wanted += there[:1]
        return found


def _alternatives(text: str) -> tuple[tuple[str, ...], ...]:
    """`a (>= 1), b:any | c` -> (("a",), ("b", "c"))."""
    groups = (part.split("|") for part in text.split(",") if part.strip())
    return tuple(
        tuple(re.split(r"[\s(:]", name.strip(), maxsplit=1)[0] for name in group)
        for group in groups
    )


def folder_megabytes(folder: Path, *, bytecode: bool = False) -> float:
    """All files below `folder`; what Python compiled of them only if asked for."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    kept = (path for path in files if bytecode or path.suffix != ".pyc")
    return sum(path.stat().st_size for path in kept) / 1e6


def probee() -> dict[str, float | None]:
    """The package as it is shipped, and with the bytecode that an installer may add."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place, "probee")
        shutil.copytree(ROOT / "probee", copy, ignore=shutil.ignore_patterns("__pycache__"))
        shipped = folder_megabytes(copy)
        compileall.compile_dir(copy, quiet=2)
        compiled = folder_megabytes(copy, bytecode=True)
    return {"run": shipped, "write": shipped, "bytecode": compiled}


def measured(trixie: Path | None) -> dict[str, dict[str, float | None]]:
    """By role: `run` and `write`, megabytes; None where it cannot be told. Ours: `bytecode` too."""
    found: dict[str, dict[str, float | None]] = {OURS: probee()}
    try:
        here = Packages(Path("/"))
    except (FileNotFoundError, subprocess.CalledProcessError):
        return found
    c_tool, tracer = ("libbpf-tools",), ("bpftrace",)
    writing = here.megabytes(*c_tool, *TO_WRITE_C)
    found["old C"] = {"run": here.megabytes(*c_tool), "write": writing}
    found["old bpftrace"] = dict.fromkeys(("run", "write"), here.megabytes(*tracer))
    if trixie is None:
        return found
    there = Packages(trixie)
    headers = there.named(r"linux-headers-[0-9].*-amd64")
    found["new C"] = {"run": there.megabytes(*c_tool), "write": None}
    found["new bpftrace"] = dict.fromkeys(("run", "write"), there.megabytes(*tracer))
    found["bcc"] = dict.fromkeys(("run", "write"), there.megabytes("python3-bpfcc", *headers))
    for name in ("pythonbpf", "ebpfcat"):
        if (folder := trixie / "opt" / name).exists():
            found[name] = dict.fromkeys(("run", "write"), folder_megabytes(folder))
    return found
