"""BTF against bpftool, pahole and clang: what they read and write, we read and write."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from probee.btf import kinds, types
from probee.btf.check import check
from probee.btf.ext import FuncInfo, LineInfo, read_ext, write_ext
from probee.btf.index import IndexedBtf, build_index
from probee.btf.lower import Features, lower
from probee.btf.reader import Btf
from tests.unit.btf.samples import every_kind, newest_kinds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VMLINUX = "/sys/kernel/btf/vmlinux"
pytestmark = pytest.mark.oracle("bpftool")

SOURCE = """
typedef unsigned int u32; typedef unsigned long long u64;
#define SEC(n) __attribute__((section(n), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
enum big { BIGA = 0xffffffffffULL, BIGB = 1 };
enum neg { NEG = -5, POS = 7 };
struct node {
    struct node *next; int v:5; unsigned w:11;
    union { u32 a; struct { short x, y; }; };
    char name[16]; float f; double d; enum neg e; enum big g; _Bool ok; int (*cb)(int, ...);
} __attribute__((btf_decl_tag("tagged")));
struct fw;
volatile const struct fw *fwp;
struct {
    __uint(type, 1); __uint(max_entries, 64); __type(key, u32); __type(value, struct node);
} m SEC(".maps");
int counter = 3;
const volatile int limit SEC(".rodata") = 4;
static u64 hidden;
extern int LINUX_KERNEL_VERSION __attribute__((weak, section(".kconfig")));
struct task_struct { int pid; } __attribute__((preserve_access_index));
static void *(*lookup)(void *, const void *) = (void *)1;
__attribute__((noinline))
int helper(struct node *restrict n, int __attribute__((btf_type_tag("user"))) *p) {
    return n ? n->v + *p : (int)hidden;
}
SEC("tp/x") int prog(struct task_struct *t) {
    u32 k = 0;
    struct node *n = lookup(&m, &k);
    hidden++;
    return helper(n, &counter) + limit + t->pid + LINUX_KERNEL_VERSION;
}
char LICENSE[] SEC("license") = "GPL";
"""


def dumped(bpftool: str, path: str) -> list[dict[str, Any]]:
    run = subprocess.run(
        [bpftool, "btf", "dump", "file", path, "-j"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    found: list[dict[str, Any]] = json.loads(run.stdout)["types"]
    return found


ENCODINGS = {0: "(none)", types.SIGNED: "SIGNED", types.CHAR: "CHAR", types.BOOL: "BOOL"}


def named(name: str) -> str:
    return name or "(anon)"


def as_bpftool_says(id: int, type_: types.Type) -> dict[str, Any]:
    """The JSON object that bpftool 7.1 prints for a type."""
    row: dict[str, Any] = {"id": id, "kind": kinds.kind_name(type_.kind)}
    row["name"] = named(getattr(type_, "name", "") or getattr(type_, "value", ""))
    match type_:
        case types.Int():
            row |= {"size": type_.size, "bits_offset": type_.offset, "nr_bits": type_.bits}
            row["encoding"] = ENCODINGS[type_.encoding]
        case types.Array():
            row |= {"type_id": type_.type, "index_type_id": type_.index, "nr_elems": type_.count}
        case types.Struct() | types.Union():
            row |= {"size": type_.size, "vlen": len(type_.members)}
            row["members"] = [
                {"name": named(m.name), "type_id": m.type, "bits_offset": m.bit_offset}
                | ({"bitfield_size": m.bits} if m.bits else {})
                for m in type_.members
            ]
        case types.Enum() | types.Enum64():
            row |= {"encoding": "SIGNED" if type_.signed else "UNSIGNED", "size": type_.size}
            row["vlen"] = len(type_.values)
            row["values"] = [{"name": v.name, "val": v.value} for v in type_.values]
        case types.Fwd():
            row["fwd_kind"] = "union" if type_.union else "struct"
        case types.FuncProto():
            row |= {"ret_type_id": type_.type, "vlen": len(type_.params)}
            row["params"] = [{"name": named(p.name), "type_id": p.type} for p in type_.params]
        case types.Func() | types.Var():
            row |= {"type_id": type_.type, "linkage": type_.linkage}
        case types.Datasec():
            row |= {"size": type_.size, "vlen": len(type_.vars)}
            row["vars"] = [
                {"type_id": v.type, "offset": v.offset, "size": v.size} for v in type_.vars
            ]
        case types.Float():
            row["size"] = type_.size
        case types.DeclTag():
            row |= {"type_id": type_.type, "component_idx": type_.component}
        case _:
            row["type_id"] = getattr(type_, "type")  # noqa: B009
    return row


def evened(row: dict[str, Any]) -> dict[str, Any]:
    """What differs between bpftools: newer ones say more of variables, older ones sign-extend."""
    for var in row.get("vars", ()):
        for field in set(var) - {"type_id", "offset", "size"}:
            del var[field]
    if row["kind"] == "ENUM" and row["encoding"] == "UNSIGNED":
        for value in row["values"]:
            value["val"] &= 0xFFFFFFFF
    return row


def assert_read_alike(data: bytes, rows: list[dict[str, Any]]) -> None:
    btf = Btf(data)
    assert len(btf) == len(rows)
    for (id, type_), row in zip(btf.types(), rows, strict=True):
        assert as_bpftool_says(id, type_) == evened(row)


@pytest.fixture(scope="module")
def vmlinux() -> bytes:
    if not os.path.exists(VMLINUX):
        pytest.skip(f"this kernel has no {VMLINUX}")
    with open(VMLINUX, "rb") as file:
        return file.read()


def test_every_type_of_this_kernel(vmlinux: bytes, oracle: Callable[[str], str]) -> None:
    rows = dumped(oracle("bpftool"), VMLINUX)
    assert len(rows) > 10_000
    assert_read_alike(vmlinux, rows)


def test_this_kernel_by_name_through_the_index(
    vmlinux: bytes, oracle: Callable[[str], str]
) -> None:
    btf = IndexedBtf(vmlinux, build_index(vmlinux))
    wanted: dict[tuple[str, str], list[int]] = {}
    for row in dumped(oracle("bpftool"), VMLINUX):
        wanted.setdefault((row["kind"], row["name"]), []).append(row["id"])
    numbers = {name: number for number, name in enumerate(kinds.NAMES)}
    for (kind, name), ids in list(wanted.items())[::7]:
        if name != "(anon)":
            assert btf.by_name(numbers[kind], name) == tuple(ids)


def test_this_kernel_is_well_formed(vmlinux: bytes) -> None:
    check(Btf(vmlinux))


def test_members_as_pahole_places_them(vmlinux: bytes, oracle: Callable[[str], str]) -> None:
    """`task_struct` has anonymous structs, bitfields and 200 members."""
    command = [oracle("pahole"), "-C", "task_struct", "--hex", VMLINUX]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    btf = IndexedBtf(vmlinux, build_index(vmlinux))
    (task,) = btf.by_name(types.Struct.kind, "task_struct")
    seen = 0
    for line in text.splitlines():
        declaration, _, comment = line.partition("/*")
        numbers = comment.replace("*/", "").split()
        name = declaration.rstrip(" ;").rpartition(" ")[2].partition("[")[0].lstrip("*")
        if not declaration.startswith("\t") or declaration.startswith("\t\t") or not name:
            continue
        if len(numbers) != 2 or not all(number.startswith("0") for number in numbers):
            continue
        field = btf.member(task, name)
        if field is None:  # a function pointer, or the end of an anonymous struct
            continue
        assert (field.offset, field.size) == (int(numbers[0], 16), int(numbers[1], 16)), name
        seen += 1
    assert seen > 100


@pytest.mark.parametrize("big_endian", [False, True])
def test_bpftool_reads_what_the_builder_writes(
    big_endian: bool, tmp_path: Path, oracle: Callable[[str], str]
) -> None:
    blob = newest_kinds().build(big_endian=big_endian)
    path = tmp_path / "written.btf"
    path.write_bytes(blob)
    assert_read_alike(blob, dumped(oracle("bpftool"), str(path)))


def test_pahole_reads_what_the_builder_writes(tmp_path: Path, oracle: Callable[[str], str]) -> None:
    path = tmp_path / "written.btf"
    path.write_bytes(every_kind().build())
    command = [oracle("pahole"), "-F", "btf", "-C", "node", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for part in ("struct node *", "high:11;", "name_t", "/* size: 80,", "slots[2];"):
        assert part in text


@pytest.mark.parametrize("missing", Features.__match_args__)
def test_bpftool_reads_each_lowering(
    missing: str, tmp_path: Path, oracle: Callable[[str], str]
) -> None:
    blob = lower(newest_kinds().build(), Features(**{missing: False}))
    path = tmp_path / "lowered.btf"
    path.write_bytes(blob)
    assert_read_alike(blob, dumped(oracle("bpftool"), str(path)))


@pytest.fixture(scope="module", params=["-mlittle-endian", "-mbig-endian"])
def compiled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, bytes, bytes]:
    """An object by clang, its `.BTF` and its `.BTF.ext`."""
    oracle: Callable[[str], str] = request.getfixturevalue("oracle_module")
    folder = tmp_path_factory.mktemp("clang")
    source, object_ = folder / "s.c", folder / "s.o"
    source.write_text(SOURCE)
    target = "bpfel" if "little" in request.param else "bpfeb"
    subprocess.run(
        [oracle("clang"), "-g", "-O2", "-target", target, "-c", str(source), "-o", str(object_)],
        check=True, capture_output=True,
    )  # fmt: skip
    parts = folder / "btf", folder / "ext"
    dump = [f"--dump-section=.BTF={parts[0]}", f"--dump-section=.BTF.ext={parts[1]}"]
    subprocess.run([oracle("llvm-objcopy"), *dump, str(object_), "/dev/null"], check=True)
    return object_, parts[0].read_bytes(), parts[1].read_bytes()


@pytest.fixture(scope="module")
def oracle_module() -> Callable[[str], str]:
    """`oracle` for fixtures of module scope."""
    from scripts import oracles

    def path_of(tool: str) -> str:
        path = oracles.find(tool)
        if path is None:
            pytest.skip(oracles.how_to_get(tool))
        return path

    return path_of


@pytest.mark.oracle("bpftool", "clang", "llvm-objcopy")
def test_an_object_of_clang(
    compiled: tuple[Path, bytes, bytes], tmp_path: Path, oracle: Callable[[str], str]
) -> None:
    path = tmp_path / "clang.btf"
    path.write_bytes(compiled[1])
    check(Btf(compiled[1]))
    assert_read_alike(compiled[1], dumped(oracle("bpftool"), str(path)))


@pytest.mark.oracle("bpftool", "clang", "llvm-objcopy")
def test_the_lines_of_clang_are_those_of_the_source(
    compiled: tuple[Path, bytes, bytes],
) -> None:
    _, btf_data, ext_data = compiled
    btf, ext = Btf(btf_data), read_ext(ext_data)
    assert write_ext(ext, big_endian=btf.big_endian) == ext_data
    lines = SOURCE.splitlines()
    functions = set()
    for section in ext.func_info:
        for record in section.records:
            assert isinstance(record, FuncInfo)
            functions.add((btf.string(section.name), btf.name(record.type)))
    assert functions == {(".text", "helper"), ("tp/x", "prog")}
    seen = set()
    for section in ext.line_info:
        for line in section.records:
            assert isinstance(line, LineInfo)
            assert btf.string(line.file).endswith("s.c")
            assert btf.string(line.text) == lines[line.line - 1]
            assert line.column <= len(lines[line.line - 1])
            seen.add(lines[line.line - 1].strip())
    assert "hidden++;" in seen
    assert [btf.string(section.name) for section in ext.core_relo] == ["tp/x"]
