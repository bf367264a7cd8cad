"""Maps with elements at addresses: hash, LRU, array, LPM trie, and the per-CPU ones.

In: keys and values as bytes. Out: addresses of values, error numbers as the kernel's map_ops give
them (kernel/bpf/hashtab.c, arraymap.c and lpm_trie.c of Linux 6.18). Each value is a region of its
own, so that its bounds are exact. What was deleted or replaced is gone for programs at once: the
kernel keeps it a while, with contents that nobody can foretell.
"""

from __future__ import annotations

from errno import E2BIG, EEXIST, EINVAL, ENOENT, ENOSPC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.sim.memory import Memory, Region
    from probee.spec.programs import MapSpec

BPF_ANY, BPF_NOEXIST, BPF_EXIST = 0, 1, 2
WHY_DELETED, WHY_REPLACED = "which was deleted", "which an update has replaced"


class SimMap:
    """What all maps have. `address` is what a program holds of it;."""

    def __init__(self, spec: MapSpec, memory: Memory, cpus: int) -> None:
        self.spec, self.memory, self.cpus = spec, memory, cpus
        self.address = memory.add(f"map {spec.name}", bytearray()).base

    def elements(self) -> Iterator[tuple[bytes, list[Region]]]:
        """Keys with their regions, one for each CPU where the map is per-CPU, else one."""
        return iter(())

    def lookup(self, key: bytes, cpu: int) -> int:
        """The address of the value, or 0."""
        return 0

    def update(self, key: bytes, value: bytes, flags: int, cpu: int) -> int:
        """0, or a negative error number."""
        return -EINVAL

    def delete(self, key: bytes) -> int:
        """0, or a negative error number."""
        return -EINVAL


class HashMap(SimMap):
    """`lru`: a full map gives up the element that was longest unused, where the kernel's choice is
    approximate; otherwise E2BIG. A per-CPU value is updated in place, any other one replaced.
    """

    def __init__(
        self, spec: MapSpec, memory: Memory, cpus: int, *, per_cpu: bool, lru: bool
    ) -> None:
        super().__init__(spec, memory, cpus)
        self._held: dict[bytes, list[Region]] = {}
        self._per_cpu, self._lru = per_cpu, lru

    def elements(self) -> Iterator[tuple[bytes, list[Region]]]:
        """In the order in which they were put in, of an LRU map last used last."""
        return iter(list(self._held.items()))

    def lookup(self, key: bytes, cpu: int) -> int:
        """The address of this CPU's value, or 0."""
        found = self._held.get(key)
        if found is None:
            return 0
        if self._lru:
            self._held[key] = self._held.pop(key)
        return found[cpu if self._per_cpu else 0].base

    def update(self, key: bytes, value: bytes, flags: int, cpu: int) -> int:
        """EINVAL, EEXIST, ENOENT, E2BIG. Other CPUs' values of a new key are zeroes."""
        if flags > BPF_EXIST:
            return -EINVAL
        old = self._held.get(key)
        if old is not None and flags == BPF_NOEXIST:
            return -EEXIST
        if old is None and flags == BPF_EXIST:
            return -ENOENT
        if old is not None and self._per_cpu:
            old[cpu].data[:] = value
            return 0
        if old is None and len(self._held) >= self.spec.max_entries:
            if not self._lru:
                return -E2BIG
            self.delete(next(iter(self._held)))
        self._held[key] = self._made(value, cpu)
        for region in old or ():
            region.drop(WHY_REPLACED)
        return 0

    def delete(self, key: bytes) -> int:
        """ENOENT where there is no such key."""
        for region in (found := self._held.pop(key, [])):
            region.drop(WHY_DELETED)
        return 0 if found else -ENOENT

    def _made(self, value: bytes, cpu: int) -> list[Region]:
        name, size = f"a value of {self.spec.name}", self.spec.value_size
        if not self._per_cpu:
            return [self.memory.add(name, bytearray(value))]
        regions = [self.memory.add(name, bytearray(size)) for _ in range(self.cpus)]
        regions[cpu].data[:] = value
        return regions


class ArrayMap(SimMap):
    """Elements exist from the start, as zeroes, and are updated in place."""

    def __init__(self, spec: MapSpec, memory: Memory, cpus: int, *, per_cpu: bool) -> None:
        super().__init__(spec, memory, cpus)
        self._per_cpu = per_cpu
        self._held: dict[int, list[Region]] = {}

    def element(self, index: int) -> list[Region]:
        """The regions of element `index`, which is inside."""
        found = self._held.get(index)
        if found is None:
            name = f"element {index} of {self.spec.name}"
            found = [
                self.memory.add(name, bytearray(self.spec.value_size))
                for _ in range(self.cpus if self._per_cpu else 1)
            ]
            self._held[index] = found
        return found

    def elements(self) -> Iterator[tuple[bytes, list[Region]]]:
        """All of them, by index."""
        for index in range(self.spec.max_entries):
            yield index.to_bytes(4, "little"), self.element(index)

    def lookup(self, key: bytes, cpu: int) -> int:
        """The address of this CPU's value, or 0 where the index is out of range."""
        index = int.from_bytes(key, "little")
        if index >= self.spec.max_entries:
            return 0
        return self.element(index)[cpu if self._per_cpu else 0].base

    def update(self, key: bytes, value: bytes, flags: int, cpu: int) -> int:
        """EINVAL, E2BIG where the index is out of range, EEXIST."""
        index = int.from_bytes(key, "little")
        if flags > BPF_EXIST:
            return -EINVAL
        if index >= self.spec.max_entries:
            return -E2BIG
        if flags == BPF_NOEXIST:
            return -EEXIST
        self.element(index)[cpu if self._per_cpu else 0].data[:] = value
        return 0


class SectionMap(ArrayMap):
    """A data section: one element with its first contents, read-only where the map is frozen."""

    def __init__(self, spec: MapSpec, memory: Memory, contents: bytes) -> None:
        super().__init__(spec, memory, 1, per_cpu=False)
        self.region = memory.add(
            f"section {spec.name}", bytearray(contents), writable=not spec.frozen
        )
        self._held[0] = [self.region]


class TrieMap(SimMap):
    """Longest prefix match. A key: u32 prefix length in bits, then the address's bytes in order."""

    def __init__(self, spec: MapSpec, memory: Memory, cpus: int) -> None:
        super().__init__(spec, memory, cpus)
        self._held: dict[tuple[int, int], tuple[bytes, Region]] = {}
        self._bits = 8 * (spec.key_size - 4)

    def elements(self) -> Iterator[tuple[bytes, list[Region]]]:
        """In the order in which they were put in."""
        return iter([(key, [region]) for key, region in self._held.values()])

    def _prefix(self, key: bytes) -> tuple[int, int]:
        """The length, and the bits that count."""
        length = int.from_bytes(key[:4], "little")
        return length, int.from_bytes(key[4:], "big") >> max(self._bits - length, 0)

    def lookup(self, key: bytes, cpu: int) -> int:
        """The address of the value of the longest prefix that matches, or 0."""
        length, bits = self._prefix(key)
        if length > self._bits:
            return 0
        for shorter in range(length, -1, -1):
            found = self._held.get((shorter, bits >> (length - shorter)))
            if found is not None:
                return found[1].base
        return 0

    def update(self, key: bytes, value: bytes, flags: int, cpu: int) -> int:
        """EINVAL, EEXIST, ENOENT, ENOSPC as the kernel has it."""
        place = self._prefix(key)
        if flags > BPF_EXIST or place[0] > self._bits:
            return -EINVAL
        old = self._held.get(place)
        if old is not None and flags == BPF_NOEXIST:
            return -EEXIST
        if old is None and flags == BPF_EXIST:
            return -ENOENT
        if old is None and len(self._held) >= self.spec.max_entries:
            return -ENOSPC
        region = self.memory.add(f"a value of {self.spec.name}", bytearray(value))
        self._held[place] = key, region
        if old is not None:
            old[1].drop(WHY_REPLACED)
        return 0

    def delete(self, key: bytes) -> int:
        """ENOENT where there is no such prefix, EINVAL for one too long."""
        place = self._prefix(key)
        if place[0] > self._bits:
            return -EINVAL
        found = self._held.pop(place, None)
        if found is None:
            return -ENOENT
        found[1].drop(WHY_DELETED)
        return 0
