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


_DISASM, _EXT, _BTF = "probee/asm/disasm.py", "probee/btf/ext.py", "probee/introspect/btf.py"
_RAW, _TABLE, _FILE = "probee/btf/raw.py", "probee/btf/table.py", "probee/elf/read.py"
_LOADED = "code of loaded programs: the reader takes objects that hold no numbers of the kernel's"
_MEMORY = "for programs that are in memory, not in a file: tests/unit/asm/test_disasm.py"
_WRITES = "what writes, held by tests/unit/btf/test_ext.py: records that were read fit"
_KERNEL = "types that the kernel has loaded, asked for by their id: no file"
_LARGE = "more bytes than a case has: tests/unit/btf/test_reader.py"
_INDEX = "an index that somebody made of other types: tests/unit/btf/test_index.py"
_OF_KERNELS = "members are looked for in types of a kernel: tests/unit/btf/test_reader.py"
_ANSWERS = "what a kernel answers, no bytes of a file: tests/unit/introspect/test_inspect.py"
_NAMED = "a program that is asked for by name and is not there, no bytes of a file"
_CFG = "probee/introspect/cfg.py"
_PROCESS = "probee/introspect/readelf/process.py"
UNREACHED: tuple[Row, ...] = (
    Row("probee/asm/blocks.py", "blocks", "if left < 0", "raise",
        "more jumps through tables than a case has: tests/unit/asm/test_blocks.py"),
    Row("probee/objfile/read_programs.py", "_free", "while free in", "number =",
        "tables of one name, three of one program: tests/unit/objfile/test_read_tables.py"),
    Row("probee/asm/decode.py", "decode", "if endian not in", "raise",
        "a call with a word that is no byte order: a spec has one of two"),
    Row("probee/asm/decode.py", "decode", "if len(data) %", "at =",
        "a program in a spec has whole slots: the reader of objects refuses others"),
    Row(_DISASM, "_call_name", "", "", _LOADED),
    Row(_DISASM, "dump_imm", "", "", _LOADED),
    Row(_DISASM, "kernel_lines", "", "", _MEMORY),
    Row(_DISASM, "llvm_lines", "", "", _MEMORY),
    Row(_DISASM, "symbolic", "if not before", "return",
        "the listing of a file has a symbol at the start of each section"),
    Row("probee/asm/decode.py", "_second_slot", "", "raise",
        "halves of an ld_imm64: the reader of objects refuses them before"),
    Row("probee/asm/blocks.py", "blocks", "if not insns", "raise",
        "the functions of a spec begin where its reader put them"),
    Row(_EXT, "write_ext", "", "", _WRITES),
    Row(_EXT, "_pack", "", "", _WRITES),
    Row(_EXT, "_rows", "if len(data)", "raise",
        "tables of a spec hold whole records: the reader takes no others"),
    Row("probee/btf/flat.py", "_find_wrong", "for id in range(self.first", "",
        "it is called for what is wrong, and finds it"),
    Row("probee/objfile/read_programs.py", "_linked", "if end > _MOST_SLOTS", "break",
        "a program of a million instructions, which are more bytes than a case has"),
    Row(_BTF, "read_loaded", "", "", _KERNEL),
    Row(_BTF, "_loaded", "", "", _KERNEL),
    Row(_BTF, "read_file", "if base is None and path", "base =",
        "a module's types in sysfs: the path says so"),
    Row(_BTF, "_of_object", "if below is not None", "raise", "option -B, no bytes"),
    Row(_RAW, "_check_strings", "if len(strings) > MAX", "raise", _LARGE),
    Row(_RAW, "scan", "if len(starts) - 1 >", "raise", _LARGE),
    Row(_TABLE, "_start", "if not start + 3 <=", "raise", _INDEX),
    Row(_TABLE, "_start", "if start + self.sections", "raise", _INDEX),
    Row(_TABLE, "member", "", "", _OF_KERNELS),
    Row(_TABLE, "_search", "", "", _OF_KERNELS),
    Row(_FILE, "relocation_rows", "if table.type", "raise",
        "a call for the relocations of what holds none: tests/unit/elf/test_elf.py"),
    Row(_FILE, "file_bytes", "if len(data) > largest", "raise",
        "a file of more than 256 MiB, or without end: tests/unit/elf/test_elf.py"),
    Row(_FILE, "_read", "while", "",
        "a file that does not say its size: tests/unit/elf/test_elf.py"),
    Row(_CFG, "drawn", "if function in names", "for function",
        "calls of a spec lead to the functions of their program"),
    Row(_CFG, "_program", "for program in", "known", _NAMED),
    Row("probee/introspect/inspect/explain.py", "_chosen", "if name not in", "raise", _NAMED),
    Row("probee/introspect/objdump.py", "listing", "if file.header.machine", "raise",
        "every file is shown as one for BPF here; others: tests/unit/introspect/test_objdump.py"),
    Row("probee/introspect/inspect/hook.py", "_known", "", "", _ANSWERS),
    Row("probee/introspect/inspect/hook.py", "ask_hook", "if known.answer", "return", _ANSWERS),
    Row("probee/introspect/inspect/hook.py", "_member", "if not types.by_name", "return", _ANSWERS),
    Row("probee/introspect/inspect/externs.py", "_config", "if why", "return", _ANSWERS),
    Row("probee/cli/inspect_text.py", "_here", "", "", _ANSWERS),
    Row(_PROCESS, "show_file", "if isinstance(error, FileNotFound", "",
        "what the system says of a path, not of bytes: tests/oracle/test_readelf.py"),
    Row(_PROCESS, "show_file", "if not stat.S_ISREG", "out.error",
        "what the system says of a path, not of bytes: tests/oracle/test_readelf.py"),
    Row(_PROCESS, "_read", "if os.fstat", "from mmap", "a large file, which is mapped"),
    Row(_PROCESS, "_show_object", "if shown.file_names", "out.put", "several files on one line"),
)  # fmt: skip
# How many branches of a file no case has reached so far, beside those of the rows. It only falls.
NOT_YET: Mapping[str, int] = {
    "probee/btf/c_dump.py": 4,
    "probee/btf/names.py": 1,
    "probee/cli/inspect_text.py": 2,
    "probee/introspect/inspect/core.py": 1,
    "probee/introspect/inspect/externs.py": 1,
    "probee/introspect/inspect/maps.py": 2,
    "probee/introspect/inspect/programs.py": 1,
    "probee/introspect/inspect/sections.py": 4,
    "probee/introspect/inspect/spelling.py": 7,
    "probee/introspect/objdump_notes.py": 1,
    "probee/introspect/readelf/apply.py": 4,
    "probee/introspect/readelf/apply_others.py": 7,
    "probee/introspect/readelf/attributes_mips.py": 2,
    "probee/introspect/readelf/attributes_riscv.py": 3,
    "probee/introspect/readelf/compressed.py": 3,
    "probee/introspect/readelf/dumps.py": 2,
    "probee/introspect/readelf/dynamic.py": 6,
    "probee/introspect/readelf/dynamic_names.py": 2,
    "probee/introspect/readelf/dynamic_relocations.py": 1,
    "probee/introspect/readelf/foreign.py": 2,
    "probee/introspect/readelf/gnu_notes.py": 2,
    "probee/introspect/readelf/groups.py": 6,
    "probee/introspect/readelf/hashes.py": 3,
    "probee/introspect/readelf/header.py": 1,
    "probee/introspect/readelf/image.py": 3,
    "probee/introspect/readelf/lto.py": 3,
    "probee/introspect/readelf/machines.py": 1,
    "probee/introspect/readelf/names.py": 2,
    "probee/introspect/readelf/notes.py": 3,
    "probee/introspect/readelf/others.py": 1,
    "probee/introspect/readelf/process.py": 1,
    "probee/introspect/readelf/relocations.py": 1,
    "probee/introspect/readelf/relr.py": 3,
    "probee/introspect/readelf/sections.py": 4,
    "probee/introspect/readelf/segments.py": 4,
    "probee/introspect/readelf/text.py": 4,
    "probee/introspect/readelf/transcript.py": 1,
    "probee/introspect/readelf/version_chains.py": 1,
    "probee/introspect/readelf/version_sections.py": 1,
    "probee/introspect/readelf/versions.py": 1,
    "probee/objfile/normal.py": 1,
    "probee/objfile/restore.py": 1,
}
