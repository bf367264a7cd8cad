"""Python functions to IR.

In: a `Program` and what it names. Out: a `Lowered`, or diagnostics. Read lower.py first.

    lower.py        a whole program            source.py     a function's tree, places in its file
    subset.py       which syntax there is      world.py      what a compilation's programs share
    lowering.py     the state of a lowering    scope.py      functions and loops that are open
    flow.py         what is known at a point   values.py     what an expression is meanwhile
    statements.py   expressions.py             conditions.py
    loops.py        counting.py                calls.py      inline.py: the user's own functions
    names.py        locals, outside names      declared.py   annotations
    numbers.py      integers, their types      division.py   // and %
    memory.py       structs                    texts.py      text in buffers, search.py: compared
    maps.py         maps as dicts              rings.py      ring buffers
    context.py      the context, `current`     helpers.py    kernel helpers by name
    traps.py        what would raise           reasons.py   why and what to do, by code
"""
