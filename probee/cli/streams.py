"""`probee prog tracelog` and `probee map event_pipe`: what programs say, as it comes.

In: a call. Out: text or JSON on standard output, until SIGINT or SIGTERM ends it; then status 0.
"""

from __future__ import annotations

import os
from select import POLLIN, poll

from probee.errors import KernelError, ProbeeError, UsageError
from probee.frame.signals import Ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.cli.grammar import Call

_CHUNK = 1 << 16
_KEYWORDS = ("cpu", "index")


def tracelog(call: Call) -> None:
    """The lines of the kernel's trace pipe. A line is read by one reader only."""
    from probee.host.tracefs import Tracefs

    if call.words:
        raise UsageError(f"{call.words[0]!r} is one word too many")
    with Ending() as ending, Tracefs() as tracefs:
        pipe = tracefs.trace_pipe()
        try:
            if call.json is not None:
                call.json.begin_array()
            _lines(call, pipe, ending)
        finally:
            os.close(pipe)
    if call.json is not None:
        call.json.end()


def _lines(call: Call, pipe: int, ending: Ending) -> None:
    rest = b""
    while not ending.asked:
        call.flush()
        _wait(pipe, ending)
        try:
            data = os.read(pipe, _CHUNK)
        except BlockingIOError:
            continue
        except OSError as error:
            raise KernelError("read the trace pipe", error.errno or 0) from None
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            _line(call, line)
    if rest:
        _line(call, rest)


def _line(call: Call, line: bytes) -> None:
    from probee.frame.text import printable

    text = line.decode("utf-8", "surrogateescape") + "\n"
    if call.json is not None:
        call.json.string(text)
    else:
        call.write(printable(text))


def _wait(fd: int, ending: Ending) -> None:
    """Returns once `fd` can be read, or the process is to end."""
    both = poll()
    both.register(fd, POLLIN)
    both.register(ending.fd, POLLIN)
    both.poll()


def event_pipe(call: Call) -> None:
    """The records that programs send through a perf event array."""
    from probee.frame.output import say
    from probee.introspect.bpftool.event_pipe import record_json, record_text
    from probee.introspect.loaded.event_pipe import EventPipe, perf_event_array
    from probee.introspect.loaded.select import one

    map_fd, words = one("MAP", call.words)
    try:
        perf_event_array(map_fd)
        with Ending() as ending, EventPipe(map_fd, _place(words)) as pipe:
            if call.json is not None:
                call.json.begin_array()
            while not ending.asked:
                call.flush()
                _wait(pipe.fd, ending)
                for row in pipe.records():
                    if call.json is None:
                        call.write(record_text(row))
                    else:
                        record_json(call.json, row)
    finally:
        os.close(map_fd)
    call.flush()
    say("Stopping...")
    if call.json is not None:
        call.json.end()


def _place(words: Sequence[str]) -> tuple[int, int] | None:
    """CPU and index of `cpu N index M`, in any order; None without words."""
    from probee.introspect.loaded.numbers import strtoul

    found: dict[str, int] = {}
    for at in range(0, len(words), 2):
        keyword = next((k for k in _KEYWORDS if k.startswith(words[at])), "")
        if not keyword or at + 1 == len(words):
            raise UsageError(f"what is '{words[at]}'?")
        number, rest = strtoul(words[at + 1], 0)
        if rest or not 0 <= number < 1 << 31:
            what = "CPU ID" if keyword == "cpu" else "index"
            raise UsageError(f"can't parse {words[at + 1]} as {what}")
        found[keyword] = number
    if not words:
        return None
    if len(found) < len(_KEYWORDS):
        raise ProbeeError("cpu and index must be specified together")
    return found["cpu"], found["index"]
