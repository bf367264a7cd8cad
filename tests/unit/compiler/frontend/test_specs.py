"""Format specifications: the kernel's conversion writes what Python's format() does, or is refused.

Python's own % stands for the kernel's printf, whose flags it shares (lib/vsprintf.c).
"""

from __future__ import annotations

from itertools import product

import pytest

from probee.compiler.frontend.specs import Unprintable, conversion

RANGES = {
    "u8": (0, 255),
    "s32": (-(1 << 31), (1 << 31) - 1),
    "s64": (-(1 << 63), (1 << 63) - 1),
    "u64": (0, (1 << 64) - 1),
}
SPECS = [
    "".join(parts)
    for parts in product(
        ("", "<", ">", "^", "=", "*<", " >", "0=", "0>"), ("", "+", "-", " "), ("", "#"), ("", "0"),
        ("", "1", "6", "22"), ("", "d", "x", "X"),
    )
]  # fmt: skip


def kernel(spec: str, value: int, low: int, high: int) -> str:
    """What the kernel would write."""
    form = conversion(spec, low, high)
    return form.prefix + form.text.replace("ll", "").replace("u", "d") % value


@pytest.mark.parametrize("kind", RANGES)
def test_every_form_that_is_taken_is_pythons(kind: str) -> None:
    low, high = RANGES[kind]
    taken = 0
    for spec in SPECS:
        try:
            shown = [kernel(spec, n, low, high) for n in (low, 0, 5, high, (low + high) // 3)]
        except Unprintable:
            continue
        assert shown == [format(n, spec) for n in (low, 0, 5, high, (low + high) // 3)], spec
        assert all(len(text) <= conversion(spec, low, high).longest for text in shown)
        taken += 1
    assert taken > len(SPECS) // 10


@pytest.mark.parametrize("spec", ["", "d", "5", "05", "<5", "+", " d", "+08", "-6"])
def test_forms_that_every_type_has(spec: str) -> None:
    low, high = RANGES["s64"]
    assert kernel(spec, -42, low, high) == format(-42, spec)


@pytest.mark.parametrize("spec", ["x", "#x", "08x", "#010x", "4X", "<8x", "#0X"])
def test_forms_of_unsigned_ones(spec: str) -> None:
    low, high = RANGES["u64"]
    assert kernel(spec, 0xBEEF, low, high) == format(0xBEEF, spec)


@pytest.mark.parametrize(
    "spec", [",", "_x", "b", "o", "c", "e", "%", ".3", "^9", "*>5", "99999", "k", "s"]
)
def test_forms_that_the_kernel_has_not(spec: str) -> None:
    with pytest.raises(Unprintable):
        conversion(spec, 0, 255)


def test_a_negative_number_is_not_written_in_hexadecimal() -> None:
    with pytest.raises(Unprintable, match="two's complement") as refusal:
        conversion("x", -1, 5)
    assert "u32(x)" in refusal.value.fix
