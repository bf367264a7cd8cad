"""Classes of contexts from made-up formats: their text, their names, what they mean again."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import probee.contexts
from probee.errors import RelocationError, UsageError
from probee.host.formats import parse
from probee.introspect.stubs import (
    Event,
    Field,
    class_names,
    module_text,
    raw_tracepoints,
    tracepoint_event,
    tracepoints,
)
from probee.lang.contexts import field_types
from probee.spec.target import RawArgument
from probee.spec.types import CharArray, Int, Pointer
from tests.doc_examples import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from probee.spec.target import TracepointFormat

FORMAT = """\
name: {name}
ID: 7
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:int __syscall_nr;	offset:8;	size:4;	signed:1;
	field:const char * filename;	offset:16;	size:8;	signed:0;
	field:umode_t mode;	offset:24;	size:8;	signed:0;
	field:void * where;	offset:32;	size:8;	signed:0;
	field:char comm[16];	offset:40;	size:16;	signed:0;
	field:__data_loc char[] text;	offset:56;	size:4;	signed:0;
	field:int from;	offset:60;	size:4;	signed:1;
	field:u8 u32;	offset:64;	size:1;	signed:0;
	field:bool ok;	offset:65;	size:1;	signed:0;

print fmt: "", 0
"""
CLASS = '''class {}(TypedContext):
    """{}"""

    __syscall_nr: s32
    filename: KernelStr
    mode: u16
    where: KernelPtr
    comm: Chars = chars(16)
    # text: __data_loc char[]: no type for it yet
    # from: int, under a name that Python or probee has taken
    # u32: u8, under a name that Python or probee has taken
    ok: u8
'''


class FakeTracefs:
    """Two categories; `ftrace:broken` has a folder and no format."""

    names = {"a": ["first_one", "shared"], "b_b": ["shared"], "ftrace": ["broken"]}

    def events(self, category: str = "") -> list[str]:
        return self.names[category] if category else list(self.names)

    def format(self, category: str, name: str) -> TracepointFormat | None:
        if category == "ftrace":
            return None
        return parse(FORMAT.format(name=name), category, name)[1]

    def demand(self, category: str, name: str) -> TracepointFormat:
        if name not in self.names.get(category, ()):
            raise RelocationError(f"this kernel has no tracepoint {category}:{name}")
        found = self.format(category, name)
        assert found is not None
        return found


class FakeKernel:
    tracefs = FakeTracefs()

    def raw_tracepoints(self) -> list[str]:
        return ["sched_switch", "sys_enter"]

    def attach_btf_id(self, name: str) -> int:
        if name not in self.raw_tracepoints():
            raise RelocationError(f"this kernel has no raw tracepoint {name}")
        return 1

    def raw_tracepoint(self, name: str) -> tuple[RawArgument, ...]:
        return (
            RawArgument("prev", "pointer", 8, signed=False, target="task_struct"),
            RawArgument("state", "int", 4, signed=False),
            RawArgument("class", "int", 8, signed=True),
        )


KERNEL: Any = FakeKernel()


def hooks(*patterns: str) -> list[str]:
    return [event.hook for event in tracepoints(KERNEL, patterns)]


def test_patterns_choose() -> None:
    assert hooks() == ["a:first_one", "a:shared", "b_b:shared"]
    assert hooks("*:shared", "a:*") == ["a:shared", "b_b:shared", "a:first_one"]
    assert hooks("b_b:shared") == ["b_b:shared"]
    with pytest.raises(RelocationError, match="has no tracepoint a:firstone"):
        hooks("a:firstone")
    with pytest.raises(RelocationError, match=r"no tracepoint of this kernel matches 'c:\*'"):
        hooks("c:*")
    for wrong in ("a", ":x", "a:", "*"):
        with pytest.raises(UsageError, match="not of the form category:name"):
            hooks(wrong)


def test_a_class_says_each_field_or_why_not() -> None:
    text = module_text(tracepoints(KERNEL, ["a:first_one"]), "a test")
    assert text.endswith(f"\n\n\n{CLASS.format('FirstOne', 'a:first_one')}")
    assert (
        "\nfrom probee import Chars, KernelPtr, KernelStr, TypedContext, chars, s32, u8, u16\n"
        in text
    )


def test_the_module_means_what_it_was_written_from() -> None:
    module: dict[str, Any] = {
        "__name__": probee.contexts.__name__
    }  # annotations are looked up there
    exec(module_text(tracepoints(KERNEL, ["a:first_one"]), "a test"), module)
    assert field_types(module["FirstOne"]) == {
        "__syscall_nr": Int("s32", 4, signed=True),
        "filename": Pointer("kernel", "char"),
        "mode": Int("u16", 2, signed=False),
        "where": Pointer("kernel"),
        "comm": CharArray(16),
        "ok": Int("u8", 1, signed=False),
    }


def test_raw_tracepoints() -> None:
    text = module_text(raw_tracepoints(KERNEL, ["sched_*"]), "a test")
    assert text.endswith(
        'class RawSchedSwitch(TypedContext):\n    """sched_switch"""\n\n    prev: KernelPtr\n'
        "    state: u32\n    # class: int, under a name that Python or probee has taken\n"
    )
    assert [event.hook for event in raw_tracepoints(KERNEL, [])] == ["sched_switch", "sys_enter"]
    assert [event.hook for event in raw_tracepoints(KERNEL, ["sys_enter"])] == ["sys_enter"]
    with pytest.raises(RelocationError, match="has no raw tracepoint nothing"):
        raw_tracepoints(KERNEL, ["nothing"])
    with pytest.raises(RelocationError, match=r"no raw tracepoint of this kernel matches 'x\*'"):
        raw_tracepoints(KERNEL, ["x*"])


def test_names_of_classes_differ() -> None:
    events = [Event(category, name, ()) for category, name in [
        ("a", "shared"), ("b", "shared"), ("a", "s_hared"), ("a", "9p_x"), ("", "shared"),
        ("c", "a_b"), ("c", "aB"),
    ]]  # fmt: skip
    assert {name: event.hook for name, event in class_names(events).items()} == {
        "RawShared": "shared",
        "Event9pX": "a:9p_x",
        "SHared": "a:s_hared",
        "AShared": "a:shared",
        "BShared": "b:shared",
        "CAB": "c:aB",
        "CAB2": "c:a_b",
    }


def test_a_class_without_fields_is_a_class() -> None:
    text = module_text([Event("a", "empty", ()), Event("a", "odd", (Field("x", "", "why"),))], "t")
    compile(text, "stubs.py", "exec")
    assert "    # x: why\n" in text


def test_type_checkers_accept_the_module_and_find_a_misspelt_field(tmp_path: Path) -> None:
    text = module_text([tracepoint_event(FakeTracefs().demand("a", "first_one"))], "a test")
    (tmp_path / "events.py").write_text(text, encoding="utf-8")
    use = (
        "from probee import tracepoint, read_str\nfrom events import FirstOne\n\n"
        '@tracepoint("a:first_one")\ndef program(ctx: FirstOne) -> None:\n'
        "    reveal_type(ctx.filename)\n    reveal_type(ctx.mode)\n    ctx.{}\n"
    )
    (tmp_path / "good.py").write_text(use.format("ok"), encoding="utf-8")
    (tmp_path / "bad.py").write_text(use.format("filname"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "events.py", "good.py", "bad.py"],
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'note: Revealed type is "probee.lang.types.KernelStr"' in done.stdout
    assert 'note: Revealed type is "int"' in done.stdout
    errors = [line for line in done.stdout.splitlines() if " error: " in line]
    assert [line.partition(":")[0] for line in errors] == ["bad.py"]
    assert '"FirstOne" has no attribute "filname"' in errors[0]
