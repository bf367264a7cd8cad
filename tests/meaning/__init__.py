"""Programs of the kernel-side language, run by CPython, by an interpreter of the IR, in the kernel.

In: seeds, or sources. Out: what a run left behind, the same three times or a bug. See
`model.py` (CPython), `programs.py` (random sources), `machine.py` (the compiled program).
"""
