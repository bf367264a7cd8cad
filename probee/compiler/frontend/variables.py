"""Where variables stand: in a data section, or in the per-CPU array of one element.

In: a Const or Global, placed by the World. Out: its address, or a Place. The lookup of a per-CPU
variable's array never fails, but only the verifier of Linux 6.14 and newer knows that: for all
others the program tests it, and would stop and tell of a LookupError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import memory, tables
from probee.compiler.frontend.traps import trap_if
from probee.spec.programs import PER_CPU

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.spec.programs import VariableSpec


def place(low: Lowering, variable: VariableSpec, node: ast.AST) -> memory.Place:
    """The variable as a place to read and write."""
    site = f"variable:{variable.name}"
    if variable.section != PER_CPU:
        address = low.builder.emit("dataaddr", symbol=variable.section, offset=variable.offset)
        return memory.Place(memory.bare(address, site=site), 0, variable.type)
    pointer = tables.only_element(low, PER_CPU)
    trap_if(low, "eq", pointer, 0, "LookupError", node)
    return memory.Place(memory.bare(pointer, site=site), variable.offset, variable.type)
