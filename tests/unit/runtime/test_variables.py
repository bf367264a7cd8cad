"""Data sections without a kernel: nothing is read or written outside of one."""

from __future__ import annotations

from typing import Any

import pytest

from probee.errors import FormatError
from probee.host import bpf
from probee.lang.capture import Capture
from probee.runtime.live import Life, LiveObjects
from probee.runtime.variables import Section


@pytest.mark.parametrize(("offset", "size"), [(9, 8), (16, 1), (-8, 8), (0, 17)])
def test_bytes_beyond_a_section(monkeypatch: pytest.MonkeyPatch, offset: int, size: int) -> None:
    monkeypatch.setattr(bpf, "map_lookup", lambda *_: bytes(16))
    section = Section(-1, 16, 0)
    assert section.read(8, 8) == bytes(8)
    with pytest.raises(FormatError, match="in a section of 16"):
        section.read(offset, size)


def test_a_section_that_was_not_loaded() -> None:
    class Loaded:
        maps: dict[str, object] = {}

    loaded: Any = Loaded()
    live = LiveObjects(Capture(()), {}, loaded, Life())
    with pytest.raises(FormatError, match=r"section \.bss, which is not loaded"):
        live.section(".bss")
