"""What maps of each kind take and refuse in kernel programs. By code."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from probee.errors import CompileError
from tests.frontend_cases import compiled, names_of

DECLARATIONS = """
from probee import Array, BloomFilter, Chars, Context, Counter, Global, Hash, Hist, LpmTrie
from probee import LruHash, map_push_elem
from probee import LruPerCpuHash, PerCpuHash, Queue, Stack, Struct, chars, s16, s64, tracepoint
from probee import atomic_add, atomic_compare_exchange, atomic_fetch_add, atomic_or, u8, u16
from probee import u32, u64

class Point(Struct):
    x: u32
    y: u64

class Box(Struct):
    p: Point
    n: u32

class Two(Struct):
    p: Point
    q: Point

class Prefix(Struct):
    prefixlen: u32
    address: u32

class Named(Struct):
    n: u64
    comm: Chars = chars(16)

points = Hash(u32, Point)
others = Hash(u32, Point)
boxes = Hash(u32, Box)
counts = Hash(u32, u64)
cpus = PerCpuHash(u32, u64)
slots = Array(u64, max_entries=8)
hits = Counter(u32)
todo = Queue(Point, max_entries=8)
numbers = Stack(u32, max_entries=8)
seen = BloomFilter(u32, max_entries=100)
named = BloomFilter(Named, max_entries=100)
routes = LpmTrie(Prefix, u32)
total = Global(u64, 0)

small = Global(u16, 0)
flag = Global(bool, False)

by_point = Hash(Point, u64)
spots = Counter(Point)
by_spot = Hist(Point)

def moved(p: Point) -> u32:
    p.x += 1
    return p.x

def drop(k: u32) -> u64:
    del points[k]
    return 1

def bump(k: u32) -> u32:
    hits[k] += 1
    return 1
"""
ACCEPTED = {
    "a default of another width": "total.value = u64(counts.get(1, -1))",
    "a default of None": "if counts.get(1, None) is None:\n    total.value = 1",
    "pop as a statement": "points.pop(1)\npoints.pop(1, None)",
    "a popped struct may change": "p = points.pop(1)\np.x = 3\npoints[2] = p",
    "a popped struct, narrowed": "if (p := todo.pop()) is not None:\n    p.x = 3",
    "a popped struct stays after the map was changed": (
        "p = points.pop(1)\npoints[2] = Point()\ntotal.value = p.y"
    ),
    "a push whose truth is looked at": "if not numbers.push(1):\n    total.value += 1",
    "one struct in two maps that nobody changes": (
        "p = Point()\npoints[1] = p\nothers[1] = p\ntotal.value = points[1].y"
    ),
    "another field of what holds it": (
        "p = Point()\ne = Box(p=p)\nf = Box(p=p)\ne.n = 5\ntotal.value = f.p.x"
    ),
    "an entry beside the one that was taken out": (
        "p = Point()\npoints[1] = p\nq = points.pop(1)\nq.x = 1\ntotal.value = points[2].y"
    ),
    "one struct in either map": (
        "p = Point()\nif ctx.flags:\n    points[1] = p\nelse:\n    others[1] = p\n"
        "points[1].x = 1\nothers[1].x = 2"
    ),
    "a struct for each round": (
        "for i in range(3):\n    p = Point(x=i)\n    points[i] = p\npoints[1].x += 1"
    ),
    "a counter in a condition": "if hits[1] > 3 and 2 in hits:\n    del hits[1]",
}
REFUSED = {
    "pop has two arguments at most": ("arguments", "counts.pop(1, 2, 3)"),
    "get has one argument at least": ("arguments", "counts.get()"),
    "no keywords": ("arguments", "counts.get(key=1)"),
    "a struct for a default": ("not-yet", "p = points.get(1, Point())"),
    "walking a map": ("not-yet", "for k in counts.keys():\n    pass"),
    "no len": ("map-operation", "total.value = len(counts)"),
    "no clear": ("map-operation", "counts.clear()"),
    "no total in the kernel": ("map-operation", "hits.total()"),
    "a popped struct may be None": ("maybe-none", "p = points.pop(1, None)\np.x = 1"),
    "a taken number may be None": ("maybe-none", "n = numbers.pop()\ntotal.value = n"),
    "a queue has no keys": ("map-operation", "todo[1] = Point()"),
    "a queue has no in": ("map-operation", "if 1 in numbers:\n    total.value = 1"),
    "a queue has no get": ("map-operation", "numbers.get()"),
    "push takes a value": ("arguments", "numbers.push()"),
    "push takes no other struct": ("type", "todo.push(Prefix())"),
    "a pushed struct changes": (
        "changed-after-store",
        "p = Point(x=1)\ntodo.push(p)\np.x = 2",
    ),
    "a peeked struct changes": (
        "changed-after-store",
        "p = todo.peek()\nif p is not None:\n    p.x = 2",
    ),
    "what was peeked was taken and changed": (
        "changed-after-store",
        (
            "p = todo.peek()\nq = todo.pop()\nif p is not None and q is not None:\n"
            "    q.x = 2\n    total.value = p.x"
        ),
    ),
    "what was stored was taken and changed": (
        "changed-after-store",
        "p = Point(x=1)\npoints[1] = p\nq = points.pop(1)\nq.x = 2\ntotal.value = p.x",
    ),
    "one struct under two keys": (
        "changed-after-store",
        "p = Point()\npoints[1] = p\npoints[2] = p\nq = points[1]\nq.x = 1",
    ),
    "one struct under many keys": (
        "changed-after-store",
        "p = Point()\nfor i in range(3):\n    points[i] = p\npoints[1].x += 1",
    ),
    "one struct in two maps": (
        "changed-after-store",
        "others[1].x = 3\np = Point()\npoints[1] = p\nothers[2] = p",
    ),
    "an entry of one map in another": (
        "changed-after-store",
        "points[1] = others[1]\npoints[2].x = 1",
    ),
    "one struct twice in a queue": (
        "changed-after-store",
        "p = Point()\ntodo.push(p)\ntodo.push(p)\nq = todo.pop()\nif q is not None:\n    q.x = 1",
    ),
    "one struct in a map and in what another map has": (
        "changed-after-store",
        "p = Point()\npoints[1] = p\nb = Box(p=p)\nboxes[1] = b\npoints[2].x = 1",
    ),
    "one struct in two others": (
        "changed-after-store",
        "p = Point()\ne = Box(p=p)\nf = Box(p=p)\ne.p.x = 5\ntotal.value = f.p.x",
    ),
    "one struct in another and in a map": (
        "changed-after-store",
        "p = Point()\ne = Box(p=p)\npoints[1] = p\ne.p.x = 5\ntotal.value = points[1].x",
    ),
    "one struct in a map and in another": (
        "changed-after-store",
        "p = Point()\ne = Box(p=p)\npoints[1] = p\npoints[1].x = 5\ntotal.value = e.p.x",
    ),
    "one struct in two fields": (
        "changed-after-store",
        "p = Point()\nt = Two(p=p, q=p)\nt.p.x = 1\ntotal.value = t.q.x",
    ),
    "a bloom filter has only add": ("map-operation", "seen.pop()"),
    "a bloom filter has no keys": ("map-operation", "seen[1] = 2"),
    "a trie's lookup is no exact one": ("map-operation", "routes[Prefix(prefixlen=8)] += 1"),
    "pop of a trie": ("map-operation", "routes.pop(Prefix(prefixlen=8))"),
    "a counter that its amount changes": ("stale-reference", "hits[1] += bump(1)"),
    "a counter that gets what its amount puts in": (
        "stale-reference",
        "hits[1] += hits.setdefault(1, 5)",
    ),
    "a key of an entry that is changed on the way": (
        "changed-after-store",
        "p = Point()\nby_point[p] += moved(p)",
    ),
    "a key of a counter that is changed on the way": (
        "changed-after-store",
        "p = Point()\nspots[p] -= moved(p)",
    ),
    "a key of a histogram that is changed on the way": (
        "changed-after-store",
        "p = Point()\nby_spot[p].add(1, moved(p))",
    ),
    "a push by the helper's name": ("helper-word", "map_push_elem(todo, Point(), 0)"),
    "an atomic on a local": ("atomic-place", "n: u64 = 1\natomic_add(n, 2)"),
    "an atomic on 2 bytes": ("atomic-place", "atomic_or(small.value, 2)"),
    "an atomic on a bool": ("atomic-place", "atomic_or(flag.value, True)"),
    "an atomic on a struct": ("atomic-place", "atomic_add(points[1], 2)"),
    "an atomic on a counter": ("atomic-place", "atomic_fetch_add(hits[1], 2)"),
    "an atomic on a trie": ("map-operation", "atomic_add(routes[Prefix(prefixlen=8)], 1)"),
    "an atomic on the context": ("no-attribute", "atomic_add(ctx.flags, 1)"),
    "an atomic on what may be None": ("maybe-none", "atomic_add(points.get(1).x, 1)"),
    "an atomic on what was stored": (
        "changed-after-store",
        "p = Point()\npoints[1] = p\natomic_add(p.y, 1)",
    ),
    "an atomic that its value makes stale": (
        "stale-reference",
        "p = points[1]\natomic_add(p.y, drop(1))",
    ),
    "one argument": ("arguments", "atomic_add(total.value)"),
    "no expected value": ("arguments", "atomic_compare_exchange(total.value, 1)"),
    "a value that does not fit": ("literal-range", "atomic_add(total.value, -1)"),
    "a counter's number has no fields": ("no-attribute", "hits[1].x = 3"),
}


def _names(body: str) -> dict[str, Any]:
    head = '\n@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
    return names_of(DECLARATIONS + head + textwrap.indent(body, "    "))


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert compiled(_names(ACCEPTED[name])).programs


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    code, body = REFUSED[name]
    with pytest.raises(CompileError) as refusal:
        compiled(_names(body))
    assert {d.code for d in refusal.value.diagnostics} == {code}
