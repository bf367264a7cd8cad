"""A verifier's refusal, told at the Python line: log and ProgramSpec in, VerifierError out.

The log of Linux (kernel/bpf/verifier.c, log.c) at level 1, as far as it is read here:

    ; if args.flags:  @ opens.py:31            the line, where there is line info
    12: (61) r2 = *(u32 *)(r1 +0)              the instruction that it looks at
    12: R1=map_value_or_null(…) R10=fp0        what it knows, also behind a `;` or `from 3 to 7:`
    R1 invalid mem access 'map_value_or_null'  why it stopped: what is none of these, at the end
    processed 14 insns (limit 1000000) …       its statistics

The text stays short; the whole log is in `.log`, for `--verifier-log`.
"""

from __future__ import annotations

from probee.errors import VerifierError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from probee.spec.programs import ProgramSpec

HINT = "--verifier-log shows the verifier's own log"

# What stands in the reason -> what it means to the writer of a program. The first that fits counts.
PLAIN: tuple[tuple[str, str], ...] = (
    ("_or_null'", "something that may be None is used without a check"),
    (
        "invalid mem access 'scalar'",
        "memory is read or written through a number that is no pointer",
    ),
    ("invalid mem access 'inv'", "memory is read or written through a number that is no pointer"),
    ("invalid mem access", "memory is read or written through a pointer that does not allow it"),
    ("invalid bpf_context access", "a field is read that the context of this program has not"),
    ("invalid access to map value", "an index may be beyond the end of a map's value"),
    ("invalid access to memory", "an index may be beyond the end of the memory"),
    ("min value is negative", "an index may be negative"),
    ("unbounded memory access", "an index or a length has no upper bound that can be proved"),
    ("unbounded min value", "an index or a length has no lower bound that can be proved"),
    ("invalid zero-sized read", "a length may be zero"),
    ("invalid indirect", "a helper would read memory that was never written"),
    ("invalid read from stack", "memory is read that was never written"),
    ("invalid write to stack", "the program's 512 bytes of stack are exceeded"),
    ("combined stack size", "the functions together need more than 512 bytes of stack"),
    ("stack depth", "the functions together need more than 512 bytes of stack"),
    ("!read_ok", "a value is used that was never set on this path through the program"),
    ("Unreleased reference", "a reserved record is neither submitted nor discarded on some path"),
    ("BPF program is too large", "there are too many steps to check: a million is the limit"),
    ("too many states", "there are too many paths through the program to check"),
    ("The sequence of", "there are too many jumps to check"),
    ("infinite loop detected", "a loop has no end that can be proved"),
    ("back-edge", "this kernel takes no loops: they came with Linux 5.3"),
    ("unknown opcode", "this kernel does not know an instruction that the program uses"),
    ("uses reserved fields", "this kernel does not know an instruction that the program uses"),
    ("invalid func", "this kernel has no such helper"),
    ("unknown func", "programs of this type may not call this helper"),
    ("cannot use helper", "programs of this type may not call this helper"),
    ("cannot call GPL", "the helper is for programs under the GPL only: set LICENSE"),
    ("cannot call exception cb", "this function may not be called here"),
    ("At program exit the register R0", "the program's result is out of the range allowed here"),
    ("In program exit", "the program's result is out of the range allowed here"),
    ("pointer arithmetic", "this arithmetic on a pointer is not allowed"),
    ("pointer comparison prohibited", "comparing pointers needs CAP_PERFMON"),
    ("leaks addr", "showing kernel addresses needs CAP_PERFMON"),
    ("unreachable insn", "there is code that nothing leads to"),
    ("jump out of range", "a jump leads out of the program"),
    ("misaligned", "a field is not aligned to its size"),
    ("expected=", "an argument of a helper is not of the kind that it wants"),
    ("doesn't have", "the kernel's types lack what the program refers to"),
)


class Rejection(Frozen):
    """The slot of the last instruction that the verifier looked at (-1: none), and what it said."""

    insn: int
    complaints: tuple[str, ...]


def read_log(log: str) -> Rejection:
    """Finds the last instruction and what follows it in a verifier's log of level 1 or 2."""
    insn = -1
    complaints: list[str] = []
    for line in log.splitlines():
        text = line.strip()
        if not text or text.startswith((";", "processed ", "verification time", "stack depth ")):
            continue
        head, colon, rest = text.partition(":")
        if colon and head.isascii() and head.isdigit():
            if rest.startswith(" (") and len(head) < 8:
                insn = int(head)
                complaints.clear()
            continue
        if not _is_state(text):
            complaints.append(text)
    return Rejection(insn, tuple(complaints))


def _is_state(text: str) -> bool:
    """Whether the line tells registers or the way of the verifier, rather than a complaint."""
    if text.startswith(
        ("from ", "func#", "last_idx ", "first_idx ", "regs=", "parent ", "mark_precise", "frame",
         "safe", "propagating ", "Live regs", "caller:", "callee:", "returning from callee",
         "to caller at", "Validating ", "Func#", "verifying ", "(this is ")
    ):  # fmt: skip
        return True
    # `R0=0 R1=ctx()`, before 6.x `R0_w=inv0 R10=fp0`; a complaint has a space behind the register.
    head = text.partition("=")[0]
    return "=" in text and head[:1] == "R" and " " not in head


def plain_words(complaints: tuple[str, ...]) -> tuple[str, str]:
    """A complaint in words about the program instead of registers, and the kernel's own words.

    The first that has plain words is taken, else the last: what the kernel ends with is often only
    a consequence. Both are "" where there is none.
    """
    for complaint in complaints:
        for part, words in PLAIN:
            if part in complaint:
                return words, complaint
    return (complaints[-1], complaints[-1]) if complaints else ("", "")


def explain(log: str, spec: ProgramSpec, btf: bytes, refusal: str) -> VerifierError:
    """The error for a program that was refused with this log.

    `btf` is the collection's blob, which holds the line info's strings; `refusal` says how the call
    failed, for logs that give no reason.
    """
    found = read_log(log)
    words, reason = plain_words(found.complaints)
    place = source_line(spec, btf, found.insn)
    rows = [f"error[verifier]: the kernel refuses {spec.name}: {words or refusal}"]
    if place is not None:
        file, line, text = place
        rows[0] = f"{file}:{line}: {rows[0]}"
        rows += [f"   {line} | {text}"] if text else []
    if reason != words:
        rows.append(f"   kernel: {reason}")
    return VerifierError("\n".join(rows), log=log, hint=HINT)


def source_line(spec: ProgramSpec, btf: bytes, insn: int) -> tuple[str, int, str] | None:
    """File, line and text of the statement that slot `insn` belongs to, or None."""
    from struct import iter_unpack

    order = "<" if btf[:2] == b"\x9f\xeb" else ">"
    best: tuple[int, int, int] | None = None
    if len(spec.line_info) % 16 == 0:
        for offset, file, text, line_col in iter_unpack(f"{order}4I", spec.line_info):
            if offset <= insn:
                best = file, text, line_col >> 10
    if best is None:
        return None
    return _string(btf, best[0]), best[2], _string(btf, best[1])


def _string(btf: bytes, offset: int) -> str:
    """The string at `offset` of a blob's string section; "" where there is none."""
    order: Literal["little", "big"] = "little" if btf[:2] == b"\x9f\xeb" else "big"
    header = int.from_bytes(btf[4:8], order)
    start = header + int.from_bytes(btf[16:20], order)
    end = start + int.from_bytes(btf[20:24], order)
    at = start + offset
    if not start <= at < end <= len(btf):
        return ""
    stop = btf.find(b"\0", at, end)
    return btf[at:stop].decode("utf-8", "replace") if stop >= 0 else ""
