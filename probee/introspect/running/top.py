"""What `probee top` shows: rows of programs and keys in, pages of lines out.

There are three pages: the list, one program, the keys. Nothing is asked of the kernel here, and
nothing printed; `Top` is what a person sees and chose.
"""

from __future__ import annotations

from collections import deque

from probee.frame.document import Absent
from probee.frame.listing import cells, fitted
from probee.frame.screen import Text
from probee.frozen import replace
from probee.introspect.running.forms import COLUMNS, number, one_line, percent
from probee.introspect.running.program_page import program_page
from probee.introspect.running.table import ORDERS, ordered, seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from probee.frame.columns import Column
    from probee.introspect.running.line_costs import LineCosts
    from probee.introspect.running.lines import Source
    from probee.introspect.running.table import Filter, Running

HISTORY = 240  # looks that are kept of each program
LEAST, MOST = 0.1, 60.0  # seconds between two looks
# key: the order that it sets
SORTS = {
    "c": "cpu", "r": "runs", "t": "time", "m": "mem", "i": "id", "n": "name", "y": "type",
    "a": "age", "p": "pid",
}  # fmt: skip
# order: the column that shows it
_HEADS = {
    "cpu": "CPU%", "runs": "RUNS/S", "time": "NS/RUN", "mem": "MEM", "id": "ID", "name": "NAME",
    "type": "TYPE", "pid": "HELD BY",
}  # fmt: skip
KEYS = (
    ("up down PgUp PgDn Home End", "choose a program"),
    ("Enter, right", "where it is called, its history, its source"),
    ("Esc, left, Backspace", "back to the list"),
    ("c r t m i n y a p", "sort: cpu runs time mem id name type age pid"),
    ("R", "the other way round"),
    ("/", "only what has a text: Enter ends it, Esc drops it"),
    ("space", "stand still, go on"),
    ("+ -", "look more often, less often"),
    ("h ?", "this page"),
    ("q Ctrl-C", "the end"),
)
_FOOT = "q quit  h keys  Enter program  c r t m i n sort  / find  space pause"


class Top:
    """The state. `interval`: seconds between two looks. `over`: the person has had enough.

    `source` gives the lines of a program when its page is opened, and `costs` what samples them
    until it is closed; `why` says why there are no rates, or "".
    """

    def __init__(
        self,
        wanted: Filter,
        interval: float,
        source: Callable[[int], Source],
        costs: Callable[[Source], LineCosts],
        why: str = "",
    ) -> None:
        self.wanted, self.order, self.interval, self.why = wanted, "cpu", interval, why
        self.reverse = self.paused = self.over = False
        self.page = "list"
        self.chosen = -1  # the id of a program
        self._moved = False  # before that, the first row is chosen, whichever it is
        self.text, self.typing = "", False
        self._source, self._sample = source, costs
        self._lines: Source | None = None
        self._costs: LineCosts | None = None
        self._scroll = 0
        self._room = 10
        self._rows: list[Running] = []
        self.history: dict[int, deque[float]] = {}

    # ------------------------------------------------------------------------------------- rows

    def update(self, rows: Iterable[Running]) -> None:
        """A new look at the programs."""
        self._rows = found = list(rows)
        if self._costs is not None:
            self._costs.collect()
        history = self.history
        for row in found:
            kept = history.get(row.id)
            if kept is None:
                kept = history[row.id] = deque(maxlen=HISTORY)
            if not isinstance(row.cpu_percent, Absent):
                kept.append(row.cpu_percent)
        if len(history) > len(found):
            present = {row.id for row in found}
            for id in [id for id in history if id not in present]:
                del history[id]

    def shown(self) -> list[Running]:
        """The rows of the list, in their order."""
        found = (row for row in self._rows if self.wanted.fits(row) and self._has_text(row))
        rows = ordered(found, [self.order])
        return rows[::-1] if self.reverse else rows

    def _has_text(self, row: Running) -> bool:
        if not self.text:
            return True
        words = [row.name, row.type, *(holder.comm for holder in seen(row.holders))]
        if not isinstance(row.attached, Absent):
            words += [one.words for one in row.attached]
        return any(self.text in word for word in words)

    @property
    def row(self) -> Running | None:
        """The chosen program; None where it is gone."""
        return next((row for row in self._rows if row.id == self.chosen), None)

    # ------------------------------------------------------------------------------------- keys

    def close(self) -> None:
        """Ends what goes on for the page of a program. Harmless twice."""
        if self._costs is not None:
            self._costs.close()
            self._costs = None

    def press(self, key: str) -> None:
        """What a key does."""
        self._press(key)
        if self.page != "program":
            self.close()

    def _press(self, key: str) -> None:
        if self.typing:
            self._type(key)
        elif key == "q":
            self.over = True
        elif key == " ":
            self.paused = not self.paused
        elif key in "+-" and key:
            factor = 0.5 if key == "+" else 2.0
            self.interval = min(max(self.interval * factor, LEAST), MOST)
        elif key in ("h", "?"):
            self.page = "list" if self.page == "keys" else "keys"
        elif key in ("escape", "left", "backspace"):
            self.page, self._scroll = "list", 0
        elif key in _MOVES:
            self._move(_MOVES[key])
        elif self.page == "list":
            self._in_list(key)

    def _type(self, key: str) -> None:
        if key == "escape":
            self.text = ""
        if key in ("escape", "enter"):
            self.typing = False
        elif key == "backspace":
            self.text = self.text[:-1]
        elif len(key) == 1:
            self.text += key

    def _in_list(self, key: str) -> None:
        if key in SORTS:
            self.order, self.reverse = SORTS[key], False
        elif key == "R":
            self.reverse = not self.reverse
        elif key == "/":
            self.typing = True
        elif key in ("enter", "right") and self._choose(self.shown()):
            self.page, self._scroll, self._moved = "program", 0, True
            self._lines = self._source(self.chosen)
            self._costs = self._sample(self._lines)

    def _move(self, by: tuple[int, bool]) -> None:
        steps, pages = by
        steps = steps * max(self._room - 1, 1) if pages else steps
        if self.page != "list":
            self._scroll = max(self._scroll + steps, 0)
            return
        ids = self._choose(self.shown())
        self._moved = True
        if ids:
            at = ids.index(self.chosen)
            self.chosen = ids[min(max(at + steps, 0), len(ids) - 1)]

    def point(self, line: int) -> None:
        """Chooses the program in a line of the list's page."""
        rows = self.shown()
        at = self._scroll + line - 2
        if self.page == "list" and line >= 2 and at < len(rows):
            self.chosen, self._moved = rows[at].id, True

    # ------------------------------------------------------------------------------------ pages

    def lines(self, columns: int, rows: int) -> list[Text]:
        """The page for a terminal of this size."""
        if self.page == "keys":
            return self._keys_page()
        if self.page == "program":
            row = self.row
            if row is None:
                return [Text(f"program {self.chosen} is gone", "bad"), Text("Esc: to the list")]
            history = self.history.get(row.id, ())
            return self._scrolled(
                program_page(row, self._lines, self._costs, history, columns), rows
            )
        return self._list_page(columns, rows)

    def _scrolled(self, lines: list[Text], rows: int) -> list[Text]:
        self._room = rows
        self._scroll = min(self._scroll, max(len(lines) - rows + 1, 0))
        foot = Text("q quit  Esc list  up down PgUp PgDn scroll  space pause", "dim")
        shown = lines[self._scroll : self._scroll + rows - 1]
        return [*shown, *[Text("")] * (rows - 1 - len(shown)), foot]

    @staticmethod
    def _keys_page() -> list[Text]:
        width = max(len(keys) for keys, _ in KEYS)
        return [
            Text("probee top: keys", "head"),
            *(Text(f"{keys:<{width}}  {what}") for keys, what in KEYS),
        ]

    def _list_page(self, width: int, rows: int) -> list[Text]:
        found = self.shown()
        reasons = [f"CPU%, RUNS/S, NS/RUN: {self.why}"] if self.why else []
        room = self._room = max(rows - 3 - len(reasons), 1)
        ids = self._choose(found)
        at = ids.index(self.chosen) if ids else 0
        first = self._first(at, room, len(ids))
        columns = [self._column(column) for column in COLUMNS]
        shown = [cells(columns, row) for row in found[first : first + room]]
        made = fitted(columns, shown, width)
        head, *body = made
        lines = [Text(self._title(found)), Text(head, "head")]
        lines += [Text(line, "chosen" if first + i == at else "") for i, line in enumerate(body)]
        lines += [Text("")] * (room - len(body))
        lines += [Text(reason, "dim") for reason in reasons]
        foot = f"find: {one_line(self.text)}{'_' if self.typing else ''}"
        lines.append(Text(foot if self.typing or self.text else _FOOT, "dim"))
        return lines

    def _choose(self, found: Sequence[Running]) -> list[int]:
        """The ids of the list; one of them is chosen then."""
        ids = [row.id for row in found]
        if self.chosen not in ids or not self._moved:
            self.chosen = ids[0] if ids else -1
        return ids

    def _first(self, at: int, room: int, count: int) -> int:
        """The first row that is shown, so that the chosen one is."""
        first = min(max(self._scroll, at - room + 1), at)
        self._scroll = first = min(first, max(count - room, 0))
        return first

    def _column(self, column: Column) -> Column:
        """With a mark where it is sorted by, and as wide as ever, so that nothing jumps."""
        header = column.header
        if header == _HEADS.get(self.order):
            header += "^" if self.reverse != (not ORDERS[self.order][1]) else "v"
        return replace(column, header=header, width=_WIDTHS.get(column.key, column.width))

    def _title(self, found: Sequence[Running]) -> str:
        total = sum(r.cpu_percent for r in found if not isinstance(r.cpu_percent, Absent))
        runs = sum(r.runs_per_second for r in found if not isinstance(r.runs_per_second, Absent))
        state = "standing still" if self.paused else f"every {self.interval:g} s"
        return (
            f"probee top: {len(found)} of {len(self._rows)} programs, {state}, "
            f"{percent(total)} % of a CPU, {number(runs)} runs a second"
        )


# key: how far, and whether in pages
_MOVES = {
    "up": (-1, False), "down": (1, False), "pageup": (-1, True), "pagedown": (1, True),
    "home": (-(1 << 30), False), "end": (1 << 30, False),
}  # fmt: skip
# columns whose numbers change: as wide as they usually get
_WIDTHS = {"cpu_percent": 5, "runs_per_second": 9, "ns_per_run": 7, "memory": 5}
