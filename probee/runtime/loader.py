"""From a CollectionSpec to live maps and programs.

In: a spec, values for its constants, sizes for its maps. Out: `Loaded`, which owns every descriptor
and closes each once. In order: the tracepoints' formats are held against what the code was compiled
for, BTF is loaded, maps are made and data sections filled, the maps' descriptors are written into
the code, programs are loaded. Whatever fails, nothing of it stays in the kernel.

The sections (`.rodata`, `.data`, `.bss`) are arrays of one element. A frozen one is closed to
programs and system calls alike, so the verifier knows its values and drops branches never taken.
"""

from __future__ import annotations

from sys import byteorder

from probee.errors import KernelError, NotSupportedError, UsageError, VerifierError
from probee.host import bpf
from probee.host.facts import RunningKernel
from probee.host.memlock import with_memlock
from probee.runtime.descriptors import Descriptors
from probee.runtime.prepare import (
    check_arguments,
    check_context,
    kernel_name,
    patched,
    ring_size,
    section_contents,
)
from probee.runtime.programs import Program
from probee.uapi import bpf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from probee.runtime.reuse import KeysOf
    from probee.spec.debug import DebugInfo
    from probee.spec.programs import CollectionSpec, MapSpec, ProgramSpec

_EINVAL = 22
_EPERM = 1
_RINGS = (uapi.BPF_MAP_TYPE_RINGBUF, uapi.BPF_MAP_TYPE_USER_RINGBUF)
_FIRST = bytes(4)  # the key of a section's only element


class LoadedMap:
    """A map in the kernel. `max_entries`, `flags`: as it was created, not as the spec asked; of a
    perf event array the bytes of each CPU's buffer.

    It belongs to its collection: `fd` raises UsageError once that is closed.
    """

    __slots__ = ("_fd", "_owner", "flags", "max_entries", "name", "spec")

    def __init__(
        self, spec: MapSpec, fd: int, owner: Descriptors, max_entries: int, flags: int
    ) -> None:
        self.name, self.spec = spec.name, spec
        self.max_entries, self.flags = max_entries, flags
        self._fd, self._owner = fd, owner

    @property
    def fd(self) -> int:
        """The map's descriptor, which stays the collection's."""
        return self._owner.demand(self._fd)

    def __repr__(self) -> str:
        return f"<LoadedMap {self.name} fd {self._fd}>"


class Loaded:
    """What was loaded, by the names in the spec. Close it, or use it in a `with`.

    Only the process that loaded it has it: a forked child's copies are closed at the fork.
    """

    __slots__ = ("maps", "owner", "programs", "spec")

    def __init__(self, spec: CollectionSpec, owner: Descriptors) -> None:
        self.spec, self.owner = spec, owner
        self.maps: dict[str, LoadedMap] = {}
        self.programs: dict[str, Program] = {}

    def close(self) -> None:
        """Closes programs and maps; attached ones live on until their links are closed."""
        self.owner.close_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load(
    spec: CollectionSpec,
    consts: Mapping[str, int | bytes] | None = None,
    map_sizes: Mapping[str, int] | None = None,
    *,
    kernel: RunningKernel | None = None,
    log_level: int = 0,
    debug: Callable[[str], DebugInfo | None] | None = None,
    reuse: Mapping[str, int | str | KeysOf] | None = None,
) -> Loaded:
    """Loads everything in `spec`.

    `consts`: values by variable name, numbers or whole bytes. `map_sizes`: `max_entries` by map
    name. `reuse`: maps that are there already, by map name. `kernel`: what is asked for formats and
    type ids; without it one is opened for the call.
    `debug` is asked for a program that was refused, by its name, so that the error has the words of
    the source.
    Raises RelocationError where the kernel's tracepoints differ from those compiled against,
    VerifierError, KernelError, NotSupportedError, UsageError for unknown names or values.
    """
    if kernel is None:
        with RunningKernel() as opened:
            return load(
                spec, consts, map_sizes,
                kernel=opened, log_level=log_level, debug=debug, reuse=reuse,
            )  # fmt: skip
    with Descriptors() as owner:
        loading = _Loading(spec, kernel, owner, log_level)
        loading.debug, loading.reuse = debug, reuse or {}
        return loading.run(consts or {}, map_sizes or {})


class _Loading:
    """One load: what its steps share."""

    def __init__(
        self, spec: CollectionSpec, kernel: RunningKernel, owner: Descriptors, log_level: int
    ) -> None:
        self.spec, self.kernel, self.owner, self.log_level = spec, kernel, owner, log_level
        self.result = Loaded(spec, owner)
        self.debug: Callable[[str], DebugInfo | None] | None = None
        self.reuse: Mapping[str, int | str | KeysOf] = {}
        self.btf_fd = 0
        self.functions = True  # whether func_info and line_info can go along

    def run(self, consts: Mapping[str, int | bytes], sizes: Mapping[str, int]) -> Loaded:
        """All steps, in their order."""
        if self.spec.endian != byteorder:
            raise UsageError(f"these programs are {self.spec.endian}-endian; the machine is not")
        for name in (*sizes, *self.reuse):
            if all(name != m.name for m in self.spec.maps):
                raise UsageError(f"the programs have no map {name!r}")
        if self.spec.asks_kernel:
            from probee.runtime.core import resolved

            self.spec = resolved(self.spec, self.kernel)
        contents = section_contents(self.spec, consts)
        for program in self.spec.programs:
            self._check(program)
        if self.spec.btf:
            self._load_btf()
        for map_spec in self.spec.maps:
            if map_spec.name in self.reuse:
                self.result.maps[map_spec.name] = self._reused(map_spec)
                continue
            section = contents.get(map_spec.name)
            loaded = self._create(
                map_spec, sizes.get(map_spec.name), is_section=section is not None
            )
            self.result.maps[map_spec.name] = loaded
            if section is not None:
                self._fill(loaded, bytes(section))
        fds = {name: loaded.fd for name, loaded in self.result.maps.items()}
        numbers = {name: value for name, value in consts.items() if isinstance(value, int)}
        for program in self.spec.programs:
            code = patched(program, fds, numbers, self.spec.endian)
            if program.core:
                from probee.relocate.patch import patched_core

                code = patched_core(program, code, self.spec.endian)
            fd = self.owner.own(self._load(program, code))
            self.result.programs[program.name] = Program(program, fd, self.owner)
        return self.result

    def _check(self, program: ProgramSpec) -> None:
        for hook in program.attach if program.context else ():
            if hook.kind == "tracepoint":
                category, _, name = hook.target.partition(":")
                check_context(program, self.kernel.tracefs.demand(category, name))
            else:
                arguments = self.kernel.raw_tracepoint(hook.target) or ()
                check_arguments(program, hook.target, arguments)

    def _load_btf(self) -> None:
        """BTF as it is, else in what this kernel takes, else not at all: nothing depends on it."""
        try:
            self.btf_fd = self.owner.own(with_memlock(lambda: bpf.btf_load(self.spec.btf)))
            return
        except KernelError as error:
            if error.errno == _EPERM:
                raise
            first: KernelError | VerifierError = error
        except VerifierError as error:
            first = error
        from probee.btf.lower import lower
        from probee.host.features import Features

        features = Features().btf()
        self.functions = features.func
        lowered = lower(self.spec.btf, features)
        if lowered == self.spec.btf and isinstance(first, VerifierError):
            raise first
        try:
            self.btf_fd = self.owner.own(bpf.btf_load(lowered))
        except KernelError as error:
            if error.errno != _EINVAL:
                raise
            self.functions = False  # a kernel before 4.18, which knows no BTF

    def _reused(self, spec: MapSpec) -> LoadedMap:
        from probee.runtime.reuse import taken

        real, fd, flags = taken(spec, self.reuse[spec.name])
        return LoadedMap(real, self.owner.own(fd), self.owner, real.max_entries, flags)

    def _create(self, spec: MapSpec, size: int | None, *, is_section: bool) -> LoadedMap:
        entries = spec.max_entries if size is None else size
        entries = ring_size(entries) if spec.type in _RINGS else entries
        created = entries
        if spec.type == uapi.BPF_MAP_TYPE_PERF_EVENT_ARRAY:  # its entries are bytes of each buffer
            entries = ring_size(entries)
            from probee.runtime.cpus import possible_cpus

            created = possible_cpus()
        flags = spec.flags
        if is_section and spec.type == uapi.BPF_MAP_TYPE_ARRAY:
            flags |= uapi.BPF_F_RDONLY_PROG if spec.frozen else uapi.BPF_F_MMAPABLE
        fd, flags = self._create_as_able(spec, created, flags)
        return LoadedMap(spec, self.owner.own(fd), self.owner, entries, flags)

    def _create_as_able(self, spec: MapSpec, entries: int, flags: int) -> tuple[int, int]:
        """A map with its types, else without: not each kernel takes them for each type of map.

        Without BPF_F_MMAPABLE where the kernel has none (before 5.5), which the flags then tell.
        """
        typed = bool(self.btf_fd and (spec.key_btf or spec.value_btf))
        ways = [(typed, flags)]
        ways += [(False, flags)] if typed else []
        if flags & uapi.BPF_F_MMAPABLE and not spec.flags & uapi.BPF_F_MMAPABLE:
            ways += [(way, flags & ~uapi.BPF_F_MMAPABLE) for way, _ in ways]
        for number, (with_types, some) in enumerate(ways, 1):
            try:
                return self._map(spec, entries, some, with_types), some
            except KernelError as error:
                if number == len(ways) or error.errno == _EPERM:
                    self._demand_type(spec, error)
                    raise
        raise AssertionError("there is at least one way")

    def _demand_type(self, spec: MapSpec, error: KernelError) -> None:
        """NotSupportedError if it is the type of map that the kernel does not know."""
        from probee.host.probes import probe_map_type
        from probee.tables.maps import by_number

        row = by_number(spec.type)
        if error.errno == _EINVAL and row is not None and probe_map_type(row) is False:
            raise NotSupportedError(
                f"map {spec.name}: maps of type {row.name}",
                since=f"Linux {row.since}",
                hint="declare a map of another type",
            ) from error

    def _map(self, spec: MapSpec, entries: int, flags: int, with_types: bool) -> int:
        return with_memlock(
            lambda: bpf.map_create(
                spec.type,
                spec.key_size,
                spec.value_size,
                entries,
                flags=flags,
                extra=spec.extra,
                name=kernel_name(spec.name),
                btf_fd=self.btf_fd if with_types else 0,
                key_btf=spec.key_btf if with_types else 0,
                value_btf=spec.value_btf if with_types else 0,
            )
        )

    def _fill(self, loaded: LoadedMap, contents: bytes) -> None:
        if len(contents) != loaded.spec.value_size:
            raise UsageError(
                f"section {loaded.name} holds {loaded.spec.value_size} bytes, not {len(contents)}"
            )
        if any(contents):
            copies = 1
            if loaded.spec.type == uapi.BPF_MAP_TYPE_PERCPU_ARRAY:
                from probee.runtime.cpus import possible_cpus

                copies = possible_cpus()
            bpf.map_update(loaded.fd, _FIRST, contents * copies)
        if loaded.spec.frozen:
            bpf.map_freeze(loaded.fd)

    def _load(self, program: ProgramSpec, code: bytes) -> int:
        lines = bool(self.btf_fd and self.functions)
        attach_btf_id = self._attach_btf_id(program)
        try:
            fd, _ = with_memlock(
                lambda: bpf.prog_load(
                    program.type,
                    code,
                    self.spec.license,
                    name=kernel_name(program.name),
                    attach_type=program.attach_type,
                    attach_btf_id=attach_btf_id,
                    flags=program.flags,
                    btf_fd=self.btf_fd if lines else 0,
                    func_info=program.func_info if lines else b"",
                    line_info=program.line_info if lines else b"",
                    log_level=self.log_level,
                )
            )
        except VerifierError as error:
            if program.core:
                from probee.runtime.core import check_reached

                check_reached(self.spec, program, error.log, self.kernel)
            from probee.runtime.lacking import demand_helper
            from probee.runtime.verifier import explain

            demand_helper(error.log, program, self.spec.btf)

            debug = self.debug(program.name) if self.debug is not None else None
            raise explain(error.log, program, self.spec.btf, error.message, debug) from error
        return fd

    def _attach_btf_id(self, program: ProgramSpec) -> int:
        hooks = [hook for hook in program.attach if hook.kind == "tp_btf"]
        if not hooks:
            return 0
        if len(program.attach) > 1:
            raise NotSupportedError(
                f"{program.name} on several hooks: a tp_btf program is loaded for one",
                hint="write a program for each",
            )
        return self.kernel.attach_btf_id(hooks[0].target)
