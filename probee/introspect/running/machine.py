"""All programs of the running kernel, looked at again and again.

In: nothing, the kernel is asked. Out: rows. What cannot change is asked once for each program; each
look reads the run counters of all, and who holds them piece by piece. A look at 200 programs takes
some milliseconds.
"""

from __future__ import annotations

from os import close
from time import CLOCK_BOOTTIME, clock_gettime, monotonic, time

from probee.errors import KernelError, ProbeeError
from probee.frame.document import Absent
from probee.frozen import Frozen
from probee.host.bpf import open_by_id
from probee.host.runcounts import Ids, RunCounts
from probee.introspect.loaded.links import Links
from probee.introspect.loaded.owners import unseen
from probee.introspect.loaded.pinned import Pins
from probee.introspect.loaded.programs import Programs
from probee.introspect.loaded.reach import opened
from probee.introspect.running.attached import UNTOLD
from probee.introspect.running.events import traced_at
from probee.introspect.running.holders import Holders
from probee.introspect.running.links import attachment
from probee.introspect.running.names import Names
from probee.introspect.running.rates import Sampler
from probee.introspect.running.table import NOT_RUN, Running, map_memory
from probee.introspect.running.unlinked import unlinked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from probee.introspect.loaded.links import Link
    from probee.introspect.loaded.programs import Program
    from probee.introspect.loaded.types import Types
    from probee.introspect.running.attached import Attachment
    from probee.introspect.running.holders import Holder

_SLOW = 10.0  # seconds between two looks at pins and at what is attached without a link
_NOT_YET = Absent("it was not looked at twice")
_NO_MEMORY = Absent("this kernel does not tell it")
_ADMIN = Absent("needs CAP_SYS_ADMIN")
_NOT_RUN = Absent(NOT_RUN)
_EPERM = 1


class Pin(Frozen):
    """A path on a bpf file system; `of`: `program`, or `link`."""

    path: str
    of: str


class Machine:
    """What was seen of the programs. Close it, or use it in a `with`.

    `why_no_rates`: why the run counters stand still, or "". `restricted`: CAP_SYS_ADMIN is missing,
    so that rows come from iterators, with what these can tell.
    """

    __slots__ = (
        "_boot", "_counts", "_holders", "_links", "_maps", "_names", "_pins", "_programs",
        "_ids", "_link_ids", "_sampler", "_slow", "_unheld", "_unlinked", "_unpinned", "known",
        "rates", "restricted", "why_no_rates",
    )  # fmt: skip

    def __init__(self, why_no_rates: str = "") -> None:
        self.why_no_rates, self.restricted = why_no_rates, False
        self._ids, self._link_ids = Ids("PROG"), Ids("LINK")
        self._programs = Programs()
        self._names = Names(self._programs.types)
        self._sampler = Sampler(RunCounts())
        self._holders = Holders()
        self._boot = time() - clock_gettime(CLOCK_BOOTTIME)
        self.known: dict[int, Program] = {}
        self.rates = self._sampler.look(())
        self._links: dict[int, tuple[Link, Attachment]] = {}
        self._maps: dict[int, int] = {}
        self._pins: dict[int, list[Pin]] = {}
        self._unheld: tuple[Holder, ...] | Absent = ()
        self._unpinned: tuple[Pin, ...] | Absent = ()
        self._unlinked: dict[int, list[Attachment]] = {}
        self._slow = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what was opened."""
        self._names.close()

    def look(self, seconds: float | None = None) -> None:
        """Looks at everything; `seconds`: the time for who holds what, None for all of it."""
        try:
            ids = self._ids()
        except KernelError as error:
            if error.errno != _EPERM:
                raise
            self._look_through_iterators(seconds)
            return
        late = monotonic() - self._slow > _SLOW
        if late:  # a link may have got another program
            self._links.clear()
        changed = self._programs_now(ids)
        self.rates = self._sampler.look(self.known)
        changed = self._links_now() or changed
        self._holders_now(seconds)
        if changed or late:
            self._slowly()

    def _look_through_iterators(self, seconds: float | None) -> None:
        """Without CAP_SYS_ADMIN. Raises KernelError without CAP_BPF and CAP_PERFMON too."""
        self.restricted = True
        self.known = {program.id: program for program in self._programs.all()}
        try:
            links = list(Links().all())
        except ProbeeError:  # before Linux 6.0 links have no iterator
            links = []
        self._links = {link.id: (link, attachment(link, self._names)) for link in links}
        self._holders_now(seconds)
        self._pins_now()

    def look_closer(self, id: int) -> None:
        """Where links of program `id` hang, if only their types are known: what may be opened."""
        for number, (link, _) in list(self._links.items()):
            if link.prog_id != id or not link.lacking:
                continue
            try:
                fd = opened("LINK", number)
            except KernelError:
                continue
            if fd is None:
                continue
            try:
                found = Links.row(fd)
                self._links[number] = found, attachment(found, self._names)
            finally:
                close(fd)

    @property
    def notes(self) -> list[str]:
        """What a person should know of the rows as a whole."""
        found = []
        if self.restricted:
            found.append("NAME: at most 15 characters; more needs CAP_SYS_ADMIN")
        for name, absent in (("HELD BY", self._unheld), ("HELD BY, as for pins", self._unpinned)):
            if isinstance(absent, Absent) and absent.why.startswith("needs "):
                found.append(f"{name}: {absent.why}")
        return found

    def _programs_now(self, ids: list[int]) -> bool:
        """Makes `known` what is loaded; whether that is something new."""
        for id in self.known.keys() - set(ids):
            del self.known[id]
        new = [id for id in ids if id not in self.known]
        for id in new:
            fd = open_by_id("PROG", id)
            if fd is None:
                continue
            try:
                self.known[id] = self._programs.row(fd)
            finally:
                close(fd)
        return bool(new)

    def _links_now(self) -> bool:
        try:
            ids = self._link_ids()
        except KernelError:  # before Linux 5.8 nobody could list them
            return False
        for id in self._links.keys() - set(ids):
            del self._links[id]
        new = [id for id in ids if id not in self._links]
        for id in new:
            fd = open_by_id("LINK", id)
            if fd is None:
                continue
            try:
                link = Links.row(fd)
                self._links[id] = link, attachment(link, self._names)
            except KernelError:  # its interface or cgroup went away
                continue
            finally:
                close(fd)
        return bool(new)

    def _holders_now(self, seconds: float | None) -> None:
        self._holders.look(seconds)
        if self._holders.refused and not isinstance(self._unheld, Absent):
            self._unheld = Absent(unseen())

    def _pins_now(self) -> None:
        self._pins, pins = {}, Pins()
        for id, path in pins.of("PROG"):
            self._pins.setdefault(id, []).append(Pin(path, "program"))
        for id, path in pins.of("LINK"):
            if id in self._links:
                owner = self._links[id][0].prog_id
                self._pins.setdefault(owner, []).append(Pin(path, "link"))
        self._unpinned = Absent(pins.why_not) if pins.why_not else ()

    def _slowly(self) -> None:
        self._pins_now()
        wanted = {id for program in self.known.values() for id in program.map_ids}
        self._maps = {id: size for id, size in self._maps.items() if id in wanted}
        self._maps.update(map_memory(wanted - self._maps.keys()))
        linked = {link.prog_id for link, _ in self._links.values()}
        rest = {id: program for id, program in self.known.items() if id not in linked}
        self._unlinked = unlinked(rest.values())
        for id, event in self._holders.events.items():
            if id in rest:
                self._unlinked.setdefault(id, []).append(traced_at(event, self._names))
        self._slow = monotonic()

    @property
    def types(self) -> Types:
        """The BTF that was read for it."""
        return self._programs.types

    def rows(self) -> list[Running]:
        """A row for each program, by id."""
        by_program: dict[int, list[Attachment]] = {}
        for link, where in self._links.values():
            by_program.setdefault(link.prog_id, []).append(where)
        return [
            self._row(program, (*by_program.get(id, ()), *self._unlinked.get(id, ())))
            for id, program in self.known.items()
            if self.restricted or id in self._sampler.counts
        ]

    def _row(self, program: Program, found: tuple[Attachment, ...]) -> Running:
        if self.restricted:
            return self._restricted_row(program, found)
        id = program.id
        why = "" if found else UNTOLD.get(program.type_name, "")
        attached = Absent(why) if why else found
        rate = None if self.why_no_rates else self.rates.get(id)
        none = Absent(self.why_no_rates) if self.why_no_rates else _NOT_YET
        time_, count, misses = self._sampler.counts[id]
        return Running(
            id, program.type_name or f"type {program.type}", program.name, program.tag,
            program.uid, int(self._boot + program.load_time / 1e9), attached,
            self._holders.by_id.get(id, ()) or self._unheld,
            tuple(self._pins.get(id, ())) or self._unpinned,
            rate.runs if rate else none,
            (rate.ns_per_run if rate.runs else _NOT_RUN) if rate else none,
            rate.cpu if rate else none, rate.missed if rate else none, count, time_, misses,
            int(program.memlock) if program.memlock.isdigit() else _NO_MEMORY,
            sum(self._maps.get(map_id, 0) for map_id in program.map_ids), program.map_ids,
        )  # fmt: skip

    def _restricted_row(self, program: Program, found: tuple[Attachment, ...]) -> Running:
        maps = _ADMIN if "map_ids" in program.lacking else program.map_ids
        return Running(
            program.id, program.type_name or f"type {program.type}", program.name, program.tag,
            program.uid, int(self._boot + program.load_time / 1e9), found or _ADMIN,
            self._holders.by_id.get(program.id, ()) or self._unheld,
            tuple(self._pins.get(program.id, ())) or self._unpinned,
            _ADMIN, _ADMIN, _ADMIN, _ADMIN, _ADMIN, _ADMIN, _ADMIN,
            int(program.memlock) if program.memlock.isdigit() else _NO_MEMORY,
            _ADMIN if maps else 0, maps,
        )  # fmt: skip
