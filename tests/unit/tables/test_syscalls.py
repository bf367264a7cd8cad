"""System calls and registers."""

from __future__ import annotations

import platform

import pytest

from probee.errors import NotSupportedError
from probee.tables import syscalls
from probee.tables.architectures import ARCHITECTURES, ARM64, X86_64, Architecture, by_machine
from probee.uapi.syscalls import ROWS


def test_numbers_are_unique_on_each_architecture() -> None:
    for column in (1, 2):
        numbers = [row[column] for row in ROWS if row[column] is not None]
        assert len(set(numbers)) == len(numbers) > 300
    assert len({row[0] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("arch", ARCHITECTURES, ids=lambda a: a.name)
def test_names_and_numbers_lead_to_one_another(arch: Architecture) -> None:
    for row in ROWS:
        number = row[1] if arch is X86_64 else row[2]
        if number is None:
            with pytest.raises(NotSupportedError, match="no system call named"):
                syscalls.by_name(row[0], arch)
        else:
            assert syscalls.by_number(number, arch) == syscalls.by_name(row[0], arch)


def test_openat() -> None:
    call = syscalls.by_name("openat", X86_64)
    assert (call.number, call.entry) == (257, "openat")
    assert call.args is not None
    assert [(a.type, a.name) for a in call.args] == [
        ("int", "dfd"), ("const char *", "filename"), ("int", "flags"), ("umode_t", "mode"),
    ]  # fmt: skip
    assert syscalls.by_name("openat", ARM64).number == 56
    assert syscalls.by_name("fstat", X86_64).entry == "newfstat"
    assert syscalls.by_name("tuxcall", X86_64).args is None
    with pytest.raises(NotSupportedError, match="arm64 has no system call named 'open'"):
        syscalls.by_name("open", ARM64)
    assert syscalls.by_number(100_000, X86_64) is None


def test_clone_differs() -> None:
    names = {
        arch.name: [a.name for a in syscalls.by_name("clone", arch).args or ()]
        for arch in ARCHITECTURES
    }
    assert names["x86_64"][3:] == ["child_tidptr", "tls"]
    assert names["arm64"][3:] == ["tls", "child_tidptr"]


def test_no_call_has_more_arguments_than_there_are_registers() -> None:
    for row in ROWS:
        assert row[4] is None or len(row[4]) <= len(X86_64.syscall_args) == 6


def test_registers_fill_pt_regs_without_a_gap() -> None:
    for arch in ARCHITECTURES:
        offsets = [offset for _, offset in arch.pt_regs]
        assert offsets == list(range(0, 8 * len(offsets), 8))
        assert arch.pt_regs_size in {0, 8 * len(offsets)}
        assert set(arch.arguments) | set(arch.syscall_args) <= set(offsets)


def test_registers_by_name() -> None:
    names = {offset: name for name, offset in X86_64.pt_regs}
    assert [names[o] for o in X86_64.syscall_args] == ["di", "si", "dx", "r10", "r8", "r9"]
    assert [names[o] for o in X86_64.arguments] == ["di", "si", "dx", "cx", "r8", "r9"]
    assert (
        ARM64.syscall_args[0] == ARM64.offset("orig_x0") != ARM64.result == ARM64.offset("regs[0]")
    )
    for arch, stack, ip in ((X86_64, "sp", "ip"), (ARM64, "sp", "pc")):
        assert (arch.stack, arch.ip) == (arch.offset(stack), arch.offset(ip))
    assert X86_64.syscall_number == X86_64.offset("orig_ax")
    assert ARM64.frame == ARM64.offset("regs[29]")
    with pytest.raises(NotSupportedError, match="no register 'rax'"):
        X86_64.offset("rax")


def test_machines() -> None:
    assert by_machine("x86_64") is X86_64
    assert by_machine("aarch64") is by_machine("arm64") is ARM64
    assert by_machine(platform.machine()) in ARCHITECTURES
    with pytest.raises(NotSupportedError, match="registers of sparc64"):
        by_machine("sparc64")
