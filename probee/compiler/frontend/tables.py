"""A map that has keys, and the four helper calls on it.

In: a map declaration, keys and values. Out: addresses of values, and helpers' results. Updates
that the kernel refuses are counted a map. A change of a map makes references into it stale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.compiler.frontend import mapkeys, memory
from probee.compiler.frontend.traps import bump
from probee.compiler.frontend.values import Opt, Ref, Thing, describe
from probee.frozen import Frozen, replace
from probee.lang.counters import Counter
from probee.lang.hist import Hist
from probee.lang.maps import Array, MapDeclaration, RingBuf
from probee.lang.perf import PerfEventArray
from probee.lang.stacks import StackTrace
from probee.lang.tries import LpmTrie
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType

if TYPE_CHECKING:
    import ast

    from probee.compiler.frontend.lowering import Lowering
    from probee.compiler.frontend.values import TypedValue
    from probee.compiler.ir.ops import Loc, Operand, Value
    from probee.spec.types import ValueType

BPF_ANY, BPF_NOEXIST = 0, 1


class Table(Frozen):
    """A map that has keys: its declaration, types, and the name it has in the kernel."""

    declaration: MapDeclaration
    name: str
    key: ValueType
    value: ValueType

    @property
    def array(self) -> bool:
        """Whether its keys are indices, all of them there."""
        return isinstance(self.declaration, Array)

    @property
    def counter(self) -> bool:
        """Whether a missing key reads 0."""
        return isinstance(self.declaration, Counter)

    @property
    def prefixes(self) -> bool:
        """Whether a lookup finds the longest prefix, and not the key itself."""
        return isinstance(self.declaration, LpmTrie)

    @property
    def origin(self) -> str:
        """The place of its values, for references."""
        return f"map:{self.name}"


# what is no table in a kernel program: (declaration, message, why, what to write)
_WITHOUT_KEYS = (
    (
        RingBuf,
        "a ring buffer has no keys",
        "its records go to user space in order",
        "use reserve() or output()",
    ),
    (
        StackTrace,
        "stacks are not read in a kernel program",
        "the kernel keeps them for user space",
        "take one with kernel() or user(), and send its number",
    ),
    (
        PerfEventArray,
        "a perf event array has no keys in a kernel program",
        "records go to the buffer of the CPU that runs it",
        "use output(record)",
    ),
    (
        Hist,
        "a histogram is only added to",
        "it counts values by their bucket",
        "write h.add(value) or h[key].add(value)",
    ),
)


def table_of(low: Lowering, owner: TypedValue, node: ast.AST) -> Table:
    """The map that a program names here, if it has keys."""
    if not isinstance(owner, Thing) or not isinstance(owner.obj, MapDeclaration):
        raise low.refuse(
            node,
            "type",
            f"{describe(owner)} is not a map",
            why="only maps have keys in a kernel program",
        )
    for kind, message, why, fix in _WITHOUT_KEYS:
        if isinstance(owner.obj, kind):
            raise low.refuse(node, "map-operation", message, why=why, fix=fix)
    key, value = owner.obj.key, owner.obj.value
    if key is None:
        raise low.refuse(
            node,
            "map-operation",
            f"a {type(owner.obj).__name__} has no keys",
            why="a map has the operations that the kernel gives it",
            fix="use its methods",
        )
    assert value is not None
    return Table(owner.obj, low.world.capture.name_of(owner.obj), key, value)


def lookup(low: Lowering, table: Table, key: TypedValue, node: ast.expr) -> Value:
    """The address of the value, 0 where the key is missing."""
    return find(low, table, mapkeys.key_address(low, table, key, node), node)


def find(low: Lowering, table: Table, key: Value, node: ast.expr) -> Value:
    """The address of the value under the key at an address, 0 where the key is missing."""
    low.place(node)
    address = map_address(low, table.name)
    return low.builder.emit("call", address, key, result="ptr", symbol="map_lookup_elem")


def only_element(low: Lowering, name: str) -> Value:
    """The address of an array's only element: never 0, which few verifiers know (Linux 6.14)."""
    key = low.scratch_slot("index", 4)
    low.builder.emit("store", key, 0, size=4)
    address = map_address(low, name)
    return low.builder.emit("call", address, key, result="ptr", symbol="map_lookup_elem")


def map_address(low: Lowering, name: str) -> Value:
    """A map as helpers want it."""
    return low.builder.emit("mapaddr", symbol=name)


def reference(low: Lowering, table: Table, pointer: Value) -> Ref:
    """The struct at an address in the map."""
    assert isinstance(table.value, (StructType, CharArray, ArrayOf))
    born = low.changes.get(table.origin, 0)
    return Ref(pointer, 0, table.value, table.origin, table.origin, born)


def load(low: Lowering, table: Table, pointer: Value) -> TypedValue:
    """What stands at an address in the map: a number is read at once, a struct referred to."""
    if isinstance(table.value, (Int, Pointer)):
        return memory.load_number(
            low, memory.Place(memory.bare(pointer), 0, table.value), table.value
        )
    return reference(low, table, pointer)


def update(low: Lowering, table: Table, key: Value, value: Value, flags: int) -> None:
    """map_update_elem; what the kernel refuses is counted."""
    count_unless_zero(low, try_update(low, table, key, value, flags), "map_update", table.name)


def try_update(low: Lowering, table: Table, key: Value, value: Value, flags: int) -> Value:
    """map_update_elem: 0, or an error."""
    address = map_address(low, table.name)
    return low.builder.emit(
        "call", address, key, value, flags, result="int", symbol="map_update_elem"
    )


def count_unless_zero(low: Lowering, result: Operand, kind: str, subject: str) -> None:
    """A call that gave an error is counted, and the program goes on."""
    refused, done = low.blocks(2)
    low.branch("eq", result, 0, done, refused)
    low.start(refused)
    lost(low, kind, subject)
    low.jump(done)
    low.start(done)


def lost(low: Lowering, kind: str, subject: str, program: str = "", loc: Loc | None = None) -> None:
    """Counts one loss of a kind (see runtime/losses.py), here."""
    if low.live:
        bump(low, low.world.counter(kind, subject, program, loc))


def changed(low: Lowering, table: Table) -> None:
    """References into `table` are stale from here on."""
    low.changes[table.origin] = low.changes.get(table.origin, 0) + 1
    stale = set(low.flow.stale)
    for frame in low.frames:
        for name, local in frame.locals.items():
            ref = local.ref if isinstance(local, Opt) else local
            if isinstance(ref, Ref) and ref.origin == table.origin:
                stale.add(frame.key(name))
    low.flow = replace(low.flow, stale=frozenset(stale))


def remove(low: Lowering, table: Table, key: TypedValue, node: ast.expr) -> Value:
    """map_delete_elem: 0, or an error where the key is missing."""
    pointer = mapkeys.key_address(low, table, key, node)
    address = map_address(low, table.name)
    return low.builder.emit("call", address, pointer, result="int", symbol="map_delete_elem")
