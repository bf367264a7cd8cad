"""Damage that knows what stands where: rows of ELF tables, names of sections, records of BTF.

In: a file and a random number generator. Out: the file with one change more. Little moves: what is
new stands at the end of the file, so that a case is told by few changes of its seed.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal

from probee.tables.sections import SECTIONS
from tests.objects.mutate import mutated
from tests.readelf_damage import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

_HOOKS = (
    "", "/", "/do_unlinkat", "/sys_enter", "/execve", "/syscalls/sys_enter_openat", "/no:such",
    "/sched/sched_switch", "/sched_switch", "/file_open", "/task", "/libc.so.6:malloc",
    "/usr/x:f+4",
    "/a*b", "/x:y:z", "/bpf_task_release", "/tcp_congestion_ops", "/libc.so.6:prov:name", "//x:y",
    ".s/do_unlinkat", "/struct", "?",
)  # fmt: skip
# What readers ask for by name, in tables of strings or in BTF.
WORDS = (
    ".maps", "maps", ".kconfig", ".ksyms", ".rodata", ".data", ".bss", ".percpu", ".rodata.str1.1",
    "license", "version", ".text", ".BTF", ".BTF.ext", ".BTF.base", ".rel.text", ".struct_ops",
    ".struct_ops.link", ".data.x", ".rodata.x", ".arena.1", ".addr_space.1", ".jumptables", "?",
    "bpf_kfunc", "user", "percpu", "rcu", "kptr", "kptr_untrusted", "arena", "type", "key_size",
    "value_size", "max_entries", "map_flags", "key", "value", "values", "pinning", "numa_node",
    "map_extra", "inner", "CONFIG_X", "LINUX_KERNEL_VERSION", "LINUX_HAS_BPF_COOKIE", "bpf_x",
    "___core", "task_struct", "0:0", "0:1:2", "1", "0:1:0:99999", "GPL", "Dual MIT/GPL", "x" * 20,
    ".debug_info", ".zdebug_x", ".gnu.lto_.symtab.1", ".gnu.lto_.ext_symtab.1", ".dynsym", ".group",
    ".note.gnu.property", ".gnu.attributes", ".symtab", ".strtab", ".dynstr", ".hash", ".eh_frame",
    ".gnu.warning.x", ".gnu.linkonce.x", ".ctors", ".init_array", "__ksymtab", "llvm", "cafe\xe9",
)  # fmt: skip


def changed(data: bytes, random: Random) -> bytes:
    """`data` with one to three changes of any kind."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        data = random.choice(_WAYS)(data, random)
    return data


def shown_otherwise(data: bytes, random: Random) -> bytes:
    """Another last byte, which says how a file is shown; else `changed`, before that byte."""
    if not data or random.random() < 0.2:
        return data[:-1] + bytes([random.randrange(256)])
    return changed(data[:-1], random) + data[-1:]


def _order(data: bytes) -> Literal["little", "big"]:
    return "big" if data[5:6] == b"\2" else "little"


def _elf(data: bytes, random: Random) -> bytes:
    """A field of a table."""
    if not _sections(data):
        return mutated(data, random)
    return damaged(data, random.getrandbits(40))


def _sections(data: bytes) -> list[int]:
    """Where the rows of the table of sections stand, if they are in the file."""
    if len(data) < 64 or data[:4] != b"\x7fELF":
        return []
    order = _order(data)
    start = int.from_bytes(data[40:48], order)
    count = int.from_bytes(data[60:62], order)
    return [start + 64 * n for n in range(min(count, 200)) if start + 64 * n + 64 <= len(data)]


def _name_of_section(data: bytes, random: Random) -> bytes:
    """A section by another name, which stands with all the others at the end of the file."""
    rows, order = _sections(data), _order(data)
    names = int.from_bytes(data[62:64], order) if len(rows) > 1 else 0
    if not 0 < names < len(rows):
        return mutated(data, random)
    at, size = (
        int.from_bytes(data[rows[names] + n : rows[names] + n + 8], order) for n in (24, 32)
    )
    if at + size > len(data):
        return mutated(data, random)
    if random.random() < 0.6:
        row = random.choice(SECTIONS)
        name = random.choice(row.names) + random.choice(_HOOKS)
    else:
        name = random.choice(WORDS)
    out = bytearray(data)
    out += data[at : at + size] + name.encode("latin-1") + b"\0"
    form = ">" if order == "big" else "<"
    struct.pack_into(form + "QQ", out, rows[names] + 24, len(data), size + len(name) + 1)
    struct.pack_into(form + "I", out, random.choice(rows), size)
    return bytes(out)


def _type_of_section(data: bytes, random: Random) -> bytes:
    """A section of another type, of those with a meaning."""
    rows = _sections(data)
    if not rows:
        return mutated(data, random)
    kinds = (*range(20), 0x6FFFFFF5, 0x6FFFFFF6, 0x6FFFFFF7, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF,
             0x60000001, 0x70000001, 0x70000003, 0x80000001, 0x6FFF4C03, 0x6FFF4700)  # fmt: skip
    out = bytearray(data)
    at = random.choice(rows) + 4
    out[at : at + 4] = random.choice(kinds).to_bytes(4, _order(data))
    return bytes(out)


def _word(data: bytes, random: Random) -> bytes:
    """A word that has a meaning where a string begins."""
    word = random.choice(WORDS).encode("latin-1")
    starts = [n + 1 for n in range(len(data) - 1) if not data[n] and data[n + 1] > 0x20]
    if not starts:
        return mutated(data, random)
    at = random.choice(starts)
    out = bytearray(data)
    piece = word + (b"\0" if random.random() < 0.7 else b"")
    out[at : at + len(piece)] = piece
    return bytes(out[: len(data)])


def _records(data: bytes) -> tuple[list[tuple[int, int]], str]:
    """Where BTF's types stand in the file, with the words of each, and the byte order."""
    for magic, form in ((b"\x9f\xeb\x01", "<"), (b"\xeb\x9f\x01", ">")):
        at = data.find(magic)
        # .BTF.ext begins with the same magic; only what has a table of strings behind types is BTF
        while at >= 0 and at + 24 <= len(data):
            size, start, length, strings, _ = struct.unpack_from(form + "5I", data, at + 4)
            end = at + size + start + length
            if strings == start + length and end <= len(data):
                return list(_walk(data, at + size + start, end, form)), form
            at = data.find(magic, at + 1)
    return [], "<"


_ELEMENTS = {4: 3, 5: 3, 6: 2, 13: 2, 15: 3, 19: 3}  # words of one, by kind
_FIXED = {1: 1, 3: 3, 14: 1, 17: 1}


def _walk(data: bytes, at: int, end: int, form: str) -> Iterator[tuple[int, int]]:
    while at + 12 <= end:
        (info,) = struct.unpack_from(form + "I", data, at + 4)
        kind = info >> 24 & 31
        words = 3 + _FIXED.get(kind, 0) + (info & 0xFFFF) * _ELEMENTS.get(kind, 0)
        yield at, words
        at += 4 * words


def _type(data: bytes, random: Random) -> bytes:
    """A record of BTF with another kind, or another word somewhere."""
    records, form = _records(data)
    if not records:
        return mutated(data, random)
    at, words = random.choice(records)
    if at + 4 * words > len(data):
        return mutated(data, random)
    out = bytearray(data)
    old = list(struct.unpack_from(f"{form}{words}I", data, at))
    way = random.random()
    if way < 0.35:
        flag = random.choice((old[1] & 1 << 31, 0, 1 << 31))
        old[1] = flag | random.randrange(21) << 24 | old[1] & 0xFFFFFF
    elif way < 0.45:
        old[1] = old[1] & ~0xFFFF | max(0, (old[1] & 0xFFFF) + random.choice((-1, 1, 2)))
    else:
        place = random.choice([n for n in range(words) if n != 1])
        old[place] = random.choice(
            (0, 1, 2, 3, 4, 8, 16, 32, 64, 0xFFFFFFFF, 1 << 31, random.randrange(len(records) + 2),
             random.randrange(len(records) + 2), old[place] + 1, max(old[place] - 1, 0),
             old[place] ^ 1 << random.randrange(32), random.randrange(1 << 32),
             random.randrange(300))
        )  # fmt: skip
    struct.pack_into(f"{form}{words}I", out, at, *(word & 0xFFFFFFFF for word in old))
    return bytes(out)


def _opcode(data: bytes, random: Random) -> bytes:
    """An instruction of another kind, or with another register, offset or number."""
    if len(data) <= 80:
        return mutated(data, random)
    at = random.randrange(64, len(data) - 8) // 8 * 8
    out = bytearray(data)
    out[at] = random.choice(
        (0x05, 0x06, 0x0F, 0x15, 0x18, 0x1D, 0x20, 0x40, 0x61, 0x63, 0x69, 0x71, 0x72, 0x79, 0x7B,
         0x81, 0x85, 0x8D, 0x91, 0x95, 0xB4, 0xB7, 0xBC, 0xBF, 0xC3, 0xD4, 0xD7, 0xDB, 0xDC, 0xE5,
         0x87, 0x84, 0x3F, 0x9C, out[at], random.randrange(256))
    )  # fmt: skip
    if random.random() < 0.5:
        out[at + 1] = random.choice((0x00, 0x10, 0x20, 0x01, 0x12, 0xA0, 0x30, 0x60))
    if random.random() < 0.4:
        out[at + 2 : at + 4] = random.choice((0, 1, 2, 0xFFFF, 0xFFFE, 8)).to_bytes(2, _order(data))
    if random.random() < 0.4:
        number = random.choice((0, 1, 2, 6, 16, 32, 64, 0xFFFFFFFF, 0x40, 0xA0, 0xE1, 0xF1))
        out[at + 4 : at + 8] = number.to_bytes(4, _order(data))
    return bytes(out)


_WAYS = (mutated, mutated, _elf, _elf, _name_of_section, _type_of_section, _word, _type, _type,
         _type, _opcode)  # fmt: skip
