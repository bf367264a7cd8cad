"""The log of Linux's verifier (kernel/bpf/verifier.c, log.c) as steps: text in, `Walk` out.

What is read here, of level 1 (where only the way to the refusal stays in the log) and 2:

    ; if args.flags:  @ opens.py:31            a line of the program, where there is line info
    12: (61) r2 = *(u32 *)(r1 +0)              an instruction, behind `; ` what is known after it
    12: R1=map_value_or_null(…) R10=fp0        what is known; since 5.18 `scalar(umax=7)` or `7`,
     R0_w=inv(id=0,umax_value=7) R10=fp0       before that `inv(…)` or `invP7`
    from 3 to 7: frame1: R1=…                  another way through the program, in a called function
    R1 invalid mem access 'map_value_or_null'  why it stopped: what is none of these, at the end
    processed 14 insns (limit 1000000) …       its statistics

Any text gives a `Walk`: what is not understood is a complaint.
"""

from __future__ import annotations

from probee.frozen import Frozen

# The way there is told backwards from the refusal; what lies further back is not kept.
MOST_STEPS = 50_000

_NOISE = (
    "func#", "last_idx ", "first_idx ", "regs=", "parent ", "mark_precise", "safe", "propagating ",
    "Live regs", "caller:", "callee:", "returning from callee", "to caller at", "Validating ",
    "Func#", "verifying ", "(this is ", "verification time", "stack depth ", "insn ", "subprog ",
)  # fmt: skip


class Step(Frozen):
    """One instruction of the way: its slot, the depth of calls, and what became known after it.

    `known`: a register (`R2`) or a piece of stack (`fp-8`) -> the verifier's words for it.
    """

    slot: int
    frame: int
    known: dict[str, str]


class Walk(Frozen):
    """The way to the refusal, the complaints at its end, and the statistics (0: not told).

    `steps[-1]` is the instruction that was refused, unless the way is empty.
    """

    steps: tuple[Step, ...]
    complaints: tuple[str, ...]
    processed: int = 0
    limit: int = 0

    @property
    def slot(self) -> int:
        """The slot of the last instruction that the verifier looked at, or -1."""
        return self.steps[-1].slot if self.steps else -1


def read_log(log: str) -> Walk:
    """Reads the verifier's log, or the tail of one."""
    reader = _Reader()
    for line in log.splitlines():
        reader.line(line.strip())
    return Walk(tuple(reader.steps), tuple(reader.complaints), reader.processed, reader.limit)


class _Reader:
    """What was read so far."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.complaints: list[str] = []
        self.frame = 0
        self.processed = 0
        self.limit = 0

    def line(self, text: str) -> None:
        """One line, without blanks around it."""
        if not text or text.startswith(";"):
            return
        if text.startswith("processed "):
            self._statistics(text)
            return
        head, colon, rest = text.partition(":")
        if colon and _number(head):
            if rest.startswith(" ("):
                self._instruction(int(head), rest)
            else:
                self._state(rest)
        elif colon and head.startswith("from ") and " to " in head:
            self._back(head.split(" ")[1])
            self._state(rest)
        elif _is_state(text):
            self._state(text)
        elif not text.startswith(_NOISE):
            self.complaints.append(text)

    def _instruction(self, slot: int, rest: str) -> None:
        self.complaints.clear()
        if len(self.steps) >= 2 * MOST_STEPS:
            del self.steps[:MOST_STEPS]
        self.steps.append(Step(slot, self.frame, {}))
        _, found, state = rest.partition(" ; ")
        if found:
            self._state(state)

    def _back(self, slot: str) -> None:
        """Another way from the jump at `slot`: a log of level 2 still has the one that was gone."""
        for at in range(len(self.steps) - 1, -1, -1):
            if slot == str(self.steps[at].slot):
                del self.steps[at + 1 :]
                return

    def _state(self, text: str) -> None:
        """What is known now belongs to the instruction before."""
        known = states(text)
        if not known:
            return
        head = text.strip().partition(":")[0]
        self.frame = int(head[5:]) if head[:5] == "frame" and _number(head[5:]) else 0
        last = self.steps[-1] if self.steps else None
        if last is None or last.frame != self.frame:  # what a call or an exit leads to
            self.steps.append(Step(-1 if last is None else last.slot, self.frame, {}))
        self.steps[-1].known.update(known)

    def _statistics(self, text: str) -> None:
        words = text.replace("(", " ").replace(")", " ").split()
        numbers = [int(word) for word in words if _number(word)]
        self.processed, self.limit = (*numbers[:2], 0, 0)[:2]


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _is_state(text: str) -> bool:
    """`R0=0 R1=ctx()`, `frame1: R0_w=inv0`: a complaint has a blank behind its register."""
    if text.startswith("frame"):
        text = text.partition(": ")[2]
    head = text.partition("=")[0]
    return "=" in text and head[:1] == "R" and head[1:2].isdigit() and " " not in head


def states(text: str) -> dict[str, str]:
    """`R2_w=scalar(umax=7) fp-8=mmmm????` -> {"R2": "scalar(umax=7)", "fp-8": "mmmm????"}."""
    found = {}
    for word in _words(text):
        name, equals, value = word.partition("=")
        name = name.partition("_")[0]
        register = name[:1] == "R" and _number(name[1:])
        stack = name[:3] == "fp-" and _number(name[3:])
        if equals and value and (register or stack):
            found[name] = value
    return found


def _words(text: str) -> list[str]:
    """The words between blanks that stand in no parentheses."""
    words, depth, start = [], 0, 0
    for at, character in enumerate(text):
        if character == "(":
            depth += 1
        elif character == ")":
            depth = max(depth - 1, 0)
        elif character == " " and not depth:
            words.append(text[start:at])
            start = at + 1
    words.append(text[start:])
    return [word for word in words if word]
