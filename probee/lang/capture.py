"""What a set of kernel programs is made of: the functions, declarations and values they name.

In: `Program` declarations. Out: a `Capture`: every function reached, every name each of them can
see with its value, the declarations by their final names, and `identity`, bytes that change when
the meaning of the program could (source text, captured values, defaults, declared shapes). It reads code
objects, not syntax, so it costs microseconds and serves the cache on the warm path; the compiler
takes its names from it, so both see the same program.
"""

from __future__ import annotations

import sys

from probee.errors import UsageError
from probee.lang.builtins import Current, Intrinsic
from probee.lang.maps import MapDeclaration, Variable
from probee.lang.programs import Program
from probee.lang.types import StructMeta
from probee.spec.types import CharArray, Int, Pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FunctionType
else:
    FunctionType = type(lambda: None)

_MODULE = type(sys)
_ABSENT = object()


class Capture:
    """The closed world of a compilation."""

    __slots__ = ("declarations", "functions", "identity", "names", "programs", "scopes")

    def __init__(self, programs: tuple[Program, ...]) -> None:
        self.programs = programs
        self.functions: list[FunctionType] = []
        self.scopes: dict[FunctionType, dict[str, object]] = {}
        self.declarations: dict[str, MapDeclaration | Variable[object]] = {}
        self.names: dict[int, str] = {}
        self.identity = b""

    def name_of(self, declaration: object) -> str:
        """The name under which a declaration goes to the kernel."""
        name = self.names.get(id(declaration))
        if name is None:
            raise UsageError(
                f"{type(declaration).__name__} is not used by the programs of this Session",
                hint="a declaration belongs to a Session when one of its programs names it",
            )
        return name


def capture(programs: tuple[Program, ...]) -> Capture:
    """Walks from the programs through every name their code can look up."""
    seen_names = [program.name for program in programs]
    if len(set(seen_names)) != len(seen_names):
        raise UsageError("two programs of one Session have the same name")
    world = Capture(programs)
    material: list[object] = [program.identity() for program in programs]
    files: dict[str, bytes] = {}
    queue = [program.function for program in programs]
    while queue:
        function = queue.pop(0)
        if function in world.scopes:
            continue
        scope = visible(function)
        world.functions.append(function)
        world.scopes[function] = scope
        material.append(_function_identity(function, files))
        for name in sorted(scope):
            material.append((name, _value_identity(scope[name], name, world, queue)))
    world.identity = repr(material).encode() + b"".join(files[f] for f in sorted(files))
    return world


def visible(function: FunctionType) -> dict[str, object]:
    """The values of the globals and closure cells that the function's code names.

    A name that is also just an attribute in the code may stand in it too: harmless, since it only
    makes the identity finer. `module.name` is entered under that dotted name, and so is a number that a class or an enum has.
    """
    code = function.__code__
    scope: dict[str, object] = {}
    cells = function.__closure__ or ()
    for name, cell in zip(code.co_freevars, cells, strict=True):
        try:
            scope[name] = cell.cell_contents
        except ValueError:  # bound later than the function, and not bound yet
            continue
    table = function.__globals__
    for name in _names(code):
        value = table.get(name, _ABSENT)
        if value is _ABSENT:
            continue
        scope.setdefault(name, value)
        if isinstance(value, (_MODULE, type)):
            for attribute in _names(code):
                inner = getattr(value, attribute, _ABSENT)
                if inner is not _ABSENT and (isinstance(value, _MODULE) or isinstance(inner, int)):
                    scope[f"{name}.{attribute}"] = inner
    return scope


def _names(code: CodeType) -> list[str]:
    names = list(code.co_names)
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):  # a nested function or comprehension
            names += _names(constant)
    return names


def _function_identity(function: FunctionType, files: dict[str, bytes]) -> tuple[object, ...]:
    code = function.__code__
    if code.co_filename not in files:
        files[code.co_filename] = _read(code.co_filename)
    return (
        function.__module__,
        function.__qualname__,
        code.co_filename,
        code.co_firstlineno,
        code.co_code,
        repr(function.__defaults__),
        repr(function.__kwdefaults__),
    )


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""  # no source: the compiler refuses it, with its reason


def _value_identity(value: object, name: str, world: Capture, queue: list[FunctionType]) -> object:
    """What of `value` can change the program, as something with a stable repr."""
    if value is None or isinstance(value, (int, str, bytes)):
        return (type(value).__name__, repr(value))
    if isinstance(value, (MapDeclaration, Variable)):
        return (_enter(value, name, world), value.identity())
    if isinstance(value, StructMeta):
        return value.layout_
    if isinstance(value, FunctionType):
        if not value.__module__.startswith("probee.lang"):
            queue.append(value)
        return (value.__module__, value.__qualname__)
    if isinstance(value, (Int, CharArray, Pointer)):
        return value
    if isinstance(value, (Intrinsic, Current)):
        return (type(value).__name__, value.name if isinstance(value, Intrinsic) else "")
    return (type(value).__module__, type(value).__qualname__)


def _enter(value: MapDeclaration | Variable[object], name: str, world: Capture) -> str:
    """Gives a declaration its name: the first it is met under, made unique."""
    known = world.names.get(id(value))
    if known is not None:
        return known
    base = unique = name.rpartition(".")[2]
    count = 2
    while unique in world.declarations:
        unique = f"{base}_{count}"
        count += 1
    world.names[id(value)] = unique
    world.declarations[unique] = value
    return unique
