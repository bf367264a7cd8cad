"""What the capture of a tool's programs found, remembered: a warm start need not walk them.

In: programs of probee's own command line, and the `Start` of its process. Out: a `Known`, which
knows the declarations by their names as a `Capture` does, or None: then the programs are captured.

What such programs mean is said by probee's files and by nothing else: that process runs no code but
theirs, from `__main__` on. So their identity is which programs they are, beside the compiler's
fingerprint, which covers all files that a program can name something of. That holds if what runs is
what the files say: each module came from the start's file, which has code of these very files, and
none has changed since the process began. Who runs other code too, as every program that imports
probee does, has no such promise to give, and its Session captures.

Nothing is compiled for a `Known`: where the cache has no spec for it, the Session captures, and
what it gets under the capture's own key is kept for the `Known` too.

The names are kept in the cache folder, as lines of a declaration's name, its module and what it is
called there.
"""

from __future__ import annotations

import sys

from probee.host.cachedir import CacheDir
from probee.host.digest import sha256
from probee.lang.maps import MapDeclaration
from probee.lang.names import Names
from probee.lang.variables import Variable
from probee.runtime.cache import changed, file_rows, fingerprint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from probee.lang.capture import Capture
    from probee.lang.programs import Program

    class Start(Protocol):
        """Of a process that runs probee's command line: `probee.start` has it."""

        began: int  # ns since 1970

        def whole(self) -> bool:
            """Whether the code of all modules is known to be that of their files."""
            ...


# The kernel stamps files by a clock that stands still between two of its ticks (10 ms at most).
_TICK = 10_000_000


class Known(Names):
    """The names of the declarations. `files`: the fingerprint that goes with them."""

    __slots__ = ("files",)

    def __init__(self, programs: tuple[Program, ...], files: bytes) -> None:
        super().__init__(programs)
        self.files = files
        level = sys.flags.optimize
        said = ["known", *map(_identity, programs), sys.version, level]
        self.identity = repr(said).encode()

    def enter(self, name: str, declaration: object) -> bool:
        """Notes a declaration; False where it is none, and so nothing here is to be trusted."""
        if not isinstance(declaration, (MapDeclaration, Variable)):
            return False
        self.declarations[name] = declaration
        self.names[id(declaration)] = name
        return True


def known(
    programs: tuple[Program, ...], start: Start, folder: CacheDir | None = None
) -> Known | None:
    """What is known of these programs, None where there is any doubt."""
    rows = file_rows()
    ours = all(program.function.__module__.startswith("probee.") for program in programs)
    if rows is None or not ours or not start.whole() or changed(rows, start.began - _TICK):
        return None
    world = Known(programs, fingerprint(rows))
    folder = CacheDir() if folder is None else folder
    entry = f"names-{sha256(world.identity, world.files).hex()}"
    if _recall(world, folder.fetch(entry) or b""):
        return world
    from probee.lang.capture import capture

    lines = _found(capture(programs))
    if not _recall(world, lines):  # in a closure, say
        return None
    folder.store(entry, lines)
    return world


def _identity(program: Program) -> tuple[object, ...]:
    function = program.function
    return (function.__module__, function.__qualname__, program.identity())


def _found(world: Capture) -> bytes:
    """The lines: where in the modules of its functions each declaration stands."""
    places: dict[int, tuple[str, str]] = {}
    for function in world.functions:
        scope = function.__globals__
        for name, value in scope.items():
            if id(value) in world.names:
                places.setdefault(id(value), (scope["__name__"], name))
    lines = [
        " ".join((name, *places.get(id(declaration), ("?", "?"))))
        for name, declaration in world.declarations.items()
    ]
    return "\n".join(("", *lines)).encode()


def _recall(world: Known, lines: bytes) -> bool:
    """Fills in what the lines say; False if they say nothing or what is not there."""
    world.declarations.clear()
    world.names.clear()
    try:
        head, *rows = lines.decode().split("\n")
        for row in rows:
            name, module, attribute = row.split(" ")
            if not world.enter(name, vars(sys.modules[module]).get(attribute)):
                return False
    except (UnicodeDecodeError, ValueError, KeyError):
        return False
    return bool(rows) and not head
