"""Command lines read by rows: every GNU form, every refusal in one sentence."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from probee.errors import UsageError
from probee.frame import options as o
from probee.frame.options import Option, Values, nearest, parse

ROWS = (
    Option("pid", "p", "PID", "processes", o.pid, many=True),
    Option("glob", "", "GLOB", "names", many=True, commas=False),
    Option("failed", "x", help="only failed ones"),
    Option("time", "T", help="time", counted=True),
    Option("duration", "d", "SECONDS", "how long", o.seconds),
    Option("ring-size", "b", "SIZE", "size", o.size, default=4096),
    Option("json", help="JSON", clashes=("csv",)),
    Option("csv", help="CSV"),
)


def read(*words: str) -> Values:
    values, operands = parse(ROWS, words)
    assert operands == []
    return values


def test_without_commas_only_repeated() -> None:
    assert read("--glob", "a,b", "--glob=c", "--glob", "a,b").glob == ("a,b", "c")


def test_nothing_given() -> None:
    values = read()
    assert (values.pid, values.failed, values.time) == ((), False, 0)
    assert (values.duration, values.ring_size, values.given) == (None, 4096, set())


@pytest.mark.parametrize(
    "words",
    [
        ("-p", "1", "-p", "2,3"),
        ("-p1,2", "-p3"),
        ("--pid=1,2,3",),
        ("--pid", "1", "-p2", "--pid", "3", "-p", "2"),
        ("-xp1", "-p2,3", "-x"),
    ],
)
def test_many_values(words: tuple[str, ...]) -> None:
    assert read(*words).pid == (1, 2, 3)


@pytest.mark.parametrize("words", [("-TT",), ("-T", "-T"), ("--time", "-T"), ("-TxT",)])
def test_counted_flags(words: tuple[str, ...]) -> None:
    assert read(*words).time == 2


def test_bundles_and_the_rest() -> None:
    values = read("-xTd0.5", "--ring-size=8K")
    assert values.failed is True
    assert (values.time, values.duration, values.ring_size) == (1, 0.5, 8192)
    assert values.given == {"failed", "time", "duration", "ring_size"}


def test_operands() -> None:
    values, operands = parse(ROWS, ["a", "-x", "-", "--", "-p", "--json"])
    assert operands == ["a", "-", "-p", "--json"]
    assert values.given == {"failed"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--nonsense",), "unknown option --nonsense"),
        (("--jsn",), "unknown option --jsn; did you mean json?"),
        (("-q",), "unknown option -q"),
        (("-xq",), "unknown option -q in -xq"),
        (("-p",), "option -p/--pid needs an argument: PID"),
        (("--duration",), "option -d/--duration needs an argument: SECONDS"),
        (("--json=1",), "option --json takes no argument"),
        (("-p", "x"), "option -p/--pid: 'x' is not a process or thread id (1 to 4194304)"),
        (("-p", "1,,2"), "option -p/--pid: '' is not a process or thread id (1 to 4194304)"),
        (("-p", "0"), "option -p/--pid: '0' is not a process or thread id (1 to 4194304)"),
        (("-p", "-1"), "option -p/--pid: '-1' is not a process or thread id (1 to 4194304)"),
        (("-p", "٣"), "option -p/--pid: '٣' is not a process or thread id (1 to 4194304)"),
        (("-d", "0"), "option -d/--duration: '0' is not a time in seconds, such as 10 or 0.5"),
        (("-d", "."), "option -d/--duration: '.' is not a time in seconds, such as 10 or 0.5"),
        (("-d", "nan"), "option -d/--duration: 'nan' is not a time in seconds, such as 10 or 0.5"),
        (("-d", "1e3"), "option -d/--duration: '1e3' is not a time in seconds, such as 10 or 0.5"),
        (("--json", "--csv"), "options --json and --csv exclude each other"),
    ],
)
def test_refusals(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(*words)
    assert str(caught.value) == message


def test_ring_sizes() -> None:
    assert read("-b", "2M").ring_size == 2 << 20
    with pytest.raises(UsageError, match="power of two"):
        read("-b", "3M")


@given(st.lists(st.text(max_size=8), max_size=6))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    try:
        parse(ROWS, words)
    except UsageError as error:
        assert str(error)  # noqa: PT017


@given(st.lists(st.integers(1, 4_194_304), min_size=1))
def test_pids_come_back_in_order_and_once(pids: list[int]) -> None:
    words: list[str] = []
    for i, pid in enumerate(pids):
        words += [("-p", str(pid)), (f"-p{pid}",), (f"--pid={pid}",)][i % 3]
    assert read(*words).pid == tuple(dict.fromkeys(pids))


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("opensnop", "; did you mean opensnoop?"),
        ("open", "; did you mean opensnoop?"),
        ("opnesnoop", "; did you mean opensnoop?"),
        ("xyzzy", ""),
        ("", ""),
    ],
)
def test_nearest(word: str, near: str) -> None:
    assert nearest(word, ["opensnoop", "execsnoop", "biosnoop"]) == near
