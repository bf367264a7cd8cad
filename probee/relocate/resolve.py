"""CO-RE by libbpf's rules: any record of any object, against a kernel's types.

In: the types of an object, of a kernel and its modules, and records one after the other. Out: for
each an `Outcome`: the number that goes into the instruction, or that the kernel has no such thing,
or that a loader must refuse the object. Source: bpf_core_calc_relo_insn in libbpf's relo_core.c.

`match` beside this answers the compiler's own, narrower records, which demand more of a type.
"""

from __future__ import annotations

from probee.errors import FormatError
from probee.frozen import Frozen
from probee.relocate.answer import Answer, absent, answer, load_fits
from probee.relocate.match import Mismatch
from probee.relocate.record import Way, way_of
from probee.relocate.search import find
from probee.relocate.view import View
from probee.tables.core_records import BY_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from probee.btf.table import TypeTable
    from probee.relocate.modules import ModuleTypes
    from probee.tables.core_records import CoreKind

    Candidate: TypeAlias = tuple[View, int, str]  # the types, the id, the module or ""


class Outcome(Frozen):
    """What becomes of a record.

    `state`: `found`; `missing` (`why` says what: a question of existence is then answered 0, any
    other makes the instruction one that no program may reach); `refused` (no loader takes the
    object, `why`); `not asked` (there is no kernel to ask). `kind`: the question, None if there is
    none of that number. `way`: in the object's types. `theirs`, `candidate`: the way in the
    kernel's, and the type that it starts from; `module`: whose types those are.
    `before`: what the compiler wrote; `after`: what is to be written, None if nothing. `load_fits`:
    an instruction that loads or stores the member still reads it right in the kernel's size; others
    do not care.
    """

    state: str
    kind: CoreKind | None
    why: str = ""
    way: Way | None = None
    theirs: Way | None = None
    candidate: int = 0
    before: Answer | None = None
    after: Answer | None = None
    load_fits: bool = True
    module: str = ""

    @property
    def poisons(self) -> bool:
        """Whether the instruction becomes one that the verifier refuses if it can be reached."""
        return self.state == "missing" and self.after is None


class Resolver:
    """One object against one kernel, or none. `local` and `kernel` are their types.

    `modules` gives where a type is looked for that the kernel itself has not.

    Records are given in the order of the object: candidates that a record ruled out stay so for
    those behind it that name the same type, as in libbpf.
    """

    __slots__ = ("_candidates", "big_endian", "kernel", "local", "modules")

    def __init__(
        self,
        local: TypeTable,
        kernel: TypeTable | None,
        *,
        big_endian: bool,
        modules: Callable[[], Iterable[ModuleTypes]] = tuple,
    ) -> None:
        self.local = View(local)
        self.kernel = View(kernel) if kernel is not None else None
        self.big_endian = big_endian
        self.modules = modules
        self._candidates: dict[int, list[Candidate]] = {}

    def resolve(self, number: int, type_: int, access: str) -> Outcome:
        """A record: its number of enum bpf_core_relo_kind, its type, its access string."""
        kind = BY_NUMBER.get(number)
        if kind is None:
            return Outcome("refused", None, f"there is no CO-RE record of kind {number}")
        try:
            way = way_of(self.local, kind, type_, access)
            if kind.name == "local_type_id":
                here = Answer(type_, certain=False)
                return Outcome("found", kind, way=way, before=here, after=here)
            before = answer(self.local, way, kind, big_endian=self.big_endian)
            if self.kernel is None:
                return Outcome("not asked", kind, way=way, before=before)
            return self._held(self.kernel, kind, way, before)
        except FormatError as error:
            return Outcome("refused", kind, error.message)

    def _held(self, kernel: View, kind: CoreKind, way: Way, before: Answer) -> Outcome:
        """The record against the kernel's types."""
        name = self.local.name(way.root)
        if not name:
            return Outcome("refused", kind, "a type without a name is in no kernel", way)
        sort = self.local.type(way.root).kind
        if way.root not in self._candidates:
            self._candidates[way.root] = self._named(kernel, sort, name)
        found, why = self._matching(kind, way, self._candidates[way.root])
        if not found:
            why = why or f"this kernel has no {_SORT_WORDS.get(sort, 'type')} {name}"
            return Outcome("missing", kind, why, way, before=before, after=absent(kind))
        self._candidates[way.root] = [candidate for candidate, _, _ in found]
        (view, candidate, module), theirs, after = found[0]
        for _, other, value in found[1:]:
            if other.bits != theirs.bits or value.value != after.value:
                why = f"this kernel has {len(found)} types {name} that differ"
                return Outcome("refused", kind, why, way, before=before)
        fits = kind.about != "field" or load_fits(self.local, before, view, after)
        return Outcome("found", kind, "", way, theirs, candidate, before, after, fits, module)

    def _named(self, kernel: View, sort: int, name: str) -> list[Candidate]:
        """The kernel's own types of that name, or else those of its modules."""
        own: list[Candidate] = [(kernel, id, "") for id in kernel.candidates(sort, name)]
        if own:
            return own
        found = [(module.name, module.candidates(sort, name)) for module in self.modules()]
        return [(have[0], id, module) for module, have in found if have for id in have[1]]

    def _matching(
        self, kind: CoreKind, way: Way, candidates: list[Candidate]
    ) -> tuple[list[tuple[Candidate, Way, Answer]], str]:
        """Every candidate that has it, with the answer there; else why the first has not."""
        found, why = [], ""
        for candidate in candidates:
            view, id, _ = candidate
            try:
                theirs = find(self.local, way, kind, view, id)
            except Mismatch as error:
                why = why or error.message
                continue
            value = answer(view, theirs, kind, big_endian=self.big_endian)
            found.append((candidate, theirs, value))
        return found, why


_SORT_WORDS = {4: "struct", 5: "union", 6: "enum", 8: "typedef", 19: "enum"}
