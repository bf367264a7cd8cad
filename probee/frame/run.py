"""One run of a tool, from the words of its command line to the exit status.

In: a `Tool` and its arguments. Out: rows on the output, everything else on standard error, and

    0  ended as asked: --duration or --count reached, SIGINT, SIGTERM, or the reader of the output
       went away (`| head`)
    N  a command (`-- COMMAND`) ended by itself: its status, 128 + N where signal N ended it
    1  could not trace, or could not write the output, or was ended before it could begin
    2  the command line is wrong

The last line on standard error says how many events were lost; rows and lost ones together are all
events. A reader that went away is not told.
"""

from __future__ import annotations

import gc

from probee.errors import ProbeeError, UsageError
from probee.frame.columns import bind, sieve
from probee.frame.formats import Csv, Format, Json, Table
from probee.frame.guard import OK, USAGE, guarded
from probee.frame.loop import Loop
from probee.frame.options import Values, parse
from probee.frame.output import Closed, Output, say
from probee.frame.signals import Ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from probee.frame.command import Command
    from probee.frame.tool import Plan, Tool
    from probee.lang.maps import MapDeclaration
    from probee.runtime.known import Start
    from probee.runtime.session import Session


def run_tool(
    name: str, load: Callable[[], Tool], words: Sequence[str], start: Start | None = None
) -> int:
    """Runs the tool that `load` gives; never raises. The result is the exit status.

    `start`: of a process that runs this tool and nothing else, see runtime/known.py.
    """

    def body() -> int:
        with Ending() as ending:
            return _run(load(), words, ending, start)

    return guarded(name, words, body)


def _run(tool: Tool, words: Sequence[str], ending: Ending, start: Start | None) -> int:
    try:
        values = _read(tool, words)
        if values.help:
            return _help(tool)
        if values.version:
            from probee import __version__

            return _print(f"probee {__version__}\n")
        plan = tool.plan(values)
    except UsageError as error:
        say(f"probee {tool.name}: {error}\nTry 'probee {tool.name} --help'.")
        return USAGE
    with Output(values.output) as output:
        if not plan.command:
            return _trace_events(tool, plan, values, output, ending, start)
        from probee.frame.command import Command

        command = Command(plan.command)
        try:
            return _trace_events(tool, plan, values, output, ending, start, command)
        finally:  # Ctrl-C on a terminal is for the command too
            command.close(end=ending.asked != "SIGINT")


def _read(tool: Tool, words: Sequence[str]) -> Values:
    values, operands = parse(tool.all_options, words)
    command = len(values.behind) if tool.runs_commands else 0
    if len(operands) > command:
        only = "options, and -- COMMAND" if tool.runs_commands else "options"
        raise UsageError(f"{operands[0]!r} is not understood: {tool.name} takes only {only}")
    return values


def _trace_events(
    tool: Tool,
    plan: Plan,
    values: Values,
    output: Output,
    ending: Ending,
    start: Start | None,
    command: Command | None = None,
) -> int:
    from probee.host.facts import RunningKernel

    format_ = chosen_format(tool, plan, values, output)
    session = _session(plan, values, start)
    # One for load and attach. It ends with the run: an unmounted tracefs takes 6 ms to go.
    kernel = RunningKernel()
    try:
        session.load(kernel)
        _fill(session, plan, command)
        if ending.asked:
            raise ProbeeError(f"ended by {ending.asked} before tracing began")
        output.write(format_.header)
        # Made before the programs run: the files that it opens are no events yet.
        record: Any = plan.ring.value_class
        kept = sieve(plan.keep, record)
        loop = Loop(session[plan.ring], format_, output, ending, kept, command)
        session.attach(kernel)
        if plan.attached is not None:
            plan.attached(session)
        if command is not None:
            command.go()
        gc.freeze()
        gc.enable()
        reason = loop.run(values.duration, values.count)
        # Programs are taken off one by one: what the others miss of each other then is no loss.
        lost = _lost_calls(plan, session)
        full = _refused(session) if reason == "count" else None
        session.detach()
        if reason in ("asked", "duration", "command"):
            closed = _last_rows(loop)
            reason = reason if reason == "command" else closed or reason
        _report(tool, (_refused(session) if full is None else full) + lost, reason)
        return OK if command is None or reason != "command" else command.status()
    finally:
        session.close()
        kernel.close()


def _session(plan: Plan, values: Values, start: Start | None) -> Session:
    from probee.runtime.session import Session

    sizes: dict[MapDeclaration, int] = {plan.ring: values.ring_size} if values.ring_size else {}
    world = None
    if start is not None:
        from probee.runtime.known import known

        world = known(plan.programs, start)
    return Session(
        *plan.programs, consts=plan.consts, map_sizes=sizes, reuse=plan.reuse, world=world
    )


def _fill(session: Session, plan: Plan, command: Command | None) -> None:
    """Entries of maps, before the programs run."""
    for declaration, entries in plan.fill.items():
        live: Any = session[declaration]
        for key, value in entries.items() if isinstance(entries, dict) else entries:
            live[key] = value
    if command is not None and plan.command_pid is not None:
        session[plan.command_pid][command.pid] = 1


def _last_rows(loop: Loop) -> str:
    """Rows of what happened before the end; "closed" if nobody reads them."""
    try:
        loop.drain()
    except Closed:
        return "closed"
    return ""


def chosen_format(tool: Tool, plan: Plan, values: Values, output: Output) -> Format:
    """The format that the command line asks for, over the tool's columns."""
    record: Any = plan.ring.value_class
    columns = bind(tool.columns(values), record)
    if values.json:
        return Json(columns)
    if values.csv:
        return Csv(columns)
    return Table(columns, follow=output.terminal, colour=output.colour)


def _refused(session: Session) -> list[tuple[int, str]]:
    """What the kernel had no room or no time for by now: how often, and in words."""
    return [(loss.count, str(loss)) for loss in session.losses()]


def _lost_calls(plan: Plan, session: Session) -> list[tuple[int, str]]:
    """The same of what the tool's own programs counted."""
    lost = []
    for counter, what in plan.lost.items():
        count = session[counter].value
        lost.append((count, f"{count:,} {what}"))
    return lost


def _report(tool: Tool, losses: list[tuple[int, str]], reason: str) -> None:
    """How many events were lost, and why."""
    total = sum(count for count, _ in losses)
    if reason == "closed" and not total:
        return
    say(f"probee {tool.name}: {total} events lost")
    for count, text in losses:
        if count:
            say(f"  {text}")


def _help(tool: Tool) -> int:
    from probee.frame.help import help_text

    return _print(help_text(tool.page))


def _print(text: str) -> int:
    with Output(None) as output:
        output.write(text.encode())
    return OK
