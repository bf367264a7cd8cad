"""A capture's identity changes whenever the program could, and only then."""

from __future__ import annotations

import importlib
import linecache
import sys
from typing import TYPE_CHECKING

import pytest

from probee import u16, u32
from probee.compiler.pipeline import compile_programs
from probee.lang.capture import capture
from probee.lang.kernel import KernelMeta, KernelStruct, shape
from probee.lang.programs import Program
from probee.spec import FormatField, RawArgument, Target, TracepointFormat

if TYPE_CHECKING:
    from pathlib import Path

    from probee.lang.capture import Capture

HEAD = """from __future__ import annotations
import other
from probee import Array, Chars, Global, RingBuf, Struct, UserStr, chars, read_str, tracepoint
from probee import u32, u64
g = Global(u64, 0)
"""
PROGRAM = """
@tracepoint("a:b")
def prog(ctx):
"""
OTHER = "from probee import Array, Const, Hash, Struct, s8, s64, u8, u16, u32, u64\n"
WRAPPER = "import functools\n@functools.wraps(g)\ndef f(x):\n    return g(x)\n"

# What the programs' own module says; two versions of a module that it imports.
CASES = {
    "a parameter's type": (
        "from other import W\ndef cut(x: W) -> int:\n    return x + 0\n"
        + PROGRAM
        + "    g.value = u64(cut(ctx.ret))\n",
        "W = u8\n",
        "W = u16\n",
    ),
    "a parameter's type by attribute": (
        "def cut(x: other.W) -> int:\n    return x + 0\n"
        + PROGRAM
        + "    g.value = u64(cut(ctx.ret))\n",
        "W = u8\n",
        "W = u16\n",
    ),
    "a result's type": (
        "from other import W\ndef cut(x: u64) -> W:\n    return W(x)\n"
        + PROGRAM
        + "    g.value = u64(cut(u64(ctx.ret)))\n",
        "W = u8\n",
        "W = u16\n",
    ),
    "a local's type": (
        "from other import W\n" + PROGRAM + "    x: W = 3\n    x += 300\n    g.value = u64(x)\n",
        "W = u8\n",
        "W = u16\n",
    ),
    "a default": (
        "def cut(x: u64, *, y: u64 = other.N) -> u64:\n    return x + y\n"
        + PROGRAM
        + "    g.value = cut(u64(ctx.ret))\n",
        "N = 1\n",
        "N = 2\n",
    ),
    "a map as a default": (
        "def cut(x: u32, m=other.M) -> u64:\n    return 1 if m.get(x) is None else 2\n"
        + PROGRAM
        + "    g.value = cut(3)\n",
        "M = Hash(u32, u32, max_entries=10)\n",
        "M = Hash(u32, u32, max_entries=20)\n",
    ),
    "a function as a default": (
        "def cut(x: u64, f=other.f) -> u64:\n    return f(x)\n"
        + PROGRAM
        + "    g.value = cut(u64(ctx.ret))\n",
        "def f(x):\n    return x + 1\n",
        "def f(x):\n    return x + 2\n",
    ),
    "a number with a repr of its own": (
        "from other import N\n" + PROGRAM + "    g.value = N\n",
        "class I(int):\n    def __repr__(self):\n        return 'I'\nN = I(1)\n",
        "class I(int):\n    def __repr__(self):\n        return 'I'\nN = I(2)\n",
    ),
    "text with a repr of its own": (
        "from other import S\nclass E(Struct):\n    n: Chars = chars(16)\nr = RingBuf(E)\n"
        + PROGRAM
        + "    e = r.reserve()\n    if e is not None:\n"
        "        e.n = read_str(UserStr(u64(ctx.ret)), default=S)\n        e.submit()\n",
        "class T(str):\n    def __repr__(self):\n        return 'T'\nS = T('ab')\n",
        "class T(str):\n    def __repr__(self):\n        return 'T'\nS = T('cd')\n",
    ),
    "a member of an enum": (
        "from other import E\n" + PROGRAM + "    g.value = E.A\n",
        "from enum import IntEnum\nclass E(IntEnum):\n    A = 1\n",
        "from enum import IntEnum\nclass E(IntEnum):\n    A = 2\n",
    ),
    "a struct's layout": (
        "r = RingBuf(other.S)\ndef fill(e: other.S) -> None:\n    e.b = 1\n"
        + PROGRAM
        + "    e = r.reserve()\n    if e is not None:\n        fill(e)\n        e.submit()\n",
        "class S(Struct):\n    a: u32\n    b: u32\n",
        "class S(Struct):\n    a: u64\n    b: u32\n",
    ),
    "a function by attribute": (
        PROGRAM + "    g.value = other.f(u64(ctx.ret))\n",
        "def f(x):\n    return x + 1\n",
        "def f(x):\n    return x + 2\n",
    ),
    "what a wrapper calls": (
        PROGRAM + "    g.value = other.f(u64(ctx.ret))\n",
        "def g(x):\n    return x + 1\n" + WRAPPER,
        "def g(x):\n    return x + 2\n" + WRAPPER,
    ),
    "a function of no module": (
        PROGRAM + "    g.value = other.f(u64(ctx.ret))\n",
        "def f(x):\n    return x + 1\nf.__module__ = None\n",
        "def f(x):\n    return x + 2\nf.__module__ = None\n",
    ),
    "a closure's value": (
        "def make(n):\n"
        + PROGRAM.replace("\n", "\n    ")
        + "    g.value = n\n    return prog\nprog = make(other.N)\n",
        "N = 1\n",
        "N = 2\n",
    ),
    "a tuple's numbers": (
        PROGRAM + "    for n, _ in other.T:\n        g.value += n\n",
        "T = ((1, 2), (3, 4))\n",
        "T = ((1, 2), (4, 4))\n",
    ),
    "a constant's value": (
        PROGRAM + "    g.value = other.C\n",
        "C = Const(u64, 5)\n",
        "C = Const(u64, 6)\n",
    ),
    "a map's flags": (
        PROGRAM + "    other.M[0] = 1\n",
        "M = Array(u32, max_entries=1)\n",
        "M = Array(u32, max_entries=1)\nM.flags = 1024\n",
    ),
}


class Facts:
    """A kernel with one kind of tracepoint."""

    def tracepoint(self, category: str, name: str) -> TracepointFormat:
        field = FormatField("ret", "long", 16, 8, True)
        return TracepointFormat(category, name, (field,))

    def kfunc(self, name: str) -> bool:
        return False

    def saved_registers(self) -> int | None:
        return None

    def helper(self, program_type: int, function: int) -> bool:
        return False

    def raw_tracepoint(self, name: str) -> tuple[RawArgument, ...] | None:
        return None


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules `main` and `other` come from the test's folder, anew at each import."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in ("main", "other"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def world(folder: Path, main: str, other: str) -> Capture:
    """The programs' capture, of files just written."""
    (folder / "main.py").write_text(main)
    (folder / "other.py").write_text(other)
    for name in ("main", "other"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    linecache.clearcache()
    program = importlib.import_module("main").prog
    assert isinstance(program, Program)
    return capture((program,))


def compiled(captured: Capture) -> str:
    return repr(compile_programs(captured, target=Target(), facts=Facts()))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("fresh")
def test_what_changes_the_program_changes_its_identity(tmp_path: Path, case: str) -> None:
    body, first, second = CASES[case]
    before = world(tmp_path, HEAD + body, OTHER + first)
    before_spec = compiled(before)
    after = world(tmp_path, HEAD + body, OTHER + second)
    assert compiled(after) != before_spec
    assert after.identity != before.identity
    assert world(tmp_path, HEAD + body, OTHER + first).identity == before.identity


@pytest.mark.usefixtures("fresh")
def test_annotations_of_probees_own_types_by_attribute(tmp_path: Path) -> None:
    body = (
        "import probee\nfrom probee.lang import types\n"
        "def cut(x: probee.u16) -> types.u8:\n    return types.u8(x)\n"
        + PROGRAM
        + "    g.value = u64(cut(ctx.ret))\n"
    )
    assert compiled(world(tmp_path, HEAD + body, OTHER))


@pytest.mark.usefixtures("fresh")
def test_the_function_in_memory_counts_beside_its_file(tmp_path: Path) -> None:
    """A literal, and a name: the file is edited after the import."""
    for old, new in (("= 5", "= 6"), ("= ctx.ret5", "= ctx.ret6")):
        main = HEAD + PROGRAM + f"    g.value {old}\n"
        world(tmp_path, main, OTHER)
        program = sys.modules["main"].prog
        (tmp_path / "main.py").write_text(main.replace(old, new))
        stale = capture((program,)).identity
        assert stale != world(tmp_path, main.replace(old, new), OTHER).identity


@pytest.mark.usefixtures("fresh")
def test_without_its_source_an_identity_is_not_whole(tmp_path: Path) -> None:
    main = HEAD + PROGRAM + "    g.value = 5\n"
    assert world(tmp_path, main, OTHER).whole
    program = sys.modules["main"].prog
    (tmp_path / "main.py").unlink()
    assert not capture((program,)).whole


def test_kernel_structs_of_tools_count_with_their_members() -> None:
    """Only the language's own files are in the cache's key; a tool's struct may change."""

    def declared(module: str, type_: object) -> object:
        body = {"__module__": module, "__annotations__": {"flags": type_}}
        return shape(KernelMeta("Sqe", (KernelStruct,), body, name="io_uring_sqe"))

    for module in ("probee.tools.opensnoop.uring", "mine"):
        assert declared(module, u16) != declared(module, u32)
        assert declared(module, u16) == declared(module, u16)
