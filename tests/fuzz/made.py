"""Types and objects made by hand, for what neither compilers nor damage lead to.

In: nothing. Out: `types` and `objects`: blobs of BTF and files, each by its name, as seeds.
"""

from __future__ import annotations

import struct

from probee.btf.types import Member, Struct, Typedef
from probee.btf.writer import BtfBuilder
from probee.elf.read import ElfFile
from probee.elf.write import ElfWriter
from probee.uapi import elf as uapi
from tests.unit.objfile.samples import EXIT, LD64, NAMED, Sample

_PTR, _CONST = 2, 10
_GOTOX = b"\x0d\1" + bytes(6)
_TWICE = LD64 + LD64 + _GOTOX + EXIT


def types() -> dict[str, bytes]:
    """Blobs of types, of little-endian order."""
    return {
        "built-in": _built_in(),
        "loops": _loops(),
        "seen-twice": _seen_twice(),
        "pointers": _chain(_PTR, 1200),
        "qualifiers": _chain(_CONST, 40),
        "overlapping": _overlapping(),
        "kernel-functions": _kernel_functions(),
        "far-parameter": _far_parameter(),
        "long-name": _long_name(),
    }


def objects() -> dict[str, bytes]:
    """Files, of little-endian order."""
    return {
        "split": _split(b"\0x\0"),
        "split-without-a-string": _split(b""),
        "split-of-a-string-without-end": _split(b"\0x"),
        "split-of-another-order": _split(b"\0x\0", big_endian=True),
        "field-relocations": _core(),
        "anonymous": _anonymous(),
        "very-deep": _anonymous(depth=20),
        "not-whole": _anonymous(whole=False),
        "table-twice": _table(_TWICE, 0),
        "table-of-aliases": _table(LD64 + _GOTOX + EXIT * 3, 1),
        "no-table": _code(_GOTOX + EXIT),
        "far-jump": _code(b"\5\0\x64\0" + bytes(4) + EXIT),
        "no-end": _code(b"\xb7" + bytes(7)),
        "half": _code(EXIT + LD64[:8]),
        "more-in-its-half": _code(LD64[:8] + b"\1" + bytes(7) + EXIT),
        "jump-before": _jump_before(),
        "numbers-of-the-configuration": _numbers(),
        "not-of-the-configuration": _numbers("OTHER", 1),
        "addends": _addends(),
    }


def large_objects() -> dict[str, bytes]:
    """Those that mean much more than they hold, and are refused."""
    return {"one-large-subprogram": _many(600, 4000), "names": _names()}


def _built_in() -> bytes:
    made = BtfBuilder()
    made.struct("vector", 1, [("a", made.int_("__Poly8_t", 1), 0)])
    made.typedef("__builtin_va_list", made.ptr(0))
    made.typedef("__gnuc_va_list", 0)
    return made.build()


def _loops() -> bytes:
    """A typedef of a struct without a name that points to the typedef, and to one that does."""
    made = BtfBuilder()
    name, inner = made.reserve(), made.reserve()
    made.define(name, Typedef("list", inner))
    pointer = made.ptr(name)
    made.define(inner, Struct("", 16, (Member("next", pointer, 0), Member("back", pointer, 64))))
    return made.build()


def _seen_twice() -> bytes:
    """A struct is declared for one member, and named by a typedef in the next."""
    made = BtfBuilder()
    outer = made.reserve()
    inner = made.reserve()
    name = made.typedef("inner_t", inner)
    members = (Member("one", made.ptr(inner), 0), Member("two", made.ptr(name), 64))
    made.define(outer, Struct("outer", 16, members))
    made.define(inner, Struct("inner", 8, (Member("up", made.ptr(outer), 0),)))
    return made.build()


def _chain(kind: int, count: int) -> bytes:
    """`count` pointers, or qualifiers, and a variable and a member of the last."""
    made = BtfBuilder()
    last = made.int_("int", 4)
    for _ in range(count):
        last = made.ptr(last) if kind == _PTR else made.const(last)
    made.struct("holder", 8, [("a", last, 0)])
    made.typedef("name", last)
    return made.build()


def _overlapping() -> bytes:
    made = BtfBuilder()
    int_ = made.int_("int", 4)
    made.struct("overlapping", 8, [("a", int_, 32), ("b", int_, 0), ("c", int_, 16)])
    made.struct("short", 4, [("a", int_, 32)])
    return made.build()


def _kernel_functions() -> bytes:
    made = BtfBuilder()
    proto = made.func_proto(0, [])
    function = made.func("bpf_known", proto)
    made.decl_tag("bpf_kfunc", function)
    with_parameter = made.func_proto(0, [("a", made.int_("int", 4))])
    made.decl_tag("bpf_kfunc", made.func("bpf_other", with_parameter), 0)
    made.decl_tag("bpf_kfunc", made.var("none", proto))
    return made.build()


def _far_parameter() -> bytes:
    made = BtfBuilder()
    last = made.int_("int", 4)
    for _ in range(1200):
        last = made.ptr(last)
    made.decl_tag("bpf_kfunc", made.func("bpf_known", made.func_proto(last, [])))
    return made.build()


def _blob(words: bytes, strings: bytes, *, big_endian: bool = False) -> bytes:
    header = struct.pack(
        ">HBBIIIII" if big_endian else "<HBBIIIII",
        0xEB9F, 1, 0, 24, 0, len(words), len(words), len(strings),
    )  # fmt: skip
    return header + words + strings


def _long_name() -> bytes:
    words = struct.pack("<4I", 1, 1 << 24, 4, 32)
    return _blob(words, b"\0" + b"x" * 5000 + b"\0")


def _split(strings: bytes, *, big_endian: bool = False) -> bytes:
    """Types that stand on others beside them."""
    elf = ElfWriter(uapi.EM_BPF)
    base = BtfBuilder()
    base.struct("below", 4, [("a", base.int_("int", 4), 0)])
    words = struct.pack(">3I" if big_endian else "<3I", 0, _PTR << 24, 2)
    elf.section(".BTF.base", uapi.SHT_PROGBITS, base.build())
    elf.section(".BTF", uapi.SHT_PROGBITS, _blob(words, strings, big_endian=big_endian))
    return elf.build()


def _core() -> bytes:
    """Records about what no compiler asks of: void, what is only declared, chains too long."""
    sample = Sample()
    types = sample.types
    long_ = names = sample.int
    for _ in range(40):
        long_ = types.volatile(types.const(long_))
        names = types.typedef("name", names)
    enum = types.enum("e", [("A", 0xFFFFFFFF), ("B", 2)])
    gone = types.fwd("gone")
    lost = types.const(gone)
    for at, (type_, access, kind) in enumerate((
        (long_, "0", 0), (names, "0", 10), (0, "0", 8), (types.fwd("f"), "0", 8),
        (types.fwd("u", union=True), "0", 8), (enum, "0:1", 10), (enum, "0", 10),
        (types.restrict(types.volatile(types.const(sample.int))), "0", 8), (lost, "0", 8),
        (types.typedef("lost_t", lost), "0", 10),
    )):  # fmt: skip
        sample.ask("socket", type_, access, kind, 8 * at)
    sample.code("socket", b"\xb7" + bytes(7) + EXIT * 11)
    known, unknown = (struct.pack("<3I", 0, _CONST << 24, id) for id in (gone, 0x1234))
    sample.blob = types.build().replace(known, unknown)
    return sample.build()


def _anonymous(depth: int = 2, *, whole: bool = True) -> bytes:
    """A map of structs within structs without names, and of pointers with tags."""
    sample = Sample()
    types = sample.types
    target = types.ptr(types.type_tag("rcu", types.type_tag("user", sample.int)))
    tags = sample.int
    for _ in range(9):
        tags = types.type_tag("user", tags)
    inner = types.struct("", 8, [("p", target, 0 if whole else 3)])
    for _ in range(depth):
        inner = types.struct("", 8, [("", inner, 0)])
    value = types.struct("value", 16, [("", inner, 0), ("q", types.ptr(tags), 64)])
    rows = [("type", sample.number(1)), ("max_entries", sample.number(8)),
            ("key", types.ptr(sample.int)), ("value", types.ptr(value))]  # fmt: skip
    sample.map("table", rows)
    return sample.build()


def _table(code: bytes, aliases: int) -> bytes:
    sample = Sample()
    section = sample.data(".jumptables", struct.pack("<Q", len(code) - 8))
    symbol = sample.object(section, "BPF.JT.0.0")
    rows = {f"program{n}": (0, len(code)) for n in range(aliases + 1)}
    places = [at for at in range(0, len(code), 8) if code[at : at + 1] == LD64[:1]]
    sample.elf.relocate(sample.code("socket", code, **rows), [(at, symbol, NAMED) for at in places])
    return sample.build()


def _code(code: bytes) -> bytes:
    sample = Sample()
    sample.code("socket", code)
    return sample.build()


def _jump_before() -> bytes:
    """A jump to what stands before the first symbol of the section."""
    sample = Sample()
    back = b"\5\0\xfe\xff" + bytes(4)
    sample.code("socket", EXIT + back + EXIT, program=(8, 16))
    return sample.build()


def _numbers(name: str = "CONFIG_X", count: int = 4) -> bytes:
    """A variable of the configuration that is a number, or an array of numbers."""
    sample = Sample()
    sample.extern(name)
    type_ = sample.int if count == 1 else sample.types.array(sample.int, count)
    var = sample.types.var(name, type_, "extern")
    sample.types.datasec(".kconfig", 4 * count, [(var, 0, 4 * count)])
    sample.code("socket")
    return sample.build()


def _addends() -> bytes:
    """Relocations with addends, of which one has no symbol."""
    sample = Sample()
    number = sample.code("socket", LD64 + LD64 + EXIT)
    symbol = sample.object(sample.data(".data"), "there")
    sample.elf.relocate(number, [(8 * n, symbol, NAMED) for n in range(3)])
    data = bytearray(sample.build())
    elf = ElfFile(data)
    (table,) = (row for row in elf.sections if row.type == uapi.SHT_REL)
    named = elf.relocations(table)[0].symbol
    rows = struct.pack("<QQqQQq", 0, named << 32 | NAMED, -8, 16, NAMED, 0)
    data[table.offset : table.offset + 48] = rows
    row = elf.header.shoff + 64 * table.index
    struct.pack_into("<I", data, row + 4, uapi.SHT_RELA)
    struct.pack_into("<Q", data, row + 56, 24)
    return bytes(data)


def _many(programs: int, slots: int) -> bytes:
    """Programs that all call one large function."""
    sample = Sample()
    text = sample.code(".text", (b"\xb7" + bytes(7)) * (slots - 1) + EXIT, large=(0, 8 * slots))
    target = sample.elf.symbol("", text, type=uapi.STT_SECTION)
    call = b"\x85\x10\0\0\xff\xff\xff\xff"
    rows = {f"program{n}": (16 * n, 16) for n in range(programs)}
    number = sample.code("socket", (call + EXIT) * programs, **rows)
    sample.elf.relocate(number, [(16 * n, target, 10) for n in range(programs)])
    return sample.build()


def _names() -> bytes:
    """Symbols whose names are one long text from ever later bytes of it: more than its file has."""
    elf = ElfWriter(uapi.EM_BPF)
    section = elf.section("socket", uapi.SHT_PROGBITS, EXIT, flags=6)
    for _ in range(100):
        elf.symbol("x" * 4000, section)
    data = bytearray(elf.build())
    (table,) = (row for row in ElfFile(data).sections if row.type == uapi.SHT_SYMTAB)
    for number in range(1, 101):
        at = table.offset + 24 * number
        struct.pack_into("<I", data, at, struct.unpack_from("<I", data, at)[0] + number)
    return bytes(data)
