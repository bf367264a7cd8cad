"""Constants and struct layouts of the kernel's uapi headers, by asking a C compiler.

In: a folder of uapi headers (Debian's linux-libc-dev, unpacked) and the headers that matter.
Out: plain lists: macros and enum members with their values, in the order of the header, and
struct fields with offsets and sizes in bytes. Values come from a compiled program, layouts from
the BTF that `pahole` makes of its debug information, so nothing is worked out by hand.
Needs gcc, pahole and bpftool; runs only when the facts are recorded anew.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

MARKER = re.compile(r'^# \d+ "([^"]+)"')
DEFINE = re.compile(r"^#define ([A-Za-z_]\w*) (\S.*)$", re.MULTILINE)
ENUM = re.compile(r"\benum\s*(\w*)\s*\{([^}]*)\}", re.DOTALL)
ERROR_LINE = re.compile(r"^<stdin>:(\d+):\d+: error:", re.MULTILINE)
PRELUDE = "int printf(const char *, ...);\n"


def run(*command: str, text: str | None = None) -> str:
    """Standard output of a command; its failure ends the recording."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return done.stdout


class Headers:
    """One unpacked linux-libc-dev, seen by one architecture's programs."""

    def __init__(self, root: Path, names: tuple[str, ...], *, triplet: str) -> None:
        include = root / "usr/include"
        self.names = names
        self.flags = ["-nostdinc", "-I", str(include / triplet), "-I", str(include)]
        self.includes = "".join(f"#include <{name}>\n" for name in names)

    def texts(self) -> dict[str, str]:
        """What each wanted header itself contributes after preprocessing, comments gone."""
        texts: dict[str, list[str]] = {name: [] for name in self.names}
        here: list[str] | None = None
        for line in run("gcc", "-E", "-dD", "-xc", *self.flags, "-", text=self.includes).split(
            "\n"
        ):
            if marker := MARKER.match(line):
                path = marker[1]
                here = next((texts[n] for n in self.names if path.endswith("/" + n)), None)
            elif here is not None:
                here.append(line)
        return {name: "\n".join(lines) for name, lines in texts.items()}

    def values(self, names: list[str]) -> dict[str, int]:
        """The value of every name that is an integer constant; the others are left out."""
        keep = list(dict.fromkeys(names))
        with tempfile.TemporaryDirectory() as folder:
            while True:
                checks = "".join(f"static long long v{i} = {n};\n" for i, n in enumerate(keep))
                first = (self.includes + PRELUDE).count("\n") + 1
                bad = self._errors(self.includes + PRELUDE + checks)
                if not bad:
                    break
                keep = [n for i, n in enumerate(keep) if i + first not in bad]
            rows = "".join(
                f'printf("%d %llu\\n", ({n}) < 0, (unsigned long long)({n}));' for n in keep
            )
            source, program = Path(folder, "values.c"), Path(folder, "values")
            source.write_text(f"{self.includes}{PRELUDE}int main(void) {{ {rows} }}\n")
            run("gcc", "-w", *self.flags, str(source), "-o", str(program))
            lines = run(str(program)).split("\n")
        out = {}
        for name, line in zip(keep, lines, strict=False):
            negative, value = (int(word) for word in line.split())
            out[name] = value - (1 << 64) if negative else value
        return out

    def _errors(self, source: str) -> set[int]:
        """Numbers of the lines that gcc refuses."""
        command = [
            "gcc",
            "-fsyntax-only",
            "-Werror=int-conversion",
            "-ftrack-macro-expansion=0",
            "-xc",
        ]
        done = subprocess.run(
            [*command, *self.flags, "-"], input=source, capture_output=True, text=True, check=False
        )
        lines = {int(number) for number in ERROR_LINE.findall(done.stderr)}
        if done.returncode and not lines:
            raise SystemExit(done.stderr[-2000:])
        return lines

    def constants(self, only: str = "") -> dict[str, dict[str, Any]]:
        """header -> {"macros": [[name, value]], "enums": [[enum name or "", [[name, value]]]]}.

        `only` is a pattern that the names of macros must begin with.
        """
        texts = self.texts()
        enums = {
            header: [(m[1], re.findall(r"(?:^|,)\s*(\w+)", m[2])) for m in ENUM.finditer(text)]
            for header, text in texts.items()
        }
        macros = {
            h: [m[1] for m in DEFINE.finditer(t) if re.match(only, m[1])] for h, t in texts.items()
        }
        names = [n for rows in enums.values() for _, members in rows for n in members]
        values = self.values(names + [n for rows in macros.values() for n in rows])
        members = set(names)
        return {
            header: {
                "macros": [
                    [n, values[n]]
                    for n in dict.fromkeys(macros[header])
                    if n in values and n not in members
                ],
                "enums": [
                    [name, [[n, values[n]] for n in rows]]
                    for name, rows in enums[header]
                    if re.match(only, rows[0])
                ],
            }
            for header in self.names
        }

    def structs(self, wanted: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """name -> {"size": bytes, "fields": [...]}, see `Layouts.fields` for the rows."""
        with tempfile.TemporaryDirectory() as folder:
            source, program, btf = (Path(folder, name) for name in ("s.c", "s.o", "s.btf"))
            source.write_text(self.includes)
            keep_all = "-fno-eliminate-unused-debug-types"
            run("gcc", "-w", "-g", keep_all, *self.flags, "-c", str(source), "-o", str(program))
            run("pahole", f"--btf_encode_detached={btf}", str(program))
            types = json.loads(run("bpftool", "-j", "btf", "dump", "file", str(btf)))["types"]
        layouts = Layouts(types)
        return {name: layouts.struct(name) for name in wanted}


class Layouts:
    """Struct layouts out of what `bpftool -j btf dump` prints."""

    def __init__(self, types: list[dict[str, Any]]) -> None:
        self.types = {t["id"]: t for t in types}
        self.named = {t["name"]: t for t in types if t["kind"] in ("STRUCT", "UNION")}

    def struct(self, name: str) -> dict[str, Any]:
        """Size and fields of a struct or union by its name."""
        if name not in self.named:
            raise SystemExit(f"no struct {name} in these headers")
        found = self.named[name]
        return {"size": found["size"], "fields": self.groups(found)}

    def groups(self, found: dict[str, Any]) -> list[list[Any]]:
        """The rows of a type; where it is a union, an empty row stands before each of its members.

        So the alternatives of `union bpf_attr`, most of which have no name, stay apart.
        """
        if found["kind"] == "STRUCT":
            return self.fields(found, "", 0)
        rows: list[list[Any]] = []
        for member in found["members"]:
            rows += [[], *self.fields({"members": [member]}, "", 0)]
        return rows

    def fields(self, parent: dict[str, Any], prefix: str, base: int) -> list[list[Any]]:
        """Rows [path, byte offset, byte size, C type], or with [bit offset, bits] appended.

        The members of an unnamed struct or union stand in their parent's place; those of a named
        one have its name and a dot before theirs, after a row for the whole.
        """
        rows: list[list[Any]] = []
        for member in parent["members"]:
            bits = base * 8 + member["bits_offset"]
            whole, spelled, size = self.resolve(member["type_id"])
            name = "" if member["name"] == "(anon)" else member["name"]
            if width := member.get("bitfield_size"):
                rows.append([prefix + name, bits // 8, size, spelled, bits, width])
                continue
            if name:
                rows.append([prefix + name, bits // 8, size, spelled])
            if whole and (not name or whole["name"] == "(anon)"):
                inner = prefix + name + "." if name else prefix
                rows += self.fields(whole, inner, bits // 8)
        return rows

    def resolve(self, type_id: int) -> tuple[dict[str, Any] | None, str, int]:
        """(struct or union if it is one, C spelling, size in bytes) of a type."""
        if type_id == 0:
            return None, "void", 0
        found = self.types[type_id]
        kind, name = found["kind"], found.get("name", "")
        if kind == "PTR":
            return None, self.resolve(found["type_id"])[1] + " *", 8
        if kind in ("CONST", "VOLATILE"):
            whole, spelled, size = self.resolve(found["type_id"])
            return whole, f"{kind.lower()} {spelled}", size
        if kind == "TYPEDEF":
            whole, _, size = self.resolve(found["type_id"])
            return None if name.startswith("__") else whole, name, size
        if kind == "ARRAY":
            _, spelled, size = self.resolve(found["type_id"])
            return None, f"{spelled}[{found['nr_elems']}]", size * found["nr_elems"]
        if kind in ("STRUCT", "UNION"):
            spelled = kind.lower() if name == "(anon)" else f"{kind.lower()} {name}"
            return found, spelled, found["size"]
        if kind == "ENUM":
            return None, f"enum {name}", found["size"]
        return None, name, found.get("size", 0)
