"""What our reader finds in an object and what libbpf finds in it: the same.

libbpf opens its own byte order only, so the big-endian objects are held against the little-endian
ones of the same source.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from probee.asm.decode import decode
from probee.errors import FormatError, NotSupportedError
from probee.objfile.read import read, read_file
from probee.uapi import bpf as uapi
from tests.objects import libbpf
from tests.objects.build import Object, objects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from probee.spec import CollectionSpec

EOPNOTSUPP = 95
# Objects that libbpf 1.1 refuses, and why.
REFUSED = {
    "legacy_maps": "maps in `maps`",
    "link_one": "what it uses is in another object",
    "static_maps": "static maps",
    "static_maps+data": "static maps",
    "own_section": "a static function beside a program",
    "arena": "since libbpf 1.5",
    "switches": "tables to jump through",
}
OURS_REFUSES = ("legacy_maps", "link_one")  # of those, with a clear word
# Sections that libbpf 1.1 does not know: there it leaves the type to the caller.
NEWER = (
    "kprobe.session", "uprobe.multi", "uretprobe.multi", "uprobe.session", "fsession", "netkit",
    "fentry.multi", "fexit.multi", "usdt.s", "tracepoint.s", "tp.s", "raw_tracepoint.s", "raw_tp.s",
    "tp_btf.s", "struct_ops.s", "tcx", "tc/", "netfilter", "sk_skb/verdict",
)  # fmt: skip

pytestmark = pytest.mark.skipif(libbpf.library() is None, reason="libbpf.so.1 is missing")
LITTLE = [row for row in objects() if row.endian == "little"]


def _opens(row: Object) -> bool:
    return row.debug and "+".join(row.sources) not in REFUSED


@pytest.mark.parametrize("row", [row for row in LITTLE if _opens(row)], ids=str)
def test_it_is_what_libbpf_says(row: Object, built: Callable[[Object], Path]) -> None:
    theirs = libbpf.opened(built(row))
    assert not theirs.error
    ours = read_file(built(row))
    _same_programs(ours, theirs)
    _same_maps(ours, theirs)


def _same_programs(ours: CollectionSpec, theirs: libbpf.Opened) -> None:
    found = {p.name: p for p in theirs.programs}
    # Of functions in `.text` libbpf makes programs as well, which are never loaded.
    assert {p.name for p in ours.programs} <= set(found)
    assert all(found[n].section == ".text" for n in found.keys() - {p.name for p in ours.programs})
    for program in ours.programs:
        other = found[program.name]
        assert program.section == other.section
        assert program.autoload == other.autoload
        if program.type == uapi.BPF_PROG_TYPE_STRUCT_OPS:
            assert other.type in (0, program.type)  # its attach type numbers the member, locally
        elif other.type or not (program.section.startswith(NEWER) or "_unix" in program.section):
            assert (program.type, program.attach_type) == (other.type, other.attach_type)
        assert program.functions[0] == (program.name, 0)
        end = program.functions[1][1] if len(program.functions) > 1 else len(program.code) // 8
        assert end * 8 == len(other.code)
        _same_code(program.code, other.code)


def _same_code(ours: bytes, theirs: bytes) -> None:
    """But for what a loader writes: the source registers and numbers of calls and ld_imm64."""
    one, other = decode(ours[: len(theirs)]), decode(theirs)
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert (a.code, a.dst, a.off) == (b.code, b.dst, b.off)
        if a.code not in (0x18, 0x85):
            assert a == b


def _same_maps(ours: CollectionSpec, theirs: libbpf.Opened) -> None:
    linked = [m for m in ours.maps if m.type == uapi.BPF_MAP_TYPE_STRUCT_OPS and m.flags]
    maps = [m for m in ours.maps if m not in linked]  # `.struct_ops.link` is of libbpf 1.2
    assert [m.name for m in maps] == [m.name for m in theirs.maps]
    for one, other in zip(maps, theirs.maps, strict=True):
        section = one.name.startswith(".")
        # What user space may map into its memory is for the loader to say.
        free = uapi.BPF_F_MMAPABLE if section else 0
        value_btf = 0 if one.type == uapi.BPF_MAP_TYPE_STRUCT_OPS else one.value_btf
        assert (
            one.name, one.type, one.key_size, one.value_size, one.max_entries, one.flags & ~free,
            one.key_btf, value_btf, one.numa_node, one.extra, bool(one.pinning),
        ) == (
            other.name, other.type, other.key_size, other.value_size, other.max_entries,
            other.flags & ~free, other.key_btf, other.value_btf, other.numa_node, other.extra,
            other.pinned,
        )  # fmt: skip
        if section:
            assert one.contents == other.contents


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_libbpf_refuses(name: str, built: Callable[[Object], Path]) -> None:
    rows = [row for row in LITTLE if "+".join(row.sources) == name]
    assert rows
    for row in rows:
        assert libbpf.opened(built(row)).error
        if name in OURS_REFUSES:
            with pytest.raises((FormatError, NotSupportedError)):
                read_file(built(row))
        else:
            assert read_file(built(row)).programs


@pytest.mark.oracle("bpftool")
@pytest.mark.parametrize("name", ["kconfig", "ksyms", "link_one+link_two"])
def test_values_of_the_configuration_lie_where_libbpf_puts_them(
    name: str, built: Callable[[Object], Path], oracle: Callable[[str], str]
) -> None:
    """bpftool writes them as a struct, in the order of their places."""
    rows = [r for r in LITTLE if "+".join(r.sources) == name and r.compiler == 19]
    path = built(rows[0])
    words = [oracle("bpftool"), "gen", "skeleton", str(path), "name", "object"]
    said = subprocess.run(words, capture_output=True, check=True, text=True).stdout
    struct = said.partition("struct object__kconfig {")[2].partition("}")[0]
    theirs = re.findall(r"(\w+)(?:\[\d+\])*;", struct)
    ours = sorted(
        (e for e in read_file(path).externs if e.kind == "kconfig"), key=lambda e: e.offset
    )
    assert [e.name for e in ours] == theirs
    assert bool(theirs) == (name != "ksyms")


PLAIN = [row for row in objects() if row.endian == "big" and row.debug]


@pytest.mark.parametrize("row", PLAIN, ids=str)
def test_both_byte_orders_say_the_same(row: Object, built: Callable[[Object], Path]) -> None:
    if row.sources[0] in OURS_REFUSES:
        with pytest.raises((FormatError, NotSupportedError)):
            read_file(built(row))
        return
    big = read(built(row).read_bytes())
    little = read(built(row._replace(endian="little")).read_bytes())
    assert (big.endian, little.endian) == ("big", "little")
    assert _neutral(big) == _neutral(little)


def _neutral(spec: CollectionSpec) -> dict[str, Any]:
    """A spec without what its byte order shows in: what is stored at once differs, say."""
    programs = [
        (
            p.name, p.section, p.type, p.attach_type, p.attach, p.flags, p.helpers,
            [(r.kind, r.symbol, r.addend) for r in sorted(p.relocs, key=lambda r: r.insn)],
            [name for name, _ in p.functions], p.autoload, len(p.func_info),
            [(c.kind, c.struct, c.path) for c in p.core],
        )
        for p in spec.programs
    ]  # fmt: skip
    maps = [
        (m.name, m.type, m.key_size, m.value_size, m.max_entries, m.flags, m.values, m.inner)
        for m in spec.maps
    ]
    return {
        "programs": programs,
        "maps": maps,
        "variables": sorted((v.name, v.section, v.offset, v.type.size) for v in spec.variables),
        "externs": [(e.name, e.kind, e.weak, e.typed, e.value, e.offset) for e in spec.externs],
        "license": spec.license,
        "version": spec.version,
    }
