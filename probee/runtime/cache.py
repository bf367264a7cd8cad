"""The compile cache: which stored spec is the one that compiling now would make.

In: what a compilation depends on. Out: a key, and the spec stored under it or None. The key is a
SHA-256 over

- the capture's identity: source, captured values, imported functions, declared shapes;
- the names of the constants that the Session sets (their values are written at load), and the
  values of those that are switches;
- the Target, the license, the kernel's identity (what the compiler is told of a kernel follows
  from it) and the Python that parses;
- the compiler itself: probee's version, and name, size and times of each file it is made of, or
  programs of probee's tools are.

An entry that is foreign or corrupt counts as missing: it is compiled again and written anew.
"""

from __future__ import annotations

import os
import sys

from probee.errors import FormatError
from probee.host.cachedir import CacheDir
from probee.host.digest import sha256
from probee.runtime.codec import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    from probee.spec.programs import CollectionSpec
    from probee.spec.target import Target

    # name, size, time of its content, time of its inode; times in ns
    Row: TypeAlias = tuple[str, int, int, int]

# What decides the result of a compilation, below the package's folder: the compiler, and all that
# probee's own programs are made of or take a value from.
_MADE_OF = (
    "asm",
    "btf",
    "compiler",
    "frame",
    "host",
    "klib",
    "lang",
    "relocate",
    "runtime",
    "spec",
    "tables",
    "tools",
    "uapi",
    "__init__.py",
    "contexts.py",
    "errors.py",
    "frozen.py",
    "kernel.py",
)


class CompileCache:
    """The stored specs of this user. `problems`: sentences for `--verbose`, as of CacheDir."""

    __slots__ = ("_folder",)

    def __init__(self, folder: CacheDir | None = None) -> None:
        self._folder = CacheDir() if folder is None else folder

    @property
    def problems(self) -> list[str]:
        """What could not be used or kept, and why."""
        return self._folder.problems

    def find(self, key: str) -> CollectionSpec | None:
        """The spec stored under `key`, or None: then compile."""
        data = self._folder.fetch(f"spec-{key}")
        if data is None:
            return None
        try:
            return decode(data)
        except FormatError as error:
            self.problems.append(f"cache entry spec-{key} is ignored: {error}")
            return None

    def keep(self, key: str, spec: CollectionSpec) -> bool:
        """Stores `spec` under `key`. False where this machine has no place for it."""
        return self._folder.store(f"spec-{key}", encode(spec))


def spec_key(
    identity: bytes,
    consts: Iterable[object],
    target: Target,
    license: str,
    kernel: bytes,
    compiler: bytes,
) -> str:
    """64 hexadecimal digits. `identity` is the capture's, `kernel` host's, `compiler` as below."""
    parts = (
        identity,
        repr((sorted(map(repr, consts)), target, license, sys.hexversion)).encode(),
        kernel,
        compiler,
    )
    lengths = repr([len(part) for part in parts]).encode()
    return sha256(lengths, *parts).hex()


def fingerprint(rows: Sequence[Row]) -> bytes:
    """Bytes that change when the compiler does, of `file_rows()`."""
    from probee import __version__

    return repr((__version__, rows)).encode()


def changed(rows: Sequence[Row], moment: int) -> bool:
    """Whether a file of the compiler was written after `moment`, ns since 1970.

    A process that began before may run the old file, and compile what the new one would not.
    """
    return any(written > moment for *_, written in rows)


def file_rows() -> list[Row] | None:
    """Of each file that the compiler is made of; None where these are no plain files."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    rows: list[Row] = []
    try:
        for name in _MADE_OF:
            _look(f"{home}/{name}", name, rows)
    except OSError:  # inside a zip file, say
        return None
    return sorted(rows)


def _look(path: str, name: str, rows: list[Row]) -> None:
    """Adds the row of the file `path`, or of all Python files below it."""
    if name.endswith(".py"):
        _add(name, os.stat(path), rows)
        return
    with os.scandir(path) as entries:
        for entry in entries:
            below = f"{name}/{entry.name}"
            if entry.name.endswith(".py"):
                _add(below, entry.stat(), rows)
            elif entry.name != "__pycache__" and entry.is_dir():
                _look(entry.path, below, rows)


def _add(name: str, status: os.stat_result, rows: list[Row]) -> None:
    # Not the first time alone: cp -p, rsync -t and tar give a new file the time of another.
    rows.append((name, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
