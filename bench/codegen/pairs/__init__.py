"""Programs that exist twice: NAME.py in probee's language, NAME.c as a careful author writes C.

A pair does the same on the same inputs: results, maps, records, what is counted as lost. Each
Python file has `program`, a raw tracepoint, and `ARGUMENTS`: name → (type, the values to draw
from); bytes stand for the address of a buffer that holds them. The C file has a function of the
same name that takes the arguments as words, and maps of the same names; where an update can fail or
a ring be full it counts that in `lost`, its only global variable, as probee always does. Loops stay
loops on both sides: unrolled ones would compare a choice between size and speed, not compilers.

What is not the same: a lookup of an array's element, which the C author follows by `if (value)`,
probee counts as an IndexError where it cannot prove that the element is there.
"""
