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
