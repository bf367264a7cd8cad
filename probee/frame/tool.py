"""What a tool is: a file that declares one `Tool`.

In: the tool's own programs, options and columns. Out: passive rows that `run.py` puts to work.
"""

from __future__ import annotations

from probee.frame.options import Option, count, file_name, seconds, size
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from probee.frame.columns import Column, Keep
    from probee.frame.options import Values
    from probee.frame.page import Page
    from probee.lang.maps import Hash, RingBuf
    from probee.lang.programs import Program
    from probee.lang.variables import Const, Global
    from probee.runtime.reuse import KeysOf
    from probee.runtime.session import Session


class Plan(Frozen):
    """What one run loads; rows come out of `ring`.

    `consts`: values of Const declarations, the others are folded away. `fill`: entries put into
    maps before the programs are attached, as a dict or as pairs of key and value. `lost`: counters
    of events that gave no row, and what they were. `keep`: tests that all
    rows shown have passed; the others do not count for --count. `reuse`: maps of others in place
    of the plan's own. `command`: what is run once all is attached; its process id goes into the map
    `command_pid` before. `attached`: called then, before the command runs.
    """

    programs: tuple[Program, ...]
    ring: RingBuf[Any]
    consts: dict[Const[Any], Any] = {}
    fill: Mapping[Any, dict[Any, Any] | Sequence[tuple[Any, Any]]] = {}
    lost: dict[Global[int], str] = {}
    keep: tuple[Keep, ...] = ()
    reuse: Mapping[Any, KeysOf] = {}
    command: tuple[str, ...] = ()
    command_pid: Hash[Any, Any] | None = None
    attached: Callable[[Session], None] | None = None


class ObjectPlan(Frozen):
    """What `probee build` makes of a tool: programs for any kernel.

    `consts`: those that its user may set before the load; the others are folded away.
    """

    programs: tuple[Program, ...]
    consts: tuple[Const[Any], ...] = ()


class Tool(Frozen):
    """One tool. `plan` and `columns` choose by what the command line said.

    `examples`: (command without `probee`, what it does). `object_plan`: for an architecture, as
    uname says it, what its object file has.
    """

    name: str
    summary: str
    plan: Callable[[Values], Plan]
    columns: Callable[[Values], Sequence[Column]]
    options: tuple[Option, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    description: str = ""
    object_plan: Callable[[str], ObjectPlan] | None = None

    @property
    def all_options(self) -> tuple[Option, ...]:
        """Its own options, then those that every tool has."""
        return (*self.options, *COMMON)

    @property
    def runs_commands(self) -> bool:
        """Whether `-- COMMAND` is run and followed: where there is --follow, as klib has it."""
        return any(option.name == "follow" for option in self.options)

    @property
    def page(self) -> Page:
        """What it says of itself."""
        from probee.frame.page import COMMAND_STATUS, EXIT_STATUS, Page

        runs = self.runs_commands
        return Page(
            self.name,
            self.summary,
            self.description,
            self.all_options,
            tuple(self.examples),
            operands="[-- COMMAND [ARGUMENT]...]" if runs else "",
            takes="command" if runs else "",
            exit_status=(*EXIT_STATUS, COMMAND_STATUS) if runs else EXIT_STATUS,
        )


COMMON = (
    Option("duration", "d", "SECONDS", "end after this time", seconds, group="Ending"),
    Option("count", "", "N", "end after N rows", count, group="Ending"),
    Option("json", help="one JSON object a line", group="Output", clashes=("csv",)),
    Option("csv", help="comma-separated values (RFC 4180)", group="Output"),
    Option("output", "o", "FILE", "write rows to FILE", file_name, group="Output", takes="file"),
    Option(
        "ring-size",
        "b",
        "SIZE",
        "ring buffer between kernel and probee, a power of two such as 16M (default: 2M or more)",
        size,
        group="When it goes wrong",
    ),
    Option("verifier-log", help="show the kernel's words on a refusal", group="When it goes wrong"),
    Option("debug", help="show where in probee an error arose", group="When it goes wrong"),
    Option("help", "h", help="show this help", group="Help"),
    Option("version", "V", help="show the version", group="Help"),
)
