"""An interpreter of eBPF bytecode with simulated maps and helpers: programs run without a kernel.

In: a CollectionSpec, contexts, a World. Out: results, and what is left in maps and rings. It is the
third leg of the tests of the compiler, beside CPython and the kernel, and a way to test programs in
a place where nobody is root.

    machine.py     `Machine`: what a user holds; linking.py, lines.py, views.py, values.py serve it
    cpu.py         frames, steps, errors; steps.py, accesses.py, arithmetic.py: the instructions
    memory.py      regions with exact bounds
    maps.py        hash, array, LRU, trie; streams.py: rings, queues, perf events, Bloom filter
    helpers.py     the table of helpers; helpers_maps.py, helpers_world.py, printing.py
    world.py       time, task, CPU, memory elsewhere

It does not verify: a program that the kernel's verifier refuses may run here. It does catch at run
time what the verifier is there to rule out: memory out of bounds, null pointers, registers and
stack that were never written, records that are kept.
"""

from probee.errors import SimError
from probee.sim.machine import Loss, Machine, Outcome
from probee.sim.values import Record
from probee.sim.world import World

__all__ = ["Loss", "Machine", "Outcome", "Record", "SimError", "World"]
