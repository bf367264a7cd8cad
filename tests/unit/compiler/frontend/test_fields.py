"""Fields of format files: the width and the sign of their C types, which a slot may not tell."""

from __future__ import annotations

import pytest

from probee.compiler.frontend.context import field_type
from probee.spec.target import FormatField
from probee.spec.types import Int

# as the kernel says them of system calls: 8 bytes without a sign, whatever they are
SLOTS = {
    "int": "s32", "const int": "s32", "unsigned int": "u32", "umode_t": "u16", "long": "s64",
    "unsigned long": "u64", "size_t": "u64", "off_t": "s64", "loff_t": "s64", "pid_t": "s32",
    "uid_t": "u32", "const enum landlock_rule_type": "u32", "__u64": "u64",
}  # fmt: skip
# as it says them of its own events
PLAIN = {
    ("int", 4, True): "s32",
    ("enum hrtimer_mode", 4, False): "u32",
    ("enum lru_list", 4, True): "s32",
    ("u8", 1, False): "u8",
    ("short", 2, True): "s16",
    ("loff_t", 8, True): "s64",
}


@pytest.mark.parametrize("c_type", SLOTS)
def test_arguments_of_system_calls(c_type: str) -> None:
    found = field_type(FormatField("x", c_type, 16, 8, signed=False), "syscalls")
    assert isinstance(found, Int)
    assert found.name == SLOTS[c_type]


@pytest.mark.parametrize("row", PLAIN)
def test_fields_of_events(row: tuple[str, int, bool]) -> None:
    c_type, size, signed = row
    found = field_type(FormatField("x", c_type, 16, size, signed=signed), "timer")
    assert isinstance(found, Int)
    assert found.name == PLAIN[row]
