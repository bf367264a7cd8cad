"""Every format of integers that print takes, written by the kernel and by CPython."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from probee import Session, TracePipe
from probee.compiler.frontend.specs import Unprintable, conversion
from tests.kernel.test_print import has_vprintk
from tests.meaning.machine import load_module
from tests.unit.compiler.frontend.test_specs import RANGES, SPECS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel

HEAD = """\
from probee import Context, Global, raw_tracepoint, s32, s64, u8, u64

{declarations}

@raw_tracepoint("sys_enter")
def program(ctx: Context) -> None:
"""
AT_ONCE = 60  # lines of a program


def taken(kind: str) -> list[str]:
    """The formats for numbers of a type."""
    found = []
    for spec in SPECS:
        try:
            conversion(spec, *RANGES[kind])
        except Unprintable:
            continue
        found.append(spec)
    return found


@pytest.mark.parametrize("kind", RANGES)
def test_every_format(kind: str, tmp_path: Path) -> None:
    if not has_vprintk():
        pytest.skip("no bpf_trace_vprintk before Linux 5.16")
    low, high = RANGES[kind]
    specs = taken(kind)
    assert len(specs) > 30
    head = HEAD.format(declarations=f"number = Global({kind}, 0)")
    for first in range(0, len(specs), AT_ONCE):
        some = specs[first : first + AT_ONCE]
        body = "".join(f'    print(f"{{number.value:{spec}}}|")\n' for spec in some)
        names = load_module(tmp_path / f"forms_{first}.py", head + body)
        with TracePipe() as pipe, closing(Session(names["program"], cache=False).load()) as live:
            for value in (0, 1, low, high, high // 3, low // 7):
                live[names["number"]].value = value
                live[names["program"]].test_run(context=bytes(16))
                lines = [line.text for line in pipe.drain() if line.pid == os.getpid()]
                assert lines == [f"{value:{spec}}|" for spec in some], value
            assert live.losses() == []
