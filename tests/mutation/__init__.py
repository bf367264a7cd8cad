"""Seeded bugs of the compiler, each of which the tests must catch.

In: rows (frontend.py, passes.py, codegen.py): a text of one file and what stands there instead.
Out: `python -m tests.mutation` runs the tests on a copy of the tree with one bug at a time.
"""
