"""What kernel programs print, line by line.

In: nothing but the rights to read tracefs. Out: `TracePipe`, which gives `TraceLine`s. It reads an
instance of the trace buffer that is its own, so no other reader loses a line to it, nor it to them.
The instance is taken away again by `close()`; one whose process was killed, by the next TracePipe.

The kernel writes what programs print as events bpf_trace:bpf_trace_printk (since Linux 5.9), of all
programs alike: a line says which task was running, not which program printed it.
"""

from __future__ import annotations

import os

from probee.errors import KernelError, UsageError
from probee.frozen import Frozen
from probee.host.tracefs import Tracefs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

_EVENT = ": bpf_trace_printk: "
_ENABLE = "events/bpf_trace/bpf_trace_printk/enable"
_PREFIX = "probee_"
_CHUNK = 1 << 16
_MOST = 100  # instances of one process
_LONGEST = 2_000_000_000  # ms: poll takes an int


class TraceLine(Frozen):
    """A printed line: `text`, and the task that ran then. `time`: seconds on the trace's clock."""

    text: str
    task: str
    pid: int
    cpu: int
    time: float

    def __str__(self) -> str:
        """The text."""
        return self.text


class TracePipe:
    """The lines that are printed from now on. Close it, or use it in a `with`.

    `lost`: how many lines the kernel dropped because they were not read in time. A text of several
    lines comes as one TraceLine, unless a line of it looks like the kernel's own beginning of one.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._rest = b""
        self._last: TraceLine | None = None  # which the next line may belong to
        self._ready: list[TraceLine] = []  # read, not given yet; the last one first
        self._pid = os.getpid()
        self._fd = -1
        self._name = ""
        self._tracefs = Tracefs()
        try:
            self._open()
        except OSError as error:
            self.close()
            raise KernelError("open the trace pipe", error.errno or 0, cause=str(error)) from None
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        root = self._tracefs.fileno()
        _sweep(root)
        for number in range(_MOST):
            name = f"instances/{_PREFIX}{os.getpid()}_{number}"
            try:
                os.mkdir(name, 0o700, dir_fd=root)
            except FileExistsError:
                continue
            self._name = name
            break
        else:
            raise UsageError(f"{_MOST} trace pipes are open in this process already")
        self._fd = os.open(
            f"{self._name}/trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=root
        )
        switch = os.open(f"{self._name}/{_ENABLE}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=root)
        try:
            os.write(switch, b"1")
        finally:
            os.close(switch)

    def close(self) -> None:
        """Takes the instance away. Harmless twice; in a child process it closes its copies only."""
        fd, self._fd = self._fd, -1
        name, self._name = self._name, ""
        if fd >= 0:
            os.close(fd)
        try:
            if name and self._pid == os.getpid():
                os.rmdir(name, dir_fd=self._tracefs.fileno())
        finally:
            self._tracefs.close()

    def __del__(self) -> None:
        if hasattr(self, "_tracefs"):  # not if it could not even be made
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """A descriptor that is readable while lines wait."""
        if self._fd < 0:
            raise UsageError("this TracePipe is closed")
        return self._fd

    def wait(self, timeout: float | None = None, stop: int | None = None) -> bool:
        """Waits for lines: True if there are some. `timeout` in seconds; None waits for ever.

        `stop`: a descriptor that ends the wait when it becomes readable.
        """
        from select import POLLIN, poll

        poller, fd = poll(), self.fileno()
        if self._ready or self._last is not None:
            return True
        poller.register(fd, POLLIN)
        if stop is not None:
            poller.register(stop, POLLIN)
        limit = None if timeout is None else min(max(timeout, 0) * 1000, _LONGEST)
        return any(ready == fd for ready, _ in poller.poll(limit))

    def drain(self) -> Iterator[TraceLine]:
        """The lines that are there now, in the order in which they were printed. Does not wait.

        What a loop that is left early did not take is there for the next.
        """
        while self._ready or self._read():
            yield self._ready.pop()

    def _read(self) -> bool:
        """Reads on until a whole text is there; False where there is none."""
        while not self._ready:
            try:
                data = os.read(self.fileno(), _CHUNK)
            except BlockingIOError:
                data = b""
            if data:
                *lines, self._rest = (self._rest + data).split(b"\n")
                for raw in lines:
                    self._take(raw.decode("utf-8", "surrogateescape"))
                self._ready.reverse()
            elif self._last is not None:
                self._ready.append(self._last)
                self._last = None
            else:
                return False
        return True

    def _take(self, line: str) -> None:
        """A text is whole when another one begins: until then it may go on in the next line."""
        found = parse(line)
        if found is not None:
            if self._last is not None:
                self._ready.append(self._last)
            self._last = found
        elif gone := lost(line):
            self.lost += gone
        elif self._last is not None:
            self._last = _joined(self._last, line)


def parse(line: str) -> TraceLine | None:
    """`TASK-PID [CPU] FLAGS TIME: bpf_trace_printk: TEXT`; None for a line of another form."""
    head, event, text = line.partition(_EVENT)
    parts = head.rsplit(None, 3)
    if not event or len(parts) != 4:
        return None
    task, dash, pid = parts[0].rpartition("-")
    cpu, time = parts[1], parts[3]
    numbers = dash and pid.isdecimal() and cpu[1:-1].isdecimal() and cpu[0] + cpu[-1] == "[]"
    if not numbers or not time.replace(".", "", 1).isdecimal():
        return None
    return TraceLine(text, task.lstrip(), int(pid), int(cpu[1:-1]), float(time))


def lost(line: str) -> int:
    """N of `CPU:1 [LOST N EVENTS]`, 0 for any other line (kernel/trace/trace.c)."""
    parts = line.split()
    if len(parts) == 4 and parts[0].startswith("CPU:") and parts[1] == "[LOST":
        return int(parts[2]) if parts[2].isdecimal() and parts[3] == "EVENTS]" else 0
    return 0


def _joined(line: TraceLine, more: str) -> TraceLine:
    return TraceLine(f"{line.text}\n{more}", line.task, line.pid, line.cpu, line.time)


def _sweep(root: int) -> None:
    """Takes away the instances of processes that are gone. One that is being read is busy."""
    try:
        folder = os.open("instances", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root)
    except OSError:  # a kernel without instances: making one will say so
        return
    try:
        for name in os.listdir(folder):
            pid = name.removeprefix(_PREFIX).partition("_")[0]
            ours = name.startswith(_PREFIX) and pid.isdecimal()
            if ours and not os.path.exists(f"/proc/{pid}"):
                try:
                    os.rmdir(name, dir_fd=folder)
                except OSError:  # another was first, or a process of another PID namespace reads it
                    continue
    finally:
        os.close(folder)
