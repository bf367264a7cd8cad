"""Branches of the readers that no bytes of a file reach, each with the reason.

A row names a file, a function, how the line of the branch begins and how the line begins that it
leads to ('' for any). A test fails for a branch that is not reached and has no row, and for a row
whose branches are all reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Row(NamedTuple):
    """One branch or a few that have one reason."""

    file: str
    scope: str
    text: str
    to: str
    reason: str


UNREACHED: tuple[Row, ...] = ()
# How many branches of a file no case has reached so far, beside those of the rows. It only falls.
NOT_YET: Mapping[str, int] = {
    "probee/asm/blocks.py": 3,
    "probee/asm/decode.py": 4,
    "probee/asm/disasm.py": 19,
    "probee/btf/c_declare.py": 1,
    "probee/btf/c_dump.py": 11,
    "probee/btf/c_layout.py": 3,
    "probee/btf/core_text.py": 11,
    "probee/btf/decode.py": 2,
    "probee/btf/ext.py": 6,
    "probee/btf/flat.py": 5,
    "probee/btf/names.py": 1,
    "probee/btf/raw.py": 9,
    "probee/btf/table.py": 12,
    "probee/cli/inspect_text.py": 6,
    "probee/elf/read.py": 4,
    "probee/introspect/btf.py": 13,
    "probee/introspect/btf_c.py": 3,
    "probee/introspect/btf_raw.py": 1,
    "probee/introspect/cfg.py": 2,
    "probee/introspect/inspect/core.py": 1,
    "probee/introspect/inspect/explain.py": 1,
    "probee/introspect/inspect/externs.py": 4,
    "probee/introspect/inspect/hook.py": 19,
    "probee/introspect/inspect/maps.py": 3,
    "probee/introspect/inspect/programs.py": 1,
    "probee/introspect/inspect/sections.py": 4,
    "probee/introspect/inspect/spelling.py": 12,
    "probee/introspect/objdump.py": 1,
    "probee/introspect/objdump_notes.py": 3,
    "probee/introspect/readelf/apply.py": 11,
    "probee/introspect/readelf/apply_others.py": 9,
    "probee/introspect/readelf/attributes.py": 1,
    "probee/introspect/readelf/attributes_mips.py": 9,
    "probee/introspect/readelf/attributes_riscv.py": 67,
    "probee/introspect/readelf/compressed.py": 22,
    "probee/introspect/readelf/dumps.py": 14,
    "probee/introspect/readelf/dynamic.py": 24,
    "probee/introspect/readelf/dynamic_names.py": 5,
    "probee/introspect/readelf/dynamic_relocations.py": 6,
    "probee/introspect/readelf/foreign.py": 23,
    "probee/introspect/readelf/gnu_notes.py": 37,
    "probee/introspect/readelf/groups.py": 24,
    "probee/introspect/readelf/hashes.py": 14,
    "probee/introspect/readelf/header.py": 4,
    "probee/introspect/readelf/image.py": 17,
    "probee/introspect/readelf/lto.py": 33,
    "probee/introspect/readelf/machines.py": 1,
    "probee/introspect/readelf/names.py": 10,
    "probee/introspect/readelf/notes.py": 18,
    "probee/introspect/readelf/others.py": 4,
    "probee/introspect/readelf/process.py": 11,
    "probee/introspect/readelf/release_2_40.py": 8,
    "probee/introspect/readelf/relocations.py": 8,
    "probee/introspect/readelf/relr.py": 14,
    "probee/introspect/readelf/section_checks.py": 2,
    "probee/introspect/readelf/section_flags.py": 6,
    "probee/introspect/readelf/sections.py": 13,
    "probee/introspect/readelf/segments.py": 28,
    "probee/introspect/readelf/symbols.py": 5,
    "probee/introspect/readelf/text.py": 5,
    "probee/introspect/readelf/transcript.py": 1,
    "probee/introspect/readelf/version_chains.py": 10,
    "probee/introspect/readelf/version_sections.py": 29,
    "probee/introspect/readelf/versions.py": 10,
    "probee/objfile/normal.py": 4,
    "probee/objfile/read.py": 1,
    "probee/objfile/read_code.py": 1,
    "probee/objfile/read_core.py": 2,
    "probee/objfile/read_data.py": 1,
    "probee/objfile/read_ext.py": 1,
    "probee/objfile/read_externs.py": 2,
    "probee/objfile/read_maps.py": 3,
    "probee/objfile/read_object.py": 1,
    "probee/objfile/read_programs.py": 2,
    "probee/objfile/read_types.py": 8,
    "probee/objfile/restore.py": 7,
}
