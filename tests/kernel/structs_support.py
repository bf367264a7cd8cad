"""Runs a program on structs of the kernel, in each form that the compiler has for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from probee import Session
from probee.host.facts import RunningKernel
from probee.uapi.bpf_func import BPF_FUNC_get_current_task_btf
from tests.frontend_cases import names_of

if TYPE_CHECKING:
    from pathlib import Path

HEADER = """\
import os
from probee import (
    Chars, Context, Global, Hash, Items, KernelEnum, KernelPtr, KernelStr, KernelStruct, Ptr,
    PtrArray, RingBuf, Struct, cast,
    chars, container_of, current, has_field, has_type, raw_tracepoint, read_str, s8, s16, s32,
    s64, tp_btf, tracepoint, u8, u16, u32, u64,
)
from probee.kernel import *

me = os.getpid()
a, b, c, d = (Global(u64, 0) for _ in range(4))

class Row(Struct):
    comm: Chars = chars(16)
    parent: Chars = chars(32)

rows = RingBuf(Row, size="4K")
"""
HEAD = """
@tracepoint("syscalls:sys_enter_close")
def program(ctx: Context) -> None:
    if current.pid != me or ctx.fd != 777:
        return
"""


# What the program is compiled without: as under Linux 6.2 and later, 5.11, 5.10.
MISSING = ((), ("bpf_rdonly_cast",), ("bpf_rdonly_cast", BPF_FUNC_get_current_task_btf))


class Older:
    """This kernel, but for some functions and helpers."""

    def __init__(self, kernel: RunningKernel, missing: tuple[object, ...]) -> None:
        self.kernel, self.missing = kernel, missing
        self.tracepoint, self.raw_tracepoint = kernel.tracepoint, kernel.raw_tracepoint

    def kfunc(self, name: str) -> bool:
        return name not in self.missing and self.kernel.kfunc(name)

    def saved_registers(self) -> int | None:
        return None

    def helper(self, program_type: int, function: int) -> bool:
        return function not in self.missing and self.kernel.helper(program_type, function)


def indented(body: str) -> str:
    return "".join(f"    {line}\n" for line in body.strip().splitlines())


def run(tmp_path: Path, body: str, before: str = "", head: str = HEAD) -> dict[str, Any]:
    """What the globals and rows are after a close() of this process, the same in each form."""
    path = tmp_path / "program.py"
    path.write_text(HEADER + before + head + indented(body))
    with RunningKernel() as kernel:
        found = [once(path, body, Older(kernel, missing)) for missing in MISSING]
    assert found[1:] == found[:-1]
    return found[0]


def once(path: Path, body: str, facts: Older) -> dict[str, Any]:
    names = names_of(path.read_text(), str(path))
    with Session(names["program"], facts=facts) as session:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.close(777)
        found = {name: session[names[name]].value for name in "abcd" if f"{name}.value" in body}
        if "rows.reserve()" in body:
            found["rows"] = [vars(row) for row in session[names["rows"]].drain()]
    return found
