"""Bytes to instructions and back: nothing lost, nothing let through, nothing but FormatError."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from probee.asm.decode import decode
from probee.asm.encode import encode
from probee.asm.forms import FORMS, VERIFIER_SHAPES, XLATED
from probee.asm.insn import Insn, slot_starts
from probee.asm.make import exit_, ld_imm64, ld_map_value, mov64_imm
from probee.errors import FormatError, UsageError
from probee.frozen import replace
from tests.unit.asm.samples import all_samples, samples_of

if TYPE_CHECKING:
    from probee.asm.forms import Form

ENDIANS = st.sampled_from(["little", "big"])


def _field(held: int | None, low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high) if held is None else st.just(held)


def _insns_of(form: Form) -> st.SearchStrategy[Insn]:
    bits = 64 if form.code == 0x18 else 32
    imm = _field(form.imm, -1 << (bits - 1), (1 << (bits - 1)) - 1)
    if bits == 64 and not form.high:
        imm = st.integers(0, 0xFFFFFFFF)
    return st.builds(
        Insn,
        st.just(form.code),
        _field(form.dst, 0, 10),
        _field(form.src, 0, 10),
        _field(form.off, -0x8000, 0x7FFF),
        imm,
    )


INSNS = st.sampled_from(FORMS).flatmap(_insns_of)


@given(st.lists(INSNS), ENDIANS)
def test_what_is_encoded_decodes_to_the_same(insns: list[Insn], endian: str) -> None:
    data = encode(insns, endian)
    assert decode(data, endian) == insns
    assert len(data) == 8 * slot_starts(insns)[-1]


@given(st.binary(max_size=64), ENDIANS, st.booleans())
def test_any_bytes_decode_or_are_refused(data: bytes, endian: str, xlated: bool) -> None:
    offset = 0
    insns: list[Insn] | None = None
    try:
        insns = decode(data, endian, xlated=xlated)
    except FormatError as error:
        offset = error.offset
    assert 0 <= offset <= len(data)
    assert insns is None or encode(insns, endian, xlated=xlated) == data


@given(INSNS, st.integers(0, 127), ENDIANS)
def test_a_flipped_bit_is_another_instruction_or_refused(insn: Insn, bit: int, endian: str) -> None:
    data = bytearray(encode([insn, exit_()], endian)[: 8 * insn.slots])
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    try:
        found = decode(bytes(data), endian)
    except FormatError:
        return
    assert found != [insn]
    assert encode(found, endian) == data


@given(st.integers(0, 255))
def test_an_opcode_byte_is_known_or_refused(code: int) -> None:
    known = {form.code for form in FORMS}
    data = bytes([code]) + bytes(15)
    if code not in known:
        with pytest.raises(FormatError, match=f"opcode {code:#04x} is no instruction"):
            decode(data)


# What is wrong, the bytes, what the message says, and at which byte it says it is.
REFUSED = [
    ("half a slot", "b700000000000000 9500", "8 bytes expected, 2 left", 8),
    ("nothing behind ld_imm64", "1801000000000000", "second slot is expected", 8),
    ("opcode in the second slot", "1801000000000000 b700000000000000", "more than imm", 8),
    ("registers in the second slot", "1801000000000000 0001000000000000", "more than imm", 8),
    ("off in the second slot", "1801000000000000 0000010000000000", "more than imm", 8),
    ("no such pseudo source", "1871000000000000 0000000000000000", "one of 0, 1, 2, 3, 4, 5, 6", 0),
    ("upper half of a map fd", "1811000003000000 0000000001000000", "second slot's imm", 0),
    ("second instruction", "9500000000000000 0721000001000000", "src must be 0, not 2", 8),
    ("register 11", "bfb1000000000000", "src must be from 0 to 10, not 11", 0),
    ("register 15", "b70f000001000000", "dst must be from 0 to 10, not 15", 0),
    ("imm beside a register", "0f21000001000000", "imm must be 0, not 1", 0),
    ("off in an addition", "0701030001000000", "off must be 0, not 3", 0),
    ("off in a division", "3701020007000000", "off to be one of 0, 1, not 2", 0),
    ("imm of a negation", "8701000001000000", "imm must be 0", 0),
    ("negation of a register", "8f21000000000000", "no instruction", 0),
    ("32 bits extended to 32", "bc21200000000000", "off to be one of 0, 8, 16, not 32", 0),
    ("swap of 8 bits", "d401000008000000", "imm to be one of 16, 32, 64, not 8", 0),
    ("bswap to big endian", "df01000010000000", "no instruction", 0),
    ("signed load of 8 bytes", "9921000000000000", "no instruction", 0),
    ("imm of a load", "7921000001000000", "imm must be 0", 0),
    ("src of an immediate store", "7a21000001000000", "src must be 0", 0),
    ("no such atomic", "db21000002000000", "imm to be one of 0, 1, 64", 0),
    ("xchg without fetch", "db210000e0000000", "not 224", 0),
    ("atomic add of one byte", "d321000000000000", "imm to be one of 256, 272, not 0", 0),
    ("jump with imm", "0500010001000000", "ja: imm must be 0", 0),
    ("long jump with off", "0600010001000000", "gotol: off must be 0", 0),
    ("may_goto of another kind", "e510010000000000", "may_goto: src must be 0", 0),
    ("call through a register", "8d01000000000000", "no instruction", 0),
    ("call of another kind", "8530000001000000", "src to be one of 0, 1, 2, not 3", 0),
    ("off of a helper call", "8500010001000000", "call_helper: off must be 0", 0),
    ("imm of exit", "9500000001000000", "exit: imm must be 0", 0),
    ("exit in JMP32", "9600000000000000", "no instruction", 0),
    ("packet load of 8 bytes", "3800000000000000", "no instruction", 0),
    ("dst of a packet load", "3001000000000000", "dst must be 0", 0),
]  # fmt: skip


@pytest.mark.parametrize(("data", "says", "offset"), [row[1:] for row in REFUSED],
                         ids=[row[0] for row in REFUSED])  # fmt: skip
def test_refused(data: str, says: str, offset: int) -> None:
    with pytest.raises(FormatError) as caught:
        decode(bytes.fromhex(data))
    assert says in caught.value.message
    assert caught.value.offset == offset


@pytest.mark.parametrize(("insn", "says"), [
    (mov64_imm(11, 0), "dst must be from 0 to 10, not 11"),
    (mov64_imm(-1, 0), "dst must be from 0 to 10, not -1"),
    (mov64_imm(1, 0x80000000), "imm must be from -2147483648 to 2147483647"),
    (Insn(0x05, 0, 0, 0x8000), "ja: off must be from -32768 to 32767, not 32768"),
    (ld_imm64(1, 1 << 64), "ld_imm64: imm must be from"),
    (ld_imm64(1, -1 - (1 << 63)), "ld_imm64: imm must be from"),
    (ld_map_value(1, 3, 1 << 32), "ld_map_value: imm must be from"),
    (Insn(0x18, 1, 1, 0, -1), "ld_map_fd: the second slot's imm must be 0, not -1"),
    (Insn(0xFF), "opcode 0xff is no instruction"),
])  # fmt: skip
def test_what_cannot_be_encoded_is_named(insn: Insn, says: str) -> None:
    with pytest.raises(UsageError, match="instruction 1 cannot be encoded") as caught:
        encode([exit_(), insn])
    assert says in caught.value.message


def test_byte_order_must_be_known() -> None:
    with pytest.raises(UsageError):
        encode([], "middle")
    with pytest.raises(UsageError):
        decode(b"", "middle")


def test_every_sample_goes_round() -> None:
    count = 0
    for _, insn in all_samples():
        count += 1
        for endian in ("little", "big"):
            assert decode(encode([insn], endian), endian) == [insn]
    assert count == 4 * len(FORMS)


def test_what_only_the_verifier_makes_is_read_in_dumps_alone() -> None:
    forms = [form for _, by_number in XLATED.by_code.values() for form in by_number.values()]
    made = [form for form in forms if form.since == "verifier"]
    assert len(made) == 8
    assert {"mov_percpu", "nospec"} < {form.name for form in made}
    for insn in (samples_of(form)[0] for form in made):
        data = encode([insn], xlated=True)
        assert decode(data, xlated=True) == [insn]
        with pytest.raises(FormatError):
            decode(data)
        with pytest.raises(UsageError):
            encode([insn])


def test_dumps_hold_distances_of_local_calls_and_the_scratch_register() -> None:
    """The scratch register is 12 on Linux 7.3, on others 11."""
    scratch = ("bfb1000000000000", "bf3c000000000000")
    for text in ("8510050001000000", *scratch, "1841000003000000 0000000007000000"):
        data = bytes.fromhex(text)
        assert encode(decode(data, xlated=True), xlated=True) == data
        with pytest.raises(FormatError):
            decode(data)
    assert {"call_local", "ld_func"} <= {shape.name for shape in VERIFIER_SHAPES}
    with pytest.raises(FormatError, match="dst must be from 0 to 12, not 13"):
        decode(bytes.fromhex("bf3d000000000000"), xlated=True)


def test_insn_is_a_value() -> None:
    insn = Insn(0xB7, 1, 0, 0, 7)
    assert insn == mov64_imm(1, 7)
    assert hash(insn) == hash(mov64_imm(1, 7))
    assert insn != mov64_imm(1, 8)
    assert insn != (0xB7, 1, 0, 0, 7)
    assert replace(insn, imm=8) == mov64_imm(1, 8)
    assert repr(insn) == "Insn(code=183, dst=1, src=0, off=0, imm=7)"
    assert pickle.loads(pickle.dumps(insn)) == insn
    with pytest.raises(AttributeError, match="frozen"):
        insn.imm = 9  # type: ignore[misc]


def test_slots_and_halves() -> None:
    program = [mov64_imm(0, 0), ld_map_value(1, 7, 24), exit_()]
    assert slot_starts(program) == [0, 1, 3, 4]
    assert slot_starts([]) == [0]
    assert (program[1].low, program[1].high) == (7, 24)
    assert (ld_imm64(1, -1).low, ld_imm64(1, -1).high) == (-1, -1)
    assert (mov64_imm(1, -5).low, mov64_imm(1, -5).high) == (-5, 0)
    assert ld_imm64(1, 0xFFFFFFFFFFFFFFFF) == ld_imm64(1, -1)
