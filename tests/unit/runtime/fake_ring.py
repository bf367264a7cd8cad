"""The writing side of a BPF ring buffer, as kernel/bpf/ringbuf.c does it, over ordinary memory.

The data's second copy, which the kernel has from the page table, is kept by writing twice.
"""

from __future__ import annotations

from mmap import mmap

from probee.runtime.records import HEADER
from probee.runtime.ring import BUSY, DISCARD, Ring


class FakeKernel:
    """`memory` may be shared between processes; one of them writes."""

    def __init__(self, size: int, *, start: int = 0) -> None:
        self.size = size
        self.memory = mmap(-1, 4096 + 2 * size)  # shared and anonymous
        whole = memoryview(self.memory)
        self.consumer = whole[:8].cast("Q")
        self.producer = whole[8:16].cast("Q")
        self.data = whole[4096:]
        self.words = self.data.cast("I")
        self.consumer[0] = self.producer[0] = start

    def ring(self) -> Ring:
        whole = memoryview(self.memory)
        return Ring(whole[:8].cast("Q"), whole[8:16].cast("Q"), whole[4096:], self.size)

    def reserve(self, length: int) -> int | None:
        """The position of a new busy record, or None where the ring is full."""
        at = self.producer[0]
        step = length + HEADER + 7 & ~7
        if at + step - self.consumer[0] > self.size - 1:
            return None
        self._header(at, length | BUSY)
        self.producer[0] = at + step
        return at

    def fill(self, at: int, data: bytes) -> None:
        for index, byte in enumerate(data, (at + HEADER) & (self.size - 1)):
            self.data[index % self.size] = byte
            self.data[index % self.size + self.size] = byte

    def commit(self, at: int, *, discard: bool = False) -> None:
        length = self.words[(at & self.size - 1) >> 2] & ~BUSY
        self._header(at, length | (DISCARD if discard else 0))

    def output(self, data: bytes) -> bool:
        at = self.reserve(len(data))
        if at is None:
            return False
        self.fill(at, data)
        self.commit(at)
        return True

    def _header(self, at: int, value: int) -> None:
        place = (at & self.size - 1) >> 2
        self.words[place + (self.size >> 2)] = value  # the copy first: it is read second
        self.words[place] = value
