"""Types of functions as bpftool writes them, from the outside in."""

from __future__ import annotations

import pytest

from probee.btf import types as t
from probee.btf.reader import Btf
from probee.btf.writer import BtfBuilder
from probee.errors import FormatError
from probee.introspect.bpftool.signatures import signature

TYPES = (
    t.Int("int", 4, 32, t.SIGNED),  # 1
    t.Fwd("sock"),  # 2
    t.Ptr(2),  # 3
    t.Const(1),  # 4
    t.Ptr(4),  # 5
    t.Array(1, 1, 3),  # 6
    t.Ptr(0),  # 7
    t.Typedef("u32", 1),  # 8
    t.Enum("colour", 4, (t.Enumerator("red", 0),)),  # 9
    t.Union("both", 4),  # 10
    t.Volatile(10),  # 11
    t.FuncProto(1, (t.Param("", 8),)),  # 12
    t.Ptr(12),  # 13
    t.TypeTag("rcu", 1),  # 14
    t.Ptr(14),  # 15
    t.Fwd("pair", True),  # 16
    t.Float("float", 4),  # 17
    t.Struct("s", 4),  # 18
    t.Restrict(3),  # 19
)


def shown(*parameters: tuple[str, int], returns: int = 0, name: str = "") -> str:
    builder = BtfBuilder()
    for type_ in TYPES:
        builder.add(type_)
    proto = builder.add(t.FuncProto(returns, tuple(t.Param(*p) for p in parameters)))
    return signature(Btf(builder.build()), proto, name)


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (1, "int"), (3, "struct sock *"), (5, "const int *"), (6, "int [3]"), (7, "void *"),
        (8, "u32"), (9, "enum colour"), (11, "volatile union both"), (13, "int (u32)*"),
        (16, "union pair"), (17, "float"), (18, "struct s"), (19, "restrict struct sock *"),
    ],
)  # fmt: skip
def test_parameters(type_: int, text: str) -> None:
    assert shown(("", type_)) == f"void ({text})"


def test_names_and_more() -> None:
    assert shown(("a", 1), ("", 3), ("", 0), returns=8) == "u32 (int a, struct sock *, ...)"
    assert shown(returns=3, name="f") == "struct sock * f()"


def test_what_has_no_such_form() -> None:
    """bpftool writes no tags: it shows the pointer's number in place of such a function."""
    with pytest.raises(FormatError, match="type 14 is no type of a parameter"):
        shown(("", 15))
