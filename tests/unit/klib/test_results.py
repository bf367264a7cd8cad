"""Filters on results: what the command line says becomes constants and entries that mean it."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import pytest
from hypothesis import given, strategies as st

from probee import Const
from probee.errors import UsageError
from probee.frame.options import parse
from probee.klib import results as r


def filters(*words: str) -> tuple[dict[Any, Any], dict[Any, Any]]:
    values, _ = parse(r.RESULT_OPTIONS, words)
    return r.result_filter(values)


def wanted(ret: int, *words: str) -> bool:
    """What `wanted_result()` says: it is Python, run here with the constants of these words."""
    consts, fill = filters(*words)
    given = {
        name: consts.get(const, const._first)
        for name, const in vars(r).items()
        if isinstance(const, Const)
    }
    namespace = {**given, "errnos": fill.get(r.errnos, {})}
    return bool(FunctionType(r.wanted_result.__code__, namespace)(ret))


@given(st.integers(-600, 10))
def test_results(ret: int) -> None:
    assert wanted(ret)
    assert wanted(ret, "-x") is (ret < 0)
    assert wanted(ret, "--errno", "ENOENT") is (ret == -2)
    assert wanted(ret, "--errno=2", "-x") is (ret == -2)
    assert wanted(ret, "--errno", "enoent,13", "--errno", "512") is (ret in (-2, -13, -512))


def test_errors_by_name_and_number() -> None:
    assert r.error_number("EACCES") == r.error_number("eacces") == r.error_number("13") == 13
    assert r.error_number("4095") == 4095
    for text in ("0", "4096", "13x", ""):
        with pytest.raises(UsageError):
            r.error_number(text)
    with pytest.raises(UsageError, match=r"'ENOENTT' is no error.*; did you mean ENOENT"):
        r.error_number("ENOENTT")
    with pytest.raises(UsageError, match="more than 256"):
        filters("--errno", ",".join(map(str, range(1, 300))))
