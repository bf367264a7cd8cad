"""The modules of a start in one file, so that they are not looked for one by one.

In: `probee/__pycache__`, where Python keeps compiled modules too. Out: modules that come from one
file there, and that file made anew when something of it is missing or old.

A tool needs some seventy modules before its first row. Python asks the file system nine times for
each: a third of the time that a warm start spends on importing. The file is trusted as Python
trusts the compiled modules beside it, and under the same rules: a module whose source has another
size or time is imported from its source; `-B`, PYTHONDONTWRITEBYTECODE and a folder that cannot be
written keep it from being made; another version of Python has a file of its own. In one thing it
is stricter: a source that was written anew is another one, though its size and time be the same.
"""

from __future__ import annotations

import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER, SourceFileLoader, cache_from_source
from marshal import dumps, loads
from os import (
    O_CREAT,
    O_EXCL,
    O_NOFOLLOW,
    O_RDONLY,
    O_WRONLY,
    close as close_file,
    fstat,
    getpid,
    open as open_file,
    read,
    replace,
    stat,
    unlink,
    write,
)
from time import time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType
    from typing import TypeAlias

    # path below the package's folder, whether it is a package, size, times of content and inode in
    # ns, marshalled code
    Row: TypeAlias = tuple[str, bool, int, int, int, bytes | memoryview]

# The file: the mark, a table of rows with lengths in place of codes, the codes in the same order,
# the mark again. So only the codes that are wanted are taken out of it.
_MARK = b"probee start 3\n" + MAGIC_NUMBER
# Rooms that a warm start does without: a start that compiled has them, and need not be fast.
_LEFT_OUT = ("asm", "btf", "compiler", "introspect", "sim", "tables", "start", "__main__")
_LARGEST = 16 << 20


class _Kept(SourceFileLoader):
    """Loads one module from code that is at hand; everything else as from its source file."""

    def __init__(self, name: str, path: str, code: bytes | memoryview) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType | None:
        """The module's code."""
        code: CodeType = loads(self._code)  # noqa: S302 - as Python does with the files beside it
        return code


class Start:
    """A finder for `sys.meta_path`: the modules in `file`, of the package in `folder`."""

    def __init__(self, folder: str, file: str) -> None:
        self.folder, self.file, self.began = folder, file, time_ns()
        self.rows = _rows(file)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How to load module `name`; None where Python shall look for it itself."""
        row = self.rows.get(name)
        if row is None:
            return None
        below, package, size, changed, written, code = row
        source = f"{self.folder}/{below}"
        try:
            status = stat(source)
        except OSError:
            return None
        if (status.st_size, status.st_mtime_ns, status.st_ctime_ns) != (size, changed, written):
            return None
        spec = ModuleSpec(name, _Kept(name, source, code), origin=source, is_package=package)
        if package:
            spec.submodule_search_locations = [source.rpartition("/")[0]]
        spec.has_location = True
        spec.cached = self.file
        return spec

    def whole(self) -> bool:
        """Whether all modules that can be kept did come from the file."""
        return all(
            type(module.__loader__) is _Kept
            for name, module in list(sys.modules.items())
            if _belongs(name)
        )

    def save(self) -> bool:
        """Keeps what this process has imported. Whether there was something new to keep."""
        if sys.dont_write_bytecode:
            return False
        new = {
            name: row
            for name, module in list(sys.modules.items())
            if _belongs(name) and (row := self._row(name, module)) is not None
        }
        if new:
            _write(self.file, _packed({**self.rows, **new}))
        return bool(new)

    def _row(self, name: str, module: ModuleType) -> Row | None:
        """What is kept of a module that Python found itself, or None."""
        spec = module.__spec__
        loader = None if spec is None else spec.loader
        if spec is None or type(loader) is not SourceFileLoader or spec.origin is None:
            return None
        if not spec.origin.startswith(f"{self.folder}/"):
            return None
        before = stat(spec.origin)
        code = _code(loader, name, spec.origin, before.st_ctime_ns)
        package = spec.submodule_search_locations is not None
        below = spec.origin[len(self.folder) + 1 :]
        times = before.st_mtime_ns, before.st_ctime_ns
        return below, package, before.st_size, *times, dumps(code)


def _code(loader: SourceFileLoader, name: str, source: str, written: int) -> CodeType | None:
    """The code of the module in `source`, a file that was last written at `written`.

    Python takes its compiled file for a source of the same size and second. Only one that was made
    later is sure to be of this very source.
    """
    try:
        made = stat(cache_from_source(source)).st_ctime_ns
    except OSError:
        made = 0
    if made > written:
        return loader.get_code(name)
    code: CodeType = loader.source_to_code(loader.get_data(source), source)
    return code


def _belongs(name: str) -> bool:
    package, _, rest = name.partition(".")
    return package == "probee" and bool(rest) and rest.partition(".")[0] not in _LEFT_OUT


def begin() -> Start | None:
    """From here on modules come from the file where it has them. None where there can be none."""
    loader = globals().get("__loader__")
    if type(loader) is not SourceFileLoader or sys.pycache_prefix is not None:
        return None
    folder = loader.path.rpartition("/")[0]
    level = f".opt-{sys.flags.optimize}" if sys.flags.optimize else ""
    tag = sys.implementation.cache_tag
    start = Start(folder, f"{folder}/__pycache__/start.{tag}{level}.bin")
    sys.meta_path.insert(0, start)
    return start


def _rows(file: str) -> dict[str, Row]:
    """What the file holds, nothing if it is not whole or not there."""
    try:
        fd = open_file(file, O_RDONLY | O_NOFOLLOW)
    except OSError:
        return {}
    try:
        size = fstat(fd).st_size
        data = read(fd, size) if size < _LARGEST else b""
    finally:
        close_file(fd)
    if len(data) <= 2 * len(_MARK) or not (data.startswith(_MARK) and data.endswith(_MARK)):
        return {}
    inside = memoryview(data)[len(_MARK) : -len(_MARK)]
    table: dict[str, tuple[str, bool, int, int, int, int]]
    table = loads(inside)  # noqa: S302 - as Python does with the files beside it
    rows: dict[str, Row] = {}
    at = len(inside) - sum([row[-1] for row in table.values()])
    for name, (below, package, size, changed, written, length) in table.items():
        rows[name] = below, package, size, changed, written, inside[at : at + length]
        at += length
    return rows


def _packed(rows: dict[str, Row]) -> bytes:
    """The file's content."""
    table = {name: (*row[:-1], len(row[-1])) for name, row in rows.items()}
    return b"".join((_MARK, dumps(table), *[row[-1] for row in rows.values()], _MARK))


def _write(file: str, data: bytes) -> None:
    """Puts the file in place whole, or leaves things as they are."""
    aside = f"{file}.{getpid()}"
    try:
        fd = open_file(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644)
    except OSError:  # a folder that we may not write, or that Python has not made
        return
    try:
        try:
            whole = write(fd, data) == len(data)
        finally:
            close_file(fd)
        if whole:
            replace(aside, file)
        else:
            unlink(aside)
    except OSError:
        unlink(aside)
