"""Types as C: small cases by hand, and blobs that cannot be C: a FormatError, and soon.

That whole kernels and objects come out as bpftool prints them is tests/oracle/test_btf_dump.py.
"""

from __future__ import annotations

import random
import struct
import time

import pytest

from probee.btf import kinds
from probee.btf.c_dump import CDump
from probee.btf.flat import Flat
from probee.btf.raw import Sections
from probee.btf.types import Array, Member, Ptr, Struct, Typedef, Union
from probee.btf.writer import BtfBuilder
from probee.errors import FormatError
from probee.introspect.btf_c import c_header
from probee.introspect.btf_raw import raw_json, raw_text
from tests.unit.btf.samples import info, newest_kinds, raw

BLOB = newest_kinds().build()


def flat(builder: BtfBuilder) -> Flat:
    return Flat(Sections(builder.build()))


def whole(data: bytes) -> str:
    """Everything that is printed of a blob."""
    types = Flat(Sections(data))
    parts = (raw_text(types), raw_json(types), raw_json(types, pretty=True))
    headers = (c_header(types), c_header(types, sort=False))
    return "".join("".join(part) for part in (*parts, *headers))


def declaration(builder: BtfBuilder, id: int, name: str = "x") -> str:
    return CDump(flat(builder)).declare(id, name)


def test_declarations() -> None:
    b = BtfBuilder()
    int_, char = b.int_("int", 4, signed=True), b.int_("char", 1)
    text = b.ptr(b.const(char))
    function = b.func_proto(int_, [("fmt", text)], variadic=True)
    pointer = b.ptr(function)
    cases = {
        text: "const char *x",
        b.const(text): "const char * const x",
        b.ptr(b.ptr(0)): "void **x",
        b.array(b.array(int_, 3), 2): "int x[2][3]",
        b.ptr(b.array(int_, 3)): "int (*x)[3]",
        pointer: "int (*x)(const char *fmt, ...)",
        b.array(pointer, 4): "int (*x[4])(const char *fmt, ...)",
        b.ptr(b.func_proto(pointer, [])): "int (* (*x)(void))(const char *fmt, ...)",
        b.volatile(b.const(int_)): "const volatile int x",
        b.restrict(text): "const char * restrict x",
        b.const(b.array(int_, 3)): "int x[3]",
    }
    for id, said in cases.items():
        assert declaration(b, id) == said
    assert declaration(b, text, "") == "const char *"
    assert declaration(b, b.array(pointer, 4), "") == "int (*[4])(const char *fmt, ...)"


def test_a_struct_with_holes_bitfields_and_a_cycle() -> None:
    b = BtfBuilder()
    int_, char, long_ = b.int_("int", 4), b.int_("char", 1), b.int_("long", 8)
    node = b.reserve()
    members = (
        Member("next", b.ptr(node), 0),
        Member("low", int_, 64, 3),
        Member("high", int_, 72, 5),
        Member("c", char, 96),
        Member("l", long_, 192),
    )
    b.define(node, Struct("node", 40, members))
    assert CDump(flat(b)).define(node) == (
        "struct node {\n\tstruct node *next;\n\tint low: 3;\n\tchar: 5;\n\tint high: 5;\n"
        "\tint: 0;\n\tchar c;\n\tlong: 64;\n\tlong l;\n\tlong: 64;\n};\n\n"
    )


def test_what_has_no_natural_layout_is_packed_and_names_are_made_unlike() -> None:
    b = BtfBuilder()
    char, int_ = b.int_("char", 1), b.int_("int", 4)
    one = b.struct("s", 5, [("a", char, 0), ("b", int_, 8)])
    two = b.struct("s", 4, [("a", int_, 0)])
    empty = b.struct("nothing", 0, [])
    dump = CDump(flat(b))
    assert dump.define(one) == ("struct s {\n\tchar a;\n\tint b;\n} __attribute__((packed));\n\n")
    assert dump.define(two) == "struct s___2 {\n\tint a;\n};\n\n"
    assert dump.define(two) == ""
    assert dump.declare(two, "x") == "struct s___2 x"
    assert dump.define(empty) == "struct nothing {};\n\n"


def test_what_is_needed_comes_first_and_what_is_pointed_to_is_only_declared() -> None:
    b = BtfBuilder()
    inner, outer, far = b.reserve(), b.reserve(), b.reserve()
    int_ = b.int_("int", 4)
    b.define(outer, Struct("outer", 16, (Member("i", inner, 0), Member("far", b.ptr(far), 64))))
    b.define(inner, Struct("inner", 4, (Member("a", int_, 0),)))
    b.define(far, Union("far", 4, (Member("a", int_, 0),)))
    assert CDump(flat(b)).define(outer) == (
        "struct inner {\n\tint a;\n};\n\nunion far;\n\n"
        "struct outer {\n\tstruct inner i;\n\tunion far *far;\n};\n\n"
    )


def contains_itself() -> bytes:
    b = BtfBuilder()
    node = b.reserve()
    b.define(node, Struct("node", 8, (Member("n", node, 0),)))
    return b.build()


def array_of_itself() -> bytes:
    b = BtfBuilder()
    b.define(me := b.reserve(), Array(me, b.int_("int", 4), 2))
    b.struct("s", 8, [("a", me, 0)])
    return b.build()


def typedef_of_itself() -> bytes:
    b = BtfBuilder()
    b.define(me := b.reserve(), Typedef("t", me))
    return b.build()


def doubling(kind: str) -> bytes:
    """Forty types, each with two of the one before: 2^40 of the first."""
    b = BtfBuilder()
    last = b.int_("int", 4)
    for _ in range(40):
        if kind == "functions":
            last = b.ptr(b.func_proto(0, [("a", last), ("b", last)]))
        else:
            last = b.union(
                "",
                4,
                [
                    (
                        "a",
                        last,
                    ),
                    (
                        "b",
                        last,
                    ),
                ],
            )
    b.typedef("t", last)
    return b.build()


def shared_function() -> bytes:
    """Many pointers to a function of as many parameters, of which one leads far."""
    b = BtfBuilder()
    count = 16_000
    far = int_ = b.int_("int", 4)
    for _ in range(20):
        far = b.ptr(far)
    params = [("a", int_)] * (count - 1)
    function = b.func_proto(0, [*params, ("far", far)])
    for _ in range(count):
        b.define(b.reserve(), Ptr(function))
    return b.build()


def deep() -> bytes:
    b = BtfBuilder()
    last = b.int_("int", 4)
    for _ in range(20_000):
        last = b.const(last)
    b.typedef("t", last)
    return b.build()


def holes() -> bytes:
    b = BtfBuilder()
    int_ = b.int_("int", 4)
    b.add(Struct("s", 0xFFFFFFF0, (Member("a", int_, 0),)))
    return b.build()


HOPELESS = {
    "a struct in itself": (contains_itself(), "contains itself"),
    "an array of itself": (array_of_itself(), "too deep"),
    "a typedef of itself": (typedef_of_itself(), "leads through|too deep"),
    "functions of functions": (doubling("functions"), "too many times|more C than"),
    "unions of unions": (doubling("unions"), "too many times|more C than"),
    "a function that many share": (shared_function(), "too many times"),
    "a long chain": (deep(), "leads through"),
    "a hole of gigabytes": (holes(), "hole of"),
    "a member of no type": (raw([0, info(kinds.STRUCT, 1), 4, 1, 9, 0]), "there are 1 types"),
    "a member of no name": (raw([0, info(kinds.STRUCT, 1), 4, 900, 1, 0]), "bytes of strings"),
    "a pointer to no type": (raw([0, info(kinds.PTR), 2]), "there are 1 types"),
    "a function of itself": (raw([1, info(kinds.FUNC), 1]), "no FUNC_PROTO"),
    "an array of no type": (raw([0, info(kinds.ARRAY), 0, 7, 1, 2]), "there are 1 types"),
    "no name": (raw([900, info(kinds.FWD), 0]), "has its name"),
}


@pytest.mark.parametrize("case", HOPELESS)
def test_what_cannot_be_printed_is_a_format_error_and_soon(case: str) -> None:
    data, said = HOPELESS[case]
    start = time.monotonic()
    with pytest.raises(FormatError, match=said):
        whole(data)
    assert time.monotonic() - start < 60  # that it ends, on whatever machine


@pytest.mark.parametrize("seed", range(8))
def test_spoiled_blobs_are_printed_or_refused(seed: int) -> None:
    random_ = random.Random(seed)
    printed = 0
    for _ in range(150):
        data = bytearray(BLOB)
        for _ in range(random_.randrange(1, 5)):
            at = random_.randrange(24, len(data) & ~3)
            if random_.random() < 0.5:
                data[at] ^= 1 << random_.randrange(8)
            else:
                word = random_.choice((0, 1, 2, random_.randrange(60), 0xFFFFFFFF, 0x7FFFFFFF))
                struct.pack_into("<I", data, at & ~3, word)
        try:
            printed += bool(whole(bytes(data)))
        except FormatError:
            pass
    assert printed
