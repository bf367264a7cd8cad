"""What the verifier says, and what it means to the writer of a program: one row a complaint.

`ROWS` is read from the top; the first row whose `part` stands in a complaint counts. In the words,
`{it}` is the value by its name, `{x}` that name to write in code, `{this}` what it does or where it
lies, `{record}` a record, `{bytes}` the numbers of the complaint, `{stack}` what lies at its place
on the stack, `{helper}` the helper, `{kinds}` what it got and what it wanted.
"""

from __future__ import annotations

from itertools import pairwise

from probee.frozen import Frozen

# What of the value's way is told: its numbers, where it came from, or nothing.
NUMBERS, ORIGIN, NOTHING = "numbers", "origin", ""


class Row(Frozen):
    """`says`: what is wrong. `why`: the rule. `fix`: what to write. `tells`: see above."""

    part: str
    says: str
    why: str
    fix: str
    tells: str = NOTHING


_CHECK = "check it first: `if {x} is not None:`"
_BOUND = "bound it where the kernel sees it: `if {x} < N:`, `min({x}, N - 1)`, or `{x} & (N - 1)`"
_POINTER = "memory is reached through what the kernel gave as a pointer, and a number is none"
_READ = "read the kernel's memory with probe_read_kernel(), a user's with probe_read_user()"
_STACK = "keep big records in a map or in a ring buffer record, or make them smaller"
_OLD = "run it on a newer kernel, or do without"
_FEWER = "make rounds fewer, or take `if`s out of the loop: each doubles the ways through a round"
_NEEDS = "run it as root, or with CAP_PERFMON"
_BUG = "this is a bug of probee unless the program was loaded by hand: please report it"

ROWS: tuple[Row, ...] = (
    Row("null-check it first", "{it} may be None here", "no check on this way shows that it is not",
        _CHECK, ORIGIN),
    Row("_or_null'", "{it} may be None here", "no check on this way shows that it is not",
        _CHECK, ORIGIN),
    Row("invalid mem access 'scalar'", "{it} is a number here and no pointer", _POINTER, _READ,
        ORIGIN),
    Row("invalid mem access 'inv'", "{it} is a number here and no pointer", _POINTER, _READ,
        ORIGIN),
    Row("invalid mem access", "{it} is a pointer that does not allow this access", _POINTER,
        _READ, ORIGIN),
    Row("invalid bpf_context access",
        "the context has nothing that may be read or written here{bytes}",
        "each type of program may read certain fields of its context, each in whole",
        "compile it on this kernel: its context may differ"),
    Row("dereference of modified ctx", "the context is read at a computed place",
        "its fields are reached by name only", "read the field itself"),
    Row("variable ctx access", "the context is read at a computed place",
        "its fields are reached by name only", "read the field itself"),
    Row("min value is negative", "{it} may be negative",
        "an index or a length is 0 or more", "say so: `if {x} >= 0:`, or an unsigned type",
        NUMBERS),
    Row("unbounded memory access", "{it} has no upper bound that the verifier sees",
        "an index or a length must stay inside its memory, whatever its value", _BOUND, NUMBERS),
    Row("unbounded variable-offset", "{it} has no upper bound that the verifier sees",
        "an index or a length must stay inside its memory, whatever its value", _BOUND, NUMBERS),
    Row("unbounded min value", "{it} has no lower bound that the verifier sees",
        "what is added to a pointer must be bounded on both sides", _BOUND, NUMBERS),
    Row("mixed signed bounds", "{it} is compared as signed here and as unsigned there",
        "what is added to a pointer must be bounded on both sides", _BOUND, NUMBERS),
    Row("math between", "{it} is too large to be added to a pointer",
        "what is added to a pointer must be small", _BOUND, NUMBERS),
    Row("pointer be out of bounds", "{it} may lead far out of its memory",
        "what is added to a pointer must be small", _BOUND, NUMBERS),
    Row("value is outside of the allowed memory", "{it} may be beyond the end{bytes}",
        "an index must stay inside its memory, whatever its value", _BOUND, NUMBERS),
    Row("invalid access to packet", "the packet may end before what is read here{bytes}",
        "only what was compared with the packet's end may be read",
        "compare with the end of the packet first", NUMBERS),
    Row("invalid access to", "{this} beyond the end{bytes}",
        "an access must stay inside its memory", _BOUND, NUMBERS),
    Row("outside of the allowed", "{it} may be beyond the end",
        "an access must stay inside its memory", _BOUND, NUMBERS),
    Row("invalid zero-sized read", "{it}, a length, may be zero",
        "this helper takes a length of 1 or more", "check it first: `if {x} > 0:`", NUMBERS),
    Row("invalid indirect", "a helper would read memory that was never written{stack}",
        "what a helper reads must have been written on every way to it",
        "give every field a value first"),
    Row("invalid variable-offset", "the stack is reached at a computed place",
        "this kernel wants places on the stack to be constant", "index a map's value instead",
        NUMBERS),
    Row("invalid stack type", "a helper would read or write beyond its memory on the stack",
        "a length must fit the memory that is given", _BOUND, NUMBERS),
    Row("invalid read from stack", "memory is read that was never written{stack}",
        "what is read must have been written on every way to it", "give it a value first"),
    Row("invalid write to stack", "this would write beyond the stack{bytes}",
        "a program has 512 bytes of stack, which end at byte 0", _STACK),
    Row("combined stack size", "the functions together need more than 512 bytes of stack",
        "the kernel gives all functions that call one another 512 bytes together", _STACK),
    Row("stack depth", "the functions together need more than 512 bytes of stack",
        "the kernel gives all functions that call one another 512 bytes together", _STACK),
    Row("frames is too deep", "functions call one another too deep",
        "the kernel allows 8 at a time", "call fewer functions from one another"),
    Row("!read_ok", "{it} was never set on this way through the program",
        "what is read must have been written on every way to it", _BUG),
    Row("Unreleased reference", "{record} is neither submitted nor discarded on this way",
        "what is reserved in a ring goes back to the kernel on every way",
        "submit() or discard() it before this end", ORIGIN),
    Row("reference leak", "{record} is neither submitted nor discarded on this way",
        "what is reserved in a ring goes back to the kernel on every way",
        "submit() or discard() it before this end", ORIGIN),
    Row("BPF program is too large", "checking it takes too many steps",
        "the verifier goes through every round of every loop, and both ways of each `if`", _FEWER),
    Row("too many states", "there are too many ways through the program to check",
        "the verifier keeps what it knows of each way", _FEWER),
    Row("jumps is too complex", "there are too many ways through the program to check",
        "the verifier keeps at most 8,192 ways that it has still to go", _FEWER),
    Row("infinite loop detected", "this loop may go on for ever",
        "a round left everything as it was before, as far as the verifier can tell",
        "count the rounds: `for i in range(64):` with a break"),
    Row("back-edge", "this kernel takes no loops", "they came with Linux 5.3", _OLD),
    Row("unknown opcode", "this kernel does not know an instruction that the program uses",
        "it is newer than the kernel", _OLD),
    Row("uses reserved fields", "this kernel does not know an instruction that the program uses",
        "it is newer than the kernel", _OLD),
    Row("cannot use helper", "programs of this type may not call {helper}",
        "the kernel lets each type of program call certain helpers", _OLD),
    Row("unknown func", "programs of this type may not call {helper}",
        "the kernel lets each type of program call certain helpers", _OLD),
    Row("invalid func", "this kernel does not have {helper}", "it came with a later Linux", _OLD),
    Row("cannot call GPL", "this helper is for programs under the GPL only",
        "the kernel asks what a program's licence is",
        'say so in the module if it is true: LICENSE = "GPL"'),
    Row("might sleep", "this helper may sleep, and the program may not",
        "tracing programs run where nothing can wait", "use a helper that does not wait"),
    Row("cannot pass map_type", "this kind of map does not go with this helper",
        "each helper takes certain kinds of maps", "use another kind of map"),
    Row("cannot write into", "{it} can only be read", "the kernel shows it, and keeps it",
        "write to a copy of your own"),
    Row("only read", "{it} can only be read", "the kernel shows it, and keeps it",
        "write to a copy of your own"),
    Row("At program exit the register R0", "the program's result is out of the range allowed here",
        "what a program returns decides what the kernel does next", "return 0", NUMBERS),
    Row("In program exit", "the program's result is out of the range allowed here",
        "what a program returns decides what the kernel does next", "return 0", NUMBERS),
    Row("pointer comparison prohibited", "pointers are compared",
        "that would show where the kernel keeps things", _NEEDS),
    Row("leaks addr", "an address of the kernel would be shown",
        "that needs more rights than this process has", _NEEDS),
    Row("pointer arithmetic", "{it} is a pointer that takes no such arithmetic",
        "only small numbers may be added to a pointer, and not to every kind", _READ, ORIGIN),
    Row("prohibited", "{it} is a pointer that takes no such arithmetic",
        "only small numbers may be added to a pointer, and not to every kind", _READ, ORIGIN),
    Row("access beyond struct", "this lies beyond the end of the kernel's struct{bytes}",
        "the struct of this kernel is smaller", "compile it on this kernel"),
    Row("unreachable insn", "there is code that nothing leads to",
        "the verifier wants every instruction to be of use", _BUG),
    Row("last insn is not", "the code does not end", "each function ends with an exit", _BUG),
    Row("frame pointer is read only", "the code changes r10", "it is the kernel's", _BUG),
    Row("div by zero", "the code divides by the number 0", "", _BUG),
    Row("invalid shift", "the code shifts by more than the width", "", _BUG),
    Row("jump out of range", "a jump leads out of the program", "", _BUG),
    Row("misaligned", "{it} is not aligned to its size",
        "the kernel reads numbers only where their size divides the address",
        "order fields by size, or read a copy", NUMBERS),
    Row("expected=", "an argument is not of the kind that the helper wants",
        "{kinds}", "look at the helper's arguments", ORIGIN),
    Row("doesn't have", "this kernel's types lack what the program refers to",
        "the kernel checks types by its own BTF", _OLD),
)  # fmt: skip


def row_of(complaints: tuple[str, ...]) -> tuple[Row | None, str]:
    """The row of the first complaint that has one, and that complaint; else the last complaint.

    What the kernel ends with is often only a consequence.
    """
    for complaint in complaints:
        for row in ROWS:
            if row.part in complaint:
                return row, complaint
    return None, complaints[-1] if complaints else ""


def register_in(text: str) -> int:
    """The number of the first register that a complaint names, or -1."""
    for word in text.replace("(", " ").replace(",", " ").split():
        if len(word) == 2 and word[0] == "R" and word[1].isascii() and word[1].isdigit():
            return int(word[1])
    return -1


def helper_in(text: str) -> str:
    """The helper that a complaint names, without its number, or "this helper"."""
    for word in text.split():
        if word.startswith("bpf_"):
            return word.partition("#")[0]
    return "this helper"


def bytes_in(text: str) -> str:
    """The numbers of an access: `: bytes 64 to 71 of 8`, or ""."""
    found = {}
    for word in text.replace(",", " ").split():
        name, equals, value = word.partition("=")
        digits = value[1:] if value[:1] == "-" else value
        if equals and digits.isascii() and digits.isdigit() and len(digits) < 12:
            found[name] = int(value)
    if "off" not in found or "size" not in found:
        return ""
    last = found["off"] + max(found["size"], 1) - 1
    whole = found.get("value_size", found.get("mem_size", -1))
    return f": bytes {found['off']} to {last}" + (f" of {whole}" if whole >= 0 else "")


def stack_in(text: str) -> int:
    """The place on the stack that a complaint names, `off -16+8` or `off=-8`; 0: none."""
    words = text.replace("off=", "off ").replace(",", " ").split()
    for before, word in pairwise(words):
        base, plus, inside = word.partition("+")
        digits = base.removeprefix("-")
        if before == "off" and digits.isascii() and digits.isdigit() and len(digits) < 6:
            more = inside if plus and inside.isascii() and inside.isdigit() else "0"
            return int(base) + int(more[:6])
    return 0


def made_in(text: str) -> int:
    """The slot of the call that `Unreleased reference id=2 alloc_insn=5` is about, or -1."""
    _, found, number = text.partition("alloc_insn=")
    digits = number.split(" ")[0].strip(",.")
    known = bool(found) and digits.isascii() and digits.isdigit() and len(digits) < 10
    return int(digits) if known else -1


def kinds_in(text: str) -> str:
    """`R1 type=scalar expected=fp, pkt` in a sentence."""
    _, _, rest = text.partition("type=")
    got, _, wanted = rest.partition(" expected=")
    return f"it gets {got or 'another'}, and wants {wanted or 'something else'}"
