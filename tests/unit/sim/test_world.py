"""What helpers learn of the world, and what programs print."""

from __future__ import annotations

import struct
from errno import EFAULT

import pytest

from probee.asm import make as asm
from probee.asm.opcodes import R0, R1, R2, R3, R4, R6, R10
from probee.errors import UsageError
from probee.sim import Machine, World
from probee.sim.printing import Arguments, formatted
from tests.unit.sim.hand import helper, load_map, machine, table

MASK = 0xFFFFFFFF


def ask(name: str, shift: int = 0) -> list[int]:
    """What a helper without arguments gives in two runs."""
    world = World(pid=42, tid=43, uid=5, gid=6, cgroup_id=99, cpus=4, cpu=3, time_ns=7, tick_ns=2)
    insns = [helper(name), asm.alu64_imm("rsh", R0, shift), asm.exit_()]
    hand = machine(insns, world=world)
    return [hand.run("main").result for _ in range(2)]


def test_numbers() -> None:
    assert ask("ktime_get_ns") == [7, 9]
    assert (ask("get_current_pid_tgid", 32)[0], ask("get_current_pid_tgid")[0]) == (42, 43)
    assert (ask("get_current_uid_gid", 32)[0], ask("get_current_uid_gid")[0]) == (6, 5)
    assert ask("get_current_cgroup_id")[0] == 99
    assert ask("get_smp_processor_id")[0] == 3
    first = ask("get_prandom_u32")
    assert first == ask("get_prandom_u32")
    assert first[0] != first[1]


def read(name: str, size: int, world: World, address: int) -> tuple[int, bytes]:
    """The result of probe_read and its kin, and the 16 bytes that it read into."""
    insns = [
        asm.mov64_reg(R6, R1), asm.ldx_mem(8, R3, R1, 0),
        asm.st_mem(8, R10, -16, -1), asm.st_mem(8, R10, -8, -1),
        asm.mov64_reg(R1, R10), asm.alu64_imm("add", R1, -16), asm.mov64_imm(R2, size),
        helper(name),
        asm.ldx_mem(8, R1, R10, -16), asm.stx_mem(8, R6, R1, 0),
        asm.ldx_mem(8, R1, R10, -8), asm.stx_mem(8, R6, R1, 8), asm.exit_(),
    ]  # fmt: skip
    outcome = machine(insns, world=world).run("main", [address, 0])
    return struct.unpack("i", struct.pack("I", outcome.result))[0], outcome.context


def test_memory_elsewhere() -> None:
    world = World(user={0x7000: b"/etc/passwd\0beyond"}, kernel={1 << 63: b"0123456789"})
    rest = b"\xff" * 16
    assert read("probe_read_user", 4, world, 0x7001) == (0, b"etc/" + rest[4:])
    assert read("probe_read_user", 16, world, 0x7008) == (-EFAULT, bytes(16))
    assert read("probe_read_user", 4, world, 1 << 63) == (-EFAULT, bytes(4) + rest[4:])
    assert read("probe_read_kernel", 4, world, (1 << 63) + 6) == (0, b"6789" + rest[4:])
    assert read("probe_read_user_str", 16, world, 0x7000) == (12, b"/etc/passwd\0" + rest[12:])
    assert read("probe_read_user_str", 5, world, 0x7000) == (5, b"/etc\0" + rest[5:])
    assert read("probe_read_user_str", 16, world, 0x6FFF) == (-EFAULT, bytes(16))
    assert read("probe_read_kernel_str", 16, world, 1 << 63) == (-EFAULT, bytes(16))


@pytest.mark.parametrize(
    ("fmt", "values", "wanted"),
    [
        ("%d %u %x", (-1, 1 << 33, 255), "-1 0 ff"),
        ("%lld|%5d|%-5d|%05d|", (-(1 << 40), 42, 42, -42), "-1099511627776|   42|42   |-0042|"),
        ("100%% %c%llx", (65, 1 << 40), "100% A10000000000"),
        ("%#x %+d", (255, 3), "0xff +3"),
        ("%px", (0x1234,), "0000000000001234"),
        ("%s is %ps", (0, 0), None),
        ("%f", (1,), None),
    ],
)
def test_format(fmt: str, values: tuple[int, ...], wanted: str | None) -> None:
    class Words(Arguments):
        def text(self, address: int, space: str) -> bytes:
            return b"text"

    found = formatted(fmt.encode() + b"\0", Words(tuple(v & (1 << 64) - 1 for v in values)))
    if fmt.startswith("%s"):
        assert found is not None
        assert found.startswith(b"text is ")
    else:
        assert (found and found.decode()) == wanted


def test_printed_lines() -> None:
    section = table("array", value=16, entries=1, contents=b"n=%d\n\0".ljust(16, b"\0"))
    insns = [
        asm.ld_map_value(R1, 0, 0), asm.mov64_imm(R2, 6), asm.mov64_imm(R3, -7),
        helper("trace_printk"), asm.exit_(),
    ]  # fmt: skip
    hand = machine(insns, section)
    assert hand.run("main").result == 5
    assert hand.printed == ["n=-7"]


def test_callbacks() -> None:
    loop = [
        asm.st_mem(8, R10, -8, 0), asm.mov64_imm(R1, 10), asm.ld_func(R2, 7),
        asm.mov64_reg(R3, R10), asm.alu64_imm("add", R3, -8), asm.mov64_imm(R4, 0),
        helper("loop"), asm.ldx_mem(8, R0, R10, -8), asm.exit_(),
        # the callback: adds its number, stops at 4
        asm.atomic("add", 8, R2, R1, 0), asm.mov64_imm(R0, 0),
        asm.jmp_imm("jne", R1, 4, 1), asm.mov64_imm(R0, 1), asm.exit_(),
    ]  # fmt: skip
    assert machine(loop).run("main").result == 10
    each = [
        asm.st_mem(8, R10, -8, 0), load_map(R1), asm.ld_func(R2, 7),
        asm.mov64_reg(R3, R10), asm.alu64_imm("add", R3, -8), asm.mov64_imm(R4, 0),
        helper("for_each_map_elem"), asm.ldx_mem(8, R0, R10, -8), asm.exit_(),
        asm.ldx_mem(8, R1, R3, 0), asm.atomic("add", 8, R4, R1, 0), asm.mov64_imm(R0, 0),
        asm.exit_(),
    ]  # fmt: skip
    hand = machine(each, table("hash"))
    for key in range(3):
        hand["m"][bytes([key, 0, 0, 0])] = (key + 5).to_bytes(8, "little")
    assert hand.run("main").result == 18


def test_requests_that_make_no_sense() -> None:
    with pytest.raises(UsageError, match="CPU 4 of 4"):
        World(cpu=4, cpus=4)
    hand = machine([asm.mov64_imm(R0, 0), asm.exit_()])
    with pytest.raises(UsageError, match="no program 'other'; there are: main"):
        hand.run("other")
    with pytest.raises(UsageError, match="reads no field 'flags'"):
        hand.run("main", {"flags": 1})
    with pytest.raises(UsageError, match="use no 'counts'"):
        hand["counts"]
    with pytest.raises(UsageError, match="no constant 'limit'"):
        Machine(hand.spec, consts={"limit": 1})
