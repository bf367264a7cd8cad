"""The encoder of bpf() attributes: where fields go, how much is passed, what is refused."""

from __future__ import annotations

import ctypes
from sys import byteorder

import pytest
from hypothesis import given, strategies as st

from probee.errors import UsageError
from probee.host.attributes import Attributes
from probee.uapi import bpf_attr


def pointed_to(attributes: Attributes, offset: int, length: int) -> bytes:
    """The bytes behind the pointer at `offset`."""
    at = int.from_bytes(attributes.data[offset : offset + 8], byteorder)
    return ctypes.string_at(at, length)


def test_a_map_has_its_numbers_and_name_in_place() -> None:
    made = Attributes(
        "BPF_MAP_CREATE",
        {"map_type": 1, "key_size": 4, "value_size": 8, "max_entries": 10, "map_name": "opens"},
    )
    assert made.number == 0
    assert made.data[:16] == b"".join(n.to_bytes(4, byteorder) for n in (1, 4, 8, 10))
    assert made.data[28:44] == b"opens".ljust(16, b"\0")


def test_the_kernel_is_told_no_more_than_what_is_set() -> None:
    assert Attributes("BPF_MAP_CREATE", {"map_type": 1, "map_extra": 0}).size == 4
    assert Attributes("BPF_MAP_CREATE", {"map_type": 1, "map_extra": 1}).size == 72
    assert Attributes("BPF_PROG_LOAD", {"license": b"", "func_info": b""}).size == 0


def test_answers_have_room_behind_what_is_told() -> None:
    made = Attributes("BPF_PROG_TEST_RUN", {"prog_fd": 3})
    assert (made.size, len(made.data)) == (4, 256)
    made.data[36:40] = (77).to_bytes(4, byteorder)
    assert made["duration"] == 77


def test_buffers_go_by_address_and_stay_alive() -> None:
    made = Attributes("BPF_PROG_LOAD", {"insns": bytes(range(16)), "license": b"GPL\0"})
    assert pointed_to(made, 8, 16) == bytes(range(16))
    assert pointed_to(made, 16, 4) == b"GPL\0"


def test_a_buffer_to_write_to_is_the_callers_own() -> None:
    room = bytearray(8)
    made = Attributes("BPF_MAP_LOOKUP_ELEM", {"map_fd": 3, "key": b"\0\0\0\0", "value": room})
    at = int.from_bytes(made.data[16:24], byteorder)
    ctypes.memset(at, 7, 8)
    assert room == b"\7" * 8


def test_a_name_is_cut_to_fifteen_characters_and_a_nul() -> None:
    made = Attributes("BPF_MAP_CREATE", {"map_name": "a_name_much_longer_than_that"})
    assert made.data[28:44] == b"a_name_much_lon\0"


@pytest.mark.parametrize(
    ("command", "flags", "token"),
    [
        ("BPF_MAP_CREATE", "map_flags", "map_token_fd"),
        ("BPF_PROG_LOAD", "prog_flags", "prog_token_fd"),
        ("BPF_BTF_LOAD", "btf_flags", "btf_token_fd"),
    ],
)
def test_a_token_goes_with_its_flag_and_spares_the_others(
    command: str, flags: str, token: str
) -> None:
    made = Attributes(command, {flags: 4}, token=9)
    assert made[flags] == 4 | 1 << 16
    assert made[token] == 9
    assert Attributes(command, {flags: 4})[flags] == 4


def test_what_does_not_fit_or_is_unknown_is_refused() -> None:
    with pytest.raises(UsageError, match="max_entries = 4294967296 does not fit in 4 bytes"):
        Attributes("BPF_MAP_CREATE", {"max_entries": 1 << 32})
    with pytest.raises(UsageError, match="BPF_MAP_FREEZE has no attribute 'nonsense'"):
        Attributes("BPF_MAP_FREEZE", {"nonsense": 1})


@given(st.data())
def test_any_number_lands_in_its_field_and_nowhere_else(data: st.DataObject) -> None:
    name, offset, size = data.draw(st.sampled_from([r for r in bpf_attr.PROG_LOAD if r[2] < 16]))
    value = data.draw(st.integers(1, (1 << 8 * size) - 1))
    made = Attributes("BPF_PROG_LOAD", {name: value})
    expected = bytearray(256)
    expected[offset : offset + size] = value.to_bytes(size, byteorder)
    assert made.data == expected
    assert made.size == offset + size
    assert made[name] == value
