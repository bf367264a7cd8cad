"""Lines of the trace pipe, as the kernel writes them."""

from __future__ import annotations

import pytest

from probee.runtime.tracepipe import TraceLine, lost, parse


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "          python-25687   [001] ...2. 13805.043184: bpf_trace_printk: a 4095 -5",
            TraceLine("a 4095 -5", "python", 25687, 1, 13805.043184),
        ),
        (
            "   a-b [1] c-7    [012] d..31    5.000001: bpf_trace_printk: x: bpf_trace_printk: y ",
            TraceLine("x: bpf_trace_printk: y ", "a-b [1] c", 7, 12, 5.000001),
        ),
        (
            "           <idle>-0       [000] ..s2. 1.5: bpf_trace_printk: ",
            TraceLine("", "<idle>", 0, 0, 1.5),
        ),
        ("second line of a text", None),
        ("CPU:1 [LOST 12 EVENTS]", None),
        ("a-1 [x] . 1.0: bpf_trace_printk: a", None),
        ("a-1 . 1.0: bpf_trace_printk: a", None),
        ("", None),
    ],
)
def test_lines(line: str, expected: TraceLine | None) -> None:
    assert parse(line) == expected


def test_lost_lines() -> None:
    assert lost("CPU:1 [LOST 12 EVENTS]") == 12
    assert [lost(text) for text in ("CPU:1 [LOST EVENTS]", "CPU:1", "a [LOST 3 EVENTS] b")] == [
        0,
        0,
        0,
    ]
