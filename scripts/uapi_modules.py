"""The texts of probee/uapi/*.py from the recorded constants and layouts.

In: recorded/uapi.json. Out: module path -> text.
Which constant goes to which module is decided here, by enum or by prefix, first rule wins: what a
loader needs at every start stands in bpf.py, the rest in modules that few import.
"""

from __future__ import annotations

import re
from typing import Any

Rows = list[list[Any]]

# Module, headers, pattern of names that it takes. The order matters: each name goes to the first.
INSN = (
    r"(BPF_(JMP32|ALU64|DW|MEMSX|ATOMIC|XADD|MOV|ARSH|END|TO_LE|TO_BE|FROM_LE|FROM_BE|JNE|JLT|JLE"
    r"|JSGT|JSGE|JSLT|JSLE|JCOND|CALL|EXIT|FETCH|XCHG|CMPXCHG|LOAD_ACQ|STORE_REL|REG_\d+"
    r"|MAY_GOTO|ADDR_SPACE_CAST|PSEUDO_\w+)|__MAX_BPF_REG|MAX_BPF_REG)$"
)
HOT = (
    r"(__)?MAX_BPF_"
    r"|BPF_(MAP|PROG|OBJ|BTF|LINK|TASK_FD|ENABLE|ITER|TOKEN|RAW_TRACEPOINT)_"
    r"|BPF_(COMMON_ATTRS|ANY|NOEXIST|EXIST|TAG_SIZE|STATS_|RB_|RINGBUF_|F_LOCK|F_CPU|F_ALL_CPUS)"
    r"|BPF_F_(NO_PREALLOC|NO_COMMON|NUMA|RDONLY|WRONLY|STACK_BUILD|ZERO_SEED|CLONE|MMAPABLE"
    r"|PRESERVE|INNER_MAP|LINK|RB_OVER|PATH_FD|VTYPE|TOKEN_FD|SEGV|NO_USER|SLEEPABLE|STRICT_AL"
    r"|ANY_AL|TEST_|XDP_|NETFILTER|ALLOW_|REPLACE|BEFORE|AFTER|ID|PREORDER|QUERY_EFF"
    r"|KPROBE_MULTI|UPROBE_MULTI)"
    r"|BPF_(CGROUP_(?!ITER)|SK_SKB|SK_MSG|LIRC|FLOW_DISSECTOR$|TRACE_|MODIFY|LSM_|XDP|SK_LOOKUP$"
    r"|SK_REUSEPORT_SEL|PERF_EVENT|STRUCT_OPS|NETFILTER|TCX|NETKIT|FSESSION)"
)
PERF = r"PERF_(TYPE|COUNT|SAMPLE|FORMAT|EVENT|RECORD|FLAG|ATTR|CONTEXT|MAX|IOC|PMU|BPF)_"
SPLIT: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("bpf_func", ("linux/bpf.h",), r"__BPF_FUNC_|BPF_FUNC_"),
    ("bpf_insn", ("linux/bpf_common.h",), r""),
    ("bpf_insn", ("linux/bpf.h",), INSN),
    ("bpf", ("linux/bpf.h",), HOT),
    ("bpf_flags", ("linux/bpf.h",), r""),
    ("btf", ("linux/btf.h",), r""),
    ("perf_event", ("linux/perf_event.h",), PERF),
    ("perf_flags", ("linux/perf_event.h",), r"PERF_"),
    ("elf", ("elf.h",), r""),
)

# Layouts: module -> (struct, name of the row tuple).
STRUCTS: dict[str, tuple[str, ...]] = {
    "bpf_info": (
        "bpf_prog_info", "bpf_map_info", "bpf_btf_info", "bpf_link_info", "bpf_token_info",
        "bpf_iter_link_info",
    ),
    "bpf_structs": (
        "bpf_insn", "bpf_func_info", "bpf_line_info", "bpf_core_relo", "bpf_sock_tuple",
        "bpf_perf_event_value", "bpf_pidns_info", "bpf_fib_lookup", "bpf_tunnel_key",
        "bpf_redir_neigh", "bpf_spin_lock", "bpf_timer", "bpf_wq", "bpf_dynptr", "bpf_list_head",
        "bpf_list_node", "bpf_rb_root", "bpf_rb_node", "bpf_refcount", "bpf_lpm_trie_key_u8",
        "bpf_cgroup_storage_key", "bpf_stack_build_id", "btf_ptr", "bpf_devmap_val",
        "bpf_cpumap_val", "bpf_xdp_sock", "bpf_flow_keys",
    ),
    "bpf_context": (
        "__sk_buff", "xdp_md", "bpf_sock", "bpf_tcp_sock", "sk_msg_md", "sk_reuseport_md",
        "bpf_sock_addr", "bpf_sock_ops", "bpf_cgroup_dev_ctx", "bpf_sysctl", "bpf_sockopt",
        "bpf_sk_lookup", "bpf_raw_tracepoint_args", "bpf_perf_event_data",
    ),
    "btf": (
        "btf_header", "btf_type", "btf_array", "btf_member", "btf_param", "btf_var",
        "btf_var_secinfo", "btf_decl_tag", "btf_enum", "btf_enum64",
    ),
    "perf_event": ("perf_event_attr", "perf_event_mmap_page", "perf_event_header"),
}  # fmt: skip

ABOUT = {
    "bpf": "what a loader uses at every start: commands, types of maps, programs and hooks, flags",
    "bpf_insn": "instruction classes, operations, sizes, registers, pseudo source registers",
    "bpf_func": "numbers of the helper functions",
    "bpf_flags": "flags and return values that programs and helpers use",
    "bpf_attr": "members of `union bpf_attr`, one tuple for each alternative",
    "bpf_info": "what BPF_OBJ_GET_INFO_BY_FD fills in",
    "bpf_structs": "structs that helpers and program BTF share with the kernel",
    "bpf_context": "contexts of program types",
    "btf": "kinds, flags and records of the BPF Type Format",
    "elf": "the part of ELF that BPF objects use, and the relocation types of the BPF machine",
    "perf_event": "perf_event_open: types, sample formats, records, ioctls, the attr struct",
    "perf_flags": "the rest of perf_event.h: branch and memory data sources",
}

# `union bpf_attr`: the first member of an unnamed alternative -> its name here, and the commands
# that read each alternative (the comments in the union, and bpf_attr's users in syscall.c).
ALTERNATIVES = {
    "map_type": "MAP_CREATE", "map_fd": "MAP_ELEM", "prog_type": "PROG_LOAD", "pathname": "OBJ",
    "target_fd": "PROG_ATTACH", "start_id": "GET_ID", "btf": "BTF_LOAD",
}  # fmt: skip
COMMANDS = {
    "MAP_CREATE": ("MAP_CREATE",),
    "MAP_ELEM": ("MAP_LOOKUP_ELEM", "MAP_UPDATE_ELEM", "MAP_DELETE_ELEM", "MAP_GET_NEXT_KEY",
                 "MAP_LOOKUP_AND_DELETE_ELEM", "MAP_FREEZE"),
    "BATCH": ("MAP_LOOKUP_BATCH", "MAP_LOOKUP_AND_DELETE_BATCH", "MAP_UPDATE_BATCH",
              "MAP_DELETE_BATCH"),
    "PROG_LOAD": ("PROG_LOAD",),
    "OBJ": ("OBJ_PIN", "OBJ_GET"),
    "PROG_ATTACH": ("PROG_ATTACH", "PROG_DETACH"),
    "TEST": ("PROG_TEST_RUN",),
    "GET_ID": ("PROG_GET_NEXT_ID", "MAP_GET_NEXT_ID", "BTF_GET_NEXT_ID", "LINK_GET_NEXT_ID",
               "PROG_GET_FD_BY_ID", "MAP_GET_FD_BY_ID", "BTF_GET_FD_BY_ID", "LINK_GET_FD_BY_ID"),
    "INFO": ("OBJ_GET_INFO_BY_FD",),
    "QUERY": ("PROG_QUERY",),
    "RAW_TRACEPOINT": ("RAW_TRACEPOINT_OPEN",),
    "BTF_LOAD": ("BTF_LOAD",),
    "TASK_FD_QUERY": ("TASK_FD_QUERY",),
    "LINK_CREATE": ("LINK_CREATE",),
    "LINK_UPDATE": ("LINK_UPDATE",),
    "LINK_DETACH": ("LINK_DETACH",),
    "ENABLE_STATS": ("ENABLE_STATS",),
    "ITER_CREATE": ("ITER_CREATE",),
    "PROG_BIND_MAP": ("PROG_BIND_MAP",),
    "TOKEN_CREATE": ("TOKEN_CREATE",),
    "PROG_STREAM_READ": ("PROG_STREAM_READ_BY_FD",),
    "PROG_ASSOC_STRUCT_OPS": ("PROG_ASSOC_STRUCT_OPS",),
}  # fmt: skip

# Not in the C library's elf.h; source: Documentation/bpf/llvm_reloc.rst.
LLVM_RELOCATIONS = (("R_BPF_64_ABS64", 2), ("R_BPF_64_ABS32", 3), ("R_BPF_64_NODYLD32", 4))


def header(module: str, source: str) -> str:
    """Docstring and first import of a generated module."""
    return (
        f'"""{ABOUT[module][0].upper()}{ABOUT[module][1:]}.\n\n'
        "Generated by scripts/generate_tables.py from scripts/recorded/uapi.json"
        f"\n({source}). Do not edit.\n"
        '"""\n\nfrom __future__ import annotations\n'
    )


def modules(facts: dict[str, Any]) -> dict[str, str]:
    """Module path -> text, for all of probee/uapi."""
    split = constants(facts["constants"])
    texts: dict[str, str] = {}
    for module in ABOUT:
        text = header(module, facts["source"])
        for title, rows in split.get(module, []):
            lines = [f"{name} = {number(value)}\n" for name, value in rows]
            text += f"\n# {title}\n" + "".join(lines)
        if module == "elf":
            text += "\n# Documentation/bpf/llvm_reloc.rst\n"
            text += "".join(f"{name} = {value}\n" for name, value in LLVM_RELOCATIONS)
        if module == "bpf_attr":
            text += attr(facts["structs"]["bpf_attr"], facts["constants"])
        if module in STRUCTS:
            text += LAYOUT_COMMENT
            text += "".join(struct(name, facts["structs"][name]) for name in STRUCTS[module])
        texts[f"probee/uapi/{module}.py"] = text
    texts["probee/uapi/__init__.py"] = PACKAGE
    return texts


PACKAGE = '''"""Numbers and layouts of the kernel's user-space interface, as plain module constants.

Generated by scripts/generate_tables.py and checked in. Plain constants rather than IntEnum
members: an enum of 212 members costs 1.8 ms to make, a module of 300 constants 0.2 ms to import.
"""
'''

LAYOUT_COMMENT = """
# Layouts: (field, offset in bytes, size in bytes); a dot leads into a named member. Bit-fields
# stand apart, as (field, offset in bits from the start of the struct, width in bits). They hold
# for the 64-bit little-endian ABIs that probee runs on.
"""


def constants(headers: dict[str, Any]) -> dict[str, list[tuple[str, Rows]]]:
    """Module -> [(title, rows)], the titles being enum names or "#define in HEADER"."""
    out: dict[str, list[tuple[str, Rows]]] = {}
    for name, facts in headers.items():
        groups = [(f"enum {enum}".strip(), rows) for enum, rows in facts["enums"]]
        for title, rows in [(f"#define in {name}", facts["macros"]), *groups]:
            by_module: dict[str, Rows] = {}
            for row in rows:
                rules = (m for m, hs, pattern in SPLIT if name in hs and re.match(pattern, row[0]))
                if (module := next(rules, None)) is not None:
                    by_module.setdefault(module, []).append(row)
            for module, kept in by_module.items():
                out.setdefault(module, []).append((f"{title}", kept))
    return out


def number(value: int) -> str:
    """Small numbers in decimal, large ones (masks, magic numbers) in hexadecimal."""
    return str(value) if value < 4096 else f"0x{value:X}"


def attr(layout: dict[str, Any], headers: dict[str, Any]) -> str:
    """The alternatives of union bpf_attr and the table from command to alternative."""
    text = LAYOUT_COMMENT + f"\nSIZE = {layout['size']}\n"
    enums = headers["linux/bpf.h"]["enums"]
    numbers = dict(next(rows for enum, rows in enums if enum == "bpf_cmd"))
    names: list[str] = []
    for rows in groups(layout["fields"]):
        first = rows[0]
        if first[3] == "struct":
            name, prefix = first[0].upper(), first[0] + "."
            inner = [[row[0].removeprefix(prefix), *row[1:]] for row in rows[1:]]
        else:
            name, inner = ALTERNATIVES[first[0]], rows
        names.append(name)
        text += f"\n{name} = {rows_text(inner)}\n"
    if set(names) != set(COMMANDS):
        raise SystemExit(f"bpf_attr: name the commands of {set(names) ^ set(COMMANDS)}")
    text += "\n# bpf() command -> the alternative that it reads\nBY_COMMAND = {\n"
    by_number = {numbers[f"BPF_{c}"]: (c, name) for name in names for c in COMMANDS[name]}
    for value, (command, name) in sorted(by_number.items()):
        text += f"    {value}: {name},  # BPF_{command}\n"
    return text + "}\n"


def groups(fields: Rows) -> list[Rows]:
    """Rows split at the empty ones."""
    out: list[Rows] = []
    for row in fields:
        if row:
            out[-1].append(row)
        else:
            out.append([])
    return out


def struct(name: str, layout: dict[str, Any]) -> str:
    """SIZE, rows and bit-fields of one struct, under its name in capitals."""
    upper = name.strip("_").upper()
    fields = [row for row in layout["fields"] if row]
    text = f"\n{upper}_SIZE = {layout['size']}\n{upper} = {rows_text(fields)}\n"
    bits = [(row[0], row[4], row[5]) for row in fields if len(row) == 6]
    return text + (f"{upper}_BITS = {tuple_text(bits)}\n" if bits else "")


def rows_text(fields: Rows) -> str:
    """The plain fields: not bit-fields, not the wholes of named unions and structs."""
    plain = [row for row in fields if len(row) == 4 and row[3] not in ("struct", "union")]
    return tuple_text([(row[0], row[1], row[2]) for row in plain])


def tuple_text(rows: list[tuple[str, int, int]]) -> str:
    """A tuple of (name, number, number) tuples, laid out as ruff does."""
    lines = [f'("{name}", {first}, {second}),' for name, first, second in rows]
    if len(lines) == 1:
        return f"({lines[0]})"
    return "(\n" + "".join(f"    {line}\n" for line in lines) + ")"
