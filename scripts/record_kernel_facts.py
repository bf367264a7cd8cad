"""Record what probee's generated tables say of the kernel: numbers, names and layouts, no text.

In: unpacked Debian packages and more, given by option (nothing is fetched here):
    --headers DIR     linux-libc-dev (`dpkg -x` of it; Arch: all, so it has every architecture)
    --source DIR      the tree of linux-source-X.Y of the same version
    --versions FILE   iovisor/bcc's docs/kernel-versions.md, --libbpf DIR a clone of libbpf with its
                      history: when each helper, map type, program type first appeared
    --tracepoints     the running kernel's tracefs, as root: fields of common tracepoints
Out: scripts/recorded/*.json, dated, one fact a line, so that a new recording is a readable diff.
`scripts/generate_tables.py` reads only those files.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from scripts import (
    facts_headers,
    facts_protos,
    facts_syscalls,
    facts_tracepoints,
    facts_versions,
)

RECORDED = Path(__file__).parent / "recorded"

BPF_HEADERS = ("linux/bpf.h", "linux/bpf_common.h", "linux/btf.h", "linux/perf_event.h",
               "linux/bpf_perf_event.h")  # fmt: skip
ELF_HEADERS = ("elf.h",)  # the C library's: the kernel's has no visibility and no R_BPF_*
MACHINES = "MIPS|PARISC|HP|ALPHA|ARM|AARCH64|CSKY|IA_64|RISCV|SPARC|SUNW|X86_64"
ELF_NAMES = (
    rf"(?!\w+_({MACHINES})_|PT_SUNW)((EI|ET|EV|SHT|SHF|SHN|STB|STT|STV|STN|PT|PF|R_BPF)_"
    r"|ELF(CLASS|DATA|MAG)|(EM_BPF|EM_X86_64|EM_AARCH64|GRP_COMDAT)$)"
)
STRUCTS = (
    "bpf_attr", "bpf_insn", "bpf_prog_info", "bpf_map_info", "bpf_btf_info", "bpf_link_info",
    "bpf_token_info", "bpf_func_info", "bpf_line_info", "bpf_core_relo", "bpf_iter_link_info",
    "__sk_buff", "xdp_md", "bpf_sock", "bpf_tcp_sock", "bpf_sock_tuple", "sk_msg_md",
    "sk_reuseport_md", "bpf_sock_addr", "bpf_sock_ops", "bpf_cgroup_dev_ctx", "bpf_sysctl",
    "bpf_sockopt", "bpf_sk_lookup", "bpf_flow_keys", "bpf_raw_tracepoint_args",
    "bpf_perf_event_value", "bpf_perf_event_data", "bpf_pidns_info", "bpf_fib_lookup",
    "bpf_tunnel_key", "bpf_redir_neigh", "bpf_spin_lock", "bpf_timer", "bpf_dynptr",
    "bpf_lpm_trie_key_u8", "bpf_cgroup_storage_key", "bpf_stack_build_id", "btf_ptr",
    "bpf_xdp_sock", "bpf_devmap_val", "bpf_cpumap_val", "bpf_wq", "bpf_list_head",
    "bpf_list_node", "bpf_rb_root", "bpf_rb_node", "bpf_refcount",
    "btf_header", "btf_type", "btf_array", "btf_member", "btf_param", "btf_var",
    "btf_var_secinfo", "btf_decl_tag", "btf_enum", "btf_enum64",
    "perf_event_attr", "perf_event_mmap_page", "perf_event_header",
)  # fmt: skip


def write(name: str, facts: dict[str, Any], source: str) -> None:
    """Write recorded/NAME.json: a date, the source, then the facts."""
    head = {"recorded": dt.date.today().isoformat(), "source": source}
    text = dump({**head, **facts}) + "\n"
    (RECORDED / f"{name}.json").write_text(text, encoding="utf-8")


def dump(value: Any, indent: str = "") -> str:
    """JSON with one row a line: what is short or has only leaves stays on its line."""
    inner, line = indent + " ", json.dumps(value)
    if len(line) < 100:
        return line
    if isinstance(value, dict) and any(isinstance(v, dict | list) for v in value.values()):
        rows = [f"{inner}{json.dumps(key)}: {dump(v, inner)}" for key, v in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
        return "[\n" + ",\n".join(inner + dump(v, inner) for v in value) + f"\n{indent}]"
    return line


def package_version(root: Path) -> str:
    """Version and package of an unpacked linux-libc-dev, from its changelog's first line."""
    import gzip

    path = next(root.glob("usr/share/doc/linux-libc-dev/changelog.Debian.gz"))
    with gzip.open(path, "rt", encoding="utf-8") as file:
        first = file.readline()
    return f"linux-libc-dev {first.split('(')[1].split(')')[0]}"


def versions(root: Path, headers: Path) -> str:
    """The source tree's version and that of the headers."""
    makefile = (root / "Makefile").read_text(encoding="utf-8").splitlines()[1:4]
    version = ".".join(line.split("=")[1].strip() for line in makefile)
    return f"linux-source {version}, {package_version(headers)}"


def record_headers(root: Path) -> None:
    """uapi.json: constants of the bpf, btf, perf and elf headers, and struct layouts."""
    x86 = facts_headers.Headers(root, BPF_HEADERS, triplet="x86_64-linux-gnu")
    elf = facts_headers.Headers(Path("/"), ELF_HEADERS, triplet="x86_64-linux-gnu")
    constants = {**x86.constants(), **elf.constants(ELF_NAMES)}
    facts = {"constants": constants, "structs": x86.structs(STRUCTS)}
    write("uapi", facts, package_version(root))


def record_helpers(root: Path, headers: Path) -> None:
    """helpers.json: prototypes, signatures, and which program types reach which prototype."""
    source = facts_protos.Source(root)
    header = (headers / "usr/include/linux/bpf.h").read_text(encoding="utf-8")
    facts = {
        "prototypes": facts_protos.prototypes(source),
        "signatures": facts_protos.signatures(header),
        **facts_protos.callers(source),
    }
    write("helpers", facts, versions(root, headers))


def record_versions(table: Path, repository: Path) -> None:
    """since.json: when each helper first appeared."""
    uapi = json.loads((RECORDED / "uapi.json").read_text(encoding="utf-8"))
    enums = dict(uapi["constants"]["linux/bpf.h"]["enums"])
    names = [name.removeprefix("BPF_FUNC_") for name, _ in enums["bpf_func_id"][1:-1]]
    text = table.read_text(encoding="utf-8")
    facts = {"helpers": facts_versions.since(names, text, repository)}
    write("since", facts, "iovisor/bcc docs/kernel-versions.md, libbpf's history of linux/bpf.h")


def main(arguments: list[str]) -> int:
    """Record what the given options allow; the other files stay as they are."""
    parser = argparse.ArgumentParser(description="record kernel facts under scripts/recorded/")
    parser.add_argument("--headers", type=Path, metavar="DIR")
    parser.add_argument("--source", type=Path, metavar="DIR")
    parser.add_argument("--versions", type=Path, metavar="FILE")
    parser.add_argument("--libbpf", type=Path, metavar="DIR")
    parser.add_argument("--tracepoints", action="store_true")
    options = parser.parse_args(arguments)
    if options.tracepoints:
        found = facts_tracepoints.tracepoints()
        facts = {
            "tracepoints": found,
            "classes": facts_tracepoints.classes(found),
            "raw": facts_tracepoints.raw(found),
        }
        write("tracepoints", facts, facts_tracepoints.source())
    if options.headers:
        record_headers(options.headers)
    if options.source and options.headers:
        record_helpers(options.source, options.headers)
        facts = {"syscalls": facts_syscalls.syscalls(options.source, options.headers)}
        write("syscalls", facts, versions(options.source, options.headers))
    if options.versions and options.libbpf:
        record_versions(options.versions, options.libbpf)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
