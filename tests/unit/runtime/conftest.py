"""Fixtures of the Session tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.runtime.fake_session import FakeCompiler, fake_compiler, fake_loads

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.runtime.fake_session import Load


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCompiler:
    """A compiler that says what it was asked for."""
    return fake_compiler(monkeypatch, tmp_path)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Load]:
    """What the loader was given, call by call."""
    return fake_loads(monkeypatch)
