"""Registers and calling conventions of the machines that probee's programs run on.

In: a machine's name as `uname -m` says it. Out: its row: `struct pt_regs` as the kernel lays it
out, and where the arguments of functions and system calls stand in it, as byte offsets.

Sources: arch/x86/include/asm/ptrace.h and arch/arm64/include/asm/ptrace.h (pt_regs), the
syscall_get_arguments of asm/syscall.h beside each, the psABIs. On arm64 x0 holds both the first
argument and the result, so a call's first argument is kept in orig_x0; a program at syscall exit
must read it there. Both layouts have not changed since BPF exists; the tests compare them with
the running kernel's BTF, and with uapi's user_pt_regs.
"""

from __future__ import annotations

from probee.errors import NotSupportedError
from probee.frozen import Frozen


class Architecture(Frozen):
    """One architecture. Offsets are bytes into `struct pt_regs`; every register is 8 bytes wide.

    `pt_regs` is (field, offset) in the order of the struct, array members as regs[0]. `page` is
    the only page size, or 0 where the kernel chose one of several: ask `os.sysconf`.
    `syscall_prefix` begins the name of the kernel function behind a system call.
    """

    name: str
    machines: tuple[str, ...]
    endian: str
    page: int
    pt_regs: tuple[tuple[str, int], ...]
    pt_regs_size: int
    arguments: tuple[int, ...]
    syscall_args: tuple[int, ...]
    syscall_number: int
    syscall_number_size: int
    result: int
    stack: int
    frame: int
    ip: int
    syscall_prefix: str

    def offset(self, field: str) -> int:
        """Byte offset of a register by its name in pt_regs. Raises NotSupportedError."""
        for name, offset in self.pt_regs:
            if name == field:
                return offset
        raise NotSupportedError(f"{self.name} has no register {field!r}")


X86_64 = Architecture(
    name="x86_64",
    machines=("x86_64", "amd64"),
    endian="little",
    page=4096,
    pt_regs=(
        ("r15", 0),
        ("r14", 8),
        ("r13", 16),
        ("r12", 24),
        ("bp", 32),
        ("bx", 40),
        ("r11", 48),
        ("r10", 56),
        ("r9", 64),
        ("r8", 72),
        ("ax", 80),
        ("cx", 88),
        ("dx", 96),
        ("si", 104),
        ("di", 112),
        ("orig_ax", 120),
        ("ip", 128),
        ("cs", 136),
        ("flags", 144),
        ("sp", 152),
        ("ss", 160),
    ),
    pt_regs_size=168,
    arguments=(112, 104, 96, 88, 72, 64),  # di si dx cx r8 r9
    syscall_args=(112, 104, 96, 56, 72, 64),  # di si dx r10 r8 r9: `syscall` destroys cx
    syscall_number=120,
    syscall_number_size=8,
    result=80,
    stack=152,
    frame=32,
    ip=128,
    syscall_prefix="__x64_sys_",
)

ARM64 = Architecture(
    name="arm64",
    machines=("aarch64", "arm64"),
    endian="little",
    page=0,
    pt_regs=(
        *((f"regs[{i}]", 8 * i) for i in range(31)),
        ("sp", 248),
        ("pc", 256),
        ("pstate", 264),
        ("orig_x0", 272),
        ("syscallno", 280),
    ),
    pt_regs_size=0,  # differs with the kernel's version; nothing needs it
    arguments=(0, 8, 16, 24, 32, 40, 48, 56),  # x0 to x7
    syscall_args=(272, 8, 16, 24, 32, 40),  # orig_x0, x1 to x5
    syscall_number=280,
    syscall_number_size=4,
    result=0,
    stack=248,
    frame=232,
    ip=256,
    syscall_prefix="__arm64_sys_",
)

ARCHITECTURES = (X86_64, ARM64)


def by_machine(machine: str) -> Architecture:
    """The architecture of `uname -m`. Raises NotSupportedError for one that has no row yet."""
    for architecture in ARCHITECTURES:
        if machine in architecture.machines:
            return architecture
    known = ", ".join(architecture.name for architecture in ARCHITECTURES)
    raise NotSupportedError(
        f"probee does not know the registers of {machine}", hint=f"known architectures: {known}"
    )
