"""Random programs for as long as asked: `make fuzz`.

In: seeds. Out: how many programs CPython, the simulator and the kernel agreed on; for each one that
failed a small case that fails the same way. See CONTRIBUTING.md.

    __main__.py   the command line        ending.py    what became of one program
    shrink.py     large case to small     coverage.py  which rows of the language and the IR it hit
"""
