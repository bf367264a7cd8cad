"""A verifier's refusal, told at the Python line: log and ProgramSpec in, VerifierError out.

The error reads like the compiler's: place, text, caret, why, fix; the kernel's own complaint stands
below. Without a `DebugInfo` it has the line of the line info, and no names. The text stays short;
the whole log is in `.log`, for `--verifier-log`.

    verifier_log.py      the log as steps       verifier_values.py   states in words
    verifier_story.py    where a value came from
    verifier_words.py    complaints in words    verifier_loops.py    programs that are too large
"""

from __future__ import annotations

from probee.errors import Diagnostic, VerifierError
from probee.runtime.verifier_log import read_log
from probee.runtime.verifier_loops import costliest
from probee.runtime.verifier_story import Link, by_slot, known_before, story
from probee.runtime.verifier_values import number, words
from probee.runtime.verifier_words import (
    NUMBERS,
    ORIGIN,
    Row,
    bytes_in,
    helper_in,
    kinds_in,
    made_in,
    register_in,
    row_of,
    stack_in,
)
from probee.spec.debug import DebugInfo, Place, Step as DebugStep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from probee.asm.insn import Insn
    from probee.runtime.verifier_log import Walk
    from probee.spec.programs import ProgramSpec

HINT = "--verifier-log, or the error's .log, has all that the kernel said"
_LINKS = 4  # of a value's way that are told
_LOST = 1 << 32  # a range this wide bounds nothing
_WIDEST = 400  # characters of a complaint that are shown
_NOWHERE = Row("", "", "", "")


def explain(
    log: str, spec: ProgramSpec, btf: bytes, refusal: str, debug: DebugInfo | None = None
) -> VerifierError:
    """The error for a program that was refused with this log.

    `btf` is the collection's blob, which holds the line info's strings; `refusal` says how the call
    failed, for logs that give no reason. `debug` has the names, if it is of the same code.
    """
    if debug is not None and debug.code != spec.code:
        debug = None
    return _Explanation(log, spec, btf, debug).error(refusal)


class _Explanation:
    """What is known of one refusal."""

    def __init__(self, log: str, spec: ProgramSpec, btf: bytes, debug: DebugInfo | None) -> None:
        self.log, self.spec, self.btf, self.debug = log, spec, btf, debug
        self.walk: Walk = read_log(log)
        self.code: dict[int, Insn] = by_slot(spec.code, _order(btf))
        row, self.complaint = row_of(self.walk.complaints)
        self.row = row or _NOWHERE
        self.register = self._register()
        self.links = self._links()
        self.name = self._name()

    def error(self, refusal: str) -> VerifierError:
        """The whole."""
        place = self._place(self.walk.slot)
        why = "; ".join(filter(None, (self._fill(self.row.why), self._told())))
        if "too large" in self.complaint or "too complex" in self.complaint:
            loop = costliest(self.code, self.debug)
            why += f" ({self.walk.processed:,} steps so far)" if self.walk.processed else ""
            if loop is not None:
                place, why = loop.place or self._place(loop.slot), f"{why}; {loop.words}"
        says = self._fill(self.row.says) or self.complaint[:_WIDEST] or refusal
        diagnostic = Diagnostic(
            "verifier",
            f"the kernel refuses {self.spec.name}: {says}",
            file=place.file,
            line=place.line,
            column=place.column,
            end_column=place.end,
            text=place.text,
            why=why,
            fix=self._fill(self.row.fix),
        )
        kernel = f"\n   kernel: {self.complaint[:_WIDEST]}" if self.row.says else ""
        return VerifierError(
            f"{_shown(diagnostic)}{kernel}", log=self.log, hint=HINT, diagnostic=diagnostic
        )

    # places and names

    def _place(self, slot: int) -> Place:
        step = self._step(slot)
        return step.place if step is not None else line_place(self.spec, self.btf, slot)

    def _step(self, slot: int) -> DebugStep | None:
        """What the compiler says of `slot`; the step that reads a register, if one does."""
        if self.debug is None or slot < 0:
            return None
        last = self.debug.step(slot)
        if last is None:
            return None
        here = [step for step in self.debug.steps if step.slot == last.slot]
        return next((step for step in here if step.reads), last)

    def _register(self) -> int:
        """The register that it is about, or -1."""
        for complaint in self.walk.complaints:
            found = register_in(complaint)
            if found >= 0:
                return found
        return -1

    def _name(self) -> str:
        """The value in the user's words, in quotes: for numbers what was made last of them."""
        last = self._step(self.walk.slot)
        here = dict(last.reads).get(self.register, "") if last is not None else ""
        made = self._holds(self.links[-1]) if self.links else ""
        name = (made or here) if self.row.tells == NUMBERS else (here or made)
        return f"`{name}`" if name else "a value"

    def _holds(self, link: Link) -> str:
        """What the link's register holds after its slot."""
        if self.debug is None:
            return ""
        last = self.debug.step(link.slot)
        names = [
            dict(step.reads if link.compared else step.writes).get(link.register, "")
            for step in self.debug.steps
            if last is not None and step.slot == last.slot
        ]
        return next((name for name in reversed(names) if name), "")

    def _links(self) -> tuple[Link, ...]:
        made = made_in(self.complaint)
        if made >= 0:  # what is not given back: the call that gave it
            return (Link(made, 0, ""),)
        if self.register < 0 or not self.row.tells:
            return ()
        return story(self.walk, self.code, self.register)

    # words

    def _fill(self, text: str) -> str:
        bare = self.name.strip("`")
        return (
            text.replace("{it}", self.name)
            .replace("{this}", f"{self.name} may lead" if self._varies() else "this lies")
            .replace("{record}", self.name if "`" in self.name else "a record")
            .replace("{x}", bare if bare.isidentifier() else "x")
            .replace("{bytes}", bytes_in(" ".join(self.walk.complaints)))
            .replace("{stack}", self._on_stack())
            .replace("{helper}", helper_in(self.complaint))
            .replace("{kinds}", kinds_in(self.complaint))
        )

    def _varies(self) -> bool:
        """Whether the value may be more than one number."""
        known = number(self.links[-1].state) if self.links else None
        return known is not None and known.low < known.high

    def _on_stack(self) -> str:
        """What lies at the place on the stack that the complaint names: `: `key``, or ""."""
        place = stack_in(self.complaint)
        for name in self.debug.stack if self.debug is not None and place else ():
            if name.function <= self.walk.slot and name.offset <= place < name.offset + name.size:
                return f": `{name.name}`"
        return ""

    def _told(self) -> str:
        """The value's way in words, or ""."""
        if self.row.tells == ORIGIN:
            return self._origin()
        rows: list[str] = []
        last, width = "", 0
        for link in self.links:
            range_ = number(link.state)
            if range_ is None or range_.words == last:
                continue
            lost = rows and width < _LOST <= range_.high - range_.low
            row = self._known(link, range_.words)
            rows.append(f"{row}: there the bound is lost" if lost else row)
            last, width = range_.words, range_.high - range_.low
        if not rows and self.register >= 0:
            now = number(known_before(self.walk, f"R{self.register}"))
            rows = [f"it is {now.words} here"] if now is not None else []
        return "; ".join(rows if len(rows) <= _LINKS else [rows[0], *rows[1 - _LINKS :]])

    def _known(self, link: Link, range_: str) -> str:
        """``n` is 0 to 63 behind `n < 64` (line 3)`, as far as names and lines are known."""
        place, name = self._place(link.slot), self._holds(link)
        if not place.line:
            return f"it is {range_} there"
        subject = f"`{name}`" if name else "it"
        if name and link.compared:
            return f"{subject} is {range_} behind `{place.words}` (line {place.line})"
        return f"{subject} is {range_} (line {place.line}: `{place.text.strip()}`)"

    def _origin(self) -> str:
        """Where the value was made, and as what."""
        for link in self.links:
            place, kind = self._place(link.slot), words(link.state)
            if place.line:
                made = f"it comes from line {place.line}, `{place.text.strip()}`"
                return made + (f": {kind}" if kind else "")
        return ""


def _shown(diagnostic: Diagnostic) -> str:
    """As the compiler's, but with no place where none is known."""
    text = str(diagnostic)
    return text if diagnostic.line else text.partition(": ")[2]


def line_place(spec: ProgramSpec, btf: bytes, slot: int) -> Place:
    """The line of `slot` by the line info, as a place; line 0 where it has none."""
    found = source_line(spec, btf, slot)
    if found is None:
        return Place("", 0, 0, 0, "")
    file, line, text = found
    return Place(file, line, 0, len(text), text)


def source_line(spec: ProgramSpec, btf: bytes, insn: int) -> tuple[str, int, str] | None:
    """File, line and text of the statement that slot `insn` belongs to, or None."""
    from struct import iter_unpack

    order = "<" if _order(btf) == "little" else ">"
    best: tuple[int, int, int] | None = None
    if len(spec.line_info) % 16 == 0:
        for offset, file, text, line_col in iter_unpack(f"{order}4I", spec.line_info):
            if offset <= insn:
                best = file, text, line_col >> 10
    if best is None:
        return None
    return _string(btf, best[0]), best[2], _string(btf, best[1])


def _order(btf: bytes) -> Literal["little", "big"]:
    return "big" if btf[:2] == b"\xeb\x9f" else "little"


def _string(btf: bytes, offset: int) -> str:
    """The string at `offset` of a blob's string section; "" where there is none."""
    order = _order(btf)
    header = int.from_bytes(btf[4:8], order)
    start = header + int.from_bytes(btf[16:20], order)
    end = start + int.from_bytes(btf[20:24], order)
    at = start + offset
    if not start <= at < end <= len(btf):
        return ""
    stop = btf.find(b"\0", at, end)
    return btf[at:stop].decode("utf-8", "replace") if stop >= 0 else ""
