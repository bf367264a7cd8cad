"""A graph of numbers over time in lines of text: bars with eighths of a cell.

In: numbers, the oldest first, and a size. Out: lines, the highest first, with what the top line is
worth before it.
"""

from __future__ import annotations

from probee.introspect.running.forms import percent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_LABEL = 7


def graph(values: Iterable[float], columns: int, rows: int) -> list[str]:
    """So many lines; the newest value stands at the right."""
    room = max(columns - _LABEL - 1, 1)
    shown = list(values)[-room:]
    highest = max(shown, default=0.0)
    rows = max(rows, 1)
    steps = [_steps(value, highest, rows) for value in shown]
    lines = []
    for row in range(rows - 1, -1, -1):
        label = percent(highest) if row == rows - 1 else "0" if row == 0 else ""
        bars = "".join(_EIGHTHS[min(max(step - 8 * row, 0), 8)] for step in steps)
        lines.append(f"{label:>{_LABEL}} {bars:>{room}}")
    return lines


def _steps(value: float, highest: float, rows: int) -> int:
    """The height of a bar in eighths; what is not nothing is seen."""
    if highest <= 0 or value <= 0:
        return 0
    return max(round(value / highest * rows * 8), 1)
