"""What a CO-RE record stands for in the types of its own object: offsets, sizes, 1 for existence.

In: the collection's BTF and a `CoreReloc`. Out: the number that stands in the code before a kernel
was asked; libbpf refuses to load code that holds another one.
"""

from __future__ import annotations

from probee.btf.types import Array, Struct, Union
from probee.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable
    from probee.spec.programs import CoreReloc

_EXISTS = ("field_exists", "type_exists")


def local_value(types: TypeTable, core: CoreReloc) -> int:
    """Raises FormatError for an access that these types do not have."""
    if core.kind in _EXISTS:
        return 1
    if core.kind == "target_type_id":
        return core.type
    if core.kind == "type_size":
        return types.size_of(core.type)
    return local_offset(types, core.type, core.access)


def local_offset(types: TypeTable, id: int, access: str) -> int:
    """Bytes from the start of type `id` to what the numbers `0:1:3` lead to."""
    first, *numbers = (int(number) for number in access.split(":"))
    bits = first * types.size_of(id) * 8 if first else 0
    for number in numbers:
        id = types.resolve(id)
        type_ = types.type(id)
        if isinstance(type_, Array):
            id = type_.type
            bits += number * types.size_of(id) * 8
        elif isinstance(type_, Struct | Union) and number < len(type_.members):
            member = type_.members[number]
            id = member.type
            bits += member.bit_offset
        else:
            raise FormatError(f"BTF type {id} has no member {number}, which {access} asks for")
    return bits // 8
