"""Names for the numbers that links tell: each found when it is first asked for, and kept.

In: the running kernel. Out: text; where nothing has a name, the number in words. Nothing is raised:
a name that cannot be had is no reason to show nothing.
"""

from __future__ import annotations

import os
from os import close

from probee.errors import FormatError, KernelError, NotSupportedError, ProbeeError
from probee.host.info import BTF, MAP, PROGRAM, name_in, read
from probee.introspect.loaded.reach import opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable
    from probee.host.cgroups import CgroupTree
    from probee.host.elfsymbols import ElfSymbols
    from probee.host.kallsyms import Kallsyms
    from probee.introspect.loaded.types import Types

# include/uapi/linux/perf_event.h, by the words of `perf list`
_EVENTS = {
    0: ("cycles", "instructions", "cache-references", "cache-misses", "branches", "branch-misses",
        "bus-cycles", "stalled-cycles-frontend", "stalled-cycles-backend", "ref-cycles"),
    1: ("cpu-clock", "task-clock", "page-faults", "context-switches", "cpu-migrations",
        "minor-faults", "major-faults", "alignment-faults", "emulation-faults", "dummy",
        "bpf-output", "cgroup-switches"),
}  # fmt: skip


class Names:
    """The names that were asked for. `close()` closes what was opened for it."""

    __slots__ = (
        "_cgroups", "_events", "_files", "_kernel", "_maps", "_no_cgroups", "_symbols", "types",
    )  # fmt: skip

    def __init__(self, types: Types) -> None:
        self.types = types
        self._events: dict[str, list[str]] | None = None
        self._kernel: TypeTable | bool | None = False
        self._symbols: Kallsyms | None = None
        self._cgroups: CgroupTree | None = None
        self._no_cgroups = False
        self._files: dict[str, ElfSymbols | None] = {}
        self._maps: dict[int, str] = {}

    def close(self) -> None:
        """Closes what was opened."""
        if self._cgroups is not None:
            self._cgroups.close()
            self._cgroups = None

    def tracepoint(self, name: str) -> str:
        """`syscalls:sys_enter_openat`; without the category where several have such a one."""
        if self._events is None:
            self._events = _events()
        found = self._events.get(name, [])
        return f"{found[0]}:{name}" if len(found) == 1 else name

    def function(self, address: int) -> str:
        """The kernel's function at an address."""
        from probee.host.kallsyms import Kallsyms

        if self._symbols is None:
            self._symbols = Kallsyms()
        try:
            found = self._symbols.find(address)
        except KernelError:
            found = None
        if found is None:
            return hex(address) if address else "a function"
        return f"{found.name}+{found.offset}" if found.offset else found.name

    def target(self, program: int, object: int, type: int) -> str:
        """What a tracing program is attached to: `object` is a BTF object, or another program."""
        attached = _attach_object(program)[0] or object  # before Linux 5.17 nobody says
        if _is_kernel(attached):
            return self.type(attached, type) or f"type {type}"
        return self._function_of(object, type)

    @staticmethod
    def is_typed(program: int) -> bool:
        """Whether a program was loaded for something that BTF names."""
        return _attach_object(program)[1] != 0

    def attach_target(self, program: int) -> str:
        """What a program was loaded for, by its BTF id: a function of the kernel, a struct."""
        object, type = _attach_object(program)
        return self.type(object, type) if type else ""

    def type(self, object: int, type: int) -> str:
        """The name of a type of a BTF object of the kernel."""
        about = _btf(object)
        if about is None:
            return ""
        name, of_kernel = about
        if not of_kernel:
            types = self.types.of(object)
            return types.name(type) if types is not None and 0 < type <= len(types) else ""
        if name != "vmlinux":
            return f"a function of module {name}"
        kernel = self._kernel_types()
        return kernel.name(type) if kernel is not None and 0 < type <= len(kernel) else ""

    def _kernel_types(self) -> TypeTable | None:
        from probee.host.btf import open_kernel_btf

        if isinstance(self._kernel, bool):
            try:
                self._kernel = open_kernel_btf()
            except (NotSupportedError, FormatError):
                self._kernel = None
        return self._kernel

    def _function_of(self, program: int, type: int) -> str:
        """`count in program 12 (xdp_main)`."""
        found = _opened("PROG", program)
        if found is None:
            return f"program {program}"
        try:
            info, buffer = read(found, PROGRAM)
            types = self.types.of(info["btf_id"]) if info["btf_id"] else None
            name = self.types.program_name(found, info, buffer)
        except KernelError:
            return f"program {program}"
        finally:
            close(found)
        inside = types.name(type) if types is not None and 0 < type <= len(types) else ""
        where = f"program {program} ({name})" if name else f"program {program}"
        return f"{inside} in {where}" if inside and inside != name else where

    def map(self, id: int) -> str:
        """The name of a map."""
        if id not in self._maps:
            self._maps[id] = _map_name(id)
        return self._maps[id]

    def cgroup(self, id: int) -> str:
        """The path of a cgroup, as /proc/PID/cgroup has it."""
        from probee.host.cgroups import CgroupTree

        if self._cgroups is None and not self._no_cgroups:
            try:
                self._cgroups = CgroupTree()
            except ProbeeError:
                self._no_cgroups = True
        path = self._cgroups.path_of(id) if self._cgroups is not None else None
        return path if path is not None else f"number {id}"

    @staticmethod
    def network(inode: int) -> str:
        """A network namespace."""
        try:
            own = os.stat("/proc/self/ns/net").st_ino
        except OSError:
            own = 0
        return "in this network namespace" if inode == own else f"in network namespace {inode}"

    def user(self, path: str, offset: int) -> str:
        """The function at `offset` bytes into a file; "" where nobody knows."""
        if path not in self._files:
            self._files[path] = _symbols(path)
        symbols = self._files[path]
        found = symbols.find(offset) if symbols is not None else None
        if found is None:
            return ""
        name = found[0].decode("utf-8", "surrogateescape")
        return f"{name}+{found[1]}" if found[1] else name

    @staticmethod
    def event(type: int, config: int) -> str:
        """A perf event in the words of `perf list`."""
        names = _EVENTS.get(type, ())
        if config < len(names):
            return names[config]
        return f"r{config:x}" if type == 4 else f"{_source(type)} config {config:#x}"


def _source(type: int) -> str:
    """What counts events of a type that is none of the fixed ones: `msr`, `uprobe`."""
    try:
        for entry in os.scandir("/sys/bus/event_source/devices"):
            with open(f"{entry.path}/type", "rb") as file:
                if file.read(16).strip() == str(type).encode():
                    return entry.name
    except OSError:
        pass
    return f"type {type}"


def _events() -> dict[str, list[str]]:
    """Categories by the names of tracepoints."""
    from probee.host.tracefs import Tracefs

    found: dict[str, list[str]] = {}
    try:
        with Tracefs() as tracefs:
            for category in tracefs.events():
                for name in tracefs.events(category):
                    found.setdefault(name, []).append(category)
    except ProbeeError:
        pass
    return found


def _opened(kind: str, id: int) -> int | None:
    try:
        return opened(kind, id)
    except KernelError:
        return None


def _attach_object(program: int) -> tuple[int, int]:
    fd = _opened("PROG", program)
    if fd is None:
        return 0, 0
    try:
        info, _ = read(fd, PROGRAM)
    except KernelError:
        return 0, 0
    finally:
        close(fd)
    return info["attach_btf_obj_id"], info["attach_btf_id"]


def _is_kernel(object: int) -> bool:
    """Whether a BTF object with this id is the kernel's own, or a module's."""
    about = _btf(object)
    return about is not None and about[1]


def _btf(id: int) -> tuple[str, bool] | None:
    """The name of a BTF object, and whether it is the kernel's or a module's; None: gone."""
    fd = _opened("BTF", id) if id else None
    if fd is None:
        return None
    name = bytearray(64)
    try:
        info, _ = read(fd, BTF, name=name, name_len=len(name))
    except KernelError:
        return None
    finally:
        close(fd)
    return name.partition(b"\0")[0].decode("ascii", "replace"), bool(info["kernel_btf"])


def _map_name(id: int) -> str:
    fd = _opened("MAP", id)
    if fd is None:
        return f"map {id}"
    try:
        name = name_in(read(fd, MAP)[1], MAP).decode("utf-8", "surrogateescape")
    except KernelError:
        return f"map {id}"
    finally:
        close(fd)
    return name or f"map {id}"


def _symbols(path: str) -> ElfSymbols | None:
    from probee.host.elfsymbols import ElfSymbols, available

    if not available():
        return None
    try:
        with open(path, "rb") as file:
            return ElfSymbols(file, path)
    except OSError:
        return None
