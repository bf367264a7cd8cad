"""What a set of kernel programs is made of: the functions, declarations and values they name.

In: `Program` declarations. Out: a `Capture`: every function reached, every name each of them can
see with its value, the declarations by their final names, and `identity`, bytes that change when
the meaning of the program could (source text, captured values, defaults, declared shapes, types
that annotations may name). It reads code objects, not syntax, so it costs microseconds and serves
the cache on the warm path; the compiler takes its names from it, so both see the same program.
"""

from __future__ import annotations

import sys

from probee.errors import UsageError
from probee.lang.builtins import Current, Intrinsic
from probee.lang.contexts import ContextMeta
from probee.lang.kernel import KernelMeta, shape
from probee.lang.maps import MapDeclaration
from probee.lang.names import Names
from probee.lang.types import Chars, StructMeta
from probee.lang.variables import Variable
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FunctionType, ModuleType

    from probee.lang.programs import Program
else:
    FunctionType = type(lambda: None)

_MODULE: type[ModuleType] = type(sys)
_ABSENT = object()
_TYPES = frozenset((Int, Pointer, StructMeta, ContextMeta, KernelMeta))


class Capture(Names):
    """The closed world of a compilation."""

    __slots__ = ("functions", "scopes", "types")

    def __init__(self, programs: tuple[Program, ...]) -> None:
        super().__init__(programs)
        self.functions: list[FunctionType] = []
        self.scopes: dict[FunctionType, dict[str, object]] = {}
        self.types: dict[int, dict[str, object]] = {}  # by id of a module's globals

    def annotation(self, function: FunctionType, dotted: str) -> object:
        """The type that `dotted` names in an annotation of `function`, None where it names none."""
        types = self.types[id(function.__globals__)]
        if dotted in types:
            return types[dotted]
        head, *attributes = dotted.split(".")
        value = function.__globals__.get(head)
        if not (isinstance(value, _MODULE) and _is_ours(value)):
            return None
        for name in attributes:
            value = getattr(value, name, None)
        return value


def capture(programs: tuple[Program, ...]) -> Capture:
    """Walks from the programs through every name their code can look up."""
    seen_names = [program.name for program in programs]
    if len(set(seen_names)) != len(seen_names):
        raise UsageError("two programs of one Session have the same name")
    world = Capture(programs)
    material: list[object] = [program.identity() for program in programs]
    files: dict[str, bytes | None] = {}
    queue = [program.function for program in programs]
    while queue:
        function = queue.pop(0)
        if function in world.scopes:
            continue
        scope = visible(function)
        world.functions.append(function)
        world.scopes[function] = scope
        path = function.__code__.co_filename
        if path not in files:
            files[path] = _read(path)
        material.append(_function_identity(function))
        for name in sorted(scope):
            material.append((name, _value_identity(scope[name], name, world, queue)))
        for name, value in _defaults(function):
            material.append((name, _value_identity(value, name, world, queue)))
        if id(function.__globals__) not in world.types:
            types = _types(function.__globals__)
            world.types[id(function.__globals__)] = types
            material += [(name, _shape(types[name])) for name in sorted(types)]
    texts = [files[path] or b"" for path in sorted(files)]
    world.whole = None not in files.values()
    material.append([len(text) for text in texts])
    world.identity = repr(material).encode() + b"".join(texts)
    return world


def visible(function: FunctionType) -> dict[str, object]:
    """The values of the globals and closure cells that the function's code names.

    A name that is also just an attribute in the code may stand in it too: harmless, since it only
    makes the identity finer. `module.name` is entered under that dotted name, and so is a number
    that a class or an enum has.
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


def _types(table: dict[str, object]) -> dict[str, object]:
    """What annotations in a module can name: types that it has, and `module.type` of its imports.

    Annotations are text, or stand in no code at all, so all that they might name is taken. What
    probee's own modules export is found when it is asked for: their files are in the cache's key.
    """
    types = _only_types(table, "")
    for name, module in table.items():
        if isinstance(module, _MODULE) and not _is_ours(module):
            types |= _only_types(vars(module), f"{name}.")
    return types


def _only_types(table: dict[str, object], prefix: str) -> dict[str, object]:
    """Those that `types.value_type` has a layout for, classes of contexts and kernel structs."""
    return {
        prefix + name: value
        for name, value in table.items()
        if type(value) in _TYPES or value is bool or value is Chars
    }


def _is_ours(module: ModuleType) -> bool:
    name = module.__name__
    return name in ("probee", "probee.contexts") or name.startswith("probee.lang")


def _shape(value: object) -> object:
    """A type as plain tuples, whose repr is ten times as fast; anything else as it is."""
    match value:
        case Int():
            return (value.name, value.size, value.signed, value.boolean)
        case StructType():
            fields = [(field.name, field.offset, _shape(field.type)) for field in value.fields]
            return (value.name, value.size, value.align, fields)
        case StructMeta():
            return _shape(value.layout_)
        case ContextMeta():
            said = value.declared_.items()
            return ("context", [(name, _shape(a), _shape(v)) for name, (a, v) in said])
        case KernelMeta():
            return ("kernel", shape(value))
        case Pointer():
            return ("pointer", value.space, value.target)
        case CharArray():
            return ("chars", value.size)
        case ArrayOf():
            return ("array", _shape(value.element), value.count)
        case _:
            return value


def _defaults(function: FunctionType) -> list[tuple[str, object]]:
    """Parameters that have a default, with its value."""
    code, values = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(values) : code.co_argcount]
    keywords = function.__kwdefaults__ or {}
    return [
        *zip(names, values, strict=True),
        *((name, keywords[name]) for name in sorted(keywords)),
    ]


def _function_identity(function: FunctionType) -> tuple[object, ...]:
    code = function.__code__
    return (
        function.__module__,
        function.__qualname__,
        code.co_filename,
        code.co_firstlineno,
        _code_identity(code),
    )


def _code_identity(code: CodeType) -> tuple[object, ...]:
    """What runs in memory, which the file may not say any more."""
    constants = [
        _code_identity(one) if hasattr(one, "co_code")
        # A set's order differs between runs.
        else sorted(map(repr, one)) if isinstance(one, frozenset)
        else repr(one)
        for one in code.co_consts
    ]  # fmt: skip
    return (code.co_name, code.co_code, code.co_names, code.co_varnames, constants)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None  # no source: mostly the compiler refuses it, with its reason


def _value_identity(value: object, name: str, world: Capture, queue: list[FunctionType]) -> object:
    """What of `value` can change the program, as something with a stable repr.

    Of numbers and text their content as the compiler takes it: a subclass has a repr of its own.
    """
    kind = type(value).__name__
    if value is None or isinstance(value, int):
        return (kind, value if value is None else int(value))
    if isinstance(value, str):
        return (kind, str.__str__(value))
    if isinstance(value, bytes):
        return (kind, b"".join((value,)))
    if isinstance(value, (MapDeclaration, Variable)):
        return (_enter(value, name, world), [_shape(part) for part in value.identity()])
    if isinstance(value, (Int, CharArray, Pointer, StructMeta, KernelMeta)):
        return _shape(value)
    if isinstance(value, FunctionType):
        module = value.__module__ or ""
        if not module.startswith("probee.lang."):
            queue.append(value)
        return (module, value.__qualname__)
    if type(value) is tuple:
        return (kind, [_value_identity(item, name, world, queue) for item in value])
    if isinstance(value, (Intrinsic, Current)):
        return (kind, value.name if isinstance(value, Intrinsic) else "")
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
