"""vmtest's own parts on the running kernel: they find what they are to find, and only that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from vmtest import features, rows

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel


def test_probes_and_tables_agree_and_a_wrong_table_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(features.contradictions()) == []
    monkeypatch.setitem(features.SINCE, "ringbuf", "99.0")
    assert list(features.contradictions()) == [
        "feature ringbuf: the probe says yes, the table since 99.0"
    ]
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("", "", "4.0.0", "", "")))
    told = list(features.contradictions())
    assert "feature isa_v2: the probe says yes, the table since 4.14" in told
    assert any(line.startswith("map type lru_hash: ") for line in told)
    assert any(line.startswith("helper ktime_get_boot_ns: ") for line in told)


def test_the_same_rows_twice(tmp_path: Path) -> None:
    """Whatever names the kernel gave to what it made."""
    for name in ("one", "two"):
        assert rows.main([str(tmp_path / name)]) == 0
    one, two = (rows.read(tmp_path / name) for name in ("one", "two"))
    assert rows.differences(one, two) == []
    assert one["variant"] in {"exit-only", "pair"}
    assert len(one["views"]["paths"]) == len(one["views"]["names"]) > 40
    two["views"]["paths"][3]["path"] = "elsewhere"
    (told,) = rows.differences(one, two)
    assert told == (
        "opensnoop -e --syscall -F, row 3: 'elsewhere': path 'elsewhere', elsewhere 'BASE/made'"
    )
