"""What the kernel says of its helper functions: arguments, results, and who may call them.

In: the tree of linux-source-X.Y, and linux/bpf.h of the same version for C types and names.
Out: rows of plain data. `prototypes` reads every `struct bpf_func_proto` initialiser,
`signatures` the C prototypes in the header's comments, `callers` the `*_func_proto` functions
that map (program type, helper) to a prototype.

`callers` answers "may some program of this type call it": a condition inside a case (attach
type, sleepable, capability, kernel configuration) counts as met, and its words are kept beside it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

FOLDERS = ("kernel", "net", "drivers/media/rc", "drivers/hid/bpf", "io_uring", "fs")
PROTO = re.compile(r"\bstruct bpf_func_proto (\w+)\s*=\s*\{(.*?)\n\};", re.DOTALL)
FIELD = re.compile(r"\.(\w+)\s*=\s*([^,]*?)\s*(?:,|$)", re.DOTALL)
OPS = re.compile(r"\bstruct bpf_verifier_ops (\w+)_verifier_ops = \{(.*?)\n\};", re.DOTALL)
TYPES = re.compile(r"^BPF_PROG_TYPE\(BPF_PROG_TYPE_(\w+), (\w+)", re.MULTILINE)
FUNCTION = re.compile(
    r"^[^\n;{}#/]*?\b(\w+_func_proto)\(enum bpf_func_id[^;{]*?\)\n\{", re.MULTILINE
)
SIGNATURE = re.compile(r"^ \* (\S[\w ]*?[ *]+)bpf_(\w+)\((.*)\)$", re.MULTILINE)
ID_LIST = re.compile(r"BTF_ID_LIST(?:_GLOBAL)?\((\w+)(?:, \w+)?\)\n((?:\s*BTF_ID\(.*\)\n)+)")
ID_SINGLE = re.compile(r"BTF_ID_LIST_(?:GLOBAL_)?SINGLE\((\w+), \w+, (\w+)\)")
CONDITION = re.compile(r"\bBPF_(?!FUNC)[A-Z]\w+|\bbpf_prog_has_\w+|\bsleepable\b")
# Functions that return one prototype after a side effect.
GETTERS = {
    "bpf_get_trace_printk_proto": "bpf_trace_printk_proto",
    "bpf_get_trace_vprintk_proto": "bpf_trace_vprintk_proto",
    "bpf_get_perf_event_read_value_proto": "bpf_perf_event_read_value_proto",
    "bpf_get_probe_write_proto": "bpf_probe_write_user_proto",
}


class Source:
    """The C files in which prototypes live, comments removed, `#` lines kept."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[Path, str] = {}
        for folder in FOLDERS:
            for path in sorted((root / folder).rglob("*.c")):
                text = path.read_text(encoding="utf-8", errors="replace")
                if "func_proto" in text or "BTF_ID_LIST" in text:
                    self.files[path] = strip_comments(text)
        self.headers = "\n".join(
            (root / "include/linux" / name).read_text(encoding="utf-8")
            for name in ("bpf.h", "bpf_types.h", "btf_ids.h")
        )

    def btf_names(self) -> dict[str, str]:
        """`LIST` or `LIST[INDEX]` -> struct name, for the id lists that prototypes point to."""
        out: dict[str, str] = {}
        for text in [*self.files.values(), self.headers]:
            out.update(ID_SINGLE.findall(text))
            for name, body in ID_LIST.findall(text):
                members = re.findall(r"BTF_ID\(\w+, (\w+)\)", body)
                out.update({f"{name}[{i}]": member for i, member in enumerate(members)})
        for enum, name in re.findall(r"BTF_SOCK_TYPE\((BTF_SOCK_TYPE_\w+), (\w+)\)", self.headers):
            out[f"btf_sock_ids[{enum}]"] = name
        tracing = r"BTF_TRACING_TYPE\((BTF_TRACING_TYPE_\w+), (\w+)\)"
        for enum, name in re.findall(tracing, self.headers):
            out[f"btf_tracing_ids[{enum}]"] = name
        return out


def strip_comments(text: str) -> str:
    """C text without comments."""
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def prototypes(source: Source) -> dict[str, dict[str, Any]]:
    """Prototype's C name -> {"ret", "args", "gpl", "sleeps", "fast", "file"}.

    An argument is [words of its type, struct name or size or ""], e.g.
    [["ARG_PTR_TO_MEM", "MEM_RDONLY"], ""]; the result likewise.
    """
    names = source.btf_names()
    out: dict[str, dict[str, Any]] = {}
    for path, text in source.files.items():
        for name, body in PROTO.findall(text):
            fields = dict(FIELD.findall(body))
            args = []
            for number in range(1, 6):
                words = fields.get(f"arg{number}_type", "ARG_DONTCARE").split()
                if words != ["ARG_DONTCARE"]:
                    extra = fields.get(f"arg{number}_btf_id") or fields.get(f"arg{number}_size", "")
                    args.append([flags(words), resolve(extra, names)])
            out[name] = {
                "ret": [
                    flags(fields.get("ret_type", "RET_INTEGER").split()),
                    resolve(fields.get("ret_btf_id", ""), names),
                ],
                "args": args,
                "gpl": fields.get("gpl_only") == "true",
                "sleeps": fields.get("might_sleep") == "true",
                "packet": fields.get("pkt_access") == "true",
                "file": str(path.relative_to(source.root)),
            }
    return out


def flags(words: list[str]) -> list[str]:
    """The words of an `A | B` expression."""
    return [word for word in words if word != "|"]


def resolve(expression: str, names: dict[str, str]) -> str:
    """The struct that a `&list[index]` names; other expressions (sizes) stay as they are."""
    if not expression:
        return ""
    key = " ".join(expression.split()).lstrip("&")
    if key in names:
        return names[key]
    base = key.removesuffix("[0]")
    if base in names:
        return names[base]
    if key.startswith("BPF_PTR_POISON"):
        return ""
    if key.endswith("_sock_id"):  # bpf_tcp_ca.c and its like look the id of their own struct up
        return key.removesuffix("_id")
    if key.startswith("sizeof"):
        return key
    raise SystemExit(f"unknown type id list {expression!r}")


def signatures(header: str) -> dict[str, dict[str, Any]]:
    """Helper name -> {"ret": C type, "args": [[C type, name], ...], "variadic"}."""
    out: dict[str, dict[str, Any]] = {}
    for ret, name, arguments in SIGNATURE.findall(header):
        variadic = False
        args = []
        for text in arguments.split(", "):
            if text in ("void", "..."):
                variadic |= text == "..."
                continue
            spelled = re.fullmatch(r"(.*?[ *])(\w+)", text)
            if spelled is None:
                raise SystemExit(f"cannot read argument {text!r} of {name}")
            args.append([spelled[1].strip(), spelled[2]])
        out.setdefault(name, {"ret": ret.strip(), "args": args, "variadic": variadic})
    return out


def callers(source: Source) -> dict[str, Any]:
    """{"programs": {program type: function}, "functions": {function: what it answers}}.

    A function's answer is {"else": [functions it falls back to], "cases": {helper: [[prototypes],
    [condition words]]}}; a case without a prototype refuses the helper.
    """
    bodies: dict[str, str] = {}
    getters = {}
    for text in source.files.values():
        for match in FUNCTION.finditer(text):
            if "__weak" not in match[0]:
                bodies[match[1]] = text[match.end() : text.index("\n}", match.end())]
        for name, body in OPS.findall(text):
            getter = re.search(r"\.get_func_proto\s*=\s*(\w+)", body)
            getters[name] = getter[1] if getter else ""
    programs = {kind.lower(): getters.get(name, "") for kind, name in TYPES.findall(source.headers)}
    # Each struct_ops subsystem has its own; all but TCP congestion control take the common one.
    programs["struct_ops"] = "bpf_tcp_ca_get_func_proto"
    return {"programs": programs, "functions": {n: answers(b) for n, b in sorted(bodies.items())}}


def answers(body: str) -> dict[str, Any]:
    """What one `*_func_proto` function answers, see `callers`."""
    cases, rest = split_cases(body)
    rows: dict[str, list[list[str]]] = {}
    for labels, text in cases:
        for label in labels:
            protos = re.findall(r"&(\w*_proto\w*)", text)
            protos += [proto for getter, proto in GETTERS.items() if f"{getter}(" in text]
            if "bpf_get_skb_set_tunnel_proto(" in text:
                protos.append(f"bpf_{label}_proto")
            known = rows.setdefault(label, [[], []])
            known[0] += [p for p in protos if p not in known[0]]
            known[1] += [c for c in sorted(set(CONDITION.findall(text))) if c not in known[1]]
    return {"else": re.findall(r"(\w+_func_proto)\(func_id", rest), "cases": rows}


def split_cases(body: str) -> tuple[list[tuple[list[str], str]], str]:
    """(helpers of a group of case labels, its text) pairs, and all text outside of them."""
    cases: list[tuple[list[str], str]] = []
    rest: list[str] = []
    labels: list[str] = []
    text: list[str] = []

    def close() -> None:
        if labels and text:
            cases.append((labels[:], "\n".join(text)))
            labels.clear()
            text.clear()

    for line in body.split("\n"):
        if label := re.fullmatch(r"\s*case BPF_FUNC_(\w+):\s*", line):
            close()
            labels.append(label[1])
        elif re.fullmatch(r"\tdefault:.*|\t}", line):
            close()
            labels.clear()
            rest.append(line)
        elif line.startswith("#"):
            continue
        elif labels:
            text.append(line)
        else:
            rest.append(line)
    close()
    return cases, "\n".join(rest)
