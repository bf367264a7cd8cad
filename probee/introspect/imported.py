"""A Python file of a user, imported, that is executed.

In: its path. Out: the module, or a sentence on why there is none. What the file imports is looked
for as if Python ran it: in its own folder first. There may stand a `json.py` or `queue.py`, which
is then meant by the user's files, and by nobody else: where probee and Python's own library import
`json`, they get Python's. To that end such a file is loaded under the name `json_`, which an import
out of user's code is led to.
"""

from __future__ import annotations

import builtins
import sys
from _imp import is_frozen
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from os import listdir
from os.path import abspath, dirname, isdir, isfile, lexists

from probee.errors import KernelError, ProbeeError
from probee.frame.output import Closed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_GUARD = 'what is to run, and not to be imported, stands under if __name__ == "__main__":'
_OURS = sys.stdlib_module_names | {"probee"}


def imported(name: str, path: str) -> ModuleType:
    """The module of the file `path`, called `name` or nearly so. Raises ProbeeError."""
    if not isfile(path):
        raise ProbeeError(_no_file(path))
    file = abspath(path)
    folder = dirname(file)
    namesakes = _Namesakes(folder)
    sys.path.insert(0, folder)
    while name in sys.modules or name in _OURS:  # what is of Python, or of probee, stays what it is
        name += "_"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ProbeeError(f"{path!r} is no Python file", hint="its name ends in .py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with namesakes:
            spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # its own ones, and SystemExit
        raise ProbeeError(
            f"{path} cannot be imported: {_told(error)}{_line(error, file)}",
            hint="" if isinstance(error, SyntaxError) else _GUARD,
        ) from error
    _flush()
    return module


def _told(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - of the user's code, which says how it is shown
        return type(error).__name__


def _flush() -> None:
    """What the file printed stands before what we do."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BrokenPipeError:
            raise Closed from None
        except OSError as error:
            raise KernelError(f"write to {stream.name}", error.errno or 0) from None


def _no_file(path: str) -> str:
    if isdir(path):
        return f"{path!r} is a directory, and no Python file"
    return f"{path!r} is no ordinary file" if lexists(path) else f"there is no file {path!r}"


def _line(error: BaseException, file: str) -> str:
    """Where in the file it happened."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" (line {line})" if line else ""


class _Namesakes:
    """The modules in a folder that are called as ones of Python's library. As a context: imports
    of user's code find them. It stays among the finders of modules, as the folder in the path.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._names = {f"{name}_": name for name in _namesakes(folder)}
        self._import = builtins.__import__

    def __enter__(self) -> None:
        if self._names:
            sys.meta_path.insert(0, self)
            builtins.__import__ = self._lead

    def __exit__(self, *_: object) -> None:
        builtins.__import__ = self._import

    def _lead(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """`import`, which knows who asks."""
        first, dot, rest = name.partition(".")
        asks = str((globals or {}).get("__name__", "probee")).partition(".")[0]
        if level == 0 and asks not in _OURS and f"{first}_" in self._names:
            name = f"{first}_{dot}{rest}"
        return self._import(name, globals, locals, fromlist or (), level)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As the import system asks: Python's own by their names, those of the folder by ours."""
        if path is not None:
            return None
        if name in self._names.values():
            others = [entry for entry in sys.path if abspath(entry) != self._folder]
            return PathFinder.find_spec(name, others, target)
        found = _in_folder(self._names.get(name, ""), self._folder)
        if found is None or found.origin is None:
            return None
        within = found.submodule_search_locations
        return spec_from_file_location(name, found.origin, submodule_search_locations=within)


def _namesakes(folder: str) -> list[str]:
    """Names of Python's library that Python would find in the folder first."""
    try:
        stems = {entry.partition(".")[0] for entry in listdir(folder)}
    except OSError:
        return []
    return [name for name in sys.stdlib_module_names & stems if _shadowed(name, folder)]


def _shadowed(name: str, folder: str) -> bool:
    """Not what is part of the interpreter, or of its start: that is found before any folder."""
    if name in sys.builtin_module_names or name == "encodings" or is_frozen(name):
        return False
    return _in_folder(name, folder) is not None


def _in_folder(name: str, folder: str) -> ModuleSpec | None:
    found = PathFinder.find_spec(name, [folder]) if name else None
    return found if found is not None and found.loader is not None else None
