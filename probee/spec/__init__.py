"""The hub: plain data that compiler, object file, cache and loader share."""

from probee.spec.programs import (
    Attach,
    CollectionSpec,
    ContextField,
    CounterSpec,
    ExternSpec,
    MapSpec,
    ProgramSpec,
    Reloc,
    VariableSpec,
)
from probee.spec.target import FormatField, KernelFacts, RawArgument, Target, TracepointFormat
from probee.spec.types import (
    ArrayOf,
    CharArray,
    Field,
    Int,
    Pointer,
    StructType,
    layout,
    struct_format,
    wrap,
)

__all__ = [
    "ArrayOf",
    "Attach",
    "CharArray",
    "CollectionSpec",
    "ContextField",
    "CounterSpec",
    "ExternSpec",
    "Field",
    "FormatField",
    "Int",
    "KernelFacts",
    "MapSpec",
    "Pointer",
    "ProgramSpec",
    "RawArgument",
    "Reloc",
    "StructType",
    "Target",
    "TracepointFormat",
    "VariableSpec",
    "layout",
    "struct_format",
    "wrap",
]
