"""Compiled programs in a simulated world: fields of tracepoints, ids, text, clocks, losses."""

from __future__ import annotations

from typing import Any

from probee.sim import Machine, World
from tests.frontend_cases import compiled, names_of

HEAD = """
from probee import Array, Chars, Const, Context, Counter, Global, Hash, LruHash, RingBuf, Struct
from probee import UserStr, chars, current, ktime_get_ns, read_str, s16, s32, s64, tracepoint
from probee import u8, u16, u32, u64

total = Global(s64, 0)
other = Global(s64, 0)

class Event(Struct):
    n: u64
    text: Chars = chars(8)
    rest: s32

ring = RingBuf(Event, size="4K")
few = Hash(u32, u64, max_entries=2)
"""
OPENAT = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: Context) -> None:\n'
PATH = 0x7000


def machine(body: str, world: World | None = None, head: str = "") -> Machine:
    """A program on openat whose body is `body`."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return Machine(compiled(names_of(HEAD + head + OPENAT + lines)), world=world or World())


def run(made: Machine, **fields: int) -> Machine:
    """One call of openat."""
    given = {"dfd": -100, "filename": PATH, "flags": 2, "mode": 0o644, **fields}
    slots: list[int] = [0, 5, *(given[name] for name in ("dfd", "filename", "flags", "mode"))]
    made.run("program", slots)
    return made


def test_fields_have_the_width_and_sign_of_their_c_types() -> None:
    body = "total.value = ctx.dfd\nother.value = ctx.mode * 10 + ctx.__syscall_nr"
    made = run(machine(body), dfd=-100 & (1 << 64) - 1, mode=0o644 | 1 << 20)
    assert (made["total"].value, made["other"].value) == (-100, 0o644 * 10 + 5)


def test_ids_of_the_task() -> None:
    world = World(pid=42, tid=43, uid=5, gid=6, cgroup_id=99, cpus=1)
    body = """
total.value = current.pid * 1000 + current.tid
other.value = current.uid * 1000000 + current.gid * 1000 + s64(current.cgroup_id)
"""
    made = run(machine(body, world))
    assert (made["total"].value, made["other"].value) == (42043, 5006099)


def test_text_that_fits_and_text_that_was_cut() -> None:
    body = """
if (e := ring.reserve()) is not None:
    e.text = read_str(ctx.filename, default="?")
    if e.text == "/etc":
        total.value += 1
    if e.text.startswith("/etc/p"):
        total.value += 10
    if "/e" in e.text:
        total.value += 100
    e.submit()
"""
    world = World()
    made = machine(body, world)
    found: list[str] = []
    for text in (b"/etc\0", b"/etc/p\0", b"/etc/pa\0", b"/etc/passwd\0", b""):
        world.user = {PATH: text} if text else {}
        run(made)
        found += [str(record.text) for record in made["ring"].drain()]
    # of chars(8) one that was cut has 6 bytes, so that 7 can be told from more
    assert found == ["/etc", "/etc/p", "/etc/p", "/etc/p", "?"]
    assert made["total"].value == 1 + 30 + 400


def test_the_clock_is_read_each_time() -> None:
    made = run(machine("total.value = s64(ktime_get_ns())\nother.value = s64(ktime_get_ns())"))
    assert made["other"].value - made["total"].value == 1000


def losses(made: Machine) -> dict[tuple[str, str], int]:
    return {(loss.kind, loss.subject): loss.count for loss in made.losses()}


def test_what_a_full_map_refuses_is_counted() -> None:
    made = machine("for i in range(5):\n    few[i] = 1\nfew[1] = 2\nfew[9] = 3")
    run(made)
    assert losses(made) == {("map_update", "few"): 4}
    assert dict(made["few"].items()) == {0: 1, 1: 2}


def test_records_that_a_full_ring_refuses_are_counted() -> None:
    body = """
for i in range(200):
    if (e := ring.reserve()) is not None:
        e.n = i
        e.submit()
    else:
        total.value += 1
"""
    made = run(machine(body))
    sent = made["ring"].drain()
    assert 0 < len(sent) < 200
    assert [record.n for record in sent] == list(range(len(sent)))
    assert losses(made) == {("ring_full", "ring"): 200 - len(sent)}
    assert made["total"].value == 200 - len(sent)


def test_copies_that_a_full_ring_refuses_are_counted() -> None:
    made = run(machine("e = Event(n=1)\nfor i in range(200):\n    ring.output(e)"))
    assert losses(made) == {("ring_full", "ring"): 200 - len(made["ring"].drain())}


def test_an_entry_goes_though_nobody_asks_for_it() -> None:
    body = "few[1] = 5\nfew.pop(1, None)\nfew[2] = 6\nfew.pop(7, None)\ntotal.value = 1 in few"
    made = run(machine(body))
    assert (dict(made["few"].items()), made["total"].value) == ({2: 6}, 0)


def test_a_struct_is_cleared_on_memory_that_was_used() -> None:
    head = """
class Wide(Struct):
    a: u64
    b: u64
    c: u64

kept = Hash(u32, Wide)

"""
    body = """
kept[1] = Wide(7, 8, 9)
kept[2] = Wide(a=1)
kept[3] = Wide(c=current.pid)
"""
    made = run(machine(body, World(pid=5, tid=5), head))
    assert {k: (v.a, v.b, v.c) for k, v in made["kept"].items()} == {
        1: (7, 8, 9), 2: (1, 0, 0), 3: (0, 0, 5),
    }  # fmt: skip


def record(values: Any) -> tuple[int, str, int]:
    return values.n, str(values.text), values.rest


def test_a_record_begins_as_zeroes_where_an_older_one_stood() -> None:
    body = """
if (e := ring.reserve()) is not None:
    if total.value < 200:
        e.n, e.rest, e.text = 1, 2, "older"
        e.discard()
    else:
        e.submit()
    total.value += 1
"""
    made = machine(body)
    found = []
    for _ in range(201):
        found += [record(one) for one in run(made)["ring"].drain()]
    assert found == [(0, "", 0)]
