"""A small world for programs in IR to run in: helpers, maps, a ring buffer, all of them watched.

In: a function, a seed for the inputs. Out: its result and its effects (calls that others notice,
records, maps, data), in order.
"""

from __future__ import annotations

from random import Random

from probee.compiler.ir.ops import Function, Op
from tests.ir_interpreter import Address, Interpreter
from tests.ir_records import TEXT, TEXT_AT


class World:
    """One run: helpers that keep a trace. `seed` chooses the inputs."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.trace: list[object] = []
        self.table = {bytes(4): bytearray(range(8)), b"\1\0\0\0": bytearray(8)}
        self.context = bytearray(self.random.randbytes(32))
        for at in range(0, 32, 8):
            if self.random.random() < 0.5:
                small = self.random.choice((0, 1, 5, 255, -1, 1 << 31))
                self.context[at : at + 8] = (small & (1 << 64) - 1).to_bytes(8, "little")
        self.data = {
            ".rodata": bytearray(self.random.randbytes(8)) + bytearray(24),
            ".bss": bytearray(72),
            "table": bytearray(b"table"),
            "ring": bytearray(b"ring"),
            "queue": bytearray(b"queue"),
        }
        self.pid = self.random.choice((77 << 32 | 77, 5, self.random.getrandbits(64)))
        self.texts: dict[int, int] = {}  # record → length of the text in it
        self.live: list[bytearray] = []
        self.queue = [self.random.randbytes(8) for _ in range(3)]
        self.kept: list[Address] = []  # what somebody else has the address of

    def run(self, function: Function) -> list[object]:
        """The result and all that others could notice of the run."""
        helpers = {
            name: getattr(self, name) for name in dir(self) if name.split("_")[0] in _HELPER_WORDS
        }
        interpreter = Interpreter([function], helpers=helpers, data=self.data, steps=20_000)
        result = interpreter.run(Address(self.context, 0))
        table = sorted((key, bytes(value)) for key, value in self.table.items())
        return [result, table, bytes(self.data[".bss"]), *self.trace]

    def get_current_pid_tgid(self) -> int:
        return self.pid

    def get_current_uid_gid(self) -> int:
        return 1000 << 32 | 1000

    def ktime_get_ns(self) -> int:
        return 1000 * len(self.trace)

    def get_current_comm(self, at: Address, size: int) -> int:
        at.memory[at.offset : at.offset + size] = b"a-task-name-cut!"[: size - 1] + b"\0"
        return 0

    def probe_read_user(self, at: Address, size: int, address: object) -> int:
        if not isinstance(address, int) or address % 3 == 0:
            at.memory[at.offset : at.offset + size] = bytes(size)
            return (1 << 64) - 14
        at.memory[at.offset : at.offset + size] = Random(address).randbytes(size)
        return 0

    def probe_read_user_str(self, at: Address, size: int, address: object) -> int:
        if not isinstance(address, int) or address % 3 == 0:
            at.memory[at.offset : at.offset + size] = bytes(size)
            return (1 << 64) - 14
        length = Random(address).randrange(1, size + 1)
        at.memory[at.offset : at.offset + length] = b"t" * (length - 1) + b"\0"
        if any(record is at.memory for record in self.live):
            self.texts[id(at.memory)] = length
        return length

    def map_lookup_elem(self, table: Address, key: Address) -> int | Address:
        found = self.table.get(_read(key, 4))
        return 0 if found is None else Address(found, 0)

    def map_update_elem(self, table: Address, key: Address, value: Address, flags: int) -> int:
        raw = _read(value, min(8, len(value.memory) - value.offset)).ljust(8, b"\0")
        self.trace.append(("update", _read(key, 4), raw))
        if len(self.table) > 3 and _read(key, 4) not in self.table:
            return (1 << 64) - 7
        self.table.setdefault(_read(key, 4), bytearray(8))[:] = raw
        return 0

    def map_delete_elem(self, table: Address, key: Address) -> int:
        self.trace.append(("delete", _read(key, 4)))
        return 0 if self.table.pop(_read(key, 4), None) is not None else (1 << 64) - 2

    def map_peek_elem(self, queue: Address, value: Address) -> int:
        found = self.queue[-1] if self.queue else bytes(8)
        value.memory[value.offset : value.offset + 8] = found
        return 0 if self.queue else (1 << 64) - 2

    def map_pop_elem(self, queue: Address, value: Address) -> int:
        got = self.map_peek_elem(queue, value)
        del self.queue[-1:]
        return got

    def bpf_keep(self, memory: Address) -> int:
        self.kept.append(memory)
        return 0

    def bpf_poke(self) -> int:
        """Reads and writes what it remembers, and what everybody can write."""
        self.data[".bss"][8:12] = self.random.randbytes(4)
        for memory, at in self.kept[-1:]:
            self.trace.append(("kept", bytes(memory[at : at + 4])))
            memory[at : at + 4] = Random(len(self.trace)).randbytes(4)
        return 0

    def ringbuf_reserve(self, ring: Address, size: int, flags: int) -> int | Address:
        if self.random.random() < 0.3:
            return 0
        record = bytearray(b"\xc3" * size)
        self.live.append(record)
        return Address(record, 0)

    def ringbuf_submit(self, record: Address, flags: int) -> int:
        raw = bytearray(record.memory)
        length = self.texts.pop(id(record.memory), None)
        if length is not None:  # what stands behind the NUL of a text means nothing
            raw[TEXT_AT + length : TEXT_AT + TEXT] = bytes(TEXT - length)
        self.trace.append(("submit", bytes(raw)))
        return 0

    def ringbuf_discard(self, record: Address, flags: int) -> int:
        self.texts.pop(id(record.memory), None)
        self.trace.append("discard")
        return 0


_HELPER_WORDS = ("get", "ktime", "probe", "map", "ringbuf", "bpf")


def _read(at: Address, size: int) -> bytes:
    return bytes(at.memory[at.offset : at.offset + size])


def poisoned(function: Function) -> Function:
    """The same function with garbage on its stack at the start, as in the kernel."""
    ops: list[Op] = []
    for slot in function.slots:
        pointer = function.new_value("ptr")
        ops.append(Op("slot", [], pointer, symbol=slot))
        ops += [Op("store", [pointer, 0xA5], size=1, offset=i) for i in range(slot.size)]
    function.blocks[0].ops[:0] = ops
    return function
