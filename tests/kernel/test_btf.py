"""The kernel takes what the builder writes, and every lowering of it."""

from __future__ import annotations

import ctypes
import os
import random
import struct

import pytest

from probee.btf.check import check
from probee.btf.lower import Features, lower
from probee.btf.reader import Btf
from probee.errors import FormatError
from probee.host import features
from tests.kernel_state import bpf
from tests.unit.btf.samples import every_kind, newest_kinds

pytestmark = pytest.mark.kernel

BTF_LOAD = 18


def load(blob: bytes) -> str:
    """BPF_BTF_LOAD and close: '' or the kernel's complaint."""
    data = ctypes.create_string_buffer(blob, len(blob))
    log = ctypes.create_string_buffer(1 << 16)
    attr = struct.pack(
        "<QQIII", ctypes.addressof(data), ctypes.addressof(log), len(blob), len(log), 1
    )
    try:
        fd, _ = bpf(BTF_LOAD, attr)
    except OSError as error:
        return f"{error}\n{log.value.decode(errors='replace')}"
    os.close(fd)
    return ""


def taken_here(**changes: bool) -> Features:
    """What this kernel takes, with `changes` where it takes everything."""
    here = features.Features(keep=False).btf()
    return Features(**{
        name: getattr(here, name) and changes.get(name, True) for name in Features.__match_args__
    })  # fmt: skip


def test_a_wrong_blob_is_refused() -> None:
    assert load(b"") != ""
    assert load(every_kind().build()[:-1]) != ""


def test_every_kind_loads() -> None:
    assert load(lower(every_kind().build(), taken_here())) == ""


@pytest.mark.parametrize("missing", Features.__match_args__)
def test_each_lowering_loads(missing: str) -> None:
    assert load(lower(every_kind().build(), taken_here(**{missing: False}))) == ""


def test_all_lowerings_at_once_and_chosen_by_chance_load() -> None:
    names = Features.__match_args__
    blob = newest_kinds().build()
    chance = random.Random(3)
    for _ in range(200):
        values = [chance.random() < 0.5 for _ in names]
        some = taken_here(**dict(zip(names, values, strict=True)))
        assert load(lower(blob, some)) == "", some
    assert load(lower(blob, Features(*[False] * len(names)))) == ""


def test_what_the_kernel_takes_we_take() -> None:
    """Blobs with a few bits flipped: the kernel's yes is our yes, but for integers of odd sizes."""
    chance = random.Random(11)
    blob = lower(every_kind().build(), taken_here())
    end = 24 + struct.unpack_from("<I", blob, 12)[0]
    taken = 0
    for _ in range(3000):
        data = bytearray(blob)
        for _ in range(chance.randint(1, 3)):
            bit = chance.randrange(24 * 8, end * 8)
            data[bit // 8] ^= 1 << bit % 8
        if load(bytes(data)) == "":
            taken += 1
            try:
                check(Btf(data))
            except FormatError as error:
                if ", INT: " in str(error):
                    continue
                pytest.fail(f"the kernel takes {bytes(data).hex()}, we say: {error}")
    assert 50 < taken < 2900
