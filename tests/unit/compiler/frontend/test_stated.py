"""Typed contexts: what an annotation states is held against the kernel, where it is read."""

from __future__ import annotations

import pytest

from probee.errors import CompileError
from tests.frontend_cases import captured, compiled, ir_of, names_of

HEAD = """
import probee
from typing import Any
from probee import Chars, Context, Global, KernelPtr, TypedContext, UserPtr, UserStr, chars
from probee import s32, s64, raw_tracepoint, tracepoint, u16, u32, u64
from probee.contexts import SysEnterClose, SysEnterOpenat
import probee.contexts as known

class Mine(TypedContext):
    __syscall_nr: s32
    filename: UserStr
    flags: s32

class Wide(TypedContext):
    flags: s64
    mode: s32
    filename: UserPtr
    dfd: UserStr
    gone: u32
    unsized: Chars

class Renamed(TypedContext):
    pid: s32
    oldcomm: Chars = chars(16)

class Short(TypedContext):
    oldcomm: Chars = chars(8)

class Raw(TypedContext):
    regs: KernelPtr
    id: s64

total = Global(u64, 0)
"""
OPENAT = '@tracepoint("syscalls:sys_enter_openat")\ndef program(ctx: {}) -> None:\n    {}\n'
RENAME = '@tracepoint("task:task_rename")\ndef program(ctx: {}) -> None:\n    {}\n'
RAW = '@raw_tracepoint("sys_enter")\ndef program(ctx: {}) -> None:\n    {}\n'


def source(form: str, annotation: str, body: str) -> str:
    return HEAD + form.format(annotation, body)


def refused(form: str, annotation: str, body: str) -> tuple[str, str, str]:
    with pytest.raises(CompileError) as refusal:
        compiled(names_of(source(form, annotation, body)))
    (diagnostic,) = refusal.value.diagnostics
    return diagnostic.code, diagnostic.message, diagnostic.fix


@pytest.mark.parametrize(
    ("form", "annotation", "body"),
    [
        (OPENAT, "Mine", "total.value = ctx.flags"),
        (OPENAT, "Mine", "total.value = ctx.__syscall_nr"),
        (OPENAT, "SysEnterOpenat", "total.value = ctx.mode + ctx.flags"),
        (OPENAT, "known.SysEnterOpenat", "total.value = ctx.mode"),
        (OPENAT, "'SysEnterOpenat'", "total.value = ctx.mode"),
        (OPENAT, "probee.Context", "total.value = ctx.mode"),
        (OPENAT, "Any", "total.value = ctx.mode"),
        (RENAME, "Renamed", "total.value = ctx.pid if ctx.oldcomm == 'a' else 0"),
        (RAW, "Raw", "total.value = ctx.id"),
    ],
)
def test_a_typed_context_reads_what_an_untyped_one_reads(
    form: str, annotation: str, body: str
) -> None:
    typed = ir_of(names_of(source(form, annotation, body)))
    assert typed == ir_of(names_of(source(form, "Context", body)))


@pytest.mark.parametrize(
    ("form", "annotation", "body", "code", "words"),
    [
        (OPENAT, "SysEnterOpenat", "total.value = ctx.flag", "no-attribute", "no field 'flag'"),
        (OPENAT, "TypedContext", "total.value = ctx.flags", "no-attribute", "no field 'flags'"),
        (OPENAT, "SysEnterClose", "total.value = ctx.fd", "no-attribute", "openat has no field"),
        (OPENAT, "Wide", "total.value = ctx.gone", "no-attribute", "openat has no field 'gone'"),
        (OPENAT, "Wide", "total.value = ctx.flags", "annotation", "needs its size"),
        (RENAME, "Short", "total.value = ctx.oldcomm == 'a'", "stale-context", "chars(16)"),
        (OPENAT, "UserStr", "pass", "annotation", "no class of contexts"),
        (OPENAT, "'Missing'", "pass", "annotation", "no class of contexts"),
        (OPENAT, "u32", "pass", "annotation", "no class of contexts"),
    ],
)
def test_what_does_not_agree_is_refused(
    form: str, annotation: str, body: str, code: str, words: str
) -> None:
    found, message, _ = refused(form, annotation, body)
    assert found == code
    assert words in message


@pytest.mark.parametrize(
    ("field", "said", "words"),
    [
        ("flags", "s64", "'flags' is s32 in this kernel, not s64 as in Stale"),
        ("flags", "u32", "'flags' is s32 in this kernel, not u32 as in Stale"),
        ("mode", "s32", "'mode' is u16 in this kernel, not s32 as in Stale"),
        ("filename", "UserPtr", "a user string pointer in this kernel, not a user pointer as in"),
        ("filename", "KernelPtr", "not a kernel pointer as in"),
        ("dfd", "UserStr", "'dfd' is s32 in this kernel, not a user string pointer as in"),
    ],
)
def test_width_sign_and_kind_are_held_against_the_kernel(field: str, said: str, words: str) -> None:
    text = f"{HEAD}class Stale(TypedContext):\n    {field}: {said}\n"
    text += OPENAT.format("Stale", f"if ctx.{field}:\n        total.value = 1")
    if said == "UserPtr":  # a user pointer of any kind may be said less exactly
        assert ir_of(names_of(text)) == ir_of(names_of(text.replace("ctx: Stale", "ctx: Context")))
        return
    with pytest.raises(CompileError) as refusal:
        compiled(names_of(text))
    (diagnostic,) = refusal.value.diagnostics
    assert diagnostic.code == "stale-context"
    assert words in diagnostic.message
    assert diagnostic.fix == 'write the class anew: probee stubs "syscalls:sys_enter_openat"'


def test_of_a_raw_tracepoint_the_kernels_btf_decides() -> None:
    text = f"{HEAD}class Stale(TypedContext):\n    id: s32\n" + RAW.format(
        "Stale", "if ctx.id: pass"
    )
    with pytest.raises(CompileError) as refusal:
        compiled(names_of(text))
    (diagnostic,) = refusal.value.diagnostics
    assert diagnostic.message == "'id' is s64 in this kernel, not s32 as in Stale"
    assert diagnostic.fix == 'write the class anew: probee stubs --raw "sys_enter"'


def test_a_function_sees_the_context_as_its_own_parameter_says() -> None:
    functions = "def f(c: {}) -> u32:\n    return c.flags\n"
    body = "total.value = f(ctx)"
    for inner in ("Context", "Mine", "SysEnterOpenat"):
        names = names_of(HEAD + functions.format(inner) + OPENAT.format("TypedContext", body))
        assert compiled(names).programs
    for inner in ("SysEnterClose", "u32"):
        with pytest.raises(CompileError):
            compiled(names_of(HEAD + functions.format(inner) + OPENAT.format("Context", body)))


def test_a_class_is_part_of_the_identity() -> None:
    text = source(OPENAT, "Mine", "total.value = ctx.flags")
    other = text.replace("filename: UserStr", "filename: UserPtr")
    same = [captured(names_of(text)).identity for _ in range(2)]
    assert same[0] == same[1]
    # The cells of linecache stand for files; the class alone must make the difference.
    names = names_of(text)
    names["Mine"] = names_of(other)["Mine"]
    assert captured(names).identity != captured(names_of(text)).identity


def test_names_with_two_underscores_keep_their_name() -> None:
    names = names_of(HEAD)
    assert list(names["Mine"].declared_) == ["__syscall_nr", "filename", "flags"]


def test_a_class_can_add_to_another() -> None:
    text = HEAD + "class More(Mine):\n    mode: u16\n"
    text += OPENAT.format("More", "total.value = ctx.mode + ctx.flags")
    assert compiled(names_of(text)).programs
