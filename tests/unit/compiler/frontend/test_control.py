"""Control flow that the front end accepts and refuses: `match`, loops, functions. By code."""

from __future__ import annotations

import textwrap

import pytest

from probee.errors import CompileError
from probee.spec.programs import CollectionSpec
from tests.frontend_cases import Facts, compiled, names_of
from tests.unit.compiler.frontend.test_rules import DECLARATIONS

FUNCTIONS = """\
def size(n: u32 | None = 3) -> u32:
    return 0 if n is None else n

def half(n: u32) -> u32:
    return n // 2

def sometimes(n: u32) -> u32:
    if n:
        return 1

def pair(n: u32) -> tuple[u32, u64]:
    return n, n + 1

"""
REBOUND = """\
n = counts.get(1)
match n:
    case 1 if (n := counts.get(2)) is None:
        pass
    case None:
        return
total.value = n
"""
ACCEPTED = {
    "an enum's member and a class's attribute":
    "match ctx.flags:\n    case Color.RED | Settings.LIMIT:\n        total.value = 1",
    "text": "match current.comm:\n    case \"bash\" | \"zsh\":\n        total.value = 1",
    "there behind case None":
    "n = counts.get(1)\nmatch n:\n    case None:\n        return\ntotal.value = n",
    "there inside a value": "n = counts.get(1)\nmatch n:\n    case 1 | 2:\n        total.value = n",
    "captured behind case None":
    "match points.get(1):\n    case None:\n        pass\n    case p:\n        p.x = 1",
    "a record": "match events.reserve():\n    case None:\n        return\n    case e:\n"
    "        e.submit()",
    "a match in a loop": "for i in range(3):\n    match i:\n        case 1:\n            continue\n"
    "        case 2:\n            break",
    "a count that may be missing": "counts[1] = (counts.get(1) or 0) + 1",
    "one of two references": "p = points.get(1) if ctx.flags else points.get(2)\n"
    "if p is not None:\n    p.x = 1",
    "None that an argument is not": "total.value = size(4)",
    "None as an argument": "total.value = size(None) + size(1)",
    "a number or None": "n: u32 | None = None\nfor i in range(4):\n    n = i\n"
    "if n is not None:\n    total.value = n",
    "a reference that is None by now": "p = points.get(1)\nif p is None:\n    return\nq = p\n"
    "p = None\nif p is None:\n    total.value = q.x",
    "two results": "a, b = pair(ctx.flags)\ntotal.value = a + b",
    "a loop over a tuple": "for i, n in ((1, ctx.flags), (2, True)):\n    if n == i:\n"
    "        break\n    total.value += n\nelse:\n    total.value = 1",
    "a record reserved for each value of a tuple": "for i in (1, 2):\n"
    "    if (e := events.reserve()) is not None:\n        e.submit()",
    "a number without some of its bits": "n = u32(ctx.flags)\nn &= ~4\ntotal.value = n",
    "a loop of a million rounds": "for i in range(1_000_000):\n    total.value += i",
    "a reserved record in a loop that the kernel counts": "for i in range(5000):\n"
    "    if (e := events.reserve()) is not None:\n        e.submit()",
}  # fmt: skip
REFUSED = {
    "may be None in a capture": (
        "maybe-none",
        "match points.get(1):\n    case p:\n        p.x = 1"),
    "or with what may be None": (
        "maybe-none", "total.value = counts.get(1) or counts.get(2)"),
    "and with what may be None": ("maybe-none", "total.value = counts.get(1) and 5"),
    "a loop over texts": ("not-yet", "for s in (\"a\", \"b\"):\n    total.value += 1"),
    "a loop over more than can be copied": (
        "unbounded-loop", f"for i in {tuple(range(65))}:\n    total.value += i"),
    "a record of an earlier value of a tuple": (
        "ring-duty",
        "for i in (1, 2):\n    e = events.reserve()\n    if e is not None:\n        e.n = i"),
    "an object of the last round": (
        "not-yet", "for i in (1, 2):\n    p = Point(x=i)\ntotal.value = p.x"),
    "numbers of what is no array": ("not-yet", "for i, s in enumerate(counts):\n    pass"),
    "a choice of two records": (
        "not-yet", "p = Point()\nq = Point()\nr = p if ctx.flags else q\nr.x = 1"),
    "a choice of a record and a number": (
        "not-yet", "n = 1 if ctx.flags else points.get(1)"),
    "None for a number": ("type", "total.value = half(None)"),
    "what may be None for a number": ("maybe-none", "total.value = half(counts.get(1))"),
    "None from a function that says u32": ("return-type", "total.value = sometimes(ctx.flags)"),
    "a number or None, not tested": (
        "maybe-none", "n: u32 | None = None\nif ctx.flags:\n    n = 1\ntotal.value = n"),
    "only None": ("not-yet", "n = None\nif ctx.flags:\n    n = 1"),
    "too many rounds": ("unbounded-loop", "for i in range(8_388_609):\n    total.value += i"),
    "None is taken only where the guard holds": (
        "maybe-none",
        "match points.get(1):\n    case None if off:\n        pass\n    case p:\n        p.x = 1"),
    "the subject's local is another value by now": ("maybe-none", REBOUND),
    "True of a number": ("identity", "match ctx.flags:\n    case True:\n        pass"),
    "a capture that is not bound on every path": (
        "unbound",
        "match ctx.flags:\n    case 1 | 2 as n:\n        pass\ntotal.value = n"),
    "a sequence of a number": ("type", "match ctx.flags:\n    case 1, 2:\n        pass"),
    "a sequence of another length": ("type", "match 1, 2:\n    case 1, 2, 3:\n        pass"),
    "a number of a tuple": ("type", "match 1, ctx.flags:\n    case 1:\n        pass"),
    "text of a number": ("type", "match ctx.flags:\n    case \"a\":\n        pass"),
    "a float": ("no-float", "match ctx.flags:\n    case 1.5:\n        pass"),
    "a record that is not tested": (
        "ring-duty", "match events.reserve():\n    case e:\n        pass"),
    "a counter that a pattern moves": (
        "unbounded-loop",
        "n = 0\nwhile n < 5:\n    n += 1\n    match ctx.flags:\n        case n:\n            pass"),
}  # fmt: skip


def _compiled(body: str) -> CollectionSpec:
    head = (
        FUNCTIONS + '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
    )
    source = head + textwrap.indent(body, "    ") + "\n"
    return compiled(names_of(source, **names_of(DECLARATIONS, "declarations.py")))


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert _compiled(ACCEPTED[name]).programs


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    code, body = REFUSED[name]
    with pytest.raises(CompileError) as refusal:
        _compiled(body)
    assert {d.code for d in refusal.value.diagnostics} == {code}
    assert all(d.why and d.fix for d in refusal.value.diagnostics)


LONG = "for i in range(9000):\n    total.value += i"


def test_without_the_kernels_iterator_loops_stay_short(monkeypatch: pytest.MonkeyPatch) -> None:
    assert b"\x85\x20" in _compiled(LONG).programs[0].code
    monkeypatch.setattr(Facts, "kfunc", lambda *_: False)
    assert b"\x85\x20" not in _compiled(LONG.replace("9000", "8000")).programs[0].code
    with pytest.raises(CompileError) as refusal:
        _compiled(LONG)
    (found,) = refusal.value.diagnostics
    assert found.code == "unbounded-loop"
    assert "9,000 times and 8,192 is the most" in found.message
    assert "the kernel has no bpf_iter_num (Linux 6.4)" in found.why


def test_the_kernels_iterator_is_for_licences_that_the_gpl_takes() -> None:
    head = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
    source = head + textwrap.indent(LONG, "    ") + "\n"
    with pytest.raises(CompileError) as refusal:
        compiled(names_of(source, **names_of(DECLARATIONS, "d.py")), license_="Proprietary")
    assert "'Proprietary' is not GPL-compatible" in refusal.value.diagnostics[0].why


def test_every_way_out_of_a_loop_that_the_kernel_counts_gives_its_iterator_back() -> None:
    body = (
        "for i in range(5000):\n    if ctx.flags == i:\n        break\n"
        "    if ctx.mode == i:\n        return\n    total.value //= i\nelse:\n    total.value = 1"
    )
    relocs = [r.symbol for r in _compiled(body).programs[0].relocs if r.kind == "kfunc"]
    assert relocs.count("bpf_iter_num_destroy") == 4  # the end, break, return, the trap
    assert relocs.count("bpf_iter_num_new") == relocs.count("bpf_iter_num_next") == 1
