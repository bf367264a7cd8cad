"""A Python file of a user, imported, that is executed.

In: its path. Out: the module, or a sentence on why there is none. What the file imports is looked
for in its own folder, too, but behind Python's library: a `json.py` there would break probee's own
imports. A file that imports what both have is refused, since Python would take the folder's.
"""

from __future__ import annotations

import ast
import os
import sys
from _imp import is_frozen
from importlib.util import module_from_spec, spec_from_file_location
from os import listdir
from os.path import abspath, dirname, isdir, isfile

from probee.errors import KernelError, ProbeeError
from probee.frame.output import Closed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_GUARD = 'what is to run, and not to be imported, stands under if __name__ == "__main__":'
_OURS = sys.stdlib_module_names | {"probee"}


def imported(name: str, path: str) -> ModuleType:
    """The module of the file `path`, called `name` or nearly so. Raises ProbeeError."""
    if not isfile(path):
        raise ProbeeError(_no_file(path))
    file = abspath(path)
    folder = dirname(file)
    _look_in(folder)
    _refuse_hidden(file, folder)
    while name in sys.modules or name in _OURS:  # what is of Python, or of probee, stays what it is
        name += "_"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ProbeeError(f"{path!r} is no Python file", hint="its name ends in .py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
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
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return f"there is no file {path!r}"
    except OSError as error:
        return f"{path!r} cannot be read: {error.strerror}"
    return f"{path!r} is no ordinary file"


def _line(error: BaseException, file: str) -> str:
    """Where in the file it happened."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" (line {line})" if line else ""


def _look_in(folder: str) -> None:
    """From now on the folder is looked into behind Python's library, and before all else: before
    what was installed, the checkout that probee runs from, and the folder of `python3 -m probee`.
    """
    library = dirname(os.__file__)
    own = [entry for entry in sys.path if _is_within(entry, library)]
    sys.path[:] = [*own, folder, *(entry for entry in sys.path if entry not in own)]


def _is_within(entry: str, library: str) -> bool:
    return f"{entry}/".startswith(f"{library}/") and not entry.endswith("-packages")


def _refuse_hidden(file: str, folder: str) -> None:
    """A file that imports a module of Python's library where Python itself takes the folder's, or
    that imports one of the folder which does so.
    """
    namesakes = _namesakes(folder)
    seen, ahead = set[str](), [file] if namesakes else []
    while ahead:
        file = ahead.pop()
        seen.add(file)
        names = _imports(file)
        for name in sorted(names & namesakes):
            raise ProbeeError(
                f"{file} imports {name}, which is Python's own here, "
                f"and that of its folder where Python runs it",
                hint=f"call the {name} in {folder} otherwise",
            )
        beside = (f"{folder}/{name}{end}" for name in names for end in (".py", "/__init__.py"))
        ahead.extend(other for other in beside if other not in seen and isfile(other))


def _imports(file: str) -> set[str]:
    """The modules that a file imports anywhere, without what is in them."""
    found = set[str]()
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):  # which the import tells better
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _namesakes(folder: str) -> set[str]:
    """Modules in the folder that Python would take before those of its library: not before what
    is part of the interpreter.
    """
    found = set()
    try:
        entries = listdir(folder)
    except OSError:  # Python finds nothing there then, but the file that was named
        entries = []
    for entry in entries:
        stem, _, rest = entry.partition(".")
        if rest == "py" or isfile(f"{folder}/{entry}/__init__.py"):
            found.add(stem)
    found &= sys.stdlib_module_names - set(sys.builtin_module_names)
    return {name for name in found if not is_frozen(name)}
