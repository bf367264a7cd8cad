"""What an expression is while it is compiled: typed values over IR operands.

In: nothing. Out: the frozen kinds of value that the front end's rules are written over. `Num` is
the only one with a run-time operand of its own; references carry an address; the rest stand for
things known when the program is compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from probee.frozen import Frozen
from probee.lang.types import BOOL
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType

if TYPE_CHECKING:
    import ast

    from probee.compiler.ir.ops import Operand, Value
    from probee.lang.contexts import ContextMeta
    from probee.lang.kernel import KernelMeta

S64 = Int("s64", 8, True)
U64 = Int("u64", 8, False)
U32 = Int("u32", 4, False)
# a number without a width of its own: it takes the one it meets
LITERAL = Int("int literal", 8, True)


class Num(Frozen):
    """An integer or pointer of `type`; `op` is normalised (see ir/ops.py) or a Python int.

    `low` and `high` bound it where more is known than its type says.
    """

    type: Int | Pointer
    op: Operand
    low: int | None = None
    high: int | None = None

    @property
    def literal(self) -> bool:
        """Whether it is a bare number of the source: `op` is then a Python int."""
        return self.type is LITERAL

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest number that it can be."""
        if isinstance(self.op, int):
            return self.op, self.op
        if isinstance(self.type, Pointer):
            return 0, U64.high
        low = self.type.low if self.low is None else self.low
        high = self.type.high if self.high is None else self.high
        return low, high


class Ref(Frozen):
    """`type` stands in memory at `ptr` + `offset`.

    `origin`: `stack`, `map:NAME`, `ring:NAME`, `data`, and `ctx` and `rodata`, which cannot be
    written. `site`: which object it is, for the rules on aliases; "" where that cannot matter.
    `born`: how often its map had been changed when the reference was got (see memory.py); `seen`:
    how many parts of its object had been replaced by then (see replaced.py). `align`: what `ptr` is
    known to be a multiple of; `moved`: `offset` does not tell where in the object it is.
    """

    ptr: Value
    offset: int
    type: StructType | CharArray | ArrayOf
    origin: str
    site: str = ""
    born: int = 0
    seen: int = 0
    align: int = 8
    moved: bool = False


class Opt(Frozen):
    """A `Ref` or None: None when `ref.ptr` is 0. `variable`: the local it was read from, or ""."""

    ref: Ref
    variable: str = ""


class OptNum(Frozen):
    """An integer or None: `present` is 1 or 0, and 0 means None; `num.op` is 0 then."""

    num: Num
    present: Operand
    variable: str = ""


class OptText(Frozen):
    """Text in a buffer of its own, or None: `present` is 1 or 0, and 0 means None."""

    ref: Ref
    present: Operand
    variable: str = ""


class Text(Frozen):
    """A string known when the program is compiled, or with `binary` bytes."""

    raw: bytes
    binary: bool = False


class Raw(Frozen):
    """`text.raw`: the bytes of a text."""

    text: TypedValue


class Part(Frozen):
    """`text[:stop]`, `text.raw[start:stop]`, to be compared; `stop` None: to the end."""

    text: TypedValue
    start: int
    stop: int | None


class Window(Frozen):
    """`window(buffer, at, size)`, to be given to a helper: the piece, and the buffer around it."""

    ref: Ref
    whole: Ref


class ReadStr(Frozen):
    """A `read_str(pointer, size, default=…)` that has not been given a place to write to.

    Without a `default` it may be None; without a `size` the place must have one.
    """

    pointer: Num
    default: bytes | None
    size: int | None


class Kern(Frozen):
    """What the kernel has at the address `op`, or, with a `path`, the member of it: a `cls`.

    `root`: the struct at the address. `direct`: the verifier knows what stands there, so that a
    plain load reads it; it may be NULL all the same, and then every load gives 0.
    """

    cls: KernelMeta
    op: Operand
    root: KernelMeta
    path: tuple[str, ...] = ()
    direct: bool = False


class KernPointers(Frozen):
    """The address `op` of pointers to `cls` in the kernel, whose number nobody says."""

    cls: KernelMeta
    op: Operand


class KernItems(Frozen):
    """The address `op` of integers or structs in the kernel, whose number nobody says."""

    item: Int | KernelMeta
    op: Operand


class KernText(Frozen):
    """A char array of `size` bytes in the kernel, not yet given a place to be read to."""

    owner: Kern
    name: str
    size: int


class Comm(Frozen):
    """`current.comm`, not yet given a place to write to."""


class NoneType(Frozen):
    """None."""


class Context(Frozen):
    """The program's context: `ptr` is what the kernel passed.

    `stated`: the class that the annotation names; None where that leaves the fields open.
    """

    ptr: Value
    stated: ContextMeta | None = None


class Thing(Frozen):
    """A Python object known when the program is compiled: a declaration, type, function, module."""

    obj: object
    name: str


class Keyed(Frozen):
    """`h[key]` of the `Hist` declaration `hist`; `node` is the key's expression."""

    hist: object
    key: TypedValue
    node: ast.expr


class Method(Frozen):
    """`owner.name`, about to be called."""

    owner: TypedValue
    name: str


class Several(Frozen):
    """A tuple."""

    items: tuple[TypedValue, ...]


TypedValue: TypeAlias = (
    Num
    | Ref
    | Opt
    | OptNum
    | OptText
    | Text
    | Raw
    | Part
    | Window
    | ReadStr
    | Comm
    | Kern
    | KernPointers
    | KernItems
    | KernText
    | NoneType
    | Context
    | Thing
    | Method
    | Keyed
    | Several
)
NONE = NoneType()


def literal(value: int) -> Num:
    """A bare number."""
    return Num(LITERAL, value)


def boolean(op: Operand) -> Num:
    """A truth value: `op` is 1 or 0."""
    return Num(BOOL, op)


def with_article(name: str) -> str:
    """`name` behind its article."""
    return f"a{'n' * (name[:1].lower() in 'aeio')} {name}"


def describe(value: TypedValue) -> str:
    """The value's kind in the user's words, for messages."""
    match value:
        case Num(type=Pointer(space, target)):
            return f"a {space} {'string ' if target == 'char' else ''}pointer"
        case Num(type=Int(name=name)):
            return name
        case Ref(type=StructType(name=name)):
            return with_article(name)
        case Ref(type=ArrayOf()):
            return "an array"
        case Raw() | Text(binary=True):
            return "bytes"
        case Part():
            return "a part of a text"
        case Window():
            return "a window"
        case Ref() | Text() | Comm() | KernText():
            return "text"
        case Kern(cls=cls):
            return with_article(f"{cls.__name__} of the kernel")
        case KernPointers() | KernItems():
            return "an array of the kernel"
        case OptText() | Opt(ref=Ref(type=CharArray())):
            return "text or None"
        case Opt(ref=Ref(type=StructType(name=name))):
            return f"{with_article(name)} or None"
        case OptNum(num=Num(type=Int(name=name))):
            return f"{name} or None"
        case ReadStr():
            return "text read from memory"
        case NoneType():
            return "None"
        case Context():
            return "the context"
        case Thing(name=name):
            return f"`{name}`"
        case Method(name=name):
            return f"the method {name}"
        case Keyed():
            return "a histogram"
        case _:
            return "a tuple" if isinstance(value, Several) else "a value"
