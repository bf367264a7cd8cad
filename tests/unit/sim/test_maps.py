"""Maps and rings do what the kernel's do, down to the error numbers."""

from __future__ import annotations

from errno import E2BIG, EAGAIN, EEXIST, EFAULT, EINVAL, ENOENT

import pytest

from probee.asm import make as asm
from probee.asm.opcodes import R0, R1, R2, R3, R4, R10
from probee.errors import UsageError
from probee.sim import World
from probee.spec import Int, MapSpec
from tests.unit.sim.hand import call_on_map, helper, load_map, machine, table

U32, U64 = Int("u32", 4, signed=False), Int("u64", 8, signed=False)
NOEXIST, EXIST = 1, 2


def typed(spec: MapSpec) -> MapSpec:
    fields = {field: getattr(spec, field) for field in spec._fields}
    key = U32 if spec.key_size == 4 else None
    return MapSpec(**fields | {"key_type": key, "value_type": U64})


def error(result: int) -> int:
    """The errno in a result of 32 bits."""
    return (1 << 32) - result if result >> 31 else result


@pytest.mark.parametrize(
    ("kind", "key", "flags", "wanted"),
    [
        ("hash", 1, 0, 0), ("hash", 1, NOEXIST, EEXIST), ("hash", 9, EXIST, ENOENT),
        ("hash", 9, 0, E2BIG), ("hash", 1, 3, EINVAL), ("lru_hash", 9, 0, 0),
        ("array", 3, 0, 0), ("array", 4, 0, E2BIG), ("array", 0, NOEXIST, EEXIST),
        ("percpu_hash", 9, 0, E2BIG), ("percpu_array", 3, EXIST, 0),
    ],
)  # fmt: skip
def test_update(kind: str, key: int, flags: int, wanted: int) -> None:
    hand = machine(call_on_map("map_update_elem", key, 77, flags), typed(table(kind)))
    if "hash" in kind:
        for full in range(4):
            hand["m"][full] = [0] if "percpu" in kind else 0
    assert error(hand.run("main").result) == wanted
    if wanted == 0:
        assert hand["m"][key] == ([77] if "percpu" in kind else 77)


@pytest.mark.parametrize(
    ("kind", "key", "wanted"), [("hash", 1, 0), ("hash", 2, ENOENT), ("array", 1, EINVAL)]
)
def test_delete(kind: str, key: int, wanted: int) -> None:
    hand = machine(call_on_map("map_delete_elem", key), typed(table(kind)))
    hand["m"][1] = 5
    assert error(hand.run("main").result) == wanted
    if kind == "hash":
        assert (1 in hand["m"]) == bool(wanted)


def test_lru_drops_what_was_longest_unused() -> None:
    look, put = call_on_map("map_lookup_elem", 0), call_on_map("map_update_elem", 9, 9)
    hand = machine([*look[:-1], *put], typed(table("lru_hash")))
    for key in range(4):
        hand["m"][key] = key
    hand.run("main")
    assert sorted(hand["m"].keys()) == [0, 2, 3, 9]


def test_per_cpu_values() -> None:
    insns = [
        *call_on_map("map_lookup_elem", 2)[:-1],
        asm.mov64_imm(R1, 7),
        asm.atomic("add", 8, R0, R1, 0),
        asm.mov64_imm(R0, 0),
        asm.exit_(),
    ]
    hand = machine(insns, typed(table("percpu_array")), world=World(cpus=3, cpu=1))
    hand.run("main")
    hand.world.cpu = 2
    hand.run("main")
    hand.run("main")
    assert list(hand["m"]) == [[0, 0, 0], [0, 0, 0], [0, 7, 14], [0, 0, 0]]


@pytest.mark.parametrize(("kind", "wanted"), [("queue", [1, 2, 3, 4]), ("stack", [4, 3, 2, 1])])
def test_queue_and_stack(kind: str, wanted: list[int]) -> None:
    push = [
        asm.st_mem(8, R10, -8, 4), load_map(R1), asm.mov64_reg(R2, R10),
        asm.alu64_imm("add", R2, -8), asm.mov64_imm(R3, 0), helper("map_push_elem"), asm.exit_(),
    ]  # fmt: skip
    hand = machine(push, typed(table(kind, 0)))
    for value in (1, 2, 3):
        hand["m"].push(value)
    assert error(hand.run("main").result) == 0
    assert error(hand.run("main").result) == E2BIG
    assert hand["m"].values() == wanted
    pop = [*push[:4], helper("map_pop_elem"), asm.mov64_reg(R4, R0),
           asm.ldx_mem(8, R0, R10, -8), asm.exit_()]  # fmt: skip
    hand = machine(pop, typed(table(kind, 0)))
    hand["m"].push(5)
    assert [hand.run("main").result, hand.run("main").result] == [5, 0]


def test_trie() -> None:
    def key(bits: int, *address: int) -> bytes:
        return bits.to_bytes(4, "little") + bytes(address)

    look = [
        asm.st_mem(4, R10, -8, 32), asm.ldx_mem(4, R3, R1, 0), asm.stx_mem(4, R10, R3, -4),
        load_map(R1), asm.mov64_reg(R2, R10), asm.alu64_imm("add", R2, -8),
        helper("map_lookup_elem"), asm.jmp_imm("jeq", R0, 0, 1), asm.ldx_mem(8, R0, R0, 0),
        asm.exit_(),
    ]  # fmt: skip
    hand = machine(look, typed(table("lpm_trie", 8)))
    for number, prefix in enumerate(((8, 10), (16, 10, 1), (0,), (24, 10, 1, 2)), 1):
        hand["m"][key(*prefix).ljust(8, b"\0")] = number
    found = [
        hand.run("main", bytes(a)).result
        for a in ((10, 9, 9, 9), (10, 1, 2, 3), (10, 1, 9, 3), (8, 8, 8, 8))
    ]
    assert found == [1, 4, 2, 3]
    with pytest.raises(UsageError, match="No space left"):
        hand["m"][key(32, 1, 1, 1, 1)] = 5


def test_ring_is_full_until_it_is_drained() -> None:
    insns = [
        asm.st_mem(8, R10, -8, 6), load_map(R1), asm.mov64_reg(R2, R10),
        asm.alu64_imm("add", R2, -8), asm.mov64_imm(R3, 8), asm.mov64_imm(R4, 0),
        helper("ringbuf_output"), asm.exit_(),
    ]  # fmt: skip
    hand = machine(insns, typed(table("ringbuf", 0, 0, 100)))
    results = [error(hand.run("main").result) for _ in range(300)]
    assert results == [0] * 255 + [EAGAIN] * 45  # 16 bytes each, of 4096 but one
    assert hand["m"].drain() == [6] * 255
    assert error(hand.run("main").result) == 0


def test_stacks() -> None:
    insns = [
        asm.ldx_mem(8, R3, R1, 0), load_map(R2), helper("get_stackid"), asm.exit_(),
    ]  # fmt: skip
    spec = table("stack_trace", 4, 24, entries=2)
    world = World(kernel_stack=(1, 2, 3, 4), user_stack=(7,))
    hand = machine(insns, spec, world=world)
    user, again = 1 << 8, 1 << 10
    results = [hand.run("main", [n]).result for n in (0, user, 0, 1, user | 1, again, 1 << 20)]
    assert [error(n) for n in results] == [0, 1, 0, EEXIST, EFAULT, 0, EINVAL]
    number = b"\0\0\0\0"
    assert hand["m"][number] == b"".join(n.to_bytes(8, "little") for n in (1, 2, 3))


def test_bloom_filter() -> None:
    insns = [
        asm.stx_mem(8, R10, R1, -16), asm.ldx_mem(8, R3, R1, 0), asm.stx_mem(8, R10, R3, -8),
        load_map(R1), asm.mov64_reg(R2, R10), asm.alu64_imm("add", R2, -8),
        helper("map_peek_elem"), asm.exit_(),
    ]  # fmt: skip
    hand = machine(insns, typed(table("bloom_filter", 0)))
    hand["m"].push(3)
    assert [error(hand.run("main", [n]).result) for n in (3, 4)] == [0, ENOENT]
