"""Modules of the front end know each other in circles: each can be the first to be imported."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator

import pytest

from probee.compiler import frontend
from tests.doc_examples import ROOT

NAME = frontend.__name__
MODULES = sorted(f.stem for f in (ROOT / "probee/compiler/frontend").glob("[a-z]*.py"))


@pytest.fixture
def _forgotten() -> Iterator[None]:
    """As if none had been imported; afterwards all are what they were."""
    kept = {name: m for name, m in sys.modules.items() if name.startswith(f"{NAME}.")}
    attributes = dict(vars(frontend))
    for name in kept:
        del sys.modules[name]
        vars(frontend).pop(name.rpartition(".")[2], None)
    yield
    for name in [name for name in sys.modules if name.startswith(f"{NAME}.")]:
        del sys.modules[name]
    sys.modules.update(kept)
    vars(frontend).update(attributes)


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize("module", MODULES)
def test_may_be_the_first(module: str) -> None:
    importlib.import_module(f"{NAME}.{module}")
