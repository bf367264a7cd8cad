"""The kernel of this machine, as `facts.Kernel`: asked when a question comes, and once.

In: nothing. Out: `RunningFacts`. What can be tried is tried: a program of two instructions is
loaded for a hook, and closed at once. What is known without trying is read in /proc, tracefs, BTF.
"""

from __future__ import annotations

import os
from sys import byteorder

from probee.errors import FormatError, KernelError, NotSupportedError, ProbeeError, VerifierError
from probee.introspect.inspect.facts import YES, Asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from probee.btf.table import TypeTable
    from probee.host.facts import RunningKernel
    from probee.relocate.modules import ModuleTypes
    from probee.tables.maps import MapType

_NOTHING = bytes((0xB7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0))  # r0 = 0; exit
_EPERM, _EINVAL, _E2BIG = 1, 22, 7
_RIGHTS = "loading programs to find out is not allowed to this process"
_TALK = ("func#", "processed ", "verification ")  # lines of a log that say nothing of a refusal
_TYPES = "/sys/kernel/btf"
_KPROBES = "/sys/bus/event_source/devices/kprobe"
_UPROBES = "/sys/bus/event_source/devices/uprobe"


class RunningFacts:
    """Answers of the running kernel. Close it, or use it in a `with`."""

    __slots__ = (
        "_answers",
        "_config",
        "_kernel",
        "_may",
        "_module_types",
        "_modules",
        "_no_types",
        "_symbols",
        "_types",
    )

    def __init__(self) -> None:
        from probee.host.facts import RunningKernel

        self._kernel: RunningKernel = RunningKernel()
        self._types: TypeTable | None = None
        self._no_types: str | None = None
        self._answers: dict[object, Asked] = {}
        self._symbols: bytes | None = None
        self._config: tuple[dict[str, str], str] | None = None
        self._may: bool | None = None
        self._modules: tuple[str, ...] | None = None
        self._module_types: tuple[ModuleTypes, ...] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what was opened."""
        self._kernel.close()

    @property
    def name(self) -> str:
        """`Linux 6.18.44, x86_64`."""
        system = os.uname()
        return f"{system.sysname} {system.release}, {system.machine}"

    @property
    def big_endian(self) -> bool:
        """The byte order of the machine."""
        return byteorder == "big"

    @property
    def types(self) -> TypeTable | None:
        """Its BTF, or None; `no_types` says why."""
        if self._no_types is None:
            self._no_types = ""
            try:
                self._types = self._kernel.btf
            except (NotSupportedError, FormatError) as error:
                self._no_types = error.message
        return self._types

    @property
    def no_types(self) -> str:
        """Why it has no types, else ''."""
        return "" if self.types is not None else self._no_types or ""

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that have types of their own, which `types` does not hold."""
        if self._modules is None:
            try:
                names = os.listdir(_TYPES)
            except OSError:
                names = []
            self._modules = tuple(sorted(set(names) - {"vmlinux"}))
        return self._modules

    @property
    def module_types(self) -> tuple[ModuleTypes, ...]:
        """Those of the modules that can be read."""
        if self._module_types is None:
            read = [self._read(name) for name in self.modules] if self.types is not None else []
            self._module_types = tuple(found for found in read if found is not None)
        return self._module_types

    def _read(self, name: str) -> ModuleTypes | None:
        from probee.relocate.modules import ModuleTypes

        assert self.types is not None
        try:
            with open(f"{_TYPES}/{name}", "rb") as file:
                return ModuleTypes(name, self.types, file.read())
        except OSError:  # unloaded meanwhile, or not for this process to read
            return None

    def _once(self, key: object, ask: Callable[[], Asked]) -> Asked:
        if key not in self._answers:
            self._answers[key] = ask()
        return self._answers[key]

    # ----------------------------------------------------------------------------------- hooks

    def tracepoint(self, category: str, name: str) -> Asked:
        """Whether tracefs lists it."""
        try:
            found = self._kernel.tracepoint(category, name)
        except KernelError as error:
            return Asked("unknown", error.message)
        except ProbeeError as error:  # no name of a tracepoint, or a format that nobody can read
            return Asked("no", error.message)
        return YES if found else Asked("no", f"it has no tracepoint {category}:{name}")

    def function(self, name: str) -> Asked:
        """Whether kprobes can be put on that function."""
        if not os.path.exists(_KPROBES):
            return Asked("no", "it has no kprobes: it was built without CONFIG_KPROBES")
        symbols = self._kallsyms()
        if not symbols:
            return Asked("unknown", "/proc/kallsyms tells nothing")
        if "*" in name or "?" in name:
            return YES if self._any_symbol(name) else Asked("no", f"no function matches {name}")
        plain = name.partition("+")[0]
        return YES if self._listed(plain, b"tTwW") else Asked("no", f"it has no function {plain}")

    def syscall(self, name: str) -> Asked:
        """Whether kprobes can be put on the function behind that system call."""
        from probee.tables.architectures import by_machine

        try:
            prefix = by_machine(os.uname().machine).syscall_prefix
        except NotSupportedError as error:
            return Asked("unknown", error.message)
        return self.function(prefix + name)

    def symbol(self, name: str) -> Asked:
        """Whether /proc/kallsyms lists that symbol, of whatever kind."""
        if not self._kallsyms():
            return Asked("unknown", "/proc/kallsyms tells nothing")
        return YES if self._listed(name, b"") else Asked("no", f"it has no symbol {name}")

    def user(self, path: str, symbol: str) -> Asked:
        """Whether a file has that symbol, and the kernel uprobes."""
        from probee.introspect.inspect.userfile import has_symbol

        if not os.path.exists(_UPROBES):
            return Asked("no", "it has no uprobes: it was built without CONFIG_UPROBES")
        return has_symbol(path, symbol, os.uname().machine)

    def usdt(self, path: str, provider: str, name: str) -> Asked:
        """Whether a file has that marker, and the kernel uprobes."""
        from probee.introspect.inspect.userfile import has_marker

        if not os.path.exists(_UPROBES):
            return Asked("no", "it has no uprobes: it was built without CONFIG_UPROBES")
        return has_marker(path, provider, name, os.uname().machine)

    def lsm_runs(self) -> Asked:
        """Whether the kernel asks BPF programs among its security modules."""
        try:
            with open("/sys/kernel/security/lsm", encoding="ascii") as file:
                names = file.read().strip().split(",")
        except (OSError, UnicodeDecodeError):
            return Asked("unknown", "securityfs, which lists the active modules, cannot be read")
        if "bpf" in names:
            return YES
        return Asked(
            "no", "bpf is not among its active security modules: start it with lsm=...,bpf"
        )

    # ------------------------------------------------------------------------- trying things out

    def loads(self, type_: int, attach_type: int, type_id: int, flags: int) -> Asked:
        """Whether the kernel takes a program of this type that does nothing, for this hook."""
        key = ("loads", type_, attach_type, type_id, flags)
        return self._once(key, lambda: self._try(type_, attach_type, type_id, flags))

    def _try(self, type_: int, attach_type: int, type_id: int, flags: int) -> Asked:
        from probee.host import bpf
        from probee.host.memlock import with_memlock

        try:
            fd, _ = with_memlock(
                lambda: bpf.prog_load(
                    type_, _NOTHING, "GPL", attach_type=attach_type, attach_btf_id=type_id,
                    flags=flags,
                )
            )  # fmt: skip
        except VerifierError as error:
            return _judged(error.log, type_id)
        except KernelError as error:
            return self._refused(error)
        os.close(fd)
        return YES

    def _refused(self, error: KernelError) -> Asked:
        if error.errno in (_EINVAL, _E2BIG):
            return Asked("no", "it does not know such programs")
        if error.errno == _EPERM and self.may_load():
            return Asked("no", f"it refuses such programs: {error.errno_name}, whatever they do")
        return Asked("unknown", _RIGHTS if error.errno == _EPERM else error.message)

    def may_load(self) -> bool:
        """Whether this process may load tracing programs at all."""
        if self._may is None:
            from probee.host import bpf
            from probee.host.memlock import with_memlock
            from probee.uapi.bpf import BPF_PROG_TYPE_RAW_TRACEPOINT

            try:
                fd, _ = with_memlock(
                    lambda: bpf.prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, _NOTHING, "GPL")
                )
            except (KernelError, VerifierError):
                self._may = False
            else:
                os.close(fd)
                self._may = True
        return self._may

    def helper(self, program_type: int, number: int) -> Asked:
        """Whether programs of this type may call that helper."""
        return self._once(("helper", program_type, number), lambda: _helper(program_type, number))

    def map_type(self, row: MapType) -> Asked:
        """Whether it makes maps of this type."""
        return self._once(("map", row.number), lambda: self._map_type(row))

    def _map_type(self, row: MapType) -> Asked:
        from probee.host.probes import probe_map_type

        found = probe_map_type(row)
        if found is None and row.name in _BY_HELPER:
            number, type_ = _BY_HELPER[row.name]
            return self.helper(type_, number)
        if found is None:
            why = "it cannot be told without making a whole one" if self.may_load() else _RIGHTS
            return Asked("unknown", why)
        return YES if found else Asked("no", f"it has no {row.name} maps")

    # ----------------------------------------------------------------------------- /proc and /boot

    def config(self, name: str) -> tuple[str, str]:
        """Of a CONFIG_ name: its value ('' where it is not set), and why it is not known, or ''."""
        if self._config is None:
            from probee.introspect.inspect.config import read_config

            self._config = read_config(os.uname().release)
        values, why = self._config
        return values.get(name, ""), why

    def _kallsyms(self) -> bytes:
        if self._symbols is None:
            try:
                with open("/proc/kallsyms", "rb") as file:
                    self._symbols = file.read()
            except OSError:
                self._symbols = b""
        return self._symbols

    def _listed(self, name: str, kinds: bytes) -> bool:
        """Whether a line of kallsyms has that name; `kinds` are letters, b"" for all."""
        symbols, wanted = self._kallsyms(), name.encode("utf-8", "surrogateescape")
        if not wanted or not wanted.isascii() or any(c <= 32 for c in wanted):
            return False
        for end in (b"\n", b"\t"):
            at = symbols.find(b" " + wanted + end)
            while at >= 0:
                if not kinds or symbols[at - 1] in kinds:
                    return True
                at = symbols.find(b" " + wanted + end, at + 1)
        return False

    def _any_symbol(self, pattern: str) -> bool:
        from fnmatch import fnmatchcase

        return any(
            line[17:18] in b"tTwW" and fnmatchcase(line[19:].partition(b"\t")[0].decode(), pattern)
            for line in self._kallsyms().splitlines()
        )


# Maps that need BTF or other maps, and a helper that came with each and is for nothing else.
_BY_HELPER = {
    "sk_storage": (107, 3), "inode_storage": (145, 29), "task_storage": (156, 29),
    "cgrp_storage": (210, 29),
}  # fmt: skip


def _judged(log: str, type_id: int) -> Asked:
    """What the verifier's log says of the hook, or of sleeping there.

    The verifier comes after the types of program and hook were looked at; so where nothing else was
    in question, or only the result of our two instructions is not to its liking, they are known.
    """
    lines = log.strip().splitlines()
    about_sleep = next((line for line in lines if "sleepable" in line), "")
    if about_sleep:
        return Asked("no", about_sleep)
    if not type_id or "R0" in log:
        return YES
    said = [line for line in lines if not line[:1].isdigit() and not line.startswith(_TALK)]
    return Asked("no", said[0] if said else "the verifier refuses it")


def _helper(program_type: int, number: int) -> Asked:
    from probee.host.features import Features

    found = Features().helper(program_type, number)
    if found is None:
        return Asked("unknown", _RIGHTS)
    return YES if found else Asked("no")
