"""What `probee readelf` is tried on: sources for gcc, and small files made by hand."""

from __future__ import annotations

import struct

C_SOURCE = r"""
#include <stdio.h>
#include <string.h>
int global_init = 3;
static int local_init[4] = {1, 2, 3, 4};
int bss_thing[100];
const char *const names[] = {"one", "two", 0};
__thread int tls_x = 5;
__thread int tls_b;
extern int ext_data;
extern void ext_fn(int);
__attribute__((weak)) int weak_fn(void) { return 1; }
__attribute__((visibility("hidden"))) int hidden_fn(void) { return global_init; }
__attribute__((constructor)) static void ctor(void) { puts("hi"); }
__attribute__((retain, used)) static int kept(void) { return 2; }
int common_thing;
int main(int argc, char **argv)
{
	static int counter;
	ext_fn(counter++ + ext_data + tls_x + tls_b + local_init[argc & 3]
		+ (int)strlen(names[argc & 1]));
	return weak_fn() + hidden_fn() + bss_thing[argc];
}
int a_very_long_function_name_which_does_not_fit(int x)
{
	switch (x) { case 1: return 3; case 2: return 7; case 3: return 11; case 4: return 9;
		case 5: return 2; }
	return x;
}
static int ifn_impl(void) { return 4; }
void *resolver(void) { return ifn_impl; }
int ifn(void) __attribute__((ifunc("resolver")));
int use_ifn(void) { return ifn(); }
"""

CXX_SOURCE = r"""
#include <string>
#include <vector>
template <class T> struct Box { T v; T get() { return v; } static T count; };
template <class T> T Box<T>::count;
inline int inl() { static int q; return ++q; }
struct V { virtual ~V() {} virtual int f() { return 1; } };
int g(V &v)
{
	try {
		std::vector<int> x(10);
		std::string s("abc");
		return Box<int>{v.f()}.get() + inl() + (int)x.size() + Box<int>::count + s.size();
	} catch (...) {
		return 3;
	}
}
"""

LIBRARY = r"""
#include <stdio.h>
int exported(void) { return 1; }
int old_exported(void) { return 2; }
__asm__(".symver old_exported,exported@VERS_1");
int data = 3;
int *pd = &data;
int more(int x) { printf("%d\n", x); return x + data; }
void *table[20] = {&data, exported, more, &pd, table};
"""

LIBRARY_VERSIONS = (
    "VERS_1 { local: hid*; }; VERS_2 { global: exported; more; data; local: *; } VERS_1;"
)

PACKED = r"""
int data = 3;
static int a;
int *pd = &data;
int *pointers[70] = {&a, &a, &a, &a, &a, 0, &a, &a};
"""

PROGRAM = """
extern int more(int);
extern int exported(void);
int main(int argc, char **argv) { return more(argc) + exported(); }
"""

NOTES = r"""
	.section .note.x, "", @note
	.long 4, 3, 1
	.asciz "abc"
	.byte 1, 2, 3, 0
	.section .note.stapsdt, "", @note
	.balign 4
	.long 8, 992f - 991f, 3
	.asciz "stapsdt"
991:	.quad 1, 2, 3
	.asciz "prov"
	.asciz "name"
	.asciz "8@%rax"
992:	.balign 4
	.section .note.gnu, "a", @note
	.long 4, 16, 1
	.asciz "GNU"
	.long 0, 3, 2, 0
	.long 4, 4, 3
	.asciz "GNU"
	.byte 1, 2, 3, 0xff
	.long 4, 8, 2
	.asciz "GNU"
	.long 1, 2
	.long 4, 4, 4
	.asciz "GNU"
	.asciz "1.2"
	.long 4, 4, 0x77
	.asciz "GNU"
	.long 5
	.section .note.fdo, "a", @note
	.long 4, 4, 0xcafe1a7e
	.asciz "FDO"
	.asciz "{} "
	.section .note.gnu.property2, "a", @note
	.balign 8
	.long 4, 2f - 1f, 5
	.asciz "GNU"
1:	.long 1, 8
	.quad 4096
	.long 2, 0
	.long 3, 0
	.long 0xb0000000, 4, 7, 0
	.long 0xb0008000, 4, 3, 0
	.long 0xb0008001, 4, 3, 0
	.long 0xc0000000, 4, 0x80000401, 0
	.long 0xc0000001, 4, 0xffff, 0
	.long 0xc0000002, 4, 0, 0
	.long 0xc0008000, 4, 0x1ffffff, 0
	.long 0xc0008001, 4, 0x1fff, 0
	.long 0xc0008002, 4, 0x1f, 0
	.long 0xc0010000, 4, 0, 0
	.long 0xc0010001, 4, 0xf, 0
	.long 0xc0010002, 4, 1, 0
	.long 0xc0010003, 4, 1, 0
	.long 0xe0010003, 1, 1, 0
	.long 0x10003, 0
2:	.section .odd, "awx"
	.ascii "text\n\n\ttab\001\177end"
	.section .empty, "a"
	.section .zdebug_x, ""
	.ascii "ZLIB\0\0\0\0\0\0\0\004"
	.long 0
"""

FOREIGN = (
    """
	.globl "caf\u00e9"
"caf\u00e9":	.long 1
"\u65e5\u672c\u8a9e_with_a_long_name_that_is_cut":	.long 2
"smile\U0001f600":	.long 3
	.section "s\u00e4ction"
	.ascii "caf\u00e9 \u65e5\u672c"
""".encode()
    + b'"bad\xff\xfe\xc3":\t.long 4\n"\xe6\x97":\t.long 4\n\t.ascii "x\xffy\xe6z"\n'
)


def header_of(machine: int, order: str = "<") -> bytes:
    """A file of nothing but a header."""
    ident = b"\x7fELF" + bytes([2, 1 if order == "<" else 2, 1]) + bytes(9)
    return ident + struct.pack(
        order + "HHIQQQIHHHHHH", 1, machine, 1, 0, 0, 0, 0, 64, 56, 0, 64, 0, 0
    )


def dynamic_of(machine: int, rows: list[tuple[int, int]]) -> bytes:
    """A shared object of nothing but a dynamic section."""
    header = bytearray(header_of(machine))
    table = b"".join(struct.pack("<QQ", *row) for row in rows)
    struct.pack_into("<H", header, 16, 3)
    struct.pack_into("<Q", header, 32, 64)
    struct.pack_into("<H", header, 56, 1)
    return (
        bytes(header) + struct.pack("<IIQQQQQQ", 2, 6, 120, 0, 0, len(table), len(table), 8) + table
    )


def types_of(machine: int, osabi: int, types: list[int]) -> bytes:
    """A file with an empty section and an empty segment of each of these types."""
    header = bytearray(header_of(machine))
    header[7] = osabi
    segments = b"".join(
        struct.pack("<IIQQQQQQ", kind, kind & 7, 0, 0, 0, 0, 0, 8) for kind in types
    )
    sections = b"".join(
        struct.pack("<IIQQQQIIQQ", 0, kind, 1 << at % 64, 0, 64, 0, 0, 0, 8, 0)
        for at, kind in enumerate(types)
    )
    struct.pack_into("<QQ", header, 32, 64, 64 + len(segments))
    struct.pack_into("<H", header, 56, len(types))
    struct.pack_into("<HH", header, 60, len(types), 0)
    return bytes(header) + segments + sections


def one_of_each_relocation(machine: int, count: int, order: str = "<") -> bytes:
    """An object whose relocations have the types from 0 on."""
    names = b"\0.rela\0.symtab\0.strtab\0"
    table = b"".join(struct.pack(order + "QQq", n, n, n - 3) for n in range(count))
    contents = ((b".rela", 4, table, 2, 24), (b".symtab", 2, bytes(24), 3, 24),
                (b".strtab", 3, names, 0, 0))  # fmt: skip
    body, rows = b"", bytes(64)
    for name, kind, data, link, entsize in contents:
        rows += struct.pack(
            order + "IIQQQQIIQQ", names.index(name), kind, 0, 0, 64 + len(body), len(data), link,
            1 if kind == 2 else 0, 8, entsize,
        )  # fmt: skip
        body += data
    header = bytearray(header_of(machine, order))
    struct.pack_into(order + "Q", header, 40, 64 + len(body))
    struct.pack_into(order + "HH", header, 60, 4, 3)
    return bytes(header) + body + rows


class _Strings:
    """A table of strings that grows."""

    def __init__(self) -> None:
        self.data = b"\0"

    def add(self, text: str) -> int:
        """Where the string stands, which may be within another."""
        wanted = text.encode() + b"\0"
        at = self.data.find(wanted)
        if at < 0:
            at = len(self.data)
            self.data += wanted
        return at


def sample(order: str = "<", machine: int = 247) -> bytes:
    """An object with a section of nearly every kind that objects have; no compiler is needed."""
    names, strings = _Strings(), _Strings()

    def symbol(name: str, info: int, shndx: int, value: int = 0, size: int = 0) -> bytes:
        return struct.pack(order + "IBBHQQ", strings.add(name), info, 0, shndx, value, size)

    symbols = [
        symbol("", 0, 0), symbol("", 3, 1), symbol("source.c", 4, 0xFFF1),
        symbol("LBB0_2", 0, 1, 16), symbol("a_function_with_a_rather_long_name", 0x12, 1, 0, 32),
        symbol("events", 0x11, 4, 0, 32), symbol("LICENSE", 0x11, 3, 0, 4),
        symbol("external", 0x20, 0), symbol("common", 0x15, 0xFFF2, 4, 4),
        symbol("ifunc", 0x1A, 1, 8, 8),
    ]  # fmt: skip
    rel = [(0, 5 << 32 | 1), (8, 1 << 32 | 10), (16, 7 << 32 | 10), (24, 9 << 32 | 2), (8, 99)]
    rela = [(0, 1 << 32 | 11, 8), (4, 6 << 32 | 3, -1), (8, 3, 5)]
    note = struct.pack(order + "III4s4s", 4, 4, 3, b"GNU", b"\1\2\3\4")
    note += struct.pack(order + "III8s4s", 6, 3, 7, b"owner", b"abc")
    rels = b"".join(struct.pack(order + "QQ", *row) for row in rel)
    relas = b"".join(struct.pack(order + "QQq", *row) for row in rela)
    # name, type, flags, contents, link, info, entry size
    contents: list[tuple[str, int, int, bytes | None, int, int, int]] = [
        ("", 0, 0, b"", 0, 0, 0),
        (".text", 1, 6, bytes(range(32)), 0, 0, 0),
        (".rel.text", 9, 0x40, rels, 11, 1, 16),
        ("license", 1, 3, b"GPL\0", 0, 0, 0),
        (".maps", 1, 3, bytes(32), 0, 0, 0),
        (".bss", 8, 3, b"", 0, 0, 0),
        (".debug_info", 1, 0, b"debug\n\tinfo\0more\x80\xff" + bytes(4), 0, 0, 0),
        (".rela.debug_info", 4, 0, relas, 11, 6, 24),
        (".note", 7, 2, note, 0, 0, 0),
        (".group", 17, 0, struct.pack(order + "III", 1, 3, 4), 11, 4, 4),
        (".llvm_addrsig", 0x6FFF4C03, 0x80000000, b"\5\6", 11, 0, 0),
        (".symtab", 2, 0, b"".join(symbols), 12, 4, 24),
        (".strtab", 3, 0, strings.data, 0, 0, 0),
        (".shstrtab", 3, 0, None, 0, 0, 0),
    ]  # fmt: skip
    return packed(order, machine, contents, names)


def packed(
    order: str,
    machine: int,
    contents: list[tuple[str, int, int, bytes | None, int, int, int]],
    names: _Strings | None = None,
) -> bytes:
    """An object of rows of name, type, flags, contents, link, info, entry size.

    Header, sections, table; contents that are None are the table of names, which is the last.
    """
    names = names or _Strings()
    offsets = [names.add(row[0]) for row in contents]
    body, table = b"", b""
    for at, (_, kind, flags, own, link, info, entsize) in zip(offsets, contents, strict=True):
        data = names.data if own is None else own
        body += bytes(-len(body) % 8)
        place = 64 + len(body) if kind else 0
        size = 64 if kind == 8 else len(data)
        table += struct.pack(
            order + "IIQQQQIIQQ", at, kind, flags, 0, place, size, link, info,
            4 if kind == 7 else 8, entsize,
        )  # fmt: skip
        body += data
    body += bytes(-len(body) % 8)
    header = bytearray(header_of(machine, order))
    struct.pack_into(order + "Q", header, 40, 64 + len(body))
    struct.pack_into(order + "HH", header, 60, len(contents), len(contents) - 1)
    return bytes(header) + body + table
