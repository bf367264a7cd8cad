"""A Session: programs compiled or found in the cache, loaded, attached, and what is live of them.

In: program declarations, values for their constants, sizes for their maps. Out: `session[x]`, the
live object of a declaration. Declarations stay passive, so two sessions of one program may run side
by side, each with maps of its own.

    with Session(exit_openat, consts={only: pid}) as session:
        while session[opens].wait():
            for e in session[opens].drain():
                print(e.pid, e.path)

Process manners:
- A Session belongs to the process that made it. After a fork the child's copies of all descriptors
  and mappings are closed at once; using the Session there is a UsageError, closing it is harmless.
- It is for one thread at a time. Different live objects may be used by different threads at once,
  if none of them closes the Session meanwhile.
- It installs no signal handlers and leaves nothing pinned: when the process ends, all of it ends.
"""

from __future__ import annotations

import os
from sys import byteorder
from time import time_ns

from probee.errors import ProbeeError, RelocationError, UsageError
from probee.lang.programs import Program
from probee.lang.variables import Const
from probee.runtime.live import Life, LiveObjects
from probee.runtime.lookup import Lookup
from probee.runtime.settings import checked_license, license_of, named_consts, named_sizes
from probee.spec.target import Target
from probee.spec.types import Int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self, TypeVar

    from probee.host.facts import RunningKernel
    from probee.lang.capture import Capture
    from probee.lang.maps import MapDeclaration
    from probee.lang.names import Names
    from probee.runtime.known import Known
    from probee.runtime.links import Links
    from probee.runtime.loader import Loaded
    from probee.runtime.losses import Loss
    from probee.runtime.reuse import KeysOf
    from probee.spec.debug import DebugInfo
    from probee.spec.programs import CollectionSpec
    from probee.spec.target import KernelFacts

    M = TypeVar("M", bound=MapDeclaration)  # a dict's keys are of one type, no less and no more
    R = TypeVar("R", bound=MapDeclaration)

_STARTED = time_ns()  # what of the compiler is written later is not what this process runs


class Session(Lookup):
    """One run of some programs. Keep it for as long as what it gives is used: it closes with it.

    `consts`: values of `Const` declarations, which are written into the code at load (bools and all
    others are folded into it when it is compiled). `map_sizes`: entries of a map, or of
    a ring its bytes, also as "8M". `reuse`: for a map one that is there already, by its descriptor
    or where it is pinned (see reuse.py). `license`: in place of the `LICENSE` in the programs'
    module, which is "Dual MIT/GPL" if there is none. `cache=False`: compile in any case. `target`,
    `facts`: what to compile for and against in place of this machine; with `facts` the cache is not
    used. `world`: what is known of these programs, in place of a capture; see known.py.

    `problems`: sentences on why the cache could not be used, for `--verbose`.
    """

    def __init__(
        self,
        *programs: Program,
        consts: Mapping[Const[Any], object] | None = None,
        map_sizes: Mapping[M, int | str] | None = None,
        reuse: Mapping[R, int | str | KeysOf] | None = None,
        license: str | None = None,
        cache: bool = True,
        target: Target | None = None,
        facts: KernelFacts | None = None,
        world: Known | None = None,
    ) -> None:
        self._loaded: Loaded | None = None
        self._links: Links | None = None
        self._live: LiveObjects | None = None
        self._life = Life()
        if not programs or not all(isinstance(program, Program) for program in programs):
            raise UsageError(
                "a Session wants the programs that it is to run",
                hint="Session(f, g), where f and g are functions under @tracepoint or its kin",
            )
        self._programs = programs
        self._known = world
        self._full: Capture | None = None
        self._capture: Names = world or self._captured()
        self._consts = named_consts(self._capture, consts or {})
        self._map_sizes = named_sizes(self._capture, map_sizes or {})
        self._reuse: dict[str, int | str | KeysOf] = {}
        if reuse:
            from probee.runtime.reuse import named_maps

            self._reuse = named_maps(self._capture, reuse, self._map_sizes)
        self.license = license_of(programs) if license is None else checked_license(license)
        self._cache = cache and facts is None
        self._target = target
        self._facts = facts
        self._spec: CollectionSpec | None = None
        self._cached = False
        self._sure = True  # that what was compiled is what its key says
        self.problems: list[str] = []

    @property
    def spec(self) -> CollectionSpec:
        """The compiled programs, from the cache if they are there. Raises CompileError."""
        if self._spec is None:
            from probee.host.facts import RunningKernel

            with RunningKernel() as kernel:
                self._spec = self._obtain(kernel)
        return self._spec

    def load(self, kernel: RunningKernel | None = None) -> Self:
        """Makes the maps and loads the programs, attaching none. Does nothing the second time.

        `kernel`: what is asked about this machine; given to `attach` too, what it has read is not
        read twice. Without one it is opened for the call.
        Raises CompileError, RelocationError, VerifierError, NotSupportedError, KernelError.
        """
        self._life.check()
        if self._loaded is None:
            if kernel is None:
                from probee.host.facts import RunningKernel

                with RunningKernel() as opened:
                    self._load(opened)
            else:
                self._load(kernel)
        return self

    def attach(self, kernel: RunningKernel | None = None) -> Self:
        """Attaches the programs to their hooks, loading them first; all or none.

        `kernel` as of `load`.
        """
        self._life.check()
        if self._links is None:
            from probee.runtime.links import attach

            if kernel is None:
                from probee.host.facts import RunningKernel

                with RunningKernel() as opened:
                    self._links = attach(self._loaded or self._load(opened), opened)
            else:
                self._links = attach(self._loaded or self._load(kernel), kernel)
        return self

    def detach(self) -> None:
        """Takes the programs off their hooks; returns when none can be hit any more.

        Maps and rings stay: what is drained and counted now is complete.
        """
        self._life.check()
        links, self._links = self._links, None
        if links is not None:
            links.close()

    def close(self) -> None:
        """Detaches and gives everything back to the kernel. Harmless twice, and in a child."""
        self._life.open = False
        links, self._links = self._links, None
        live, self._live = self._live, None
        loaded, self._loaded = self._loaded, None
        try:
            if links is not None:
                links.close()
        finally:
            try:
                if live is not None:
                    live.close()
            finally:
                if loaded is not None:
                    loaded.close()

    def __enter__(self) -> Self:
        try:
            return self.attach()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_life"):  # not if it could not even be made
            self.close()

    def _of(self, declaration: object) -> object:
        """What `session[declaration]` gives: the same object each time."""
        self._life.check()
        if self._live is None:
            raise UsageError(
                "this Session is not loaded", hint="use it in a `with`, or call load() first"
            )
        return self._live.of(declaration)

    def losses(self) -> list[Loss]:
        """What was lost since the load, one row for each counter that is not zero.

        Complete after `detach()` and a last drain: rows drained + records lost = events.
        """
        self._life.check()
        if self._loaded is None or self._live is None:
            return []
        from probee.runtime.losses import counted, skipped

        counters = self._loaded.spec.counters
        sections = {name: self._live.section(name) for name in {c.section for c in counters}}
        rows = counted(counters, sections)
        misses = [skipped(program) for program in self._loaded.programs.values()]
        return rows + [loss for loss in misses if loss is not None]

    def _obtain(self, kernel: RunningKernel, *, refresh: bool = False) -> CollectionSpec:
        """From the cache, else from the compiler; `refresh`: compiled in any case, and kept."""
        key = self._key() if self._cache else None
        if key is None:
            return self._compile(kernel)[0]
        from probee.runtime.cache import CompileCache

        store = CompileCache()
        spec = None if refresh else store.find(key)
        self._cached = spec is not None
        if spec is None and self._known is not None:
            self._captured()
            spec = self._obtain(kernel, refresh=refresh)
            if self._sure:
                store.keep(key, spec)
        elif spec is None:
            spec, doubt = self._compile(kernel)
            if spec.asks_kernel:
                from probee.runtime.core import resolved

                spec = resolved(spec, kernel)  # kept with it, so that a warm start need not ask
            self._sure = not doubt
            if doubt:
                self.problems.append(f"what was compiled is not kept: {doubt}")
            else:
                store.keep(key, spec)
        self.problems += store.problems
        return spec

    def _key(self) -> str | None:
        from probee.host.identity import kernel_identity
        from probee.runtime.cache import file_rows, fingerprint, spec_key

        if self._known is not None:
            compiler = self._known.files
        else:
            rows = file_rows()
            compiler = b"" if rows is None else fingerprint(rows)
        if not compiler or not self._capture.whole:
            files = "a function of these programs" if compiler else "probee"
            self.problems.append(f"nothing is cached: {files} does not lie in plain files")
            return None
        kernel = kernel_identity().encode()
        identity = self._capture.identity
        consts = (*self._consts, *self._switches().items())
        # Which instructions this machine takes follows from its kernel, and is not asked here.
        target = self._target or _this_machine(isa=0)
        return spec_key(identity, consts, target, self.license, kernel, compiler)

    def _captured(self) -> Capture:
        """The programs with all that they name, where a `Known` has only the same names."""
        if self._full is None:
            from probee.lang.capture import capture

            self._known, self._full = None, capture(self._programs)
            self._capture = self._full
        return self._full

    def _declared(self) -> dict[str, int | bytes]:
        """Consts that nobody sets: folded into the code at their declared values."""
        return {
            name: declaration.identity()[2]
            for name, declaration in self._capture.declarations.items()
            if isinstance(declaration, Const) and name not in self._consts
        }

    def _switches(self) -> dict[str, int | bytes]:
        """Bool consts that are set: folded too, a compilation for each setting.

        Other constants that are set are written into the code when it is loaded, so that another
        value needs no new compilation.
        """
        switches = {}
        for name, value in self._consts.items():
            type_ = self._capture.declarations[name].identity()[1]
            if isinstance(type_, Int) and type_.boolean:
                switches[name] = value
        return switches

    def _names(self, kernel: RunningKernel, program: str) -> DebugInfo | None:
        """The source's words behind code that the kernel refused: compiled anew, if it can be."""
        debug: dict[str, DebugInfo] = {}
        try:
            self._compile(kernel, debug)
        except ProbeeError:
            return None
        return debug.get(program)

    def _compile(
        self, kernel: RunningKernel, debug: dict[str, DebugInfo] | None = None
    ) -> tuple[CollectionSpec, str]:
        """The spec, and why it may be another one than its key says, or ""."""
        from probee.compiler.pipeline import compile_programs
        from probee.lang.capture import capture
        from probee.runtime.cache import changed, file_rows

        world = self._captured()
        target, doubt = self._target, ""
        if target is None:
            from probee.host.features import Features

            newest = Features().ask("isa_v4")
            target = _this_machine(isa=4 if newest else 3)
            if newest is None:
                doubt = "the kernel did not tell which instructions it takes"
        spec = compile_programs(
            world,
            target=target,
            facts=kernel if self._facts is None else self._facts,
            frozen={**self._declared(), **self._switches()},
            patched=True,
            license_=self.license,
            debug=debug,
        )
        if capture(self._programs).identity != world.identity:
            doubt = "its source, or what it names, was changed meanwhile"
        elif changed(file_rows() or (), _STARTED):
            doubt = "the compiler's files were changed since this process began"
        return spec, doubt

    def _load(self, kernel: RunningKernel) -> Loaded:
        try:
            self._loaded = self._load_spec(kernel)
        except RelocationError:
            if not self._cached:
                raise
            # A tracepoint's module was exchanged since: what is in the cache is out of date.
            self._spec = self._obtain(kernel, refresh=True)
            self._loaded = self._load_spec(kernel)
        self._live = LiveObjects(self._capture, self._consts, self._loaded, self._life)
        return self._loaded

    def _load_spec(self, kernel: RunningKernel) -> Loaded:
        from probee.runtime.loader import load

        if self._spec is None:
            self._spec = self._obtain(kernel)
        known = {variable.name for variable in self._spec.variables}
        made = {map_.name for map_ in self._spec.maps}
        return load(
            self._spec,
            {name: value for name, value in self._consts.items() if name in known},
            {name: size for name, size in self._map_sizes.items() if name in made},
            kernel=kernel,
            debug=lambda program: self._names(kernel, program),
            reuse={name: given for name, given in self._reuse.items() if name in made},
        )


def _this_machine(isa: int) -> Target:
    return Target(arch=os.uname().machine, isa=isa, endian=byteorder)
