"""`probee stubs` on the running kernel: all its events, as type checkers and compilers see them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from probee import contexts
from probee.compiler.frontend.context import field_type
from probee.compiler.pipeline import compile_programs
from probee.host.facts import RunningKernel
from probee.introspect.stubs import module_text, raw_tracepoints, tracepoints
from probee.lang.capture import capture
from probee.lang.contexts import field_types
from probee.spec.target import Target
from probee.spec.types import Pointer
from probee.tables.contexts_data import ROWS
from tests.doc_examples import ROOT
from tests.frontend_cases import names_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel

PROGRAM = """
import events
from probee import Global, {decorator}, u64
total = Global(u64, 0)
@{decorator}("{hook}")
def program(ctx: events.{name}) -> None:
{body}
"""


def stubs(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "probee", "stubs", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def checked(tmp_path: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """`tracepoint.py` and `raw.py` with every event of this kernel."""
    for words, file in (((), "tracepoint.py"), (("--raw",), "raw.py")):
        done = stubs(*words, "-o", str(tmp_path / file))
        assert (done.returncode, done.stdout) == (0, "")
    return tmp_path


def test_every_event_of_this_kernel_has_a_class_that_mypy_accepts(modules: Path) -> None:
    done = checked(modules, "mypy", "--strict", "tracepoint.py", "raw.py")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    with RunningKernel() as kernel:
        for file, events in (
            ("tracepoint.py", tracepoints(kernel, [])),
            ("raw.py", raw_tracepoints(kernel, [])),
        ):
            text = (modules / file).read_text(encoding="utf-8")
            assert text.count("(TypedContext):") == len(events)
            assert len(events) > 500


def test_pyright_accepts_them_too(modules: Path) -> None:
    config = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT)], "include": ["*.py"]}
    (modules / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    done = checked(modules, "basedpyright")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("decorator", "hook"),
    [
        ("tracepoint", "syscalls:sys_enter_openat"),
        ("tracepoint", "sched:sched_switch"),
        ("tracepoint", "task:task_rename"),
        ("tracepoint", "sched:sched_process_fork"),
        ("raw_tracepoint", "sys_enter"),
        ("tp_btf", "sched_switch"),
    ],
)
def test_every_field_that_a_class_has_can_be_read(
    decorator: str, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunningKernel() as kernel:
        find: Any = tracepoints if decorator == "tracepoint" else raw_tracepoints
        (event,) = find(kernel, [hook])
        module: Any = type(sys)("events")
        monkeypatch.setitem(sys.modules, "events", module)
        exec(module_text([event], "a test"), vars(module))
        (name,) = [n for n, v in vars(module).items() if getattr(v, "__module__", "") == "events"]
        body = "".join(
            f"    if ctx.{f.name} == 'x':\n        total.value += 1\n"
            if f.type.startswith("chars")
            else f"    if ctx.{f.name}:\n        total.value += 1\n"
            for f in event.fields
            if f.type
        )
        source = PROGRAM.format(decorator=decorator, hook=hook, name=name, body=body)
        world = capture((names_of(source)["program"],))
        assert compile_programs(world, target=Target(), facts=kernel).programs


def test_shipped_classes_agree_with_this_kernel_where_both_have_a_field() -> None:
    """Types may change with kernels, but the ones that everything is written over do not."""
    steady = ("sys_enter_openat", "sys_exit_openat", "sys_enter_close", "sys_enter_write",
              "sys_enter_execve", "sys_enter_connect", "sched_process_exit")  # fmt: skip
    with RunningKernel() as kernel:
        for name, row in ROWS.items():
            category, _, event = row.split(" ")[0].partition(":")
            if event not in steady:
                continue
            format_ = kernel.tracepoint(category, event)
            assert format_ is not None
            for field, said in field_types(getattr(contexts, name)).items():
                there = format_.field(field)
                if there is not None:
                    found = field_type(there, category)
                    assert found == said or isinstance(found, Pointer), (event, field)


def test_an_event_that_is_not_there() -> None:
    done = stubs("syscalls:sys_enter_opena")
    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean syscalls:sys_enter_open" in done.stderr
    done = stubs("--raw", "nothing_here")
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no raw tracepoint nothing_here" in done.stderr
