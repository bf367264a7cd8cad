"""BTF to test with: one blob with every kind in it, and raw blobs made word by word."""

from __future__ import annotations

import struct

from probee.btf.mapdef import map_def
from probee.btf.types import DeclTag, Member, Struct, TypeTag
from probee.btf.writer import BtfBuilder


def every_kind() -> BtfBuilder:
    """All 19 kinds as a compiler would use them, each acceptable to a kernel of 2022 and later."""
    b = BtfBuilder()
    int_ = b.int_("int", 4, signed=True)
    u32, u64 = b.int_("u32", 4), b.int_("u64", 8)
    char = b.int_("char", 1, signed=True)
    flag = b.int_("_Bool", 1, boolean=True)
    double = b.float_("double", 8)
    colour = b.enum("colour", [("RED", 0), ("GREEN", 1), ("BLUE", 5)])
    sign = b.enum("sign", [("MINUS", -1), ("PLUS", 1)], signed=True)
    wide = b.enum("wide", [("SMALL", 1), ("HUGE", 1 << 40)], size=8)
    pair = b.struct("", 4, [("x", b.int_("s16", 2, signed=True), 0), ("y", b.int_("u16", 2), 16)])
    union = b.union("", 4, [("whole", u32), ("", pair)])
    node = b.reserve()
    name = b.typedef("name_t", b.array(char, 16))
    b.define(
        node,
        Struct(
            "node",
            80,
            (
                Member("next", b.ptr(node), 0),
                Member("low", u32, 64, 5),
                Member("high", int_, 69, 11),
                Member("", union, 96),
                Member("name", b.const(name), 128),
                Member("ratio", double, 256),
                Member("colour", colour, 320),
                Member("sign", sign, 352),
                Member("wide", wide, 384),
                Member("ok", flag, 448),
                Member("slots", b.array(b.volatile(u64), 2), 512),
            ),
        ),
    )
    b.fwd("somewhere")
    b.ptr(b.type_tag("user", b.fwd("else", union=True)))
    proto = b.func_proto(int_, [("node", b.restrict(b.ptr(node))), ("size", u64)])
    helper = b.func("helper", proto, "global")
    b.ptr(b.func_proto(0, [("format", b.ptr(char))], variadic=True))
    b.decl_tag("probee:1", helper)
    b.decl_tag("first", helper, 0)
    counter = b.var("counter", u64)
    b.datasec(".bss", 16, [(counter, 0, 8), (b.var("hidden.1", int_, "static"), 8, 4)])
    opens = map_def(b, "opens", 1, max_entries=64, key=u32, value=node)
    b.datasec(".maps", opens.size, [(opens.var, 0, opens.size)])
    return b


def newest_kinds() -> BtfBuilder:
    """What `every_kind` has, and tags that are whole attributes (Linux 6.15)."""
    b = every_kind()
    b.ptr(b.add(TypeTag("address_space(1)", 0, attribute=True)))
    b.add(DeclTag("noreturn", b.struct("tagged", 4, [("a", 1, 0)]), -1, attribute=True))
    return b


def raw(words: list[int], strings: bytes = b"\0a\0", order: str = "<") -> bytes:
    """A blob of these words."""
    types = struct.pack(f"{order}{len(words)}I", *words)
    header = struct.pack(f"{order}HBB5I", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    return header + types + strings


def info(kind: int, vlen: int = 0, flag: int = 0) -> int:
    """The info word of a record."""
    return flag << 31 | kind << 24 | vlen
