"""Clock, output, flags of open(2), help: the frame's smaller parts."""

from __future__ import annotations

import os
import time
from datetime import datetime

import pytest

from probee.errors import KernelError, UsageError
from probee.frame.clock import EventClock
from probee.frame.help import WIDTH, help_text, wrap
from probee.frame.openflags import flag_filter, flag_names, octal
from probee.frame.options import Option
from probee.frame.output import Closed, Output
from probee.frame.page import Page


@pytest.fixture(params=["UTC0", "EST5EDT", "<+0545>-5:45"])
def _zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_zone")
def test_event_times() -> None:
    clock = EventClock()
    boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    now = time.time()
    for ago in (0, 1, 3_600, 40_000_000):
        iso = clock.iso(boot - ago * 1_000_000_000)
        assert abs(datetime.fromisoformat(iso).timestamp() - (now - ago)) < 0.01
        assert len(iso) == 32
        assert clock.local(boot - ago * 1_000_000_000)[:8] == iso[11:19]


def test_output_to_a_file(tmp_path: object) -> None:
    path = f"{tmp_path}/rows"
    with Output(path) as output:
        output.write(b"one\n")
        output.write(b"two\n")
        assert not output.terminal
        assert not output.colour
    with open(path, "rb") as file:
        assert file.read() == b"one\ntwo\n"


def test_outputs_that_fail(tmp_path: object) -> None:
    with pytest.raises(KernelError, match="ENOENT"):
        Output(f"{tmp_path}/no/such")
    with pytest.raises(KernelError, match="EISDIR"):
        Output(str(tmp_path))
    with Output("/dev/full") as output, pytest.raises(KernelError, match="ENOSPC"):
        output.write(b"row\n")


def test_a_closed_pipe() -> None:
    read, write = os.pipe()
    output = Output.__new__(Output)
    output.fd, output.name, output.terminal, output._own = write, "a pipe", False, True
    os.close(read)
    with output, pytest.raises(Closed):
        output.write(b"row\n")


def test_a_slow_reader_of_a_non_blocking_pipe_gets_everything() -> None:
    import threading

    read, write = os.pipe2(os.O_NONBLOCK)
    os.set_blocking(read, True)
    got = bytearray()

    def slow() -> None:
        while chunk := os.read(read, 4096):
            got.extend(chunk)

    reader = threading.Thread(target=slow)
    reader.start()
    output = Output.__new__(Output)
    output.fd, output.name, output.terminal, output._own = write, "a pipe", False, True
    data = bytes(range(256)) * 4096
    with output:
        output.write(data)
    reader.join()
    os.close(read)
    assert bytes(got) == data


@pytest.mark.parametrize(
    ("environ", "colour"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour(environ: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    main, terminal = os.openpty()
    try:
        with Output(os.ttyname(terminal)) as output:
            assert output.terminal
            assert output.colour is colour
    finally:
        os.close(main)
        os.close(terminal)


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (os.O_RDONLY, "O_RDONLY"),
        (os.O_RDONLY | os.O_CLOEXEC, "O_RDONLY|O_CLOEXEC"),
        (os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "O_WRONLY|O_CREAT|O_TRUNC"),
        (os.O_RDWR | os.O_SYNC, "O_RDWR|O_SYNC"),
        (os.O_RDWR | os.O_DSYNC, "O_RDWR|O_DSYNC"),
        (os.O_RDWR | os.O_TMPFILE, "O_RDWR|O_TMPFILE"),
        (os.O_DIRECTORY | os.O_PATH, "O_RDONLY|O_DIRECTORY|O_PATH"),
        (3, "O_ACCMODE"),
        (1 << 30 | os.O_APPEND, "O_RDONLY|O_APPEND|010000000000"),
    ],
)
def test_flag_names(flags: int, names: str) -> None:
    assert flag_names(flags) == names


def test_flags_by_their_bits() -> None:
    assert octal(os.O_CREAT | os.O_WRONLY) == "0101"
    assert flag_filter("O_CREAT") == flag_filter("o_creat") == (os.O_CREAT, 0)
    assert flag_filter("O_DSYNC") == (os.O_DSYNC, 0)
    modes = [flag_filter(name) for name in ("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")]
    assert modes == [(0, 1), (0, 2), (0, 4), (0, 8)]
    # Not by the bits of the flag that they contain.
    for flag, part in ((os.O_SYNC, os.O_DSYNC), (os.O_TMPFILE, os.O_DIRECTORY)):
        (name,) = flag_names(flag).split("|")[1:]
        bits, _ = flag_filter(name)
        assert bits
        assert flag & bits == bits
        assert not part & bits
    bits, _ = flag_filter("O_LARGEFILE")
    assert flag_names(bits) == "O_RDONLY|O_LARGEFILE"
    with pytest.raises(
        UsageError, match=r"'O_CREATE' is no flag of open\(2\); did you mean O_CREAT"
    ):
        flag_filter("O_CREATE")


def test_help_has_every_option_and_stays_narrow() -> None:
    options = (
        Option("pid", "p", "PID", "processes " * 12, many=True),
        Option("a-very-long-name-of-an-option", "", "ARGUMENT", "short", group="Output"),
    )
    text = help_text(
        Page("tool", "Does it.", "Words " * 40, options, (("tool -p 1", "one process"),))
    )
    assert all(len(line) <= WIDTH for line in text.splitlines())
    for word in ("-p, --pid=PID[,...]", "--a-very-long-name-of-an-option=ARGUMENT", "EXAMPLES",
                 "EXIT STATUS", "probee tool -p 1"):  # fmt: skip
        assert word in text
    assert wrap("a bb ccc", 4) == ["a bb", "ccc"]
