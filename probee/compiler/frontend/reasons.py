"""Why a kind of refusal is made and what to do about it, where the place itself says no better.

In: a code. Out: `(why, fix)`. Every diagnostic has both; docs/errors has a page a code.
"""

from __future__ import annotations

REASONS: dict[str, tuple[str, str]] = {
    "arguments": ("Python would raise TypeError", "give what the form says"),
    "call": ("a program runs in the kernel, where Python's own library is not", "write it out"),
    "constant": ("the kernel has numbers and bytes", "use a number or text"),
    "helper-type": (
        "the kernel lets each type of program call certain helpers",
        "use another hook, or another helper",
    ),
    "hooks-differ": (
        "the program is compiled once for all of its hooks",
        "write one program a hook, and share the rest in a function",
    ),
    "no-attribute": ("Python would raise AttributeError", "use a name that is there"),
    "no-effect": ("a statement that does nothing is a mistake", "call it, or assign it"),
    "no-tracepoint": (
        "a program is compiled against the kernel's own description of its hooks",
        "correct the name: tracefs lists them under events/, `perf list` prints them",
    ),
    "not-yet": ("this release compiles a part of the language", "write it in another way"),
    "stale-context": (
        "what is read is the kernel's; the class is what a type checker believed",
        "write the class anew with `probee stubs`",
    ),
    "syntax": ("it has no meaning in the kernel", "write it in another way"),
    "target": ("names, fields, the .value of a Global and m[k] can be assigned to", "use one"),
    "type": ("Python would raise TypeError, or the kernel has no form for it", "convert it first"),
    "undefined-name": (
        "a kernel program sees its locals, and what its module had bound when it was compiled",
        "define it in the module, or import it there",
    ),
}


def reasons(code: str, why: str, fix: str) -> tuple[str, str]:
    """What was said at the place, filled up from the table."""
    default_why, default_fix = REASONS.get(code, ("", ""))
    return why or default_why, fix or default_fix
