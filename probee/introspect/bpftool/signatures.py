"""A function's type as bpftool writes it: `u32 (struct sock *, const struct rate_sample *)`.

In: BTF types and the id of a prototype. Out: text, in which each type comes from the outside in, as
BTF has it, so that arrays and functions inside do not read as they would in C.
"""

from __future__ import annotations

from probee.btf import types as btf
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable

_DEEPEST = 64  # types within types


def signature(types: TypeTable, id: int, name: str = "") -> str:
    """The prototype `id`, of a function called `name`."""
    proto = types.type(id)
    if not isinstance(proto, btf.FuncProto):
        raise FormatError(f"type {id} is no prototype of a function")
    return _function(types, proto, name, 0)


def _function(types: TypeTable, proto: btf.FuncProto, name: str, depth: int) -> str:
    parameters = [_parameter(types, parameter, depth) for parameter in proto.params]
    return f"{_shown(types, proto.type, depth)}{name}({', '.join(parameters)})"


def _parameter(types: TypeTable, parameter: btf.Param, depth: int) -> str:
    if not parameter.type:
        return "..."
    shown = _shown(types, parameter.type, depth)
    return shown + parameter.name if parameter.name else shown.removesuffix(" ")


def _shown(types: TypeTable, id: int, depth: int) -> str:
    """A type, with a space behind it."""
    if depth > _DEEPEST:
        raise FormatError(f"type {id} stands within more than {_DEEPEST} others")
    type_ = types.type(id)
    match type_:
        case btf.Void():
            return "void "
        case btf.Int() | btf.Typedef() | btf.Float():
            return f"{type_.name} "
        case btf.Struct():
            return f"struct {type_.name} "
        case btf.Union():
            return f"union {type_.name} "
        case btf.Enum() | btf.Enum64():
            return f"enum {type_.name} "
        case btf.Fwd():
            return f"{'union' if type_.union else 'struct'} {type_.name} "
        case btf.Array():
            return f"{_shown(types, type_.type, depth + 1)}[{type_.count}]"
        case btf.Ptr():
            return f"{_shown(types, type_.type, depth + 1)}* "
        case btf.Const() | btf.Volatile() | btf.Restrict():
            return f"{type(type_).__name__.lower()} {_shown(types, type_.type, depth + 1)}"
        case btf.FuncProto():
            return _function(types, type_, "", depth + 1)
        case _:
            raise FormatError(f"type {id} is no type of a parameter")
