"""`session[declaration]`: which live object belongs to which declaration, for type checkers.

In: a declaration. Out: its live object. What is done at run time stands in live.py.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar, overload

    from probee.lang.counters import Counter
    from probee.lang.hist import Hist
    from probee.lang.maps import (
        Array,
        Hash,
        LruHash,
        PerCpuArray,
        RingBuf,
    )
    from probee.lang.percpu import LruPerCpuHash, PerCpuHash
    from probee.lang.perf import PerfEventArray
    from probee.lang.programs import Program
    from probee.lang.queues import BloomFilter, Queue
    from probee.lang.stacks import StackTrace
    from probee.lang.tries import LpmTrie
    from probee.lang.types import Struct
    from probee.lang.variables import Const, Global, PerCpuGlobal
    from probee.runtime import programs
    from probee.runtime.arrays import LiveArray, LivePerCpuArray
    from probee.runtime.counters import LiveCounter
    from probee.runtime.hist import LiveHist, LiveHistMap
    from probee.runtime.maps import LiveHash, LiveTrie
    from probee.runtime.perf import LivePerf
    from probee.runtime.queues import LiveBloomFilter, LiveQueue
    from probee.runtime.ring import LiveRing
    from probee.runtime.stacks import LiveStacks
    from probee.runtime.variables import LiveConst, LiveGlobal, LivePerCpuGlobal

    K = TypeVar("K")
    V = TypeVar("V")
    T = TypeVar("T")
    R = TypeVar("R", bound=Struct)


class Lookup:
    """What a Session looks up. Of two declarations the more special one stands first."""

    def _of(self, declaration: object) -> object:
        raise NotImplementedError

    if TYPE_CHECKING:

        @overload  # first: to type checkers a Const fits every parameter
        def __getitem__(self, declaration: Const[T]) -> LiveConst[T]: ...
        @overload
        def __getitem__(self, declaration: RingBuf[R]) -> LiveRing[R]: ...
        @overload  # a per-CPU map is declared like the other, and is another thing when live
        def __getitem__(
            self, declaration: PerCpuHash[K, V] | LruPerCpuHash[K, V]
        ) -> LiveHash[K, list[V]]: ...
        @overload
        def __getitem__(self, declaration: Hash[K, V] | LruHash[K, V]) -> LiveHash[K, V]: ...
        @overload
        def __getitem__(self, declaration: Counter[K]) -> LiveCounter[K]: ...
        @overload
        def __getitem__(self, declaration: LpmTrie[K, V]) -> LiveTrie[K, V]: ...
        @overload
        def __getitem__(self, declaration: Queue[T]) -> LiveQueue[T]: ...
        @overload
        def __getitem__(self, declaration: BloomFilter[T]) -> LiveBloomFilter[T]: ...
        @overload
        def __getitem__(self, declaration: PerCpuArray[V]) -> LivePerCpuArray[V]: ...
        @overload
        def __getitem__(self, declaration: Array[V]) -> LiveArray[V]: ...
        @overload
        def __getitem__(self, declaration: PerfEventArray[R]) -> LivePerf[R]: ...
        @overload
        def __getitem__(self, declaration: StackTrace) -> LiveStacks: ...
        @overload
        def __getitem__(self, declaration: Hist[None]) -> LiveHist: ...
        @overload
        def __getitem__(self, declaration: Hist[K]) -> LiveHistMap[K]: ...
        @overload  # a PerCpuGlobal is declared like a Global, and is another thing when live
        def __getitem__(  # type: ignore[overload-overlap]
            self, declaration: PerCpuGlobal[T]
        ) -> LivePerCpuGlobal[T]: ...
        @overload
        def __getitem__(self, declaration: Global[T]) -> LiveGlobal[T]: ...
        @overload
        def __getitem__(self, declaration: Program) -> programs.Program: ...
        def __getitem__(self, declaration: object) -> object:
            """The live object of a declaration: the same one each time."""

    else:

        def __getitem__(self, declaration):
            return self._of(declaration)
